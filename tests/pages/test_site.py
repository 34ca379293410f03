"""The site's own name and logo above the pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from authkit.core.site import site
from tests.pages.conftest import LOGIN

pytestmark = pytest.mark.django_db

HEADER = re.compile(r'<header class="ak-site"><a href="([^"]*)">(.*?)</a></header>', re.DOTALL)


def test_a_page_shows_the_name_and_the_logo_of_the_block(client: Client, settings: Any) -> None:
    assert HEADER.search(client.get(LOGIN).content.decode()) is None
    settings.AUTHKIT = {**settings.AUTHKIT, "SITE_NAME": "Ada & <Co>", "LOGO": "authkit/logo.svg"}
    page = client.get(LOGIN).content.decode()
    [(home, shown)] = HEADER.findall(page)
    assert home == "/"
    assert shown == '<img src="/static/authkit/logo.svg" alt="" height="32"> Ada &amp; &lt;Co&gt;'
    assert "<title>Sign in · Ada &amp; &lt;Co&gt;</title>" in page


def test_a_logo_without_a_name_has_a_text(client: Client, settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGO": "https://cdn.example/logo.svg"}
    [(_, shown)] = HEADER.findall(client.get(LOGIN).content.decode())
    assert shown.startswith('<img src="https://cdn.example/logo.svg" alt="Front page" height="32">')


def test_a_logo_that_was_not_collected_is_left_out(settings: Any, tmp_path: Path) -> None:
    manifest = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = {**settings.STORAGES, "staticfiles": manifest}
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGO": "no/such.svg"}
    assert site().logo == ""
