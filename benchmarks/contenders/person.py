"""The person of a request, read by the ORM and nothing checked: what the one statement of any check costs."""

from __future__ import annotations

from typing import Any

from benchmarks.base import Contender


class PersonAlone(Contender):
    """A lower bound, and no product."""

    auth = "benchmarks.contenders.person_auth.PersonAlone"

    def credential(self, user: Any) -> dict[str, str]:
        return {"HTTP_X_PERSON": str(user.pk)}


CONTENDERS = [PersonAlone(name="person-alone", title="the person read by the ORM, and nothing checked")]
