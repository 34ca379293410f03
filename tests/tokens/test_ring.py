"""Where the ring comes from, and that it is read at use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from authkit import conf
from authkit.core.clients import Client
from authkit.tokens import keys
from authkit.tokens.keys import TokenUse, signing_key, verifying_key
from authkit.tokens.services import issue_tokens, refresh_tokens, verify_access
from tests.tokens.rings import jwk_of, ring


def kid(use: TokenUse = TokenUse.ACCESS) -> str:
    return signing_key(use).kid


def replace(path: Path, text: str) -> None:
    """As an operator should: nobody ever reads half a file."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_text_path_and_callable_give_the_same_ring(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    path.write_text("\n" + ring("ES256"))
    expected = jwk_of("ES256")["kid"]
    for source in (ring("ES256"), path, str(path), lambda: ring("ES256"), lambda: path, lambda: str(path)):
        settings.AUTHKIT = {"TOKENS": {"KEYS": source}}
        assert kid() == expected


def test_file_is_read_again_when_it_was_replaced_and_only_then(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    path.write_text(ring("HS256"))
    settings.AUTHKIT = {"TOKENS": {"KEYS": path}}
    first = keys.current()
    assert keys.current() is first
    replace(path, ring("HS256", number=1))
    assert kid() == jwk_of("HS256", number=1)["kid"]
    path.unlink()
    with pytest.raises(ImproperlyConfigured):
        kid()
    replace(path, ring("HS256"))
    assert kid() == first.signing[TokenUse.ACCESS].kid


def test_callable_is_asked_at_each_use(settings: Any) -> None:
    number = 0
    settings.AUTHKIT = {"TOKENS": {"KEYS": lambda: ring("HS256", number=number)}}
    assert kid() == jwk_of("HS256")["kid"]
    number = 1
    assert kid() == jwk_of("HS256", number=1)["kid"]


def test_empty_source_means_derived_keys(settings: Any) -> None:
    derived = kid()
    for source in ("", lambda: ""):
        settings.AUTHKIT = {"TOKENS": {"KEYS": source}}
        assert kid() == derived
        assert signing_key(TokenUse.ACCESS).derived


def test_ring_without_a_use_leaves_that_use_to_the_derived_key(settings: Any) -> None:
    derived = kid(TokenUse.REFRESH)
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": [jwk_of("ES256")]})}}
    assert (kid(), kid(TokenUse.REFRESH)) == (jwk_of("ES256")["kid"], derived)


def test_key_of_one_use_is_not_found_for_the_other(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("HS256")}}
    assert verifying_key(TokenUse.ACCESS, jwk_of("HS256")["kid"])
    assert verifying_key(TokenUse.REFRESH, jwk_of("HS256")["kid"]) is None


def test_kids_of_derived_keys_are_what_they_were(settings: Any) -> None:
    # Literal: an upgrade that changes them logs everybody out.
    settings.SECRET_KEY = "the-kid-of-a-derived-key-is-a-promise-0123456789"
    assert kid() == "YQ3zIp3YVcfM"
    assert kid(TokenUse.REFRESH) == "_rwxF3DBTOGd"


def test_going_from_derived_keys_to_a_ring_logs_nobody_out(user: Any, settings: Any) -> None:
    before = issue_tokens(user=user, method="password", client=Client())
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("ES256", "HS256")}}
    assert verify_access(token=before.access).user == user
    after = refresh_tokens(refresh=before.refresh)
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("ES256", "HS256"), "DERIVED_KEYS": False}}
    assert verify_access(token=after.access).user == user
    assert verifying_key(TokenUse.ACCESS, "anything else") is None


def test_no_secret_in_repr_settings_or_the_printed_block(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("ES256", "HS256")}}
    call_command("authkit_settings")
    shown = capsys.readouterr().out + f"{conf.current()!r} {keys.current()!r} {keys.inspect()!r}"
    for secret in (jwk_of("ES256")["d"], jwk_of("HS256", use="refresh")["k"]):
        assert secret not in shown


def test_no_secret_in_any_frame_of_an_error_that_a_broken_ring_raises(settings: Any) -> None:
    secret, entry = jwk_of("HS256")["k"], {**jwk_of("HS256"), "alg": "HS512"}
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": [entry]})}}
    with pytest.raises(ImproperlyConfigured) as caught:
        kid()
    frames = [frame for frame in caught.traceback if "/authkit/tokens/" in str(frame.path)]
    assert frames
    assert [frame.name for frame in frames if secret in repr(frame.locals)] == []
