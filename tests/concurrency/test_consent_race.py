"""An app's access is taken away while the app comes back without asking: what is gone stays gone."""

from __future__ import annotations

from typing import Any

import pytest

from authkit.oauth import consents
from authkit.oauth.granted_apps import remove_app
from authkit.oauth.models import Consent
from tests.oauth.conftest import party, provider, register
from tests.oauth.parties import Party, returned

__all__ = ["party", "provider", "register"]

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("prompt", [None, "none"])
def test_a_silent_agreement_does_not_bring_back_what_was_taken_away_meanwhile(
    party: Party, prompt: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    party.tokens()
    handle, was_covered = party.begin(prompt=prompt), consents.is_covered

    def covered_and_then_taken_away(**given: Any) -> bool:
        covered = was_covered(**given)
        if covered:
            remove_app(user_id=party.user.pk, client_id=party.client.client_id)
        return covered

    monkeypatch.setattr(consents, "is_covered", covered_and_then_taken_away)
    answer = party.page(handle)
    assert not Consent.objects.exists()
    if prompt:
        assert returned(answer)["error"] == "consent_required"
    else:
        assert answer.status_code == 200
        assert "code" in returned(party.decide(handle)), "the request still waits"


def test_agreeing_while_the_app_is_removed_is_no_error(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    party.tokens()
    handle, create = party.begin(prompt="consent"), consents._is_first
    party.page(handle)
    tries: list[bool] = []

    def late(*given: Any) -> bool:
        if not tries:  # a parallel request was faster, and its row is deleted at once
            tries.append(False)
            return False
        return create(*given)

    Consent.objects.all().delete()
    monkeypatch.setattr(consents, "_is_first", late)
    assert "code" in returned(party.decide(handle))
    assert Consent.objects.count() == 1
