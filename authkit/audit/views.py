"""My activity, for programs (docs/http.md)."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from authkit.api.views import UNAUTHENTICATED, SignedInView
from authkit.audit.serializers import EventPageSerializer
from authkit.audit.timeline import activity
from authkit.core.answers import answer
from authkit.core.operations import Parameter, operation
from authkit.exceptions import NotFound


class EventsView(SignedInView):
    """`GET events/`: what happened to the caller's account and logins, newest first."""

    @operation(
        "events",
        "Logins",
        "My activity, newest first",
        description="The caller's own events. Failed attempts under the caller's name come without an address.",
        answers={200: EventPageSerializer},
        refuses={401: UNAUTHENTICATED, 404: ("not_found",)},
        parameters=(
            Parameter("login", "Only events of the login with this `id`.", "uuid", "query"),
            Parameter("before", "Only events older than the one with this `id`.", "uuid", "query"),
        ),
    )
    def get(self, request: Request) -> Response:
        page = activity(
            user_id=request.user.pk, login_id=_id(request, "login"), before=_id(request, "before")
        )  # fmt: skip
        here = request.build_absolute_uri()
        following = None if page.before is None else replace_query_param(here, "before", page.before)
        return answer(EventPageSerializer, {"next": following, "results": page.events})


def _id(request: Request, name: str) -> UUID | None:
    given = request.query_params.get(name)
    try:
        return None if given is None else UUID(given)
    except ValueError:
        raise NotFound("not the id of a login or an event") from None
