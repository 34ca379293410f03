"""The call of a secret scanner (docs/api-keys.md, "Leaks")."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import UnreadablePostError
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.apikeys.leaks import Finding, end_leaked, verify_report
from authkit.apikeys.serializers import FindingSerializer, JudgedSerializer
from authkit.core.api import ApiView
from authkit.core.operations import operation
from authkit.core.parsers import StrictJSONParser
from authkit.exceptions import TokenNotValid
from authkit.tokens.forgeries import charge_forgery

MOST_FINDINGS = 20_000
MOST_BYTES = 2 * 1024 * 1024
"""Of a report. An attacker who publishes thousands of made-up keys beside a stolen one must not make the report too
large to be read: that key would stay good."""


class ReportParser(StrictJSONParser):
    """JSON of a report, whose signature is verified before it is parsed."""

    max_bytes = MOST_BYTES


@method_decorator(sensitive_post_parameters(), name="dispatch")
class LeaksView(ApiView):
    """`POST leaks/`: a report that is signed, as GitHub's secret scanning sends it."""

    parser_classes = (ReportParser,)

    @operation(
        "key_leaks",
        "API keys",
        "Report keys that were found in public",
        description="For a secret scanner: a list of findings, signed over the whole body by a key that "
        "`API_KEYS.LEAKS` lists. Each key of this site ends at once. Without that setting, the call is a 404.",
        body=FindingSerializer,
        answers={200: JudgedSerializer},
        many=True,
        refuses={401: ("token_not_valid",), 404: ("not_found",), 429: ("locked",)},
    )
    @sensitive_variables()
    def post(self, request: Request) -> Response:
        headers = request._request.headers
        try:
            verify_report(
                body=_body(request),
                key_id=headers.get("Github-Public-Key-Identifier", ""),
                signature=headers.get("Github-Public-Key-Signature", ""),
            )
        except TokenNotValid as refused:
            charge_forgery(refused, request)
            raise
        findings: Any = FindingSerializer(data=request.data, many=True, max_length=MOST_FINDINGS)  # type: ignore[call-arg]
        findings.is_valid(raise_exception=True)
        given = findings.validated_data
        judged = end_leaked(findings=[Finding(token=one["token"], type=one["type"], url=one["url"]) for one in given])
        return Response(JudgedSerializer(judged, many=True).data)


def _body(request: Request) -> bytes:
    # Before DRF parses it: the signature is over each byte.
    try:
        body = bytes(request._request.body)
    except (RequestDataTooBig, UnreadablePostError) as error:
        raise ParseError("The body could not be read.") from error
    if len(body) > MOST_BYTES:
        raise ParseError("The body is too large.")
    return body
