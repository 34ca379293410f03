"""What ends by itself, or with many others, is refused at once by each of the three checks, for its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from social_django.models import UserSocialAuth

from authkit.core.clients import Client
from authkit.logins.models import Login
from authkit.logins.opening import open_login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import Lifetime, end_logins_where
from authkit.tokens.services import issue_tokens
from tests.logins import test_email_change
from tests.revocation.hinted import Tokens, block
from tests.services.redis import Server, own

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]

METHOD = "google"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own() as server:
        yield server


@pytest.fixture(params=["database", "redis", "push"])
def check(request: pytest.FixtureRequest, settings: Any, server: Server) -> str:
    server.ask("FLUSHALL")
    settings.AUTHKIT = {**block(request.param, server.url), "LOGIN": {"MAX_LOGINS": 1}}
    return str(request.param)


@pytest.fixture
def tokens(check: str, user: Any, open_for: Callable[..., Login]) -> Tokens:
    tokens = Tokens(open_for(user, method=METHOD))
    if check != "database":
        tokens.believed()
    return tokens


def change_address(user: Any) -> None:
    user.email = "alice.liddell@example.test"
    user.save()


def unlink(user: Any) -> None:
    UserSocialAuth.objects.create(user=user, provider=METHOD, uid="1").delete()


def sign_in_again(user: Any, **more: Any) -> None:
    lifetime = Lifetime(idle=timedelta(days=1), absolute=timedelta(days=1))
    open_login(user=user, kind=LoginKind.TOKEN, method="password", lifetime=lifetime, client=Client(), **more)


ENDINGS: dict[str, tuple[Callable[[Any, Login], object], str]] = {
    "method": (lambda _user, _login: end_logins_where(method=METHOD, reason=EndReason.FORCED), "forced"),
    "before": (lambda _user, _login: end_logins_where(before=timezone.now(), reason=EndReason.FORCED), "forced"),
    "of_one": (
        lambda user, _login: end_logins_where(user_id=user.pk, kind=LoginKind.TOKEN, reason=EndReason.FORCED),
        "forced",
    ),
    "address": (lambda user, _login: change_address(user), "email_changed"),
    "unlinked": (lambda user, _login: unlink(user), "unlinked"),
    "evicted": (lambda user, _login: sign_in_again(user), "evicted"),
    "replaced": (lambda user, login: sign_in_again(user, replaces=[login.pk]), "replaced"),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_ended_login_is_refused_at_once(how: str, tokens: Tokens, user: Any) -> None:
    end, why = ENDINGS[how]
    assert tokens.refused() is None
    end(user, tokens.login)
    for at in (None, tokens.login.created_at.timestamp()):
        assert tokens.refused(issued_at=at) == ("login_ended", why)


def test_token_that_changed_its_persons_address_goes_on(check: str, user: Any, settings: Any) -> None:
    """Its person and its login may be unread at that time."""
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {}}
    pair, other = (issue_tokens(user=user, method="password", client=Client()) for _ in range(2))
    settings.ROOT_URLCONF = test_email_change.__name__
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    if check != "database":
        Tokens(pair.login).believed()
    for _ in range(2):  # the second time the address is the same
        assert client.post("/api-mine/").status_code == 200
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {other.access}")
    answer = client.get("/auth/api/me/")
    assert (answer.status_code, answer.json()["why"]) == (401, "email_changed")
