"""One-time codes: made when a program's person came back from the provider, redeemed once for a token pair."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from authkit.codes import authorization_codes
from authkit.codes.authorization_codes import Grant
from authkit.core.clients import Client
from authkit.core.hidden import Hidden
from authkit.core.one_time_codes import name_login
from authkit.exceptions import AuthKitError, InvalidGrant, LoginEnded, SignInPending, SocialLoginFailed
from authkit.logins.reasons import EndReason
from authkit.logins.reauthentication import Shown
from authkit.logins.services import end_login
from authkit.logins.statement import USED
from authkit.logins.verdict import check_login
from authkit.signin.step_up import can_step_up
from authkit.social.doors import EXCHANGE
from authkit.social.flow import round_trip
from authkit.social.flow.authorization import AuthorizationRequest
from authkit.social.links.linking import require_still_linked
from authkit.social.purposes import REAUTH
from authkit.social.upstream import UpstreamSession
from authkit.tokens.codec import Claims
from authkit.tokens.pairs import TokenPair
from authkit.tokens.services import issue_tokens, reauthenticated_tokens
from authkit.tokens.transports import Transport, bound_transport


@sensitive_variables()
def issue_code(*, came: round_trip.SocialSignIn, asked: AuthorizationRequest) -> str:
    """Makes the code by which the program that asked gets this person's tokens, within a minute. Opens no login.

    Returns:
        256 random bits, of which only the digest is kept.

    Raises:
        SocialLoginFailed: `not_ours`: the link by which they came was taken away since.
    """
    with transaction.atomic():
        # A request that takes the link away burns the codes that are there by then.
        require_still_linked(user_id=came.user.pk, provider=came.provider, uid=came.uid)
        return authorization_codes.issue_code(
            user=came.user,
            subject=came.provider,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            details={**_details(came.upstream), REAUTH: asked.reauth},
        )


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
    wants_device: bool = False,
    caller: Callable[[], Claims | None] = lambda: None,
) -> TokenPair:
    """Redeems a code, by one conditional UPDATE in one transaction with the login that is opened for it.

    Any try is the code's only one, also with a wrong verifier or redirect URI. A second try, however late, ends the
    login that the first one had opened: one of the two was not the program's (RFC 6749 sections 4.1.2 and 10.5).

    Must not run inside a transaction of the caller's: a used code stays used although the answer is a refusal.

    Args:
        code: as it was sent.
        verifier: PKCE's `code_verifier`.
        redirect_uri: the one that the code was sent to, exactly.
        client: from where.
        transport: how the program wants its tokens.
        replaces: ids of logins that end once the new one is there.
        request: the door's, for the guards and the known device.
        wants_device: whether the program asked to become a known device.
        caller: asked for the access token that came along, for the code of a step-up: it opens no login, but moves on
            the one of that token.

    Raises:
        InvalidGrant: no such code, used, too old, of another program, or its person may not come in any more; of a
            step-up, no access token of that person's came along.
        ClaimsRefused: the project's CLAIMS failed. Nothing was opened, and the code is as good as before.
        RefusedByProject, TooManyLogins: as `authkit.signin.flow.sign_in`. As before.
        SignInPending: a further step is due. Nothing was opened, and the code is used.
    """
    code, verifier = Hidden(code), Hidden(verifier)
    confirmed: Grant | None = None
    with transaction.atomic():
        # A parallel exchange waits here for the row, and then finds it used, and the other one's login in it.
        used = authorization_codes.use_code(code=code)
        refused: AuthKitError = used.refusal
        if used.row is not None:
            try:
                grant = authorization_codes.verified_grant(used.row, verifier=verifier, redirect_uri=redirect_uri)
                if grant.details.get(REAUTH):
                    confirmed = grant
                else:
                    with transaction.atomic():
                        return _redeemed(
                            grant,
                            client=client,
                            using=transport,
                            replaces=replaces,
                            request=request,
                            wants_device=wants_device,
                        )
            except (InvalidGrant, SignInPending) as error:
                refused = error
    if confirmed is not None:
        # After the commit: the rotation has to see those of other requests.
        return _stepped_up(confirmed, caller=caller(), client=client)
    if used.replayed_login is not None:
        end_login(login_id=used.replayed_login, reason=EndReason.REVOKED)
    raise refused


def _redeemed(
    grant: Grant,
    *,
    client: Client,
    using: Transport,
    replaces: Collection[UUID],
    request: HttpRequest | None,
    wants_device: bool,
) -> TokenPair:
    user = grant.user
    upstream = _upstream(grant.details)
    try:
        pair = round_trip.open_login(
            came=round_trip.SocialSignIn(user=user, provider=grant.subject, upstream=upstream),
            # It began when the person came back: a cutoff of their logins since then cuts off this one too.
            door=lambda person, method: issue_tokens(
                user=person,
                method=method,
                client=client,
                transport=using,
                began_at=grant.created_at,
                replaces=replaces,
                door=EXCHANGE.id,
                request=request,
                wants_device=wants_device,
            ),
        )
    except SocialLoginFailed as error:
        raise InvalidGrant("the person took the link to this provider away") from error
    try:
        check_login(login_id=pair.login.pk, user_id=user.pk)
    except LoginEnded as ended:
        raise InvalidGrant(f"the person's logins were ended since: {ended.why}") from ended
    name_login(digest=grant.digest, login_id=pair.login.pk)
    return pair


def _stepped_up(grant: Grant, *, caller: Claims | None, client: Client) -> TokenPair:
    if caller is None or caller.subject != str(grant.user.pk):
        raise InvalidGrant("a step-up, and no access token of its person's came along")
    try:
        login = check_login(login_id=caller.login_id, user_id=caller.subject, columns=USED).login
    except LoginEnded as ended:
        raise InvalidGrant(f"the login that is to be confirmed is over: {ended.why}") from ended
    if not can_step_up(login):
        raise InvalidGrant("a login of another kind")
    # A second use of the code ends the login, as that of a sign-in's code does.
    along = partial(name_login, digest=grant.digest, login_id=login.pk)
    return reauthenticated_tokens(
        login_id=login.pk,
        user_id=grant.user.pk,
        transport=bound_transport(caller),
        client=client,
        shown=Shown(method=grant.subject, door=EXCHANGE.id, along=along),
    )


def _details(upstream: UpstreamSession) -> dict[str, str]:
    issued_at = "" if upstream.issued_at is None else upstream.issued_at.isoformat()
    return {"issuer": upstream.issuer, "subject": upstream.subject, "sid": upstream.sid, "issued_at": issued_at}


def _upstream(details: Mapping[str, str]) -> UpstreamSession:
    issued_at = datetime.fromisoformat(details["issued_at"]) if details["issued_at"] else None
    return UpstreamSession(
        issuer=details["issuer"], subject=details["subject"], sid=details["sid"], issued_at=issued_at
    )
