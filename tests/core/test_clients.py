from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from authkit.core.clients import client_address, client_from, device_name

ROOT = Path(__file__).resolve().parents[2]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "expected"),
    [
        ("203.0.113.9", "", 0, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", 0, "203.0.113.9"),  # a spoofed header counts for nothing
        ("10.0.0.1", "198.51.100.1", 1, "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", 1, "198.51.100.1"),  # what stands left was the caller's own
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", 2, "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1", 2, "10.0.0.1"),  # did not come through both proxies
        ("10.0.0.1", "198.51.100.1:4711", 1, "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", 1, "2001:db8::1"),
        ("::ffff:203.0.113.9", "", 0, "203.0.113.9"),
        ("fe80::1%eth0", "", 0, "fe80::1"),
        ("10.0.0.1", "unknown", 1, None),
        ("", "", 0, None),
        ("unix:", "", 0, None),
    ],
)
def test_address(remote: str, forwarded: str, proxies: int, expected: str | None) -> None:
    meta = {"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(meta, trusted_proxies=proxies) == expected


def test_empty_meta_of_a_test_client() -> None:
    client = client_from({}, trusted_proxies=0)
    assert (client.address, client.device) == (None, "")


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [(FIREFOX, "Firefox on Linux"), ("curl/8.5.0", "curl"), ("", ""), ("\x00\ud800<script>", ""), ("x" * 100_000, ""),
     ("Foo\x00bot/1.0", "Foobot"), ("Foo\x1b\x85bot/1.0", "Foobot")],
)  # fmt: skip
def test_device_name(user_agent: str, expected: str) -> None:
    assert device_name(user_agent) == expected


@pytest.mark.process
def test_a_server_has_read_the_rules_before_its_first_request() -> None:
    script = (
        "import ua_parser; "
        "from django.core.wsgi import get_wsgi_application; "
        "before = 'parser' in vars(ua_parser); "
        "get_wsgi_application(); "
        "print(before, 'parser' in vars(ua_parser))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout == "False True\n"
