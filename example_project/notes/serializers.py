"""Notes in JSON."""

from __future__ import annotations

from rest_framework import serializers

from example_project.notes.models import Note


class NoteSerializer(serializers.ModelSerializer[Note]):
    class Meta:
        model = Note
        fields = ("id", "text", "created_at")
        read_only_fields = ("id", "created_at")
