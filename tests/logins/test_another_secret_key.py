"""A rolling change of SECRET_KEY: a process with another key than the one that wrote a login refuses it, no more."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth import get_user, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory, override_settings

from authkit.exceptions import LoginEnded
from authkit.logins.fingerprints import password_digest
from authkit.logins.models import Login
from authkit.logins.verdict import check_login
from authkit.sessions.store import SessionStore
from authkit.sessions.upkeep import renew_auth_hash
from tests.tokens.rings import ring

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sessions.urls")]

NEW = "n" * 50


def machine(key: str, *fallbacks: str) -> Any:
    """One of the site's processes, with these keys."""
    return override_settings(SECRET_KEY=key, SECRET_KEY_FALLBACKS=list(fallbacks))


def refused(login: Login) -> LoginEnded | None:
    try:
        check_login(login_id=login.pk, user_id=login.user_id)
    except LoginEnded as ended:
        return ended
    return None


def is_over(login: Login) -> bool:
    return Login.objects.get(pk=login.pk).ended_at is not None


def other_password(user: Any) -> None:
    get_user_model()._default_manager.filter(pk=user.pk).update(password=make_password("another one"))


def test_login_of_a_key_that_this_process_lacks_is_refused_and_goes_on_elsewhere(user: Any, open_for: Any) -> None:
    login = open_for(user)
    with machine(NEW):
        ended = refused(login)
        assert ended is not None
        assert (ended.reason, ended.why, ended.final) == ("login_ended", "password_changed", False)
    assert not is_over(login)
    assert refused(login) is None


def test_another_password_ends_it_for_good_under_every_key(user: Any, open_for: Any) -> None:
    login, before = open_for(user), user.password
    other_password(user)
    with machine(NEW):
        ended = refused(login)
        assert ended is not None
        assert ended.final
    assert is_over(login)
    get_user_model()._default_manager.filter(pk=user.pk).update(password=before)
    assert refused(login) is not None


def test_login_from_before_the_digest_ends_as_ever(user: Any, open_for: Any) -> None:
    login = open_for(user)
    Login.objects.filter(pk=login.pk).update(password_digest="")
    with machine(NEW):
        assert refused(login) is not None
    assert is_over(login)


def test_machines_with_both_keys_pass_a_login_back_and_forth(user: Any, open_for: Any) -> None:
    old, login = project.SECRET_KEY, open_for(user)
    with machine(NEW, old):
        assert refused(login) is None
        renew_auth_hash(login, auth_hash=user.get_session_auth_hash(), user=user)
    assert refused(login) is not None  # has not heard of the new key yet
    assert not is_over(login)
    with machine(old, NEW):
        assert refused(login) is None
    with machine(NEW):
        assert refused(login) is None


