"""A way in of the feature's own, with a refusal and a kind of login that nothing else has."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth import get_user_model
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.api import ApiView
from authkit.core.clients import Client
from authkit.exceptions import AuthKitError
from authkit.logins import Login
from authkit.logins.endings import Kind
from authkit.logins.services import Lifetime
from authkit.signin.attempts import Attempt
from authkit.signin.carriers import BaseCarrier
from authkit.signin.doors import Door
from authkit.signin.flow import sign_in
from authkit.signin.methods import Method

KIND = Kind("throw-away-note", "a note")
KINDS = (KIND,)
METHOD = Method("note", "A note", ("kba",))
DOOR = Door("note", "tests.features.notes.doors.NoteSignIn", evidence=("a note",), budgets=("own",))
DOORS = (DOOR,)


def methods() -> list[Method]:
    return [METHOD]


class NoteRefused(AuthKitError):
    code = "note_refused"
    status = 409
    message = "This is not the note."


class NoteCarrier(BaseCarrier):
    kind = KIND.id

    def lifetime(self) -> Lifetime:
        return Lifetime(idle=timedelta(days=1), absolute=timedelta(days=1))

    def open(self, login: Login) -> str:
        return str(login.pk)


class NoteSignIn(ApiView):
    authentication_classes = ()

    def post(self, request: Request) -> Response:
        if request.data.get("note") != "open sesame":
            raise NoteRefused("another note")
        user = get_user_model()._default_manager.get()
        attempt = Attempt(user=user, method=METHOD.id, door=DOOR.id, client=Client())
        opened = sign_in(attempt, NoteCarrier(), request=request._request)
        return Response({"note": opened.result}, status=201)
