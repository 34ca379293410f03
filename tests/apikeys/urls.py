"""The suite's URLs, and views that ask for scopes."""

from __future__ import annotations

from django.urls import path
from rest_framework.authentication import BasicAuthentication
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from authkit.tokens import TokenHasScope
from tests.urls import urlpatterns as suite


class Notes(APIView):
    permission_classes = [IsAuthenticated, TokenHasScope]
    required_scopes = {"GET": ["notes:read"], "POST": ["notes:write"]}

    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user.pk)})

    post = get


class Named(Notes):
    """Reads a field of the person."""

    def get(self, request: Request) -> Response:
        return Response({"active": request.user.is_active})


class Plain(APIView):
    permission_classes = [IsAuthenticated]

    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user.pk)})


class ByBasic(Plain):
    authentication_classes = [BasicAuthentication]


class NoteSet(ViewSet):
    permission_classes = [IsAuthenticated]
    required_scopes = {"GET": ["notes:read"]}

    def list(self, request: Request) -> Response:
        return Response({"user": str(request.user.pk)})

    def destroy(self, request: Request) -> Response:
        return Response(status=204)


@api_view(["GET"])
@permission_classes([IsAuthenticated])
def by_function(request: Request) -> Response:
    return Response({"user": str(request.user.pk)})


by_function.cls.required_scopes = ["notes:read"]


urlpatterns = [
    *suite,
    path("note-set/", NoteSet.as_view({"get": "list", "delete": "destroy"})),
    path("by-function/", by_function),
    path("notes/", Notes.as_view()),
    path("named/", Named.as_view()),
    path("plain/", Plain.as_view()),
    path("basic/", ByBasic.as_view()),
]
