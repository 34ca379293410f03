from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from authkit import conf
from tests.features.notes.doors import NoteSignIn
from tests.features.notes.models import Note
from tests.features.notes.settings import NotesSettings


def notes_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<p>notes</p>")


def notes_view(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"notes": Note.objects.count(), "most": conf.section(NotesSettings).most})


urlpatterns = [path("notes/", notes_page, name="notes")]
api_urlpatterns = [
    path("notes/", notes_view, name="api-notes"),
    path("notes/sign-in/", NoteSignIn.as_view(), name="api-notes-sign-in"),
]
