from __future__ import annotations

import builtins
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from authkit.core.clients import Client
from authkit.logins.models import GlobalCutoff, Login, UserCutoff
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import Lifetime, open_login

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
    assert run("--everybody", "--dry-run") == "Everybody would be signed out: 1 live login (token: 1).\n"
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
        ([], "one of the arguments"),
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
    with pytest.raises(CommandError, match="Nobody was signed out"):
        run("--everybody")
    assert not is_over(login)
    monkeypatch.setattr(builtins, "input", lambda _prompt: "yes")
    assert run("--everybody").endswith("Everybody was signed out: 1 live login ended.\n")
    assert is_over(login)


def test_everybody_without_a_question(user: Any, login: Login) -> None:
    assert run("--everybody", "--noinput") == "Everybody was signed out: 1 live login ended.\n"
    assert is_over(login)
