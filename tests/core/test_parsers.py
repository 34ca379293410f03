from __future__ import annotations

import io

import pytest
from rest_framework.exceptions import ParseError

from authkit.core.parsers import MAX_BODY_BYTES, StrictJSONParser


def parse(body: bytes) -> object:
    return StrictJSONParser().parse(io.BytesIO(body))


def test_plain_object() -> None:
    assert parse('{"a": [1, "ü"]}'.encode()) == {"a": [1, "ü"]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b"\xff\xfe",
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'"' + b"x" * MAX_BODY_BYTES + b'"',
    ],
    ids=[
        "empty",
        "cut",
        "deep list",
        "deep object",
        "duplicate key",
        "NaN",
        "Infinity",
        "not UTF-8",
        "digits",
        "large",
    ],
)
def test_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(body)
