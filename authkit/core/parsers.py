"""JSON as programs send it, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

MAX_BODY_BYTES = 128 * 1024
"""Largest body read, in bytes: Django's DATA_UPLOAD_MAX_MEMORY_SIZE does not bound the stream that DRF hands us."""


class StrictJSONParser(BaseParser):
    """UTF-8 JSON, bounded in size and depth, without duplicate keys, NaN or Infinity (RFC 8259 sections 4, 6, 8.1).

    Raises `ParseError` (400) for everything else, so that no body ends in a 5xx.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise ParseError("The body is too large.")
        try:
            return json.loads(body.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise ParseError("The body is not valid JSON.") from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two parsers that pick different ones of two equal keys disagree about what was asked.
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
