"""Registration, passwords and deletion, an app of its own: its tables are there only where a project uses it."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

from authkit.features import Feature


class AccountsConfig(AppConfig):
    name = "authkit.accounts"
    label = "authkit_accounts"
    verbose_name = _("Accounts")
    default_auto_field = "django.db.models.BigAutoField"

    authkit = Feature(
        section="ACCOUNTS",
        settings="authkit.accounts.settings.AccountsSettings",
        urls="authkit.accounts.urls",
        checks="authkit.accounts.checks",
        restricts="authkit.accounts.passwords.demands.is_demanded",
        account_area="authkit.accounts.offers.account_links",
        prune="authkit.accounts.pruning.prunable",
        export="authkit.accounts.export.verified_address",
    )

    def ready(self) -> None:
        # Imported here, because all of it imports models, which don't exist before the registry is complete.
        from authkit.accounts.passwords import demands, notices

        demands.connect()
        notices.connect()
        if apps.is_installed("django.contrib.admin"):
            from authkit.accounts.passwords.admin import reach_user_admins

            reach_user_admins()
