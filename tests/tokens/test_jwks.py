from __future__ import annotations

import json
from typing import Any

import pytest
from django.urls import reverse

from authkit.tokens import jwk
from tests.tokens.rings import ALGORITHMS, jwk_of, ring

PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "k", "oth")
SYMMETRIC = {"HS256", "HS384", "HS512"}


def fetch(api: Any, **headers: str) -> Any:
    return api.get(reverse("authkit:jwks"), headers=headers)


def test_address(api: Any) -> None:
    assert reverse("authkit:jwks") == "/auth/api/jwks.json"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_public_half_of_the_access_keys_and_nothing_private(api: Any, settings: Any, algorithm: str) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring(algorithm)}}
    answer = fetch(api)
    published = answer.json()["keys"]
    private = jwk_of(algorithm)
    if algorithm in SYMMETRIC:
        assert published == []
    else:
        [key] = published
        assert (key["kid"], key["alg"], key["use"]) == (private["kid"], algorithm, "sig")
        assert jwk.load_public(key, algorithm=algorithm)
        assert not set(key) & set(PRIVATE)
    text = answer.content.decode()
    for entry in (private, jwk_of(algorithm, use="refresh")):
        assert [name for name in PRIVATE if name in entry and entry[name] in text] == []
    assert jwk_of(algorithm, use="refresh")["kid"] not in text


def test_derived_keys_publish_nothing(api: Any) -> None:
    assert fetch(api).json() == {"keys": []}


def test_announced_key_is_published_before_it_signs(api: Any, settings: Any) -> None:
    announced = {**jwk_of("EdDSA"), "announced": True}
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": [jwk_of("ES256"), announced]})}}
    assert [key["kid"] for key in fetch(api).json()["keys"]] == [jwk_of("ES256")["kid"], announced["kid"]]


def test_may_be_kept_and_asked_for_again_without_being_sent_again(api: Any, settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("ES256")}}
    first = fetch(api)
    assert first["Cache-Control"] == "public, max-age=300"
    assert first["Content-Type"] == "application/json"
    assert "Set-Cookie" not in first
    again = fetch(api, **{"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert again["Cache-Control"] == first["Cache-Control"]
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("ES256", number=1)}}
    other = fetch(api, **{"If-None-Match": first["ETag"]})
    assert (other.status_code, other["ETag"] != first["ETag"]) == (200, True)


def test_needs_no_database_and_takes_no_other_method(api: Any, db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert fetch(api, Cookie="sessionid=x", Authorization="Bearer x").status_code == 200
    refused = api.post(reverse("authkit:jwks"), {}, format="json")
    assert (refused.status_code, refused["Cache-Control"]) == (405, "no-store")
