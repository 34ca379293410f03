"""The base of a page that is one template in several states, most of them with a form."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from authkit.core.refusals import sentence_of, with_headers
from authkit.exceptions import AuthKitError
from authkit.pages.views import Page


class StatePage(Page):
    """A subclass names its template, which finds the name of its state in `state`, and its own path in `here`."""

    template: ClassVar[str]

    def context(self, request: HttpRequest) -> dict[str, Any]:
        """What the template needs in each state."""
        return {}

    def show(self, request: HttpRequest, state: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """The page in this state."""
        given = {"state": state, "here": request.path, **self.context(request), **context}
        return render(request, self.template, given, status=status)

    def refuse(
        self, request: HttpRequest, state: str, form: Any, refused: AuthKitError, *, field: str | None = None
    ) -> HttpResponse:
        """The page in this state, with the refusal's sentence at its form, or at a field of it."""
        form.add_error(field, sentence_of(refused))
        return with_headers(self.show(request, state, form=form, status=refused.status), refused)
