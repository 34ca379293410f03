from __future__ import annotations

import builtins
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from authkit.core.clients import Client
from authkit.logins.models import GlobalCutoff, Login, UserCutoff
from authkit.logins.opening import open_login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import Lifetime
from tests.outage import database_down

pytestmark = pytest.mark.django_db


@pytest.fixture
def login(user: Any) -> Login:
    """A live one of Alice's."""
    return open_login(
        user=user,
        kind=LoginKind.TOKEN,
        method="password",
        lifetime=Lifetime(idle=timedelta(days=7), absolute=timedelta(days=30)),
        client=Client(address=None, device="Firefox on Linux"),
    )


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("authkit_force_logout", *arguments, stdout=out)
    return out.getvalue()


def is_over(login: Login) -> bool:
    return not Login.objects.live().filter(pk=login.pk).exists()


@pytest.mark.parametrize("named", ["name", "id", "email"])
def test_person_is_signed_out_by_name_key_or_address(named: str, user: Any, login: Login) -> None:
    arguments = {"name": [user.get_username()], "id": ["--id", str(user.pk)], "email": ["--email", user.email.upper()]}
    assert run(*arguments[named]) == f"{user} was signed out: 1 live login ended.\n"
    assert is_over(login)
    login.refresh_from_db()
    assert login.end_reason == EndReason.FORCED


def test_again_is_no_error_and_says_that_nothing_was_left(user: Any, login: Login) -> None:
    run(user.get_username())
    assert run(user.get_username()) == f"{user} was signed out: 0 live logins ended.\n"
    assert UserCutoff.objects.filter(user=user).exists()


def test_inactive_person_is_found(user: Any, login: Login) -> None:
    type(user).objects.filter(pk=user.pk).update(is_active=False)
    assert "was signed out" in run(user.get_username())


def test_dry_run_says_what_would_end_and_ends_nothing(user: Any, login: Login) -> None:
    expected = f"{user} would be signed out: 1 live login (token: 1), on Firefox on Linux.\n"
    assert run(user.get_username(), "--dry-run") == expected
    everybody = "Everybody would be signed out: 1 live login of 1 person (token: 1; password: 1).\n"
    assert run("--everybody", "--dry-run") == everybody
    assert not is_over(login)
    assert not UserCutoff.objects.exists()
    assert not GlobalCutoff.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nobody"], "There is no "),
        (["--email", "nobody@example.test"], "There is no "),
        (["--id", str(uuid4())], "no"),
        (["--id", "garbage"], "is no primary key of "),
        ([], "Name a person"),
        (["alice", "--everybody"], "not allowed with argument"),
    ],
)
def test_unknown_or_unclear_person_is_an_error_and_ends_nothing(
    arguments: list[str], expected: str, login: Login
) -> None:
    with pytest.raises(CommandError, match=expected):
        run(*arguments)
    assert not is_over(login)


def test_address_of_two_people_is_an_error(user: Any, make_user: Any, login: Login) -> None:
    if type(user)._meta.get_field("email").unique:
        make_user("bob", email=user.email.upper().replace("EXAMPLE.TEST", "example.test"))
    else:
        make_user("bob", email=user.email)
    with pytest.raises(CommandError, match="More than one person"):
        run("--email", user.email)
    assert not is_over(login)


def test_user_model_without_an_address_is_an_error(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(user), "EMAIL_FIELD", "no_such_field")
    with pytest.raises(CommandError, match="has no e-mail field"):
        run("--email", "alice@example.test")


def test_everybody_is_asked_about_first(user: Any, login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "input", lambda _prompt: "no")
    with pytest.raises(CommandError, match="No person was signed out"):
        run("--everybody")
    assert not is_over(login)
    monkeypatch.setattr(builtins, "input", lambda _prompt: "yes")
    assert run("--everybody").endswith("Everybody was signed out: 1 live login ended.\n")
    assert is_over(login)


def test_everybody_without_a_question(user: Any, login: Login) -> None:
    assert run("--everybody", "--noinput") == "Everybody was signed out: 1 live login ended.\n"
    assert is_over(login)


