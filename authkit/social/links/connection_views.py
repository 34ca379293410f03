"""My connected accounts, for programs (docs/http.md, "Social")."""

from __future__ import annotations

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.api.views import UNAUTHENTICATED, SignedInView
from authkit.core.operations import Parameter, operation
from authkit.exceptions import NotFound
from authkit.signin.step_up import RequireRecent
from authkit.social.links.connections import connections_of, disconnect
from authkit.social.serializers import ConnectionSerializer


class ConnectionsView(SignedInView):
    """`GET social/accounts/`: the caller's connected accounts."""

    @operation(
        "social_accounts",
        "Social",
        "My connected accounts",
        description="Oldest first.",
        answers={200: ConnectionSerializer},
        many=True,
        refuses={401: UNAUTHENTICATED},
    )
    def get(self, request: Request) -> Response:
        return Response(ConnectionSerializer(connections_of(user=request.user), many=True).data)


class ConnectionView(SignedInView):
    """`DELETE social/accounts/<id>/`: disconnects one of them."""

    permission_classes = (IsAuthenticated, RequireRecent)

    @operation(
        "social_account_disconnect",
        "Social",
        "Disconnect one of my accounts",
        description="Needs a recent sign-in. The last way to sign in can't be taken away.",
        answers={204: None},
        refuses={
            401: UNAUTHENTICATED,
            403: ("csrf_failed", "insufficient_user_authentication"),
            404: ("not_found",),
            409: ("last_login_method",),
        },
        parameters=(Parameter("connection_id", "`id` of a connected account.", "integer"),),
    )
    def delete(self, request: Request, connection_id: str) -> Response:
        disconnect(user_id=request.user.pk, connection_id=_parsed(connection_id))
        return Response(status=204)


def _parsed(connection_id: str) -> int:
    try:
        return int(connection_id)
    except ValueError:
        raise NotFound("not the id of a connection") from None
