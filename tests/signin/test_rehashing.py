"""A hash that Django upgrades signs nobody out; another password still does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import HASH_SESSION_KEY, authenticate, get_user, get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher, PBKDF2PasswordHasher, make_password
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from authkit.core.clients import Client as Device
from authkit.exceptions import LoginEnded
from authkit.logins.fingerprints import password_digest
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.rotation import rotate
from authkit.logins.services import end_login
from authkit.logins.verdict import check_login
from authkit.sessions.store import SessionStore
from authkit.signin.rehashing import connect

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sessions.urls")]


class Hasher(PBKDF2PasswordHasher):
    iterations = 1
    hashed = 0

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        type(self).hashed += 1
        return super().encode(password, salt, iterations)


@pytest.fixture(autouse=True)
def _hasher(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.Hasher", f"{__name__}.OldHasher"]
    monkeypatch.setattr(Hasher, "iterations", 1)


class OldHasher(MD5PasswordHasher):
    pass


@pytest.fixture
def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def raise_iterations(monkeypatch: pytest.MonkeyPatch) -> Any:
    def do() -> None:
        monkeypatch.setattr(Hasher, "iterations", Hasher.iterations + 1)

    return do


def stands(login: Login) -> bool:
    try:
        check_login(login_id=login.pk, user_id=login.user_id)
    except LoginEnded:
        return False
    return True


def json_sign_in(client: Any, credentials: dict[str, str]) -> Any:
    return client.post("/auth/api/session/login/", credentials, content_type="application/json")


@pytest.mark.parametrize("door", ["session", "token", "admin", "authenticate", "check", "acheck"])
def test_upgrade_at_any_door_signs_no_other_device_out(
    make_user: Any, open_for: Any, password: str, credentials: Any, raise_iterations: Any, door: str
) -> None:
    user = make_user("boss", is_superuser=True)
    phone, tablet = open_for(user), Client()
    tablet.force_login(user)
    before = user.password
    raise_iterations()
    if door == "session":
        assert json_sign_in(Client(), credentials(user)).status_code == 200
    elif door == "token":
        answer = Client().post("/auth/api/token/", credentials(user), content_type="application/json")
        assert answer.status_code == 200
    elif door == "admin":
        Client().post(reverse("admin:login"), {"username": user.get_username(), "password": password})
    elif door == "authenticate":
        assert authenticate(None, username=user.get_username(), password=password) == user
    elif door == "check":
        assert user.check_password(password)
    else:
        assert async_to_sync(user.acheck_password)(password)
    user.refresh_from_db()
    assert user.password != before
    assert stands(phone)
    assert tablet.get("/who/").content.decode() == str(user.pk)
    phone.refresh_from_db()
    assert (phone.auth_hash, phone.password_digest) == (user.get_session_auth_hash(), password_digest(user))


def test_upgrade_to_another_hasher_signs_no_other_device_out(make_user: Any, open_for: Any, password: str) -> None:
    user = make_user()
    user.password = make_password(password, hasher="md5")
    user.save()
    login = open_for(user)
    assert user.check_password(password)
    assert user.password.startswith("pbkdf2")
    assert stands(login)


def test_session_goes_on_with_the_new_hash_and_keeps_its_data(
    user: Any, signed_in: Client, password: str, raise_iterations: Any
) -> None:
    signed_in.get("/keep-cart/")
    cookie = signed_in.cookies["sessionid"].value
    for _ in range(2):
        raise_iterations()
        assert user.check_password(password)
        assert signed_in.get("/who/").content.decode() == str(user.pk)
        assert signed_in.session[HASH_SESSION_KEY] == user.get_session_auth_hash()
    assert signed_in.session["cart"] == 1
    assert signed_in.cookies["sessionid"].value == cookie


def test_upgrade_in_the_request_that_changes_the_password_signs_out_the_others_alone(
    user: Any, open_for: Any, signed_in: Client, password: str, raise_iterations: Any, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.signin.password_urls"
    phone = open_for(user)
    raise_iterations()
    form = {"old_password": password, "new_password1": "another-long-one", "new_password2": "another-long-one"}
    assert signed_in.post("/password/", form).status_code == 302
    assert signed_in.get("/who/").content.decode() == str(user.pk)
    assert not stands(phone)


def test_attack_wrong_password_moves_nothing(user: Any, open_for: Any, raise_iterations: Any) -> None:
    login, before = open_for(user), user.password
    raise_iterations()
    assert not user.check_password("wrong")
    user.refresh_from_db()
    assert user.password == before
    assert stands(login)


def test_save_is_the_models_own_again_once_the_check_is_done(user: Any, password: str) -> None:
    for attempt in (password, "wrong"):
        user.check_password(attempt)
        assert "save" not in vars(user)
    with pytest.raises(TypeError):
        user.check_password()
    assert "save" not in vars(user)


@pytest.mark.parametrize("way", ["set_password", "column", "same_password"])
def test_attack_a_new_password_saved_as_an_upgrade_is_ends_the_others(
    user: Any, open_for: Any, password: str, raise_iterations: Any, way: str
) -> None:
    """The very save that Django's upgrade makes, from outside of a check of the password."""
    login = open_for(user)
    raise_iterations()
    if way == "set_password":
        user.set_password("another one")
    else:
        user.password = make_password("another one" if way == "column" else password)
    user._password = None
    user.save(update_fields=["password"])
    assert not stands(login)
    assert Login.objects.get(pk=login.pk).end_reason == EndReason.PASSWORD_CHANGED


