from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import ERROR, WARNING

from authkit.signin import checks, doors
from authkit.signin.doors import Door, register_door
from tests.signin.breached import write_file


def said(check: Any) -> list[str]:
    messages = check(app_configs=None)
    assert all(message.level == (ERROR if ".E" in message.id else WARNING) and message.hint for message in messages)
    return [message.id.removeprefix("authkit.") for message in messages]


def takes_two(user: Any, request: Any) -> bool:
    return True


async def never_waited_for(user: Any, request: Any, method: str) -> bool:
    return True


def fits(user: Any, request: Any, method: str) -> bool:
    return True


@pytest.mark.parametrize("hook", ["nowhere.may_sign_in", "tests.signin.test_checks.nothing", "one"])
def test_e065_hook_that_cannot_be_imported(settings: Any, hook: str) -> None:
    settings.AUTHKIT = {"LOGIN": {"MAY_SIGN_IN": hook}}
    assert said(checks.check_may_sign_in) == ["E065"]


@pytest.mark.parametrize(
    "hook", [takes_two, never_waited_for, "tests.signin.test_checks.takes_two", "tests.signin.test_checks.ERROR"]
)
def test_e066_hook_that_cannot_be_called(settings: Any, hook: Any) -> None:
    settings.AUTHKIT = {"LOGIN": {"MAY_SIGN_IN": hook}}
    assert said(checks.check_may_sign_in) == ["E066"]


@pytest.mark.parametrize("hook", ["", fits, "tests.signin.test_checks.fits", lambda *_: True, max])
def test_hook_that_can_be_called_is_fine(settings: Any, hook: Any) -> None:
    settings.AUTHKIT = {"LOGIN": {"MAY_SIGN_IN": hook}}
    assert said(checks.check_may_sign_in) == []


@pytest.fixture
def no_doors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_doors", {})


VIEW = "authkit.tokens.views.ObtainView"


@pytest.mark.usefixtures("no_doors")
def test_e240_door_without_evidence() -> None:
    register_door(Door("mine", VIEW, (), ("password",)))
    assert said(checks.check_doors) == ["E240"]


@pytest.mark.usefixtures("no_doors")
def test_e241_door_without_a_budget() -> None:
    register_door(Door("mine", VIEW, ("password",), ()))
    assert said(checks.check_doors) == ["E241"]


@pytest.mark.usefixtures("no_doors")
@pytest.mark.parametrize("view", ["", "one", "nowhere.View", "authkit.tokens.views.NoView"])
def test_e242_door_whose_view_is_not_there(view: str) -> None:
    register_door(Door("mine", view, ("password",), ("password",)))
    assert said(checks.check_doors) == ["E242"]


def test_doors_of_today_are_complete() -> None:
    assert said(checks.check_doors) == []
    assert {door.id for door in doors.doors()} == {
        *("session", "page", "token", "token-compat", "social-page", "social-token", "social-exchange"),
        *("authenticate", "django-login", "session-adoption", "token-adoption", "own-session", "own-token"),
        *("reauth", "api-key", "api-key-rotation", "oauth-code"),
    }


# Breached passwords

VALIDATOR = [{"NAME": checks.VALIDATOR}]


def breached(settings: Any, **login: Any) -> list[str]:
    settings.AUTHKIT = {"LOGIN": login}
    return said(checks.check_breached_passwords)


def test_e270_file_of_breached_passwords_that_is_none(tmp_path: Path, settings: Any) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = VALIDATOR
    assert breached(settings, BREACHED_FILE=tmp_path / "missing") == ["E270"]
    (tmp_path / "other").write_bytes(b"other")
    assert breached(settings, BREACHED_FILE=str(tmp_path / "other")) == ["E270"]
    assert breached(settings, BREACHED_FILE=write_file(tmp_path / "good", "a")) == []


@pytest.mark.parametrize(
    "url", ["http://ranges.test/range/", "ranges.test", "ftp://ranges.test", "https://", "http://["]
)
def test_e271_server_that_is_asked_without_tls(url: str, settings: Any) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = VALIDATOR
    assert breached(settings, BREACHED_RANGES=url) == ["E271"]


@pytest.mark.parametrize("url", ["https://api.pwnedpasswords.com/range/", "http://127.0.0.1:8080/range/"])
def test_server_with_tls_and_one_of_this_machine_are_fine(url: str, settings: Any) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = VALIDATOR
    assert breached(settings, BREACHED_RANGES=url) == []


def test_w270_validator_that_has_nowhere_to_look(settings: Any) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = VALIDATOR
    assert breached(settings) == ["W270"]


def test_w271_noticed_and_not_refused(settings: Any) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = []
    assert breached(settings, BREACHED_RANGES="https://ranges.test/range/") == ["W271"]


# Challenges


class NoChallenge:
    kind = "none"


class FailsWhenMade:
    def __init__(self) -> None:
        raise RuntimeError("out of luck")


def challenge(settings: Any, **limiter: Any) -> list[str]:
    settings.AUTHKIT = {"LIMITER": limiter}
    return said(checks.check_challenge)


@pytest.mark.parametrize(
    "chosen", ["nowhere.Challenge", "tests.signin.test_checks.nothing", NoChallenge, FailsWhenMade]
)
def test_e272_challenge_that_cannot_be_used(chosen: Any, settings: Any) -> None:
    assert challenge(settings, CHALLENGE=chosen) == ["E272"]


def test_e272_proof_of_work_without_its_library_names_the_extra(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altcha", None)
    monkeypatch.delitem(sys.modules, "authkit.signin.challenges.proof_of_work", raising=False)
    settings.AUTHKIT = {"LIMITER": {"CHALLENGE": "authkit.signin.challenges.proof_of_work.ProofOfWork"}}
    [message] = checks.check_challenge()
    assert (message.id, "django-authkit[challenge]" in str(message.hint)) == ("authkit.E272", True)


@pytest.mark.parametrize("name", ["Turnstile", "HCaptcha"])
def test_e273_provider_without_its_keys(name: str, settings: Any) -> None:
    path = f"authkit.signin.challenges.{name}"
    keys = {"CHALLENGE_SITE_KEY": "site", "CHALLENGE_SECRET": "secret"}
    assert challenge(settings, CHALLENGE=path) == ["E273"]
    for missing in keys:
        assert challenge(settings, CHALLENGE=path, **{key: keys[key] for key in keys if key != missing}) == ["E273"]
    assert challenge(settings, CHALLENGE=path, **keys) == []


def test_proof_of_work_and_no_challenge_are_fine(settings: Any) -> None:
    assert challenge(settings, CHALLENGE="authkit.signin.challenges.ProofOfWork") == []
    assert challenge(settings) == []
