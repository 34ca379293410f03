"""djangorestframework-api-key: a key without an owner, looked up by its prefix and compared as a password is."""

from __future__ import annotations

from typing import Any

from benchmarks.base import Contender


class ApiKeys(Contender):
    """Its permission lets a request in, and no authentication class finds a person: the one here asks it, and then
    reads the person, as a project has to that wants one."""

    auth = "benchmarks.contenders.apikeys_auth.KeyAuthentication"
    apps = ("rest_framework_api_key",)
    package = "rest_framework_api_key"

    def credential(self, user: Any) -> dict[str, str]:
        from rest_framework_api_key.models import APIKey

        # Its own model has no owner, so the name stands for the relation that a project adds.
        _row, key = APIKey.objects.create_key(name=str(user.pk))
        return {"HTTP_AUTHORIZATION": f"Api-Key {key}"}


CONTENDERS = [ApiKeys(name="drf-api-key", title="djangorestframework-api-key, `HasAPIKey`, and its owner")]
