from __future__ import annotations

import io
import os
import pty
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from social_django.models import Nonce

from authkit.apikeys.models import ApiKey
from authkit.core.clients import Client
from authkit.core.identifiers import uuid7
from authkit.core.one_time_codes import OneTimeCode
from authkit.limiter.failure_counts import FailureCount
from authkit.limiter.models import AttemptBudget
from authkit.logins.blacklist import blacklist_token
from authkit.logins.models import BlacklistedToken, Login
from authkit.logins.reasons import EndReason
from authkit.mail.models import Delivery
from authkit.oauth.models import Grant, OAuthClient
from authkit.signin.devices import KnownDevice
from authkit.social.models import ProviderLogout, ProviderSession
from authkit.tokens.services import issue_tokens

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(days=100)


@pytest.fixture
def rows(user: Any) -> None:
    """Two of each kind: one that is over, and one that is not."""
    now, app = timezone.now(), OAuthClient.objects.create(name="-")
    for when in (now - LONG_AGO, now + LONG_AGO):
        login = issue_tokens(user=user, method="password", client=Client()).login
        Login.objects.filter(pk=login.pk).update(expires_at=when)
        blacklist_token(jti=str(when), kind="access", reason=EndReason.REVOKED, expires_at=when)
        login_id = login.pk if when > now else uuid7()  # the other one's login is gone already
        ProviderSession.objects.create(login_id=login_id, provider="oidc", subject="-", issued_at=now)
        ApiKey.objects.create(login_id=login_id, name="-", prefix="-", digest=str(when))
        Grant.objects.create(login_id=login_id, user=user, client=app, consented_at=now)
        ProviderLogout.objects.create(digest=str(when), issued_at=now, expires_at=when)
        minute = int(when.timestamp()) // 60
        FailureCount.objects.create(key=str(when), scope="site", slot=minute)
        OneTimeCode.objects.create(digest=str(when), purpose="-", user=user, created_at=now, expires_at=when)
        last_at = int(when.timestamp() * 10**6)
        AttemptBudget.objects.create(key=str(when), scope="name", spent=1, not_before=0, last_at=last_at, last_charge=0)
        seen = now if when > now else now - timedelta(days=400)
        KnownDevice.objects.create(digest=str(when), user=user, created_at=seen, last_seen_at=seen)
        Delivery.objects.create(
            channel="mail", kind="-", body="-", due_at=now, created_at=now, expires_at=when, failed_at=now
        )
    for begun in (int(time.time()), int(time.time()) - 10**6):
        Nonce.objects.create(server_url="oidc", timestamp=begun, salt="state")


def prune(*arguments: str) -> str:
    out = io.StringIO()
    call_command("authkit_prune", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def counts() -> list[int]:
    models = (
        Login,
        BlacklistedToken,
        Nonce,
        OneTimeCode,
        Delivery,
        KnownDevice,
        AttemptBudget,
        FailureCount,
        ProviderSession,
        ProviderLogout,
        ApiKey,
        Grant,
    )
    return [model._default_manager.count() for model in models]


KINDS = (
    "logins",
    "blacklisted tokens",
    "one-time codes",
    "deliveries",
    "known devices",
    "attempt budgets",
    "counts of failed tries",
    "social sign-ins",
    "sessions at providers",
    "logouts by providers",
)


LATER = ("API keys", "grants")
NOTHING = ("events", "failures among the events", "seals of events", "seals of failures", "invitations")
"""Of which there is nothing to delete here."""


def said(words: str) -> str:
    none = words.replace("1", "0")
    return "".join(f"{kind}: {none if kind in NOTHING else words}\n" for kind in (*KINDS, *NOTHING, *LATER))


def test_it_deletes_what_is_over_and_says_so(rows: None) -> None:
    assert prune() == said("1 deleted")
    assert counts() == [1] * 12
    assert prune() == said("0 deleted")


def test_a_dry_run_says_it_and_deletes_nothing(rows: None) -> None:
    assert prune("--dry-run") == said("1 would be deleted")
    assert counts() == [2] * 12


def test_rows_stay_as_long_as_was_asked_for(rows: None) -> None:
    prune("--keep", "101")
    assert counts() == [2, 2, 2, 2, 2, 1, 1, 2, 1, 2, 1, 1]
    prune("--keep", "99", "--batch-size", "1", "--sleep", "0")
    assert counts() == [1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "wrong",
    [("--batch-size", "0"), ("--batch-size", "9" * 20), ("--keep", "0"), ("--keep", "999999"), ("--keep", "a"),
     ("--sleep", "-1"), ("--sleep", "nan"), ("--sleep", "inf"), ("--sleep", "a")],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_refused(wrong: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match=r"must be a"):
        prune(*wrong)


def test_without_the_social_app_the_rest_is_pruned(rows: None, settings: Any) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "social_django"]
    pruned = prune().splitlines()
    assert pruned[:7] == [f"{kind}: 1 deleted" for kind in KINDS[:7]]
    assert not [line for line in pruned if "social" in line or "provider" in line]


def test_a_terminal_gets_a_progress_bar_that_leaves_nothing_behind(rows: None) -> None:
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as terminal:
        call_command("authkit_prune", "--batch-size", "1", stdout=terminal, no_color=True)
        terminal.flush()
        shown = os.read(leader, 65536).decode()
    os.close(leader)
    assert "\rlogins [..............................]   0%" in shown
    assert "\rlogins [###############...............]  50%" in shown
    assert "\rlogins [##############################] 100%" in shown
    assert "\r\x20\x20" in shown
    assert "\rlogins: 1 deleted" in shown
