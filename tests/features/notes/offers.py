from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from authkit.features import AccountLink
from tests.features.notes.models import Note


class Button(NamedTuple):
    name: str
    login_url: str


def sign_in_buttons() -> list[Button]:
    return [Button("a note", reverse("authkit:notes"))]


def account_links(request: HttpRequest) -> list[AccountLink]:
    return [AccountLink(label="My notes", url=reverse("authkit:notes"))]


def prunable(keep: timedelta) -> list[tuple[str, QuerySet[Any]]]:
    return [("notes", Note.objects.filter(written_at__lt=timezone.now() - keep))]