def test_field_of_a_projects_own_hash_ends_the_login_for_good(
    user: Any, open_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock, version = AbstractBaseUser.get_session_auth_hash, ["1"]
    monkeypatch.setattr(type(user), "get_session_auth_hash", lambda self: stock(self) + version[0])
    login, another = open_for(user), open_for(user)
    with machine(NEW):
        assert refused(login) is not None
        assert not is_over(login)
    # Django's fallback hashes don't cover the field, so under a fallback there is no telling what has changed.
    with machine(NEW, project.SECRET_KEY):
        assert refused(login) is not None
        assert not is_over(login)
    version[0] = "2"
    assert refused(another) is not None
    assert is_over(another)


def test_field_of_a_projects_own_hash_with_fallbacks_of_its_own(
    user: Any, open_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock, version = AbstractBaseUser._get_session_auth_hash, ["1"]  # type: ignore[attr-defined]
    monkeypatch.setattr(
        type(user), "_get_session_auth_hash", lambda self, secret=None: stock(self, secret) + version[0], raising=False
    )
    login = open_for(user)
    with machine(NEW, project.SECRET_KEY):
        assert refused(login) is None
        version[0] = "2"
        assert refused(login) is not None
        assert is_over(login)


def test_digest_says_nothing_of_the_password_and_is_not_its_column(user: Any, open_for: Any) -> None:
    login = open_for(user)
    assert login.password_digest == password_digest(user)
    key, _, digest = login.password_digest.partition(":")
    assert (len(key), len(digest)) == (16, 64)
    assert user.password not in login.password_digest
    assert project.SECRET_KEY not in login.password_digest
    with machine(NEW):
        assert password_digest(user).partition(":")[2] == digest
        assert password_digest(user).partition(":")[0] != key


def test_check_that_finds_nothing_wrong_is_one_statement_and_a_refusal_two(
    user: Any, open_for: Any, django_assert_num_queries: Any
) -> None:
    login = open_for(user)
    with django_assert_num_queries(1):
        assert refused(login) is None
    with machine(NEW), django_assert_num_queries(2):
        assert refused(login) is not None


def test_session_of_a_login_that_moved_to_an_unknown_key_is_neither_flushed_nor_its_cookie_cleared(user: Any) -> None:
    client = Client()
    client.force_login(user)
    login, cookie = Login.objects.get(), client.cookies["sessionid"].value
    with machine(NEW, project.SECRET_KEY):
        renew_auth_hash(login, auth_hash=user.get_session_auth_hash(), user=user)
    answer = client.get("/who/")
    assert answer.content == b"None"
    assert "sessionid" not in answer.cookies
    assert client.get("/auth/api/me/").status_code == 401
    assert Session.objects.count() == 1
    assert not is_over(login)
    with machine(project.SECRET_KEY, NEW):
        assert client.get("/who/").content.decode() == str(user.pk)
    assert client.cookies["sessionid"].value == cookie


def test_session_whose_own_hash_is_of_an_unknown_key_is_not_flushed(user: Any) -> None:
    client = Client()
    client.force_login(user)
    session = client.session
    assert session["_auth_user_hash"]  # read under the key that has signed it
    with machine(NEW):
        session["_auth_user_hash"] = user.get_session_auth_hash()
    session.hash_at_load = session["_auth_user_hash"]  # or the store would take it for a new password
    session.save()
    answer = client.get("/who/")
    assert answer.content == b"None"
    assert "sessionid" not in answer.cookies
    assert not is_over(Login.objects.get())
    with machine(project.SECRET_KEY, NEW):
        assert client.get("/who/").content.decode() == str(user.pk)


@pytest.mark.parametrize("transport", ["cookie", "body"])
def test_tokens_of_a_login_of_an_unknown_key_are_kept(user: Any, credentials: Any, transport: str) -> None:
    with override_settings(AUTHKIT={"TOKENS": {"KEYS": ring()}}):
        client = Client()
        body = {**credentials(user), "transport": transport}
        pair = client.post("/auth/api/token/", body, content_type="application/json").json()
        login, names = Login.objects.get(), set(client.cookies)
        sent = {} if transport == "cookie" else {"refresh": pair["refresh"]}
        headers = {} if transport == "cookie" else {"authorization": f"Bearer {pair['access']}"}
        with machine(NEW):
            read = client.get("/auth/api/me/", headers=headers)
            renewed = client.post("/auth/api/token/refresh/", sent, content_type="application/json")
        assert (read.status_code, renewed.status_code) == (401, 401)
        assert not [cookie for cookie in {**read.cookies, **renewed.cookies}.values() if cookie["max-age"] == 0]
        assert set(client.cookies) == names
        assert not is_over(login)
        assert client.get("/auth/api/me/", headers=headers).status_code == 200
        assert client.post("/auth/api/token/refresh/", sent, content_type="application/json").status_code == 200


def test_refresh_moves_the_digest_on_with_the_hash(user: Any, credentials: Any) -> None:
    old = project.SECRET_KEY
    with override_settings(AUTHKIT={"TOKENS": {"KEYS": ring()}}):
        client = Client()
        pair = client.post("/auth/api/token/", credentials(user), content_type="application/json").json()
        with machine(NEW, old):
            body = {"refresh": pair["refresh"]}
            assert client.post("/auth/api/token/refresh/", body, content_type="application/json").status_code == 200
            login = Login.objects.get()
            assert (login.auth_hash, login.password_digest) == (user.get_session_auth_hash(), password_digest(user))


def test_password_change_that_is_noted_without_its_person_has_a_digest_too(user: Any, open_for: Any) -> None:
    login = open_for(user)
    user.set_password("another one")
    user.save()
    renew_auth_hash(login, auth_hash=user.get_session_auth_hash())
    assert Login.objects.get(pk=login.pk).password_digest == password_digest(user)
    with machine(NEW):
        assert refused(login) is not None
    assert not is_over(login)


@pytest.mark.parametrize("every_time", [True, False])
def test_session_that_this_process_cant_judge_lies_as_it_was_for_the_others(
    user: Any, every_time: bool, settings: Any
) -> None:
    settings.SESSION_SAVE_EVERY_REQUEST = every_time
    client = Client()
    client.force_login(user)
    client.get("/keep-cart/")
    login, cookie = Login.objects.get(), client.cookies["sessionid"].value
    with machine(NEW, project.SECRET_KEY):
        renew_auth_hash(login, auth_hash=user.get_session_auth_hash(), user=user)
    assert client.get("/who/").content == b"None"
    assert client.cookies["sessionid"].value == cookie
    request = RequestFactory().get("/")
    request.session = SessionStore(cookie)
    assert not get_user(request).is_authenticated  # Django's own, which empties what it can't verify
    request.session.save()
    with machine(project.SECRET_KEY, NEW):
        assert client.get("/who/").content.decode() == str(user.pk)
        assert client.session["cart"] == 1
    login.refresh_from_db()
    with machine(NEW, project.SECRET_KEY):
        renew_auth_hash(login, auth_hash=user.get_session_auth_hash(), user=user)
    other = Client()
    other.cookies["sessionid"] = cookie
    other.get("/keep-cart/")  # is not kept: under an id of its own it would take the cookie's place
    assert other.cookies["sessionid"].value == cookie
    with machine(project.SECRET_KEY, NEW):
        assert client.get("/who/").content.decode() == str(user.pk)


def test_person_may_sign_in_anew_where_the_session_cant_be_judged(user: Any, credentials: Any) -> None:
    client = Client()
    client.force_login(user)
    login, cookie = Login.objects.get(), client.cookies["sessionid"].value
    with machine(NEW, project.SECRET_KEY):
        renew_auth_hash(login, auth_hash=user.get_session_auth_hash(), user=user)
    assert (
        client.post("/auth/api/session/login/", credentials(user), content_type="application/json").status_code == 200
    )
    assert client.cookies["sessionid"].value != cookie
    assert client.get("/who/").content.decode() == str(user.pk)
    assert Login.objects.get(pk=login.pk).end_reason == "replaced"
