"""Sign-in through other parties, an app of its own: its tables are there only where a project uses it."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

from authkit.features import Feature, is_complete


class SocialConfig(AppConfig):
    name = "authkit.social"
    label = "authkit_social"
    verbose_name = _("Sign-in through providers")
    default_auto_field = "django.db.models.BigAutoField"

    authkit = Feature(
        section="SOCIAL",
        settings="authkit.social.settings.SocialSettings",
        urls="authkit.social.urls",
        checks="authkit.social.every_check",
        methods="authkit.social.doors.provider_methods",
        doors="authkit.social.doors.DOORS",
        sign_in_buttons="authkit.social.offers.sign_in_buttons",
        account_area="authkit.social.offers.account_links",
        recorders="authkit.social.links.connections.RECORDERS",
        step_ups="authkit.social.offers.step_ups",
        prune="authkit.social.pruning.prunable",
        export="authkit.social.links.connections.export",
        builds_on=("social_django",),
    )

    def ready(self) -> None:
        if not is_complete(self):
            return
        # Imported here, because all of it imports models, which don't exist before the registry is complete.
        from authkit.codes import receivers as codes
        from authkit.social import receivers
        from authkit.social.links import mails

        receivers.connect()
        mails.connect()
        codes.connect()
        if apps.is_installed("django.contrib.admin"):
            from authkit.social.admin import make_links_read_only

            make_links_read_only()
