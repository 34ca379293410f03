"""A throw-away feature: a folder, and one line in INSTALLED_APPS."""

from __future__ import annotations

from django.apps import AppConfig

from authkit.features import Feature


class NotesConfig(AppConfig):
    name = "tests.features.notes"
    label = "authkit_notes"
    default_auto_field = "django.db.models.BigAutoField"

    authkit = Feature(
        section="NOTES",
        settings="tests.features.notes.settings.NotesSettings",
        urls="tests.features.notes.urls",
        checks="tests.features.notes.checks",
        methods="tests.features.notes.doors.methods",
        doors="tests.features.notes.doors.DOORS",
        guards="tests.features.notes.guards.GUARDS",
        kinds="tests.features.notes.doors.KINDS",
        token_formats="tests.features.notes.token_formats.FORMATS",
        recorders="tests.features.notes.recorders.RECORDERS",
        sign_in_buttons="tests.features.notes.offers.sign_in_buttons",
        account_area="tests.features.notes.offers.account_links",
        prune="tests.features.notes.offers.prunable",
    )