def by(user: Any, method: str, **ago: float) -> Login:
    """A live session that came in by this method, and that long ago."""
    return open_login(
        user=user,
        kind=LoginKind.SESSION,
        method=method,
        lifetime=Lifetime(idle=timedelta(days=7), absolute=timedelta(days=30)),
        client=Client(),
        began_at=timezone.now() - timedelta(**ago),
    )


def test_everything_by_a_method_ends_whosever_it_is(user: Any, make_user: Any, login: Login) -> None:
    mine, his = by(user, "google"), by(make_user("bob"), "google")
    said = "2 live logins of 2 people (session: 2; google: 2)"
    asked = run("--method", "google", "--dry-run")
    assert asked == f"Everybody would be signed out of everything by google: {said}.\n"
    assert not is_over(mine)
    done = "Everybody was signed out of everything by google: {} live logins ended.\n"
    assert run("--method", "google", "--noinput") == done.format(2)
    assert run("--method", "google", "--noinput") == done.format(0)
    assert [is_over(one) for one in (mine, his, login)] == [True, True, False]


def test_everything_by_a_method_is_asked_about_first(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = by(user, "google")
    monkeypatch.setattr(builtins, "input", lambda _prompt: "no")
    with pytest.raises(CommandError, match="No person was signed out"):
        run("--method", "google")
    assert not is_over(mine)


@pytest.mark.parametrize("spelled", ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"])
def test_everything_before_a_time_ends(user: Any, login: Login, spelled: str) -> None:
    old = by(user, "password", hours=3)
    cut = timezone.localtime(timezone.now() - timedelta(hours=1))
    assert run("--everybody", "--before", cut.strftime(spelled), "--noinput").endswith("1 live login ended.\n")
    assert [is_over(one) for one in (old, login)] == [True, False]


def test_a_day_is_its_beginning(user: Any, login: Login) -> None:
    old = by(user, "password", days=2)
    run("--before", timezone.localdate().isoformat(), "--noinput")
    assert is_over(old)


def test_of_one_person_only_what_fits_ends_and_nobody_is_asked(user: Any, make_user: Any, login: Login) -> None:
    hit, young = by(user, "google", hours=3), by(user, "google")
    his = by(make_user("bob"), "google", hours=3)
    cut = (timezone.now() - timedelta(hours=1)).isoformat()
    words = f"{user} was signed out of everything by google from before {cut}: 1 live login ended.\n"
    assert run(user.get_username(), "--method", "google", "--before", cut) == words
    assert [is_over(one) for one in (hit, young, his, login)] == [True, False, False, False]


@pytest.mark.parametrize(
    ("before", "expected"),
    [("yesterday", "is no time"), ("2026-02-31", "is no time"), ("2999-01-01", "is in the future")],
)
def test_a_time_that_is_none_or_to_come_is_an_error_and_ends_nothing(before: str, expected: str, login: Login) -> None:
    with pytest.raises(CommandError, match=expected):
        run("--before", before, "--noinput")
    assert not is_over(login)


@pytest.mark.parametrize("option", ["--id", "--email", "--method"])
def test_empty_value_is_nobody(option: str, user: Any, login: Login) -> None:
    type(user).objects.filter(pk=user.pk).update(email="")
    with pytest.raises(CommandError, match="is empty"):
        run(option, "", "--noinput")
    assert not is_over(login)


def test_question_that_nobody_can_answer_ends_nothing(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO())
    with pytest.raises(CommandError, match="--noinput"):
        run("--everybody")
    assert not is_over(login)


@pytest.mark.parametrize("before", ["0001-01-01", "0001-01-01T00:00+14:00"])
def test_time_before_all_time_is_refused(before: str) -> None:
    with pytest.raises(CommandError, match="is no time"):
        run("--before", before, "--noinput")


def test_name_that_is_no_text_is_refused_as_a_name(user: Any) -> None:
    with pytest.raises(CommandError, match=f"is no {user.USERNAME_FIELD} of|There is no"):
        run("\udcff")


@pytest.mark.parametrize("arguments", [("alice",), ("--everybody", "--noinput"), ("--method", "password", "--noinput")])
def test_outage_is_named_and_nothing_is_said_to_have_ended(arguments: tuple[str, ...], login: Login) -> None:
    with database_down(), pytest.raises(CommandError, match="Don't take it as done"):
        run(*arguments)
    assert not is_over(login)
