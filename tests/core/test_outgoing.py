"""Requests to servers of other parties (ASVS 13.2): each ends in time, and reads no more than it may."""

from __future__ import annotations

import socket
import time

import pytest

from authkit.core.outgoing import MAX_BYTES, NoAnswer, ask
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
