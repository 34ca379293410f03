from __future__ import annotations

from django.db import models


class Note(models.Model):
    """A row that can't matter any more once it is old."""

    text = models.CharField(max_length=100)
    written_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.text
