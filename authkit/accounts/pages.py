"""The pages of this feature: `KeyPage` is the base of those behind a link in a mail."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import method_decorator

from authkit.accounts.forms import KeyForm
from authkit.exceptions import InvalidGrant
from authkit.pages.views import Page, SignedInPage
from authkit.signin.step_up import interruption


@method_decorator(login_not_required, name="dispatch")
class KeyPage(Page):
    """The base of a page behind a mail's link, whose key stands in the link's fragment (`…/#key=…`).

    A browser sends no fragment: the key reaches no access log and no Referer. A small script, `authkit/key.js`, moves
    it from the address into the form. Without the script the person pastes the link into the field. GET changes
    nothing, because mail programs and scanners open links; the form's button acts.

    A subclass names its template, which extends `authkit/key_page.html`, and implements `act`. The template is rendered
    in one of these states: "ask" with `form`, "done", and "spent" for a key that is no good.
    """

    template: ClassVar[str]
    form_class: ClassVar[type[KeyForm]] = KeyForm

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, "ask", form=self.new_form())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.new_form(request.POST)
        if not form.is_valid():
            return self.show(request, "ask", form=form, status=400)
        try:
            return self.act(request, form)
        except InvalidGrant:
            return self.show(request, "spent", status=400)

    def new_form(self, data: Any = None) -> Any:
        """The form, for a page whose form depends on more than its class."""
        return self.form_class(data)

    def act(self, request: HttpRequest, form: Any) -> HttpResponse:
        """Uses the key, `form.cleaned_data["key"]`, and answers, such as by `show(request, "done")`.

        Args:
            request: the POST.
            form: valid, of `form_class`. An error that `act` adds to it is shown by `show(request, "ask", form=form)`.

        Raises:
            InvalidGrant: the key is no good; the page says so.
        """
        raise NotImplementedError

    def show(self, request: HttpRequest, state: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """The page in this state."""
        context = {"state": state, "here": request.path, **context}
        return render(request, self.template, context, status=status)


class RecentPage(SignedInPage):
    """A page for people who are signed in and showed who they are recently. Others are asked to, and come back."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            answer = interruption(request)
            if answer is not None:
                return answer
        return super().dispatch(request, *args, **kwargs)
