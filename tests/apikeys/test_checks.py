"""What `manage.py check` says of API_KEYS."""

from __future__ import annotations

from typing import Any

import pytest

from authkit.apikeys.checks import check_leaks, check_openings, check_scopes, check_unscoped_views


@pytest.mark.parametrize(
    ("check", "keys", "ids"),
    [
        (check_scopes, {"SCOPES": {"notes:read": "Read your notes"}}, []),
        (check_scopes, {"SCOPES": {"notes read": "Read"}}, ["authkit.E290"]),
        (check_scopes, {"SCOPES": {"notes": ""}}, ["authkit.E290"]),
        (check_scopes, {"SCOPES": {1: "One"}}, ["authkit.E290"]),
        (check_openings, {}, ["authkit.W290"]),
        (check_openings, {"UNSCOPED_VIEWS": "accept"}, []),
        (check_leaks, {"LEAKS": "http://keys.example.com/"}, ["authkit.E291"]),
        (check_leaks, {"LEAKS": "https://keys.example.com/"}, []),
        (check_unscoped_views, {"UNSCOPED_VIEWS": "accept"}, ["authkit.W291"]),
        (check_unscoped_views, {}, []),
    ],
)
def test_each_mistake_has_its_id(settings: Any, check: Any, keys: Any, ids: list[str]) -> None:
    settings.AUTHKIT = {"API_KEYS": keys}
    messages = check()
    assert [message.id for message in messages] == ids
    assert all(message.hint for message in messages)
