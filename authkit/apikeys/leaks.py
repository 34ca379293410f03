"""Reports of a secret scanner: keys that were found in public, such as in a repository.

In the format of GitHub's secret scanning partner program: a JSON list of findings, signed with ECDSA P-256 over the
body as it was sent. The signature's public key is one of those that API_KEYS.LEAKS lists. GitHub finds keys by a
pattern that the project gives it, and the checksum tells it which of its findings are keys.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.db import router, transaction
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.apikeys.events import KeyLeaked
from authkit.apikeys.key_text import digest_of, is_well_formed
from authkit.apikeys.models import ApiKey
from authkit.apikeys.settings import ApiKeySettings
from authkit.core.hidden import hide
from authkit.core.outgoing import NoAnswer, ask, is_private_url
from authkit.events import announce
from authkit.exceptions import NotFound, TokenNotValid, Unavailable
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login

KEEP_SECONDS = 3600
"""How long the scanner's keys are kept."""
AGAIN_SECONDS = 60
"""How often they are fetched anew at most, for a key that is not among them."""
PATIENCE_SECONDS = 5.0

MOST_URL_LENGTH = 500

_AT_ONCE = 500
"""Digests in one statement."""

_Keys = dict[str, EllipticCurvePublicKey]


@dataclass(slots=True)
class _Fetched:
    """The keys of one URL."""

    url: str = ""
    at: float = 0.0
    """By the monotonic clock."""
    keys: _Keys = field(default_factory=dict)
    failed_at: float | None = None
    """When the last try failed; None if it did not."""


_fetched = _Fetched()
_fetching = threading.Lock()


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of a report."""

    token: str = field(repr=False)
    type: str
    """The scanner's name for keys of this form."""
    url: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What the scanner is told of a finding, by the SHA-256 of its text."""

    token_hash: str = field(repr=False)
    token_type: str
    label: str
    """"true_positive" for a key that is or was one of this site's, else "false_positive"."""


def verify_report(*, body: bytes, key_id: str, signature: str) -> None:
    """Returns if the scanner has signed this body.

    Args:
        body: as it was sent.
        key_id: the header that names the scanner's key.
        signature: the header with the signature, in base64.

    Raises:
        NotFound: no scanner is configured.
        TokenNotValid: the signature does not hold, or no such key is the scanner's.
        Unavailable: the scanner's keys can't be fetched.
    """
    url = conf.section(ApiKeySettings).leaks
    if not url or not is_private_url(url):
        raise NotFound("API_KEYS.LEAKS is empty")
    key = _key(url, key_id)
    if key is None:
        raise TokenNotValid("signed by a key that is not the scanner's")
    try:
        key.verify(b64decode(signature, validate=True), body, ECDSA(SHA256()))
    except (InvalidSignature, ValueError) as error:
        raise TokenNotValid("the report's signature does not hold") from error


@sensitive_variables("findings", "found")
def end_leaked(*, findings: Sequence[Finding]) -> list[Judged]:
    """Ends each key of this site that was found, and announces `key.leaked`; its owner gets a mail.

    Args:
        findings: of a report that was verified.

    Returns:
        A judgement of each finding. A key that was over before is one as well.

    Raises:
        DatabaseUnavailable: a key can't be ended. The scanner sends the report again.
    """
    digests = [digest_of(hide(found.token)) if is_well_formed(found.token) else "" for found in findings]
    keys = _keys_with(digests)
    for found, digest in zip(findings, digests, strict=True):
        if digest in keys:
            _end(keys[digest], found)
    return [
        Judged(
            token_hash=b64encode(hashlib.sha256(found.token.encode()).digest()).decode(),
            token_type=found.type,
            label="true_positive" if digest in keys else "false_positive",
        )
        for found, digest in zip(findings, digests, strict=True)
    ]


def _keys_with(digests: Sequence[str]) -> dict[str, ApiKey]:
    known = list(dict.fromkeys(filter(None, digests)))
    rows: dict[str, ApiKey] = {}
    for start in range(0, len(known), _AT_ONCE):
        some = ApiKey.objects.select_related("login").filter(digest__in=known[start : start + _AT_ONCE])
        rows |= {key.digest: key for key in some}
    return rows


@sensitive_variables("found")
def _end(key: ApiKey, found: Finding) -> None:
    using = router.db_for_write(ApiKey)
    with transaction.atomic(using=using):
        if end_login(login_id=key.pk, reason=EndReason.LEAKED).ended:
            url = found.url.replace(found.token, "…")[:MOST_URL_LENGTH]  # cut last: half of a key is hidden too
            event = KeyLeaked(user_id=key.login.user_id, login_id=key.pk, prefix=key.prefix, url=url)
            announce(event, sender=ApiKey, using=using)


def _key(url: str, key_id: str) -> EllipticCurvePublicKey | None:
    with _fetching:
        now = time.monotonic()
        age = now - _fetched.at if _fetched.url == url else None
        if age is None or age > (KEEP_SECONDS if key_id in _fetched.keys else AGAIN_SECONDS):
            _fetch_at(url, now)
        return _fetched.keys.get(key_id)


def _fetch_at(url: str, now: float) -> None:
    # Requests that are not signed come here too, one after the other. With a scanner that is silent, each of them would
    # wait for it, and hold up a thread of the server and every report behind it.
    failed_at = _fetched.failed_at
    if failed_at is not None and now - failed_at <= AGAIN_SECONDS:
        raise Unavailable("the scanner's keys could not be fetched a moment ago")
    try:
        keys = _fetch(url)
    except Unavailable:
        _fetched.failed_at = time.monotonic()
        raise
    _fetched.url, _fetched.at, _fetched.keys, _fetched.failed_at = url, now, keys, None


def _fetch(url: str) -> _Keys:
    try:
        answer = ask(url, seconds=PATIENCE_SECONDS, headers={"Accept": "application/json"})
    except NoAnswer as error:
        raise Unavailable("the scanner's keys can't be fetched") from error
    if answer.status != 200:
        raise Unavailable(f"the scanner's keys can't be fetched: {answer.status}")
    try:
        listed = list(json.loads(answer.body)["public_keys"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Unavailable("the scanner's keys can't be read") from error
    keys = dict(filter(None, map(_parsed, listed)))
    if not keys:
        raise Unavailable("the scanner lists no key on P-256")
    return keys


def _parsed(entry: Any) -> tuple[str, EllipticCurvePublicKey] | None:
    """None for an entry of another kind, which a scanner may add: the reports that the other keys sign still count."""
    try:
        key = load_pem_public_key(str(entry["key"]).encode())
        if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
            return str(entry["key_identifier"]), key
    except (ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        pass
    return None


def forget_keys() -> None:
    """Has them fetched again, for tests."""
    _fetched.url, _fetched.failed_at = "", None
