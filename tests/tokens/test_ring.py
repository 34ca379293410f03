"""Where the ring comes from, and that it is read at use."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from authkit import conf
from authkit.core.clients import Client
from authkit.exceptions import KeysUnavailable
from authkit.logins.models import Login
from authkit.logins.reasons import TokenKind
from authkit.tokens import keys
from authkit.tokens.key_sources import _derived
from authkit.tokens.keys import signing_key, verifying_key
from authkit.tokens.services import issue_tokens, refresh_tokens, verify_access
from tests.tokens.rings import jwk_of, ring


def kid(use: TokenKind = TokenKind.ACCESS) -> str:
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


class Seconds:
    """What `keys` takes for the time."""

    now = 1_000.0

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    seconds = Seconds()
    monkeypatch.setattr(keys, "monotonic", lambda: seconds.now)
    return seconds


class Vault:
    """A callable for TOKENS.KEYS that may fail."""

    def __init__(self) -> None:
        self.gives: Any = ring("HS256")
        self.asked = 0
        self.before: Callable[[], None] | None = None

    def __call__(self) -> Any:
        self.asked += 1
        if self.before is not None:
            self.before()
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


def test_callable_is_asked_once_in_five_seconds(settings: Any, seconds: Seconds) -> None:
    vault = Vault()
    settings.AUTHKIT = {"TOKENS": {"KEYS": vault}}
    for _ in range(20):
        assert kid() == jwk_of("HS256")["kid"]
    assert vault.asked == 1
    vault.gives = ring("HS256", number=1)
    seconds.pass_by(4.9)
    assert kid() == jwk_of("HS256")["kid"]
    seconds.pass_by(0.2)
    assert kid() == jwk_of("HS256", number=1)["kid"]
    assert vault.asked == 2


@pytest.mark.parametrize("failure", [LookupError("sealed"), None, "", "{", '{"keys": []', "/nowhere/ring.json"])
def test_last_good_ring_outlives_a_vault_that_fails_for_ten_minutes(
    failure: Any, settings: Any, seconds: Seconds, caplog: pytest.LogCaptureFixture
) -> None:
    vault = Vault()
    settings.AUTHKIT = {"TOKENS": {"KEYS": vault}}
    first = keys.current()
    vault.gives = failure
    seconds.pass_by(6)
    assert keys.current() is keys.current() is first
    assert (vault.asked, len(caplog.records)) == (2, 1)
    assert "the last good one goes on" in caplog.text
    seconds.pass_by(599)
    assert keys.current() is first
    seconds.pass_by(2)
    with pytest.raises(KeysUnavailable):
        keys.current()
    vault.gives = ring("HS256", number=1)
    seconds.pass_by(6)
    assert kid() == jwk_of("HS256", number=1)["kid"]


@pytest.mark.parametrize("harm", ["gone", "empty", "torn", "not readable"])
def test_last_good_ring_outlives_a_file_that_fails_for_ten_minutes(
    harm: str, settings: Any, seconds: Seconds, tmp_path: Path
) -> None:
    path = tmp_path / "ring.json"
    path.write_text(ring("HS256"))
    settings.AUTHKIT = {"TOKENS": {"KEYS": path}}
    first = keys.current()
    if harm == "gone":
        path.unlink()
    elif harm == "not readable":
        path.unlink()
        path.mkdir()
    else:
        path.write_text("" if harm == "empty" else ring("HS256")[:100])
    assert keys.current() is first
    seconds.pass_by(599)
    assert keys.current() is first
    seconds.pass_by(2)
    with pytest.raises(KeysUnavailable):
        keys.current()
    if harm == "not readable":
        path.rmdir()
    replace(path, ring("HS256", number=1))
    assert kid() == jwk_of("HS256", number=1)["kid"]


def test_file_that_fails_at_the_first_load_is_read_as_soon_as_it_is_whole(
    settings: Any, seconds: Seconds, tmp_path: Path
) -> None:
    path = tmp_path / "ring.json"
    path.write_text("")
    settings.AUTHKIT = {"TOKENS": {"KEYS": path}}
    with pytest.raises(KeysUnavailable):  # and not the derived keys, which would sign everybody out in a moment
        kid()
    replace(path, ring("HS256"))
    assert kid() == jwk_of("HS256")["kid"]


def test_vault_that_fails_at_the_first_load_is_not_asked_by_each_request(settings: Any, seconds: Seconds) -> None:
    vault = Vault()
    vault.gives = LookupError()
    settings.AUTHKIT = {"TOKENS": {"KEYS": vault}}
    for _ in range(10):
        with pytest.raises(KeysUnavailable):
            kid()
    assert vault.asked == 1


def test_another_setting_does_not_inherit_the_last_good_ring(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("HS256")}}
    kid()
    settings.AUTHKIT = {"TOKENS": {"KEYS": "/nowhere/ring.json"}}
    with pytest.raises(KeysUnavailable):
        kid()


def test_failing_source_is_503_at_every_door_and_writes_nothing(
    user: Any, settings: Any, api: Any, credentials: Any
) -> None:
    pair = issue_tokens(user=user, method="password", client=Client())
    before = list(Login.objects.values())
    settings.AUTHKIT = {"TOKENS": {"KEYS": "/nowhere/ring.json"}}
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    answers = [
        api.get("/auth/api/me/"),
        api.get("/probe/"),
        api.get("/auth/api/jwks.json"),
        api.post("/auth/api/logout/"),
    ]
    api.credentials()
    for door, body in (
        ("token/", credentials(user)),
        ("token/refresh/", {"refresh": pair.refresh}),
        ("token/verify/", {"token": pair.access}),
        ("token/revoke/", {"token": pair.access}),
    ):
        answers.append(api.post(f"/auth/api/{door}", body, format="json"))
    assert [(answer.status_code, int(answer["Retry-After"]) > 0) for answer in answers] == [(503, True)] * 8
    assert list(Login.objects.values()) == before


def test_one_thread_reads_and_the_others_go_on_with_the_last_ring(settings: Any, seconds: Seconds) -> None:
    asked, answer = Event(), Event()
    vault = Vault()
    settings.AUTHKIT = {"TOKENS": {"KEYS": vault}}
    first = keys.current()

    def slowly() -> None:
        asked.set()
        assert answer.wait(30)

    vault.gives, vault.before = ring("HS256", number=1), slowly
    seconds.pass_by(6)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(keys.current)
        assert asked.wait(30)
        assert [keys.current() for _ in range(5)] == [first] * 5
        answer.set()
        renewed = reading.result()
    assert keys.current() is renewed is not first
    assert vault.asked == 2


def test_threads_without_a_ring_wait_for_the_one_that_reads(settings: Any) -> None:
    vault = Vault()
    settings.AUTHKIT = {"TOKENS": {"KEYS": vault}}
    barrier = Barrier(10)

    def use() -> str:
        barrier.wait(30)
        return kid()

    with ThreadPoolExecutor(10) as pool:
        assert {future.result() for future in [pool.submit(use) for _ in range(10)]} == {jwk_of("HS256")["kid"]}
    assert vault.asked == 1


def test_thread_without_a_ring_does_not_wait_forever(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "PATIENCE_SECONDS", 0)
    settings.AUTHKIT = {"TOKENS": {"KEYS": Vault()}}
    with keys._lock, pytest.raises(KeysUnavailable):
        kid()


def test_ring_of_a_vault_that_never_answers_is_given_up_as_well(
    settings: Any, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "PATIENCE_SECONDS", 0)
    settings.AUTHKIT = {"TOKENS": {"KEYS": Vault()}}
    first = keys.current()
    with keys._lock:  # another thread is asking
        seconds.pass_by(600)
        assert keys.current() is first
        seconds.pass_by(6)
        with pytest.raises(KeysUnavailable):
            keys.current()


def test_command_rotates_no_ring_that_its_source_does_not_say(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    path.write_text(ring("HS256"))
    settings.AUTHKIT = {"TOKENS": {"KEYS": path}}
    assert len(keys.configured()) == 2
    path.write_text("")
    with pytest.raises(CommandError, match=r"TOKENS\.KEYS"):
        call_command("authkit_keys", "rotate")


@pytest.mark.parametrize("weak", ["", "short", "x" * 31])
def test_key_that_everybody_has_among_the_fallbacks_verifies_no_token(weak: str, user: Any, settings: Any) -> None:
    forged = _derived(weak, TokenKind.ACCESS)
    good = "g" + settings.SECRET_KEY
    settings.SECRET_KEY_FALLBACKS = [weak, good]
    assert verifying_key(TokenKind.ACCESS, forged.kid) is None
    assert verifying_key(TokenKind.ACCESS, _derived(good, TokenKind.ACCESS).kid)


def test_short_secret_key_signs_no_token(settings: Any) -> None:
    settings.SECRET_KEY = "x7Gk2" * 6
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY has less than 32 bytes"):
        kid()
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("HS256")}}
    assert kid() == jwk_of("HS256")["kid"]


def test_empty_source_means_derived_keys(settings: Any) -> None:
    derived = kid()
    for source in ("", lambda: ""):
        settings.AUTHKIT = {"TOKENS": {"KEYS": source}}
        assert kid() == derived
        assert signing_key(TokenKind.ACCESS).derived


def test_ring_without_a_use_leaves_that_use_to_the_derived_key(settings: Any) -> None:
    derived = kid(TokenKind.REFRESH)
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": [jwk_of("ES256")]})}}
    assert (kid(), kid(TokenKind.REFRESH)) == (jwk_of("ES256")["kid"], derived)


def test_key_of_one_use_is_not_found_for_the_other(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("HS256")}}
    assert verifying_key(TokenKind.ACCESS, jwk_of("HS256")["kid"])
    assert verifying_key(TokenKind.REFRESH, jwk_of("HS256")["kid"]) is None


def test_kids_of_derived_keys_are_what_they_were(settings: Any) -> None:
    # Literal: an upgrade that changes them logs everybody out.
    settings.SECRET_KEY = "the-kid-of-a-derived-key-is-a-promise-0123456789"
    assert kid() == "YQ3zIp3YVcfM"
    assert kid(TokenKind.REFRESH) == "_rwxF3DBTOGd"


def test_going_from_derived_keys_to_a_ring_logs_nobody_out(user: Any, settings: Any) -> None:
    before = issue_tokens(user=user, method="password", client=Client())
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("ES256", "HS256")}}
    assert verify_access(token=before.access).user == user
    after = refresh_tokens(refresh=before.refresh)
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("ES256", "HS256"), "DERIVED_KEYS": False}}
    assert verify_access(token=after.access).user == user
    assert verifying_key(TokenKind.ACCESS, "anything else") is None


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
