"""Registration and verification for programs (docs/http.md, "Accounts")."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import AbstractBaseUser
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.accounts.bodies import KeyOrCodeSerializer, SaidSerializer, proof_of, said
from authkit.accounts.registration.serializers import (
    RegisterConfirmSerializer,
    RegisteredSerializer,
    RegisterSerializer,
    register_serializer,
)  # fmt: skip
from authkit.accounts.registration.services import confirm, register
from authkit.accounts.registration.verifying import request_verification, verify
from authkit.api.views import EVERY_CREDENTIAL, UNAUTHENTICATED, SignedInView
from authkit.core.answers import answer, rendered
from authkit.core.api import ApiView
from authkit.core.operations import operation
from authkit.sessions.receivers import client_of

SENT = gettext_noop("If this can be done, a mail is on its way to the address.")


@method_decorator(sensitive_post_parameters(), name="dispatch")
class RegisterView(ApiView):
    """`POST account/register/`: asks for an account. The answer says nothing of whether the address has one."""

    default_throttle_scope = "authkit-register"

    @operation(
        "account_register",
        "Accounts",
        "Register",
        description="202 for every address: a mail goes to it, and there is no account before it is proven. "
        "201 with an invitation, or where the site asks for no proof first.",
        body=RegisterSerializer,
        answers={201: RegisteredSerializer, 202: SaidSerializer},
        refuses={
            400: ("invalid_grant",), 403: ("signup_closed",), 404: ("not_found",),
            409: ("username_taken", "address_taken"), 429: ("throttled",),
        },
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        body = register_serializer()(data=request.data)
        body.is_valid(raise_exception=True)
        registered = register(
            wish=body.wish(),
            password=body.validated_data["password"],
            invitation=body.validated_data.get("invitation", ""),
            client=client_of(request._request),
        )
        if registered is None:
            return said(_(SENT))
        return Response(rendered(RegisteredSerializer, {"user": registered.user}), status=201)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ConfirmView(ApiView):
    """`POST account/register/confirm/`: opens the account whose address is proven. Signs no person in."""

    @operation(
        "account_register_confirm",
        "Accounts",
        "Prove the address and open the account",
        description="Once. After `username_taken` the key is good still: send it with another user name.",
        body=RegisterConfirmSerializer,
        answers={201: RegisteredSerializer},
        refuses={400: ("invalid_grant",), 409: ("username_taken",)},
    )
    def post(self, request: Request) -> Response:
        body = RegisterConfirmSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        registered = confirm(**body.proof(), client=client_of(request._request))
        return Response(rendered(RegisteredSerializer, {"user": registered.user}), status=201)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class VerifyView(ApiView):
    """`POST account/email/verify/`: proves the address of an account. With a code its owner has to be signed in."""

    authentication_classes = EVERY_CREDENTIAL

    @operation(
        "account_email_verify",
        "Accounts",
        "Prove the address of my account",
        description="A key says whose address it proves. A code is that of the caller, who has to be signed in.",
        body=KeyOrCodeSerializer,
        answers={200: RegisteredSerializer},
        refuses={400: ("invalid_grant",), 401: UNAUTHENTICATED, 403: ("csrf_failed",)},
    )
    def post(self, request: Request) -> Response:
        return answer(RegisteredSerializer, {"user": verify(**proof_of(request))})


class ResendView(SignedInView):
    """`POST account/email/verify/resend/`: mails the caller a new link or code; nothing where the address is proven."""

    @operation(
        "account_email_resend",
        "Accounts",
        "Have the address's mail sent again",
        answers={202: SaidSerializer},
        refuses={401: UNAUTHENTICATED, 403: ("csrf_failed",), 404: ("not_found",), 429: ("throttled",)},
    )
    def post(self, request: Request) -> Response:
        user = cast("AbstractBaseUser", request.user)
        request_verification(user=user, client=client_of(request._request))
        return said(_(SENT))
