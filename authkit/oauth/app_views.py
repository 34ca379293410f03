"""The apps that I let in, for programs (docs/http.md, "OAuth 2.1 and OpenID Connect provider")."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from authkit.api.views import UNAUTHENTICATED, SignedInView
from authkit.core.operations import Parameter, operation
from authkit.oauth.app_serializers import GrantedAppSerializer
from authkit.oauth.granted_apps import apps_of, remove_app


class GrantsView(SignedInView):
    """`GET grants/`: the apps with access to the caller's account."""

    @operation(
        "grants",
        "Apps of third parties",
        "The apps that I let in",
        description="By name. An app without `logins` is not in use, and may come back without asking.",
        answers={200: GrantedAppSerializer},
        many=True,
        refuses={401: UNAUTHENTICATED},
    )
    def get(self, request: Request) -> Response:
        return Response(GrantedAppSerializer(apps_of(user=request.user), many=True).data)


class GrantView(SignedInView):
    """`DELETE grants/<id>/`: takes an app's access away."""

    @operation(
        "grant_remove",
        "Apps of third parties",
        "Take an app's access away",
        description="All tokens of the app for this account are refused from the next request on, and it has to ask "
        "again. An app that the caller doesn't let in is a 404, as one that does not exist.",
        answers={204: None},
        refuses={401: UNAUTHENTICATED, 403: ("csrf_failed",), 404: ("not_found",)},
        parameters=(Parameter("client_id", "`id` of an app.", "string"),),
    )
    def delete(self, request: Request, client_id: str) -> Response:
        remove_app(user_id=request.user.pk, client_id=client_id)
        return Response(status=204)
