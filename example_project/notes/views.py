"""The home page, the single-page app, and the notes API."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView
from rest_framework import viewsets
from rest_framework.serializers import BaseSerializer

from authkit.logins.current import current_login
from example_project.csp import APP, policy
from example_project.notes.models import Note
from example_project.notes.serializers import NoteSerializer


@method_decorator(never_cache, name="dispatch")
class Home(TemplateView):
    """Shows the person, and the login by which they came in."""

    template_name = "notes/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs, login=current_login(self.request))


class App(TemplateView):
    """The single-page app: markup that is the same for everybody, and a module that does the rest by authkit.js."""

    template_name = "notes/app.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        context = self.get_context_data(**kwargs)
        return self.render_to_response(context, headers={"Content-Security-Policy": policy(APP)})


class NoteViewSet(viewsets.ModelViewSet[Note]):
    """My notes. How the caller signed in is not looked at: `request.user` is all that a view needs. An API key needs
    the scope of the method, and so does the token of an app; a person who is signed in has all of them."""

    serializer_class = NoteSerializer
    accepts_grants = True
    required_scopes = {
        "GET": ["notes:read"],
        "OPTIONS": ["notes:read"],
        **{method: ["notes:write"] for method in ("POST", "PUT", "PATCH", "DELETE")},
    }

    def get_queryset(self) -> QuerySet[Note]:
        return Note.objects.filter(owner_id=self.request.user.pk)

    def perform_create(self, serializer: BaseSerializer[Note]) -> None:
        serializer.save(owner=self.request.user)
