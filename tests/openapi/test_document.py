"""What the document says, where it depends on the project."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.urls import path
from rest_framework import serializers

import authkit
from authkit import exceptions
from authkit.core.answers import RefusalSerializer, rendered
from authkit.core.operations import operation_of, refusals_of
from authkit.exceptions import AuthKitError, InvalidCredentials, Locked
from authkit.openapi.document import document
from authkit.signin.serializers import UserSerializer
from authkit.tokens.simplejwt import TokenObtainPairSerializer, TokenObtainPairView
from authkit.tokens.simplejwt import urls as compat
from authkit.urls import api

STATUSES = {
    refusal.code: refusal.status
    for refusal in vars(exceptions).values()
    if isinstance(refusal, type) and issubclass(refusal, AuthKitError)
}
METHODS = ("get", "post", "put", "patch", "delete")
VIEWS = [pattern.callback.cls for pattern in (*api.urlpatterns, *compat.urlpatterns)]


class GreetingSerializer(serializers.Serializer[Any]):
    greeting = serializers.CharField()


class LoudSerializer(UserSerializer):
    """A project's own."""


class TenantSerializer(TokenObtainPairSerializer):
    tenant = serializers.CharField()


def schema(name: str) -> Any:
    return document()["components"]["schemas"][name]


@pytest.mark.parametrize("view", VIEWS)
def test_every_method_of_every_view_is_declared(view: Any) -> None:
    methods = [method for method in METHODS if hasattr(view, method)]
    assert methods
    assert all(operation_of(view, method) for method in methods)


def test_every_declared_code_has_the_status_that_it_is_answered_with() -> None:
    declared: dict[str, set[int]] = {}
    for view in VIEWS:
        for method in METHODS:
            found = operation_of(view, method)
            for status, codes in refusals_of(found, method=method).items() if found else ():
                for code in codes:
                    declared.setdefault(code, set()).add(status)
    # A provider's answer is refused by several: see social/failures.py.
    assert declared.pop("social_failed") == {400, 403, 503}
    assert {code: {STATUSES[code]} for code in set(declared) & set(STATUSES)} == {
        code: declared[code] for code in set(declared) & set(STATUSES)
    }
    assert len(set(declared) & set(STATUSES)) > 8


def test_no_view_answers_with_a_dict_that_no_serializer_rendered() -> None:
    by_hand = (ast.Dict, ast.List, ast.DictComp, ast.ListComp)
    found = [
        f"{file.name}:{node.lineno}"
        for file in Path(authkit.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Response"
        if node.args and isinstance(node.args[0], by_hand)
    ]
    assert found == []


def test_refusal_keeps_the_fields_that_an_exception_of_a_feature_adds() -> None:
    given = {"code": "second_factor_required", "detail": "One more.", "methods": ["totp"]}
    assert rendered(RefusalSerializer, given) == given


def test_user_is_what_the_projects_serializer_declares(settings: Any) -> None:
    settings.AUTHKIT = {"LOGIN": {"USER_SERIALIZER": f"{__name__}.GreetingSerializer"}}
    assert schema("AuthKitSignedIn")["properties"]["user"] == {"$ref": "#/components/schemas/Greeting"}
    assert set(schema("Greeting")["properties"]) == {"greeting"}


def test_projects_subclass_of_our_user_has_its_own_name(settings: Any) -> None:
    settings.AUTHKIT = {"LOGIN": {"USER_SERIALIZER": f"{__name__}.LoudSerializer"}}
    assert set(schema("Loud")["properties"]) == {"id", "username", "email"}


@pytest.mark.parametrize(
    ("transports", "schemes"),
    [
        (["body"], {"authkitBearer", "authkitSession", "authkitCsrfToken"}),
        (["hybrid"], {"authkitBearer", "authkitSession", "authkitCsrfToken", "authkitRefreshCookie"}),
    ],
)
def test_what_the_project_does_not_allow_is_not_there(settings: Any, transports: list[str], schemes: set[str]) -> None:
    settings.AUTHKIT = {"TOKENS": {"TRANSPORTS": transports}}
    found = document()
    assert set(found["components"]["securitySchemes"]) == schemes
    assert found["components"]["schemas"]["AuthKitTransport"]["enum"] == transports


def test_unsafe_call_by_cookie_needs_the_csrf_proof_and_a_bearer_does_not() -> None:
    ways = document()["paths"]["/auth/api/logout/all/"]["post"]["security"]
    proof = {"authkitCsrfToken": []}
    assert ways == [
        {"authkitBearer": []}, {"authkitAccessCookie": [], **proof}, {"authkitSession": [], **proof}
    ]  # fmt: skip
    assert document()["paths"]["/auth/api/logout/"]["post"]["security"] == [*ways, {}]
    assert document()["paths"]["/auth/api/session/login/"]["post"]["security"] == [proof]


def test_fields_that_a_project_asks_for_at_simplejwts_endpoint_are_in_its_body(settings: Any) -> None:
    class Obtain(TokenObtainPairView):
        serializer_class = TenantSerializer

    urls = ModuleType("urls")
    urls.__dict__["urlpatterns"] = [path("token/", Obtain.as_view()), *api.urlpatterns]
    Obtain.__module__ = "authkit.tokens.simplejwt"  # else it is a view of the project's, which this document leaves out
    settings.ROOT_URLCONF = urls
    found = document()
    body = found["paths"]["/token/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/Tenant"}
    assert "tenant" in found["components"]["schemas"]["Tenant"]["properties"]


@pytest.mark.django_db
def test_projects_form_of_times_does_not_count_in_answers(settings: Any, user: Any, client: Any) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DATETIME_FORMAT": "%d.%m.%Y"}
    client.force_login(user)
    [login] = client.get("/auth/api/logins/").json()["results"]
    assert all("T" in login[name] for name in ("created_at", "last_seen_at", "expires_at"))


def test_refusals_have_an_example_in_their_own_words() -> None:
    responses = document()["paths"]["/auth/api/token/"]["post"]["responses"]
    examples = {
        code: responses[code]["content"]["application/json"]["schema"].get("example") for code in ("401", "429")
    }
    assert examples["401"] == InvalidCredentials().as_payload()
    assert examples["429"] == {"code": "locked", "detail": Locked.message, "retry_after": 30}


def test_components_are_described_for_readers_of_an_api_and_not_of_the_code() -> None:
    described = [found.get("description", "") for found in document()["components"]["schemas"].values()]
    assert not [text for text in described if "context[" in text or "TOKENS." in text]