def test_attack_a_password_that_its_check_replaces_ends_the_others(
    user: Any, open_for: Any, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that burns a one-time password: right, and another one from now on."""
    login = open_for(user)

    burned = []

    def burn(self: Hasher, encoded: str) -> bool:
        if not burned:
            burned.append(encoded)
            user.set_password("the next one")
            user._password = None
            user.save(update_fields=["password"])
        return False

    monkeypatch.setattr(Hasher, "must_update", burn)
    assert user.check_password(password)
    assert not stands(login)


def test_password_changed_meanwhile_by_another_process_revives_nothing(
    user: Any, open_for: Any, password: str, raise_iterations: Any
) -> None:
    login = open_for(user)
    stale = get_user_model()._default_manager.get(pk=user.pk)
    user.set_password("another one")
    user.save()
    raise_iterations()
    assert stale.check_password(password)
    assert not stands(login)
    user.refresh_from_db()
    assert user.check_password("another one")  # Django alone would have put the old one back, hashed anew
    client = Client()
    client.force_login(stale)
    assert client.get("/who/").content == b"None"


def test_second_sign_in_that_upgrades_at_the_same_time_takes_the_first_ones_hash(
    user: Any, open_for: Any, password: str, raise_iterations: Any
) -> None:
    login = open_for(user)
    first, second = (get_user_model()._default_manager.get(pk=user.pk) for _ in range(2))
    raise_iterations()
    assert first.check_password(password)
    assert second.check_password(password)
    assert first.password == second.password
    assert stands(login)


def test_upgrade_revives_no_login_that_is_over(user: Any, open_for: Any, password: str, raise_iterations: Any) -> None:
    ended, changed = open_for(user), open_for(user)
    end_login(login_id=ended.pk, reason=EndReason.LOGOUT)
    Login.objects.filter(pk=changed.pk).update(auth_hash="of another password")
    raise_iterations()
    assert user.check_password(password)
    assert not stands(ended)
    assert not stands(changed)


def test_attack_old_session_data_counts_no_more_once_the_password_has_changed(
    user: Any, signed_in: Client, password: str, raise_iterations: Any
) -> None:
    held = signed_in.session[HASH_SESSION_KEY]
    raise_iterations()
    assert user.check_password(password)
    assert signed_in.get("/who/").content.decode() == str(user.pk)
    assert signed_in.get("/change-password/").content == b"changed"
    session = signed_in.session
    session[HASH_SESSION_KEY] = held
    session.save()
    assert signed_in.get("/who/").content == b"None"


def test_no_hash_and_no_statement_more_without_an_upgrade(user: Any, password: str, raise_iterations: Any) -> None:
    Hasher.hashed = 0
    with CaptureQueriesContext(connection) as captured:
        assert user.check_password(password)
    assert (Hasher.hashed, len(captured)) == (1, 0)
    raise_iterations()
    Hasher.hashed = 0
    assert user.check_password(password)
    assert Hasher.hashed == 3  # Django's two, and the proof that the new one is of the same password


def test_rotation_that_read_the_person_before_the_upgrade_leaves_the_new_hash(
    user: Any, open_for: Any, password: str, raise_iterations: Any, lifetime: Any
) -> None:
    login = open_for(user)
    raise_iterations()

    def meanwhile(person: Any, row: Login) -> None:
        assert get_user_model()._default_manager.get(pk=user.pk).check_password(password)

    rotate(
        login_id=login.pk,
        user_id=user.pk,
        generation=0,
        lifetime=lifetime,
        grace=timedelta(seconds=10),
        client=Device(address=None, device=""),
        prepare=meanwhile,
    )
    assert stands(login)
    assert Login.objects.get(pk=login.pk).generation == 1


def test_model_without_djangos_methods_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare:
        pass

    monkeypatch.setattr("authkit.signin.rehashing.get_user_model", lambda: Bare)
    connect()
    assert not hasattr(Bare, "check_password")
    watched = get_user_model().check_password
    monkeypatch.undo()
    connect()
    assert get_user_model().check_password is watched


def test_djangos_own_get_user_finds_the_person_of_an_upgraded_session(
    user: Any, signed_in: Client, password: str, raise_iterations: Any
) -> None:
    raise_iterations()
    assert user.check_password(password)
    request = RequestFactory().get("/")
    request.session = SessionStore(signed_in.cookies["sessionid"].value)
    assert get_user(request) == user
    request.session.save()
    request.session = SessionStore(signed_in.cookies["sessionid"].value)
    assert get_user(request) == user
    assert signed_in.get("/who/").content.decode() == str(user.pk)
