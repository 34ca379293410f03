"""Views of a project that ask for scopes or roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.urls import path, reverse
from rest_framework.permissions import IsAdminUser, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from authkit.core.clients import Client
from authkit.signin.step_up import RequireRecent
from authkit.tokens.permissions import TokenHasRole, TokenHasScope
from authkit.tokens.services import issue_tokens
from tests.urls import urlpatterns as suite

pytestmark = pytest.mark.urls(__name__)


class View(APIView):
    """What the tests vary is set by `guarded`."""

    def get(self, request: Request) -> Response:
        return Response({"ok": True})

    def post(self, request: Request) -> Response:
        return Response({"ok": True})

    def put(self, request: Request) -> Response:
        return Response({"ok": True})


urlpatterns = [*suite, path("guarded/", View.as_view())]


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The view under /guarded/ has this permission and these attributes."""

    def guarded_(permission: Any, **attributes: Any) -> None:
        for name, value in {"permission_classes": [permission], **attributes}.items():
            monkeypatch.setattr(View, name, value, raising=False)

    return guarded_


@pytest.fixture
def call(api: Any, user: Any) -> Any:
    """Calls the view with a token that has these claims."""

    def call_(claims: dict[str, Any], method: str = "get") -> Any:
        with override_settings(AUTHKIT={"TOKENS": {"CLAIMS": lambda user, login: claims}}):
            access = issue_tokens(user=user, method="password", client=Client()).access
        return getattr(api, method)("/guarded/", HTTP_AUTHORIZATION=f"Bearer {access}")

    return call_


@pytest.fixture
def in_session(user: Any) -> Iterator[APIClient]:
    client = APIClient()
    client.force_login(user)
    return client


# Scopes


@pytest.mark.parametrize(
    ("required", "scope", "passes"),
    [
        (["notes:read"], ["notes:read"], True),
        (["notes:read"], ["a", "notes:read", "b"], True),
        (["notes:read", "notes:write"], ["notes:write", "notes:read"], True),
        (("notes:read",), ["notes:read"], True),
        ({"notes:read"}, ["notes:read"], True),
        ("notes:read notes:write", ["notes:read", "notes:write"], True),
        ("notes:read notes:write", ["notes:read"], False),
        (["notes:read", "notes:write"], ["notes:read"], False),
        (["notes:read"], [], False),
    ],
)
def test_all_required_scopes_are_needed(guarded: Any, call: Any, required: Any, scope: Any, passes: bool) -> None:
    guarded(TokenHasScope, required_scopes=required)
    assert call({"scope": scope}).status_code == (200 if passes else 403)


def test_refusal_names_the_scopes_that_are_needed(guarded: Any, call: Any) -> None:
    guarded(TokenHasScope, required_scopes=["b", "a"])
    answer = call({"scope": "a"})
    assert (answer.status_code, answer.json()) == (
        403,
        {
            "code": "insufficient_scope",
            "detail": "The token does not have the scope that this needs.",
            "scope": "a b",
        },
    )


def test_scopes_by_method(guarded: Any, call: Any) -> None:
    guarded(TokenHasScope, required_scopes={"GET": [], "POST": "notes:write"})
    assert [call({}, method).status_code for method in ("get", "head", "post", "put", "options")] == [
        200,
        200,
        403,
        403,
        403,
    ]
    assert [call({"scope": "notes:write"}, method).status_code for method in ("post", "put", "delete")] == [
        200,
        403,
        403,
    ]


def test_get_does_not_stand_for_a_head_that_is_named_itself(guarded: Any, call: Any) -> None:
    guarded(TokenHasScope, required_scopes={"GET": "a", "HEAD": "b"})
    assert (call({"scope": "a"}).status_code, call({"scope": "a"}, "head").status_code) == (200, 403)


WRONG: list[Any] = [
    None,
    [],
    (),
    "",
    " ",
    "a  b",
    ["a b"],
    [""],
    [1],
    [None],
    7,
    True,
    {"GET": None},
    {"GET": [""]},
    {"GET": 1},
]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(
    ("permission", "attribute"), [(TokenHasScope, "required_scopes"), (TokenHasRole, "allowed_roles")]
)
def test_view_that_names_nothing_or_nonsense_is_closed_to_everybody(
    guarded: Any, call: Any, api: Any, permission: Any, attribute: str, wrong: Any
) -> None:
    guarded(permission, **{attribute: wrong})
    with pytest.raises(ImproperlyConfigured, match=rf"View\.{attribute}"):
        call({"scope": "a b", "roles": ["a"]})
    with pytest.raises(ImproperlyConfigured):
        api.get("/guarded/")


