"""My activity, for programs (docs/http.md)."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from authkit.api.views import UNAUTHENTICATED, SignedInView
from authkit.audit.serializers import EventPageSerializer, EventsQuerySerializer
from authkit.audit.timeline import activity
from authkit.core.answers import answer
from authkit.core.operations import Parameter, operation


class EventsView(SignedInView):
    """`GET events/`: what happened to the caller's account and logins, newest first."""

    @operation(
        "events",
        "Logins",
        "My activity, newest first",
        description="The caller's own events. Failed attempts under the caller's name come without an address.",
        answers={200: EventPageSerializer},
        refuses={401: UNAUTHENTICATED},
        parameters=(
            Parameter("login", "Only events of the login with this `id`.", "uuid", "query"),
            Parameter("before", "Only events older than the one with this `id`.", "uuid", "query"),
        ),
    )
    def get(self, request: Request) -> Response:
        query = EventsQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        page = activity(user_id=request.user.pk, **query.validated_data)
        here = request.build_absolute_uri()
        following = None if page.before is None else replace_query_param(here, "before", page.before)
        return answer(EventPageSerializer, {"next": following, "results": page.events})
