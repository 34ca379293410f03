"""Rings of keys for tests. A key is made once for each run, since RSA takes its time."""

from __future__ import annotations

import functools
import json
from typing import Any

from authkit.tokens import jwk

ALGORITHMS = tuple(jwk.ALGORITHMS)

PAYLOAD_OF_RFC_7515 = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

RFC_7515_A1 = {
    "alg": "HS256",
    "kty": "oct",
    "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
}
RFC_7515_A3 = {
    "alg": "ES256",
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
}
RFC_8037_A1 = {
    "alg": "EdDSA",
    "kty": "OKP",
    "crv": "Ed25519",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
PRIVATE_KEYS_IN_RFCS = (RFC_7515_A1, RFC_7515_A3, RFC_8037_A1)

# RFC 7515 A.2's, without its private half.
RFC_7515_A2_N = (
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pC"
    "gNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg6"
    "65xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRW"
    "yuXpoQ"
)


@functools.cache
def _made(algorithm: str, use: str, number: int) -> dict[str, Any]:
    return jwk.make(algorithm=algorithm, use=use)


def jwk_of(algorithm: str, *, use: str = "access", number: int = 0) -> dict[str, Any]:
    """A private JWK; the same one for the same arguments."""
    return dict(_made(algorithm, use, number))


def ring(access: str = "HS256", refresh: str | None = None, *, number: int = 0) -> str:
    """A JWK Set with one key for each use, as text."""
    entries = [jwk_of(access, number=number), jwk_of(refresh or access, use="refresh", number=number)]
    return json.dumps({"keys": entries})


def signing(entry: dict[str, Any]) -> Any:
    """The prepared private key of a JWK."""
    return jwk.load(entry, algorithm=entry["alg"]).signing
