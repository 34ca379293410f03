"""JSON as programs send it; and forms, for the one room whose clients send them (`authkit.tokens.simplejwt`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any, NoReturn
from urllib.parse import parse_qsl

from django.core.exceptions import SuspiciousOperation
from django.http.multipartparser import MultiPartParser as DjangoMultiPartParser
from django.http.multipartparser import MultiPartParserError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from authkit.core.hidden import Hidden

MAX_BODY_BYTES = 128 * 1024
"""Largest body read, in bytes: Django's DATA_UPLOAD_MAX_MEMORY_SIZE does not bound the stream that DRF hands us."""

MAX_FORM_FIELDS = 20


class StrictJSONParser(BaseParser):
    """UTF-8 JSON, bounded in size and depth, without duplicate keys, NaN or Infinity (RFC 8259 sections 4, 6, 8.1).

    Raises `ParseError` (400) for everything else, so that no body ends in a 5xx.
    """

    media_type = "application/json"
    max_bytes = MAX_BODY_BYTES

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = _bounded(stream, self.max_bytes)
        try:
            return json.loads(body.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise ParseError("The body is not valid JSON.") from error


class FormParser(BaseParser):
    """`application/x-www-form-urlencoded` as a flat dict of strings, with the bounds of `StrictJSONParser`."""

    media_type = "application/x-www-form-urlencoded"
    repeatable: frozenset[str] = frozenset()
    """Names that may come more than once; the value of such a name is a tuple."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = _bounded(stream)
        try:
            pairs = parse_qsl(
                body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS
            )
            several = {
                name: tuple(Hidden(v) for n, v in pairs if n == name) for name, _ in pairs if name in self.repeatable
            }
            return {**_unique_keys([pair for pair in pairs if pair[0] not in several]), **several}
        except ValueError as error:
            raise ParseError("The body is not a valid form.") from error


class MultiPartFormParser(BaseParser):
    """`multipart/form-data`, what a browser's FormData becomes, as a flat dict of strings. Files are left out."""

    media_type = "multipart/form-data"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = _bounded(stream)
        # Read whole first: Django's parser bounds the fields, but would write an upload of any size to the disk.
        meta = {"CONTENT_TYPE": media_type, "CONTENT_LENGTH": str(len(body))}
        try:
            fields, _files = DjangoMultiPartParser(meta, BytesIO(body), [], "utf-8").parse()
            return _unique_keys([(name, value) for name, values in fields.lists() for value in values])
        except (MultiPartParserError, SuspiciousOperation, ValueError) as error:
            raise ParseError("The body is not a valid form.") from error


def _bounded(stream: IO[Any], most: int = MAX_BODY_BYTES) -> bytes:
    body: bytes = stream.read(most + 1)
    if len(body) > most:
        raise ParseError("The body is too large.")
    return body


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two parsers that pick different ones of two equal keys disagree about what was asked.
    # Hidden, because any text may be a credential here, and validation hands it through frames of other libraries.
    result = {name: Hidden(value) if isinstance(value, str) else value for name, value in pairs}
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
