"""The public half of the keys, for services that verify access tokens on their own (RFC 7517)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.utils.cache import get_conditional_response
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.core.answers import rendered
from authkit.core.api import ApiView
from authkit.core.operations import operation
from authkit.tokens.keyring import published
from authkit.tokens.keys import current
from authkit.tokens.serializers import KeySetSerializer

MAX_AGE_SECONDS = 300
"""How long others may keep the set. A key has to be announced for longer than that before it signs."""


class JwksView(ApiView):
    """`GET jwks.json`: the keys that sign access tokens, or will. The one answer of the API that may be kept."""

    # Other services fetch it, all from one address perhaps, and refuse every token without it.
    throttle_classes = ()

    @operation(
        "jwks",
        "Tokens",
        "The public keys of access tokens",
        description="For services that check access tokens on their own (RFC 7517). May be kept for as long as "
        "Cache-Control says, and asked for again with If-None-Match.",
        answers={200: KeySetSerializer, 304: None},
    )
    def get(self, request: Request) -> Response:
        document = rendered(KeySetSerializer, published(current()))
        tag = hashlib.sha256(json.dumps(document).encode()).hexdigest()[:32]
        headers = {
            "Cache-Control": f"public, max-age={MAX_AGE_SECONDS}",
            "ETag": f'"{tag}"',
            # Public keys are the same for every caller, so a page of any origin may read them.
            "Access-Control-Allow-Origin": "*",
        }
        answer = Response(document, headers=headers)
        # It makes the 304 from the answer's headers, or gives the answer back.
        conditional: Any = get_conditional_response(request._request, etag=headers["ETag"], response=answer)
        return conditional  # type: ignore[no-any-return]
