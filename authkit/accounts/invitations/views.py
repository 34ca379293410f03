"""Invitations for programs (docs/http.md, "Accounts")."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.accounts.invitations.serializers import InvitationPageSerializer, InvitationSerializer, InviteSerializer
from authkit.accounts.invitations.services import PERMISSION, invitations_of, invite, withdraw
from authkit.api.views import UNAUTHENTICATED, SignedInView
from authkit.core.answers import answer, rendered
from authkit.core.credential_fields import validated
from authkit.core.operations import Parameter, operation
from authkit.exceptions import NotFound


class MayInvite(BasePermission):
    """A person with the permission `authkit_accounts.invite`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        has_perm = getattr(request.user, "has_perm", None)
        return has_perm is not None and bool(has_perm(PERMISSION))


class InvitationPages(PageNumberPagination):
    page_size = 20


class InvitationsView(SignedInView):
    """`GET`, `POST account/invitations/`: the caller's own invitations, and one more."""

    permission_classes: Any = (IsAuthenticated, MayInvite)

    @operation(
        "invitations",
        "Accounts",
        "My invitations, newest first",
        answers={200: InvitationPageSerializer},
        refuses={401: UNAUTHENTICATED, 403: ("permission_denied",), 404: ("not_found",)},
        parameters=(Parameter("page", "From 1; a page that does not exist is a 404.", "integer", "query"),),
    )
    def get(self, request: Request) -> Response:
        pages = InvitationPages()
        rows: Any = pages.paginate_queryset(invitations_of(request.user), request, view=self)
        page: Any = pages.page
        given = {
            "count": page.paginator.count,
            "next": pages.get_next_link(),
            "previous": pages.get_previous_link(),
            "results": rows,
        }
        return answer(InvitationPageSerializer, given)

    @operation(
        "invitation_send",
        "Accounts",
        "Invite an address",
        description="The mail's key is good for one account with that address, which joins the groups.",
        body=InviteSerializer,
        answers={201: InvitationSerializer},
        refuses={
            401: UNAUTHENTICATED, 403: ("csrf_failed", "permission_denied"), 404: ("not_found",), 429: ("throttled",),
        },
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        given = validated(InviteSerializer, request.data)
        invitation = invite(email=given["email"], groups=given.get("groups", ()), by=request.user)
        return Response(rendered(InvitationSerializer, invitation), status=201)


class InvitationView(SignedInView):
    """`DELETE account/invitations/<id>/`: takes one of the caller's invitations back."""

    permission_classes: Any = (IsAuthenticated, MayInvite)

    @operation(
        "invitation_withdraw",
        "Accounts",
        "Take an invitation back",
        description="Another person's, and one that was accepted, is a 404, as one that does not exist.",
        answers={204: None},
        refuses={401: UNAUTHENTICATED, 403: ("csrf_failed", "permission_denied"), 404: ("not_found",)},
        parameters=(Parameter("invitation_id", "`id` of an invitation.", "uuid"),),
    )
    def delete(self, request: Request, invitation_id: str) -> Response:
        withdraw(invitation_id=_parsed(invitation_id), by=request.user)
        return Response(status=204)


def _parsed(row_id: str) -> UUID:
    try:
        return UUID(row_id)
    except ValueError:
        raise NotFound("not the id of a row") from None
