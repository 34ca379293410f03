"""Each part answers as the real one does."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

import pytest
import redis
from django.contrib.auth import get_user_model
from django.db import connection

from tests.services.openid import CLIENT_ID, OpenIDProvider


@pytest.mark.postgres
@pytest.mark.django_db
def test_postgres_answers_a_query() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    assert connection.vendor == "postgresql"


@pytest.mark.redis
def test_redis_answers_ping() -> None:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        assert client.ping()


@pytest.mark.oidc
def test_openid_provider_publishes_its_discovery_document(live_openid: OpenIDProvider) -> None:
    with urllib.request.urlopen(
        f"{live_openid.issuer}/.well-known/openid-configuration", timeout=5
    ) as response:
        document = json.load(response)
    assert document["issuer"] == live_openid.issuer
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert live_openid.client_id == CLIENT_ID


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_chromium_shows_a_page_while_the_test_uses_the_database(
    live_server: Any, page: Any, make_user: Any
) -> None:
    make_user()
    page.goto(f"{live_server.url}/admin/login/")
    assert page.locator("input[name=password]").is_visible()
    assert get_user_model().objects.count() == 1


@pytest.mark.browser
def test_chromium_reaches_nobody_else(page: Any) -> None:
    from playwright.sync_api import Error

    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://example.com/")
