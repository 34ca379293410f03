from __future__ import annotations

import io
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from authkit.core.clients import Client
from authkit.logins.blacklist import is_blacklisted
from authkit.logins.models import BlacklistedToken, Login
from authkit.tokens.blacklisting import summarize_token
from authkit.tokens.services import TokenPair, issue_tokens
from tests.outage import database_down

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(user: Any) -> TokenPair:
    return issue_tokens(user=user, method="password", client=Client())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run_(*arguments: str, typed: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        out = io.StringIO()
        call_command("authkit_blacklist", *arguments, stdout=out, stderr=out, no_color=True)
        return out.getvalue()

    return run_


@pytest.mark.parametrize("way", ["default", "dash", "argument"])
def test_a_token_is_named_refused_and_not_repeated(run: Any, pair: TokenPair, way: str) -> None:
    arguments = {"default": (), "dash": ("-",), "argument": (pair.refresh,)}[way]
    said = run(*arguments, typed="" if way == "argument" else f"{pair.refresh}\n")
    jti = summarize_token(token=pair.refresh).jti
    assert f"A refresh token\n  of {pair.user}, jti {jti}\n" in said
    assert f"  login {pair.login.pk}: live\n" in said
    assert said.endswith("Blacklisted; its login was ended.\n")
    assert not any(part in said for part in pair.refresh.split("."))
    assert is_blacklisted(jti=jti)
    again = run(typed=pair.refresh)
    assert f"  login {pair.login.pk}: token revoked\n" in again
    assert again.endswith("Was on the blacklist already; its login was over already.\n")


def test_a_dry_run_says_what_it_is_and_changes_nothing(run: Any, pair: TokenPair) -> None:
    said = run("--dry-run", typed=pair.access)
    assert "An access token\n" in said
    assert said.endswith("On the blacklist: no. Nothing was changed.\n")
    assert Login.objects.get().ended_at is None
    assert not BlacklistedToken.objects.exists()


@pytest.mark.parametrize("typed", ["", "  \n", "x.y.z"])
def test_what_is_no_token_of_ours_is_an_error_that_does_not_repeat_it(run: Any, typed: str) -> None:
    with pytest.raises(CommandError) as caught:
        run(typed=typed)
    assert "x.y.z" not in str(caught.value)


def test_a_jti_of_elsewhere_is_refused_until_its_end(run: Any) -> None:
    until = timezone.now() + timedelta(days=3)
    assert "would be refused" in run("--jti", "abc", "--until", until.isoformat(), "--dry-run")
    assert run("--jti", "abc", "--until", until.isoformat(), "--kind", "access") == "Blacklisted: abc.\n"
    row = BlacklistedToken.objects.get()
    assert (row.jti, row.kind, row.expires_at, row.login_id) == ("abc", "access", until, None)
    assert run("--jti", "abc", "--until", "2999-01-31") == "Was on the blacklist already: abc.\n"
    assert BlacklistedToken.objects.get().expires_at.year == 2999


@pytest.mark.parametrize(
    "wrong",
    [
        ("--jti", "abc"),
        ("--jti", "", "--until", "2999-01-31"),
        ("--jti", "abc", "--until", "2001-01-31T12:00Z"),
        ("--jti", "abc", "--until", "soon"),
        ("--jti", "abc", "--until", "2999-02-31"),
        ("x.y.z", "--jti", "abc", "--until", "2999-01-31"),
    ],
)
def test_a_jti_without_an_end_to_come_is_refused(run: Any, wrong: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run(*wrong)
    assert not BlacklistedToken.objects.exists()


def test_end_beyond_what_a_database_can_hold_is_no_time(run: Any) -> None:
    with pytest.raises(CommandError, match="is no date and time"):
        run("--jti", "theirs", "--until", "9999-12-31T23:59-14:00")


def test_outage_is_named_and_nothing_is_said_to_be_refused(run: Any, pair: TokenPair) -> None:
    with database_down(), pytest.raises(CommandError, match="Don't take it as done"):
        run(typed=pair.access)
    assert not BlacklistedToken.objects.exists()
