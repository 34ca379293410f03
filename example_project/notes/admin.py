"""Notes in the admin."""

from __future__ import annotations

from django.contrib import admin

from example_project.notes.models import Note


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic for type checkers alone
    list_display = ("text", "owner", "created_at")
    list_select_related = ("owner",)
    search_fields = ("text",)
    autocomplete_fields = ("owner",)
