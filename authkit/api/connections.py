"""My connected accounts, for programs (API.md "Social")."""

from __future__ import annotations

from dataclasses import asdict

from rest_framework.request import Request
from rest_framework.response import Response

from authkit.api.views import SignedInView
from authkit.exceptions import NotFound
from authkit.social.connections import connections_of, disconnect


class ConnectionsView(SignedInView):
    """`GET social/accounts/`: the caller's connected accounts."""

    def get(self, request: Request) -> Response:
        return Response([asdict(connection) for connection in connections_of(user=request.user)])


class ConnectionView(SignedInView):
    """`DELETE social/accounts/<id>/`: disconnects one of them."""

    def delete(self, request: Request, connection_id: str) -> Response:
        disconnect(user_id=request.user.pk, connection_id=_parsed(connection_id))
        return Response(status=204)


def _parsed(connection_id: str) -> int:
    try:
        return int(connection_id)
    except ValueError:
        raise NotFound("not the id of a connection") from None