@pytest.mark.parametrize("permission", [TokenHasScope, TokenHasRole])
def test_view_that_forgot_its_attribute_is_closed_to_everybody(guarded: Any, call: Any, permission: Any) -> None:
    guarded(permission)
    with pytest.raises(ImproperlyConfigured):
        call({"scope": "a b", "roles": ["a"]})


# Roles


@pytest.mark.parametrize(
    ("allowed", "roles", "passes"),
    [
        (["editor", "admin"], ["editor"], True),
        (["editor", "admin"], ["reader", "admin"], True),
        ("editor", ["editor"], True),
        ({"GET": ["editor"]}, ["editor"], True),
        ({"POST": ["editor"]}, ["editor"], False),
        ({"GET": []}, ["editor"], False),
        (["editor"], ["reader"], False),
        (["editor"], ["editors", "edit", "Editor", "editor "], False),
        (["editor"], [], False),
    ],
)
def test_any_of_the_allowed_roles_will_do(guarded: Any, call: Any, allowed: Any, roles: Any, passes: bool) -> None:
    guarded(TokenHasRole, allowed_roles=allowed)
    answer = call({"roles": roles})
    assert answer.status_code == (200 if passes else 403)
    if not passes:
        assert answer.json() == {
            "code": "insufficient_role",
            "detail": "The token does not have a role that may do this.",
        }


def test_token_without_the_claim_has_no_role_and_no_scope(guarded: Any, call: Any) -> None:
    guarded(TokenHasRole, allowed_roles=["a"])
    assert call({"scope": "a", "groups": ["a"]}).status_code == 403
    guarded(TokenHasScope, required_scopes=["a"])
    assert call({"roles": ["a"], "scp": ["a"]}).status_code == 403


# Who is here without a token


@pytest.mark.parametrize(
    ("permission", "attributes"),
    [(TokenHasScope, {"required_scopes": {"GET": []}}), (TokenHasRole, {"allowed_roles": ["a"]})],
)
def test_session_has_no_claims_and_is_refused(guarded: Any, in_session: Any, permission: Any, attributes: Any) -> None:
    guarded(permission, **attributes)
    answer = in_session.get("/guarded/")
    assert (answer.status_code, answer.json()["code"]) == (403, permission.code)


@pytest.mark.parametrize("permission", [TokenHasScope, TokenHasRole])
def test_nobody_gets_401(guarded: Any, api: Any, permission: Any) -> None:
    guarded(permission, required_scopes=["a"], allowed_roles=["a"])
    answer = api.get("/guarded/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_token_of_another_library_has_no_claims_of_ours(guarded: Any, user: Any, db: Any) -> None:
    guarded(TokenHasScope, required_scopes=["a"])
    client = APIClient()
    for token in ({"scope": "a"}, "a", object(), type("AccessToken", (), {"scope": "a", "get": lambda *a: "a"})()):
        client.force_authenticate(user, token)
        assert client.get("/guarded/").status_code == 403


def test_sessions_can_be_let_in_by_name(guarded: Any, call: Any, in_session: Any, user: Any) -> None:
    guarded(TokenHasScope | IsAdminUser, required_scopes=["a"])
    assert call({"scope": "a"}).status_code == 200
    assert call({}).status_code == in_session.get("/guarded/").status_code == 403
    assert set(call({}).json()) == {"detail"}, "of two reasons DRF tells neither"
    user.is_staff = True
    user.save()
    assert in_session.get("/guarded/").status_code == 200


def test_permissions_go_together(guarded: Any, call: Any) -> None:
    guarded(IsAuthenticated & TokenHasScope & TokenHasRole, required_scopes=["a"], allowed_roles=["r"])
    assert call({"scope": "a", "roles": ["r"]}).status_code == 200
    assert call({"scope": "a"}).status_code == call({"roles": ["r"]}).status_code == 403


def test_permission_costs_no_statement(guarded: Any, api: Any, user: Any, django_assert_num_queries: Any) -> None:
    guarded(TokenHasScope & RequireRecent, required_scopes=["a"])
    with override_settings(AUTHKIT={"TOKENS": {"CLAIMS": lambda user, login: {"scope": "a"}}}):
        access = issue_tokens(user=user, method="password", client=Client()).access
    with django_assert_num_queries(1):
        assert api.get("/guarded/", HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 200


def test_token_from_the_endpoint_has_the_claims(guarded: Any, api: Any, user: Any, credentials: Any) -> None:
    guarded(TokenHasScope, required_scopes=["a"])
    with override_settings(AUTHKIT={"TOKENS": {"CLAIMS": lambda user, login: {"scope": "a"}}}):
        access = api.post(reverse("authkit:token"), credentials(user), format="json").json()["access"]
    assert api.get("/guarded/", HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 200
