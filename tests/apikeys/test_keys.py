"""Keys for their owners: made, narrowed, rotated and revoked, and never shown again."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from authkit.apikeys import rotating
from authkit.apikeys.export import keys_of_person
from authkit.apikeys.keys import change_key, key_of
from authkit.apikeys.making import KeyRefused
from authkit.apikeys.models import ApiKey
from authkit.apikeys.pruning import prunable
from authkit.apikeys.rotating import rotate_key
from authkit.core.clients import Client
from authkit.exceptions import LoginEnded
from authkit.logins import opening
from authkit.logins.models import Login
from authkit.logins.pruning import prune
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_login
from authkit.tokens.services import issue_tokens

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.apikeys.urls")]

KEYS = "/auth/api/keys/"
BODY = {"name": "nightly", "scopes": ["notes:read"], "expires_in": 86_400}


def texts_in(answer: Any) -> list[str]:
    return re.findall(r"ak_\w{12}_\w{43}_\w{6}", answer.content.decode())


def test_the_text_is_in_the_first_answer_alone(
    api_keys: Any, signed_in: Any, by_key: Any, user: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        made = signed_in.post(KEYS, BODY, format="json")
    assert made.status_code == 201
    text = made.json()["key"]
    assert texts_in(made) == [text]
    assert made["Cache-Control"] == "no-store"
    assert by_key(text).get("/notes/").json() == {"user": str(user.pk)}
    later = [
        signed_in.get(KEYS),
        signed_in.patch(f"{KEYS}{made.json()['id']}/", {"name": "weekly"}, format="json"),
        signed_in.get("/auth/api/logins/"),
        signed_in.get("/auth/api/account/export/"),
    ]
    assert [answer.status_code for answer in later] == [200] * 4
    assert [texts_in(answer) for answer in later] == [[]] * 4
    assert later[0].json()[0]["prefix"] == text[:15]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM authkit_apikeys_apikey")
        assert text.split("_")[2] not in str(cursor.fetchall())
    assert text[:15] in mail.outbox[-1].body
    assert not re.search(r"ak_\w{12}_\w", mail.outbox[-1].body)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scopes": ["notes:delete"]}, "scopes"),
        ({"networks": ["192.0.2.0/33"]}, "networks"),
        ({"networks": ["localhost"]}, "networks"),
        ({"networks": ["fe80::1%a b"]}, "networks"),
        ({"expires_in": 59}, "expires_in"),
        ({"expires_in": 367 * 86_400}, "expires_in"),
        ({"expires_in": 10**40}, "expires_in"),
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"scopes": "notes:read"}, "scopes"),
        ({"scopes": [None]}, "scopes"),
    ],
)
def test_bad_input_is_refused_by_its_field(api_keys: Any, signed_in: Any, change: Any, field: str) -> None:
    answer = signed_in.post(KEYS, {**BODY, **change}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert "Hidden" not in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_sign_in_of_yesterday_makes_changes_and_rotates_no_key(
    api_keys: Any, make: Any, signed_in: Any, clock: Any
) -> None:
    made = make()
    Login.objects.exclude(kind="key").update(
        created_at=timezone.now() - timedelta(days=1), authenticated_at=timezone.now() - timedelta(days=1)
    )
    calls = [
        signed_in.post(KEYS, BODY, format="json"),
        signed_in.patch(f"{KEYS}{made.key.pk}/", {"name": "x"}, format="json"),
        signed_in.post(f"{KEYS}{made.key.pk}/rotate/", {"overlap": 0}, format="json"),
    ]
    assert {call.json()["code"] for call in calls} == {"insufficient_user_authentication"}
    assert signed_in.delete(f"{KEYS}{made.key.pk}/").status_code == 204


def test_a_key_gets_narrower_and_never_wider(make: Any, signed_in: Any) -> None:
    made = make(scopes=["notes:read", "notes:write"], expires_in=timedelta(days=10))
    url = f"{KEYS}{made.key.pk}/"

    def patch(**change: Any) -> Any:
        return signed_in.patch(url, change, format="json")

    assert patch(scopes=["notes:write"]).json()["scopes"] == ["notes:write"]
    assert list(patch(scopes=["notes:read"]).json()) == ["scopes"]
    soon, late = timezone.now() + timedelta(days=1), timezone.now() + timedelta(days=2)
    assert patch(expires_at=soon.isoformat()).status_code == 200
    assert list(patch(expires_at=late.isoformat()).json()) == ["expires_at"]
    assert list(patch(expires_at="2001-01-01T00:00:00Z").json()) == ["expires_at"]
    assert patch(networks=["192.0.2.7/24"]).json()["networks"] == ["192.0.2.0/24"]


def test_another_persons_key_is_none(make: Any, signed_in: Any, make_user: Any, user: Any) -> None:
    made = make(user=make_user("bob"))
    url = f"{KEYS}{made.key.pk}/"
    assert signed_in.get(KEYS).json() == []
    for answer in [
        signed_in.patch(url, {"name": "mine"}, format="json"),
        signed_in.post(f"{url}rotate/", {"overlap": 0}, format="json"),
        signed_in.delete(url),
        signed_in.delete(f"{KEYS}garbage/"),
    ]:
        assert answer.status_code == 404
    assert Login.objects.live().filter(pk=made.key.pk).exists()


def test_no_more_keys_than_the_setting_allows(api_keys: Any, signed_in: Any) -> None:
    api_keys(MAX_PER_PERSON=2)
    answers = [signed_in.post(KEYS, BODY, format="json") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 400]
    assert ApiKey.objects.count() == 2
    signed_in.delete(f"{KEYS}{answers[0].json()['id']}/")
    assert signed_in.post(KEYS, BODY, format="json").status_code == 201


def test_rotations_one_after_the_other_make_no_more_keys_than_two_for_each_place(
    make: Any, api_keys: Any, user: Any
) -> None:
    api_keys(MAX_PER_PERSON=2)
    key = make().key
    for _ in range(3):
        key = rotate_key(user=user, login_id=key.pk, overlap=timedelta(days=1), client=Client()).key
    with pytest.raises(KeyRefused):
        rotate_key(user=user, login_id=key.pk, overlap=timedelta(days=1), client=Client())
    assert Login.objects.live().filter(kind="key").count() == 4


def test_keys_count_for_no_limit_of_logins_and_stand_in_no_list_of_them(
    api_keys: Any, make: Any, signed_in: Any
) -> None:
    api_keys(LOGIN={"MAX_LOGINS": 1})
    make()
    assert [login["kind"] for login in signed_in.get("/auth/api/logins/").json()["results"]] == ["token"]


def test_a_key_of_a_login_that_ended_meanwhile_is_not_made(make: Any, signed_in: Any) -> None:
    login = Login.objects.exclude(kind="key").get()
    end_login(login_id=login.pk, reason=EndReason.FORCED)
    with pytest.raises(Exception, match="over"):
        make(maker=login.pk)
    assert not ApiKey.objects.exists()


def test_the_successor_has_the_same_rights_and_the_old_key_gets_no_second_one(
    make: Any, signed_in: Any, by_key: Any
) -> None:
    made = make(networks=["127.0.0.0/8"])
    url = f"{KEYS}{made.key.pk}/rotate/"
    answer = signed_in.post(url, {"overlap": 3600}, format="json")
    assert answer.status_code == 201
    assert (answer.json()["scopes"], answer.json()["networks"]) == (["notes:read"], ["127.0.0.0/8"])
    assert [by_key(key).get("/notes/").status_code for key in (made, answer.json()["key"])] == [200, 200]
    assert signed_in.post(url, {"overlap": 3600}, format="json").status_code == 400
    assert list(signed_in.post(url, {"overlap": 31 * 86_400}, format="json").json()) == ["overlap"]
    ended = signed_in.post(f"{KEYS}{answer.json()['id']}/rotate/", {"overlap": 0}, format="json")
    assert by_key(answer.json()["key"]).get("/notes/").status_code == 401
    assert by_key(ended.json()["key"]).get("/notes/").status_code == 200


def test_the_page_makes_a_key_shows_it_once_replaces_and_revokes_it(
    api_keys: Any, user: Any, password: str, by_key: Any
) -> None:
    browser = Browser()
    browser.post("/auth/login/", {"username": user.get_username(), "password": password})
    page = "/auth/account/keys/"
    form = {"name": "nightly", "days": 30, "scope-1": "on"}
    refused = browser.post(page, {**form, "networks": "nowhere"})
    assert (refused.status_code, ApiKey.objects.count()) == (400, 0)
    made = browser.post(page, form)
    [text] = texts_in(made)
    assert by_key(text).get("/notes/").status_code == 200
    assert texts_in(browser.get(page)) == []
    key = ApiKey.objects.get()
    assert b"nightly" in browser.get(f"{page}{key.pk}/rotate/").content
    [successor] = texts_in(browser.post(f"{page}{key.pk}/rotate/", {"overlap": 0}))
    assert by_key(successor).get("/notes/").status_code == 200
    assert by_key(text).get("/notes/").status_code == 401
    browser.post(f"{page}{ApiKey.objects.get(successor_id=None).pk}/revoke/")
    assert by_key(successor).get("/notes/").json()["why"] == "revoked"


def test_a_key_is_pruned_with_its_login_and_its_owner_may_download_what_is_kept(make: Any, user: Any) -> None:
    gone, kept = make(name="gone"), make(name="kept")
    Login.objects.filter(pk=gone.key.pk)._raw_delete("default")  # as the pruning of logins does
    [(_name, rows)] = prunable(timedelta(days=1))
    assert [row.pk for row in rows] == [gone.key.pk]
    prune(rows=rows)
    [exported] = keys_of_person(user)["keys"]
    assert (exported["name"], exported["prefix"]) == ("kept", kept.key.prefix)
    assert kept.key.digest not in str(exported)


def test_a_key_that_was_narrowed_while_it_is_rotated_gets_a_successor_as_narrow(
    make: Any, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make(scopes=["notes:read", "notes:write"]).key

    def narrowed_meanwhile(**given: Any) -> Any:
        found = key_of(**given)
        change_key(user_id=user.pk, login_id=key.pk, scopes=["notes:read"], networks=["192.0.2.0/24"])
        monkeypatch.setattr(rotating, "key_of", key_of)
        return found

    monkeypatch.setattr(rotating, "key_of", narrowed_meanwhile)
    made = rotate_key(user=user, login_id=key.pk, overlap=timedelta(), client=Client()).key
    assert (made.scopes, made.networks) == ("notes:read", "192.0.2.0/24")


@pytest.mark.parametrize("way", ["make", "rotate"])
def test_no_key_comes_of_a_login_that_an_ending_of_everybodys_has_cut_off_meanwhile(
    way: str, make: Any, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such an ending writes no login, and a login that is written after it begins above its cutoff."""
    maker, key = issue_tokens(user=user, method="password", client=Client()).login.pk, make().key
    insert = opening._insert

    def cut_off_first(*args: Any, **options: Any) -> None:
        end_all_logins(reason=EndReason.FORCED)
        insert(*args, **options)

    monkeypatch.setattr(opening, "_insert", cut_off_first)
    options = {"user": user, "login_id": key.pk, "overlap": timedelta(), "client": Client()}
    call: Any = partial(make, maker=maker) if way == "make" else partial(rotate_key, **options)
    with pytest.raises(LoginEnded):
        call()
    assert ApiKey.objects.count() == 1
