"""Change of one's own address, for programs (docs/http.md, "Accounts")."""

from __future__ import annotations

from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.accounts.address_change import confirm_change, request_change, require_storable
from authkit.accounts.address_undo import undo_change
from authkit.accounts.bodies import KeyOrCodeSerializer, MailedKeySerializer, SaidSerializer, proof_of, said
from authkit.accounts.refusals import SameAddress
from authkit.api.views import EVERY_CREDENTIAL, UNAUTHENTICATED, SignedInView
from authkit.core.answers import AnswerSerializer, answer
from authkit.core.api import ApiView
from authkit.core.credential_fields import BodySerializer, validated
from authkit.core.operations import operation
from authkit.exceptions import NotFound
from authkit.logins.current import current_login
from authkit.sessions.receivers import client_of
from authkit.signin.addresses import MAX_ADDRESS_LENGTH
from authkit.signin.step_up import RequireRecent

SENT = "Mails are on their way to the new address and to the present one."


class NewAddressSerializer(BodySerializer):
    """The address that the caller wants."""

    email = serializers.EmailField(max_length=MAX_ADDRESS_LENGTH)

    def validate_email(self, address: str) -> str:
        require_storable(address)
        return address


class ConfirmedSerializer(AnswerSerializer):
    """What the key has done."""

    changed = serializers.BooleanField(help_text="False if the other mailbox has to agree still.")


class UndoneSerializer(AnswerSerializer):
    """What the key has done."""

    restored = serializers.BooleanField(help_text="False if another account has the address by now.")


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ChangeAddressView(SignedInView):
    """`POST account/email/change/`: asks for another address."""

    permission_classes = (IsAuthenticated, RequireRecent)
    default_throttle_scope = "authkit-email"

    @operation(
        "email_change",
        "Accounts",
        "Ask for another e-mail address",
        description="The key in the mail to the new address changes it. The mail to the present one has the key to "
        "undo the change. The answer is the same for an address that another person has.",
        body=NewAddressSerializer,
        answers={202: SaidSerializer},
        refuses={
            401: UNAUTHENTICATED,
            403: ("csrf_failed", "insufficient_user_authentication"),
            404: ("not_found",),
        },
    )
    def post(self, request: Request) -> Response:
        address = validated(NewAddressSerializer, request.data)["email"]
        login = current_login(request)
        if login is None:
            raise NotFound("the request is carried by no login")
        try:
            client = client_of(request._request)
            request_change(user_id=request.user.pk, login_id=login.pk, address=address, client=client)
        except SameAddress as refused:
            raise serializers.ValidationError({"email": [refused.message]}) from refused
        return said(SENT)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ConfirmAddressView(ApiView):
    """`POST account/email/change/confirm/`: agrees to a change. With a code the person has to be signed in."""

    authentication_classes = EVERY_CREDENTIAL
    default_throttle_scope = "authkit-email"

    @operation(
        "email_change_confirm",
        "Accounts",
        "Change an e-mail address by the key of a mail",
        description="Once, and only while the login that asked for the change is alive. A key says whose address it "
        "changes. A code is that of the caller, who has to be signed in.",
        body=KeyOrCodeSerializer,
        answers={200: ConfirmedSerializer},
        refuses={400: ("invalid_grant",), 401: UNAUTHENTICATED, 403: ("csrf_failed",)},
    )
    def post(self, request: Request) -> Response:
        return answer(ConfirmedSerializer, confirm_change(**proof_of(request)))


@method_decorator(sensitive_post_parameters(), name="dispatch")
class UndoAddressView(ApiView):
    """`POST account/email/change/undo/`: takes a change back. The key is the credential."""

    default_throttle_scope = "authkit-email"

    @operation(
        "email_change_undo",
        "Accounts",
        "Take the change of an e-mail address back",
        description="By the key of the mail to the former address, within 7 days. Every login of the person ends, the "
        "password is of no use any more, and the mail for a new one is on its way.",
        body=MailedKeySerializer,
        answers={200: UndoneSerializer},
        refuses={400: ("invalid_grant",)},
    )
    def post(self, request: Request) -> Response:
        key = validated(MailedKeySerializer, request.data)["key"]
        return answer(UndoneSerializer, undo_change(key=key, client=client_of(request._request)))
