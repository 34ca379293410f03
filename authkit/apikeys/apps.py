"""API keys, an app of its own: its table is there only where a project uses it."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from authkit.features import Feature


class ApiKeysConfig(AppConfig):
    name = "authkit.apikeys"
    label = "authkit_apikeys"
    verbose_name = _("API keys")
    default_auto_field = "django.db.models.BigAutoField"

    authkit = Feature(
        section="API_KEYS",
        settings="authkit.apikeys.settings.ApiKeySettings",
        urls="authkit.apikeys.urls",
        checks="authkit.apikeys.checks",
        methods="authkit.apikeys.doors.methods",
        doors="authkit.apikeys.doors.DOORS",
        guards="authkit.apikeys.doors.GUARDS",
        kinds="authkit.apikeys.endings.KINDS",
        token_formats="authkit.apikeys.token_format.FORMATS",  # noqa: S106
        recorders="authkit.apikeys.notices.RECORDERS",
        credential_names="authkit.apikeys.naming.names_of",
        account_area="authkit.apikeys.pages.account_links",
        prune="authkit.apikeys.pruning.prunable",
        export="authkit.apikeys.export.keys_of_person",
    )

    def ready(self) -> None:
        # Imported here, because they import models, which don't exist before the registry is complete.
        from authkit.apikeys import last_use, service_accounts, token_format

        service_accounts.connect()
        token_format.connect()
        last_use.connect()
