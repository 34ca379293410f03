from __future__ import annotations

from typing import Any

import pytest
from django.core import signing

from authkit.core.encryption import seal, unseal
from authkit.core.secret_keys import fit_fallbacks
from authkit.sessions.engines import entries
from authkit.sessions.store import SessionStore

GOOD = "long enough to be a secret of its own, and not the one in force"
WEAK = ["", "short", "x" * 31, "ä" * 15]


def test_only_fallbacks_of_32_bytes_or_more_are_believed(settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = [*WEAK, GOOD, GOOD.encode(), "ä" * 16]
    assert fit_fallbacks() == [GOOD, GOOD.encode(), "ä" * 16]


@pytest.mark.parametrize("weak", WEAK[1:])
def test_provider_token_sealed_under_a_key_that_everybody_has_is_not_opened(weak: str, settings: Any) -> None:
    own = settings.SECRET_KEY
    settings.SECRET_KEY = weak
    planted = seal({"access_token": "planted"}, context="x")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = own, [weak]
    assert unseal(planted, context="x") is None


def test_session_entry_signed_with_a_key_that_everybody_has_is_not_opened(settings: Any) -> None:
    session, session_key = SessionStore(), "a" * 32
    salt = entries._salt(session, session_key)
    planted = signing.dumps({"_auth_user_id": "1"}, key="short", salt=salt, serializer=session.serializer).encode()
    settings.SECRET_KEY_FALLBACKS = ["short"]
    assert entries.opened(session, session_key, planted) is None
    settings.SECRET_KEY_FALLBACKS = [GOOD]
    rolled = signing.dumps({"_auth_user_id": "1"}, key=GOOD, salt=salt, serializer=session.serializer).encode()
    assert entries.opened(session, session_key, rolled) == {"_auth_user_id": "1"}
