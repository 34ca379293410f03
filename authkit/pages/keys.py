"""Pages behind a mail's link whose key stands in the link's fragment, and their form."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import parse_qs

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

from authkit.core.hidden import Hidden
from authkit.core.one_time_codes import MAX_KEY_LENGTH
from authkit.exceptions import InvalidGrant, Throttled
from authkit.pages.forms import HiddenCharField
from authkit.pages.states import StatePage

MAX_LINK_LENGTH = 2048


class KeyField(HiddenCharField):
    """The key of a mail's link. A person without JavaScript pastes the key, or the whole link, into the field."""

    def __init__(self, **kwargs: Any) -> None:
        # The script `authkit/key.js` looks for `data-authkit-key`. After a refusal of another field the page hands the
        # key back, because the address has it no more by then.
        attrs = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "data-authkit-key": ""}
        super().__init__(
            label=_("Link from the mail"),
            help_text=_("Copy the whole link from the mail, and paste it here."),
            max_length=MAX_LINK_LENGTH,
            widget=forms.TextInput(attrs=attrs),
            **kwargs,
        )

    def to_python(self, value: Any) -> Hidden:
        pasted = super().to_python(value)
        _page, mark, fragment = pasted.partition("#")
        return Hidden(parse_qs(fragment).get("key", [""])[0]) if mark else pasted

    def validate(self, value: Any) -> None:
        super().validate(value)
        if len(value) > MAX_KEY_LENGTH:
            raise ValidationError(_("This is not a link from a mail of ours."), code="invalid")


class KeyForm(forms.Form):
    """The key alone. A page that asks for more adds its fields in a subclass."""

    key = KeyField()


@method_decorator(login_not_required, name="dispatch")
class KeyPage(StatePage):
    """The base of a page behind a mail's link, whose key stands in the link's fragment (`…/#key=…`).

    A browser sends no fragment: the key reaches no access log and no Referer (ASVS 14.2.1). A small script,
    `authkit/key.js`, moves it from the address into the form. Without the script the person pastes the link into the
    field. GET changes nothing, because mail programs and scanners open links; the form's button acts. The page needs no
    sign-in: the key is the credential.

    A subclass names its template, which extends `authkit/key_page.html`, and implements `act`. The template is rendered
    in one of these states: "ask" with `form`, "done", and "spent" for a key that is no good.
    """

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
        except Throttled as refused:
            return self.refuse(request, "ask", form, refused)

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
            Throttled: not now; the page says when, and the key is good still.
        """
        raise NotImplementedError
