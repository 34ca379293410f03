"""One-time codes: made when a program's person came back from the provider, redeemed once for a token pair."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.debug import sensitive_variables

from authkit.core.clients import Client
from authkit.core.hidden import Hidden
from authkit.exceptions import AuthKitError, InvalidGrant, LoginEnded, SignInPending, SocialLoginFailed
from authkit.logins.cutoffs import beginning
from authkit.logins.fingerprints import auth_hash_holds, session_auth_hash
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.logins.verdict import check_login
from authkit.social import flow
from authkit.social.authorization import AuthorizationRequest
from authkit.social.doors import EXCHANGE
from authkit.social.links import require_still_linked
from authkit.social.models import AuthorizationCode
from authkit.social.upstream import UpstreamSession
from authkit.tokens.services import TokenPair, issue_tokens
from authkit.tokens.transports import Transport

LIFETIME = timedelta(seconds=60)
_BYTES = 32
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1


@sensitive_variables()
def issue_code(*, came: flow.SocialSignIn, asked: AuthorizationRequest) -> str:
    """Makes the code by which the program that asked gets this person's tokens, within `LIFETIME`. Signs nobody in.

    Returns:
        256 random bits, of which only the digest is kept.

    Raises:
        SocialLoginFailed: `not_ours`: the link by which they came was taken away since.
    """
    code, now = Hidden(secrets.token_urlsafe(_BYTES)), timezone.now()
    with transaction.atomic():
        # Whoever takes the link away burns the codes that are there by then.
        require_still_linked(user_id=came.user.pk, provider=came.provider, uid=came.uid)
        AuthorizationCode.objects.create(
            digest=_digest(code),
            user_id=came.user.pk,
            auth_hash=session_auth_hash(came.user),
            provider=came.provider,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            issuer=came.upstream.issuer,
            subject=came.upstream.subject,
            sid=came.upstream.sid,
            issued_at=came.upstream.issued_at,
            # By the clock that cutoffs go by: one from before a sign-out of everybody has to fall under it.
            created_at=beginning(user_id=came.user.pk, at=now),
            expires_at=now + LIFETIME,
        )
    return code


@sensitive_variables()
def exchange_code(
    *,
    code: str,
    verifier: str,
    redirect_uri: str,
    client: Client,
    transport: Transport = Transport.BODY,
    replaces: Collection[UUID] = (),
    request: HttpRequest | None = None,
) -> TokenPair:
    """Redeems a code, by one conditional UPDATE in one transaction with the login that is opened for it.

    Any try is the code's only one, also with a wrong verifier or redirect URI. A second try, however late, ends the
    login that the first one had opened: one of the two was not the program's (RFC 6749 sections 4.1.2 and 10.5).

    Must not run inside a transaction of the caller's: what was used stays used although the answer is a refusal.

    Args:
        code: as it was sent.
        verifier: PKCE's `code_verifier`.
        redirect_uri: the one that the code was sent to, exactly.
        client: from where.
        transport: how the program wants its tokens.
        replaces: ids of logins that end once the new one is there.
        request: the door's, for the guards.

    Raises:
        InvalidGrant: no such code, used, too old, of another program, or its person may not come in any more.
        ClaimsRefused: the project's CLAIMS failed. Nothing was opened, and the code is as good as before.
        RefusedByProject, TooManyLogins: as `authkit.signin.flow.sign_in`. As before.
        SignInPending: a further step is due. Nothing was opened, and the code is used.
    """
    code, verifier = Hidden(code), Hidden(verifier)
    digest, now = _digest(code), timezone.now()
    with transaction.atomic():
        # A parallel exchange waits here for the row, and then finds it used, and the other one's login in it.
        won = AuthorizationCode.objects.filter(pk=digest, used_at=None).update(used_at=now)
        row = AuthorizationCode.objects.filter(pk=digest).first()
        refused: AuthKitError = InvalidGrant("no such code" if row is None else "the code was used before")
        if won and row is not None:
            try:
                with transaction.atomic():
                    return _redeemed(
                        row,
                        verifier=verifier,
                        redirect_uri=redirect_uri,
                        client=client,
                        using=transport,
                        replaces=replaces,
                        request=request,
                    )
            except (InvalidGrant, SignInPending) as error:
                refused = error
    if row is not None and not won and row.login_id is not None:
        end_login(login_id=row.login_id, reason=EndReason.REVOKED)
    raise refused


def burn_codes_of(*, user_ids: Collection[Any]) -> None:
    """Makes these people's codes that were not redeemed yet worthless; one statement."""
    AuthorizationCode.objects.filter(user_id__in=user_ids, used_at=None).update(used_at=timezone.now())


def _redeemed(
    row: AuthorizationCode,
    *,
    verifier: str,
    redirect_uri: str,
    client: Client,
    using: Transport,
    replaces: Collection[UUID],
    request: HttpRequest | None,
) -> TokenPair:
    if row.expires_at <= timezone.now():
        raise InvalidGrant("the code is too old")
    if redirect_uri != row.redirect_uri:
        raise InvalidGrant("the code was sent to another redirect URI")
    if not _VERIFIER.fullmatch(verifier) or not constant_time_compare(_challenge(verifier), row.challenge):
        raise InvalidGrant("the verifier is not the challenge's")
    user = get_user_model()._default_manager.filter(pk=row.user_id).first()
    if user is None or not user.is_active or not auth_hash_holds(user=user, auth_hash=row.auth_hash):
        raise InvalidGrant("the person was deactivated, or has another password")
    upstream = UpstreamSession(issuer=row.issuer, subject=row.subject, sid=row.sid, issued_at=row.issued_at)
    try:
        pair = flow.open_login(
            came=flow.SocialSignIn(user=user, provider=row.provider, upstream=upstream),
            # Begun when the person came back: whatever cut off their logins since then cuts off this one.
            door=lambda person, method: issue_tokens(
                user=person,
                method=method,
                client=client,
                transport=using,
                began_at=row.created_at,
                replaces=replaces,
                door=EXCHANGE.id,
                request=request,
            ),
        )
    except SocialLoginFailed as error:
        raise InvalidGrant("the person took the link to this provider away") from error
    try:
        check_login(login_id=pair.login.pk, user_id=user.pk)
    except LoginEnded as ended:
        raise InvalidGrant(f"the person's logins were ended since: {ended.why}") from ended
    AuthorizationCode.objects.filter(pk=row.pk).update(login_id=pair.login.pk)
    return pair


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
