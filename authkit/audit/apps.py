"""The table of events, an app of its own: its tables are there only where a project uses it."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from authkit.features import Feature


class AuditConfig(AppConfig):
    name = "authkit.audit"
    label = "authkit_audit"
    verbose_name = _("Audit")
    default_auto_field = "django.db.models.BigAutoField"

    authkit = Feature(
        section="AUDIT",
        settings="authkit.audit.settings.AuditSettings",
        urls="authkit.audit.urls",
        checks="authkit.audit.checks",
        recorders="authkit.audit.recorder.RECORDERS",
        account_area="authkit.audit.pages.account_links",
        prune="authkit.audit.pruning.prunable",
        export="authkit.audit.timeline.export",
    )
