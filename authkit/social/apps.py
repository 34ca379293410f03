"""Sign-in through other parties, an app of its own: its tables are there only where a project uses it."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SocialConfig(AppConfig):
    name = "authkit.social"
    label = "authkit_social"
    verbose_name = _("Sign-in through providers")
    default_auto_field = "django.db.models.BigAutoField"
