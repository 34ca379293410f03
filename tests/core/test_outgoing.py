"""Requests to servers of other parties (ASVS 13.2): each ends in time, and reads no more than it may."""

from __future__ import annotations

import socket
import time

import pytest

from authkit.core.outgoing import MAX_BYTES, NoAnswer, ask, is_public
from tests.loopback import answers, drips, hangs, server


def test_form_is_posted_and_the_answer_is_read() -> None:
    seen: list[bytes] = []
    with server(answers(b"hello", seen=seen)) as url:
        answer = ask(f"{url}/verify", seconds=5, form={"a": "1 2"}, headers={"X-More": "yes"})
    assert (answer.status, answer.body) == (200, b"hello")
    assert seen[0].startswith(b"POST /verify HTTP/1.1\r\n")
    assert b"X-More: yes" in seen[0]
    assert seen[0].endswith(b"a=1+2")


@pytest.mark.parametrize("talk", [hangs, drips])
def test_attack_a_server_that_is_silent_or_drips_holds_no_request_beyond_the_deadline(talk: object) -> None:
    with server(talk) as url:  # type: ignore[arg-type]
        began = time.monotonic()
        with pytest.raises(NoAnswer, match="TimeoutError"):
            ask(url, seconds=0.4)
    assert time.monotonic() - began < 4


def test_refused_connection_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NoAnswer, match="ConnectionRefusedError"):
        ask(f"http://127.0.0.1:{port}", seconds=5)


def test_attack_redirect_is_not_followed() -> None:
    seen: list[bytes] = []
    with (
        server(answers(b"secret", seen=seen)) as inner,
        server(answers(b"", status="302 Found", more=f"Location: {inner}/\r\n")) as url,
    ):
        assert ask(url, seconds=5).status == 302
    assert seen == []


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/", "data:,x", "not a url"])
def test_attack_no_other_scheme_is_opened(url: str) -> None:
    with pytest.raises(NoAnswer):
        ask(url, seconds=1)


def test_attack_huge_answer_is_not_read_to_its_end() -> None:
    with server(answers(b"x" * (MAX_BYTES + 1))) as url, pytest.raises(NoAnswer, match="bytes"):
        ask(url, seconds=10)


def test_garbage_is_no_answer() -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"\x00\xffgarbage\r\n\r\n")
        connection.close()

    with server(talk) as url, pytest.raises(NoAnswer):
        ask(url, seconds=5)


def test_text_of_a_failure_holds_nothing_of_the_request() -> None:
    with server(answers(b"", status="999999 secret")) as url, pytest.raises(NoAnswer) as caught:
        ask(url, seconds=5, form={"secret": "hunter2"})
    assert "hunter2" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_attack_a_named_host_at_a_private_address_is_not_asked(host: str) -> None:
    seen: list[bytes] = []
    with server(answers(b"inner", seen=seen)) as url:
        port = url.rpartition(":")[2]
        with pytest.raises(NoAnswer, match="SpecialUseAddress"):
            ask(f"http://{host}:{port}/", seconds=5, public_only=True)
    assert seen == []


def test_attack_a_name_with_one_private_address_among_public_ones_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def looked_up(*_args: object, **_kwargs: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (address, 80)) for address in ("93.184.215.14", "169.254.169.254")]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    with pytest.raises(NoAnswer, match="SpecialUseAddress"):
        ask("http://rebinding.example/", seconds=1, public_only=True)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:4700::1111", True),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::5db8:d70e", True),
        ("2002:a00:1::", False),
        ("192.0.0.192", False),
        ("::10.0.0.1", False),
        ("::ffff:0:10.0.0.1", False),
        ("64:ff9b:1::a00:1", False),
        ("fec0::1", False),
        ("fd00::1", False),
        ("fe80::1%eth0", False),
        ("no address", False),
    ],
)
def test_public_addresses_are_told_from_special_ones(address: str, public: bool) -> None:
    assert is_public(address) is public
