"""The one Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuthKitConfig(AppConfig):
    name = "authkit"
    label = "authkit"
    verbose_name = _("Sign-in")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from authkit.sessions import receivers  # needs the models, which exist only once all apps are loaded

        receivers.connect()
