"""The provider for third parties, an app of its own: its tables are there only where a project uses it."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from authkit.features import Feature


class OAuthConfig(AppConfig):
    name = "authkit.oauth"
    label = "authkit_oauth"
    verbose_name = _("Apps of third parties")
    default_auto_field = "django.db.models.BigAutoField"

    authkit = Feature(
        section="OAUTH",
        settings="authkit.oauth.settings.OAuthSettings",
        urls="authkit.oauth.urls",
        checks="authkit.oauth.checks",
        doors="authkit.oauth.doors.DOORS",
        kinds="authkit.oauth.kinds.KINDS",
        credential_names="authkit.oauth.grants.names_of",
        account_area="authkit.oauth.offers.account_links",
        export="authkit.oauth.granted_apps.export",
        token_formats="authkit.oauth.token_format.TOKEN_FORMATS",  # noqa: S106  # a path
        recorders="authkit.oauth.consents.RECORDERS",
        prune="authkit.oauth.pruning.prunable",
    )

    def ready(self) -> None:
        # Imported here, because it imports models, which don't exist before the registry is complete.
        from authkit.codes import receivers as codes
        from authkit.limiter.budgets import register_budget
        from authkit.oauth import logout_channel, logout_notices, receivers
        from authkit.oauth.client_auth import BUDGET

        register_budget(BUDGET)
        receivers.connect()
        codes.connect()
        logout_notices.connect()
        logout_channel.connect()
