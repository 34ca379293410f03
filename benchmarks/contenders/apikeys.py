"""djangorestframework-api-key: a key without an owner, looked up by its prefix, whose digest is compared."""

from __future__ import annotations

from typing import Any

from benchmarks.base import Contender


class ApiKeyOnce(Contender):
    """A project's own authentication class: it looks the key up by the product's manager, once, and reads the person
    that the key is for. The product has no such class."""

    auth = "benchmarks.contenders.apikeys_auth.KeyAuthentication"
    apps = ("rest_framework_api_key",)
    package = "rest_framework_api_key"

    def credential(self, user: Any) -> dict[str, str]:
        from rest_framework_api_key.models import APIKey

        # Its own model has no owner, so the name stands for the relation that a project adds.
        _row, key = APIKey.objects.create_key(name=str(user.pk))
        return {"HTTP_AUTHORIZATION": f"Api-Key {key}"}


class ApiKeys(ApiKeyOnce):
    """The product's own permission lets the request in, and the view asks whose key it is, as its guide has it
    (`get_from_key()` "from a view protected by a `HasAPIKey` permission"): the key is looked up twice."""

    @property
    def view(self) -> dict[str, Any]:
        from rest_framework_api_key.permissions import HasAPIKey

        return {"permission_classes": [HasAPIKey]}


CONTENDERS = [
    ApiKeys(name="drf-api-key", title="djangorestframework-api-key by its guide: `HasAPIKey`, then the owner"),
    ApiKeyOnce(name="drf-api-key-once", title="djangorestframework-api-key in a class of one's own, and the owner"),
]
