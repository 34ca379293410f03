"""The pages behind links in mails of the core, and the page that asks for such a mail.

Each asks first and acts on POST, by a key that stands in the link's fragment (`authkit.pages.keys`).
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext

from authkit import conf
from authkit.core.refusals import sentence_of, with_headers
from authkit.exceptions import NotFound, Throttled
from authkit.mail import links, not_me
from authkit.pages.forms import NameForm
from authkit.pages.keys import KeyPage
from authkit.pages.states import StatePage
from authkit.sessions.receivers import client_of
from authkit.signin import unlocking


class NotMePage(KeyPage):
    """ "This was not me": ends all logins of the person that the mail went to."""

    template = "authkit/not_me.html"

    def act(self, request: HttpRequest, form: Any) -> HttpResponse:
        not_me.disown(code=form.cleaned_data["key"])
        return self.show(request, "done")


@method_decorator(login_not_required, name="dispatch")
class UnlockPage(StatePage):
    """Asks for a name and queues the mail whose link unlocks."""

    template = "authkit/unlock.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        if not links.can_link(unlocking.CONFIRM_PAGE):
            return self.show(request, "off", status=404)
        return self.show(request, "form", form=_name_form())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = _name_form(request.POST)
        if not form.is_valid():
            return self._refuse(request, form, gettext("Enter your name."), status=400)
        try:
            unlocking.request_unlock(
                name=form.cleaned_data["username"],
                client=client_of(request),
                identifiers=conf.current().login.identifiers,
            )
        except NotFound:
            return self.show(request, "off", status=404)
        except Throttled as refused:
            return with_headers(self._refuse(request, form, sentence_of(refused), status=refused.status), refused)
        return self.show(request, "sent")

    def _refuse(self, request: HttpRequest, form: NameForm, sentence: str, *, status: int) -> HttpResponse:
        form.focus("username")
        form.describe("authkit-error")
        return self.show(request, "form", form=form, error=sentence, status=status)


class UnlockConfirmPage(KeyPage):
    """Behind the mail's link: unlocks. It does not sign in."""

    template = "authkit/unlock_confirm.html"

    def act(self, request: HttpRequest, form: Any) -> HttpResponse:
        unlocking.unlock(code=form.cleaned_data["key"])
        return self.show(request, "done")


def _name_form(data: Any = None) -> NameForm:
    return NameForm(data, identifiers=conf.current().login.identifiers)
