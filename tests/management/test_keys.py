from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from authkit.logins.reasons import TokenKind
from authkit.tokens.keys import current, signing_key, verifying_key
from tests.tokens.rings import ALGORITHMS, jwk_of, ring


def run(*arguments: str) -> tuple[dict[str, Any], str]:
    """The ring on stdout, and the words on stderr."""
    out, err = io.StringIO(), io.StringIO()
    call_command("authkit_keys", *arguments, stdout=out, stderr=err)
    return json.loads(out.getvalue()), err.getvalue()


def listed() -> list[list[str]]:
    out = io.StringIO()
    call_command("authkit_keys", "list", stdout=out)
    return [line.split(maxsplit=4) for line in out.getvalue().splitlines()]


def private_members(entries: list[dict[str, Any]]) -> list[str]:
    return [entry[name] for entry in entries for name in ("k", "d", "p", "q", "dp", "dq", "qi") if name in entry]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_generated_ring_can_be_set_as_it_is(algorithm: str, settings: Any) -> None:
    printed, _ = run("generate", "--algorithm", algorithm)
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps(printed), "DERIVED_KEYS": False}}
    assert [(key.use, key.algorithm) for key in current().keys] == [
        (TokenKind.ACCESS, algorithm),
        (TokenKind.REFRESH, algorithm),
    ]


def test_generate_for_one_use() -> None:
    printed, _ = run("generate", "--algorithm", "ES256", "--use", "access")
    assert [(entry["token_use"], entry["alg"]) for entry in printed["keys"]] == [("access", "ES256")]
    assert run("generate")[0] != run("generate")[0]


def test_secrets_go_to_stdout_and_nowhere_else(settings: Any, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)
    printed, words = run("generate")
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps(printed)}}
    rotated, more_words = run("rotate")
    out = io.StringIO()
    call_command("authkit_keys", "list", stdout=out)
    elsewhere = words + more_words + caplog.text + out.getvalue() + "".join(capfd.readouterr())
    secrets = private_members(printed["keys"] + rotated["keys"])
    assert len(secrets) == 6
    assert [secret for secret in secrets if secret in elsewhere] == []


def test_rotation_announces_then_signs_then_can_drop_the_old_key(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("ES256", "HS256"), "DERIVED_KEYS": False}}
    old = {use: signing_key(use).kid for use in TokenKind}
    announced, words = run("rotate")
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps(announced), "DERIVED_KEYS": False}}
    assert {use: signing_key(use).kid for use in TokenKind} == old
    new = {key.use: key.kid for key in current().keys if key.announced}
    assert set(new) == set(TokenKind)
    assert all(kid in words for kid in new.values())
    assert all(verifying_key(use, kid) for use, kid in new.items())
    assert {row[1]: row[3] for row in listed()} == {
        **dict.fromkeys(old.values(), "signs"),
        **dict.fromkeys(new.values(), "announced"),
    }

    rotated, words = run("rotate")
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps(rotated), "DERIVED_KEYS": False}}
    assert {use: signing_key(use).kid for use in TokenKind} == new
    assert all(verifying_key(use, kid) for use, kid in old.items())
    assert all(kid in words for kid in old.values())
    assert {row[1]: row[3] for row in listed()} == {
        **dict.fromkeys(new.values(), "signs"),
        **dict.fromkeys(old.values(), "verifies"),
    }
    assert {key.algorithm for key in current().keys if key.use is TokenKind.ACCESS} == {"ES256"}


def test_rotation_of_one_use_to_another_algorithm_leaves_the_other_use_alone(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("HS256")}}
    printed, _ = run("rotate", "--use", "access", "--algorithm", "EdDSA")
    assert [(entry["token_use"], entry["alg"], entry.get("announced")) for entry in printed["keys"]] == [
        ("refresh", "HS256", None),
        ("access", "HS256", None),
        ("access", "EdDSA", True),
    ]


def test_key_announced_beside_derived_ones_takes_over_from_them(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": [{**jwk_of("ES256"), "announced": True}]})}}
    assert signing_key(TokenKind.ACCESS).derived
    printed, words = run("rotate")
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps(printed)}}
    assert signing_key(TokenKind.ACCESS).kid == jwk_of("ES256")["kid"]
    assert "derived" in words


def test_rotating_derived_keys_says_how(settings: Any) -> None:
    with pytest.raises(CommandError, match="SECRET_KEY_FALLBACKS"):
        run("rotate")
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": [jwk_of("HS256")]})}}
    with pytest.raises(CommandError, match="no key for refresh tokens"):
        run("rotate", "--use", "refresh")


def test_list_tells_derived_keys_from_the_projects(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": [jwk_of("ES256")]})}}
    assert [(use, algorithm, does, origin) for use, _kid, algorithm, does, origin in listed()] == [
        ("access", "ES256", "signs", "TOKENS.KEYS"),
        ("access", "HS256", "verifies", "derived from SECRET_KEY"),
        ("refresh", "HS256", "signs", "derived from SECRET_KEY"),
    ]


def test_broken_ring_is_an_error_with_its_fix_and_no_traceback(settings: Any, tmp_path: Path) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": tmp_path / "missing.json"}}
    for action in ("list", "rotate"):
        with pytest.raises(CommandError, match="can't be read"):
            call_command("authkit_keys", action)
