from __future__ import annotations

from django.utils import timezone

from authkit.events import Event
from tests.features.notes.models import Note


def note_down(event: Event) -> None:
    Note.objects.create(text=event.name, written_at=timezone.now())


RECORDERS = ((note_down, ("login.succeeded",)),)
