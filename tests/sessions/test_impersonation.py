"""Root takes over Ann's session, by django-hijack, by django-loginas and by a view of the project's own."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model, login, update_session_auth_hash
from django.db import connection
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse
from django.utils import timezone

from authkit.exceptions import LoginEnded
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login, end_logins_of, live_logins_of
from authkit.logins.statement import USED
from authkit.logins.verdict import MOST_ORIGINS, check_login, origin_stands
from authkit.sessions.store import LOGIN_SESSION_KEY, SessionStore
from authkit.signin import last_login
from authkit.signin.proofs import has_proof, note_proof
from authkit.wiring import MODEL_BACKEND
from tests.sessions.impersonation_urls import ShowsAnother

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sessions.impersonation_urls")]

COOKIE = "sessionid"


def hijack(client: Client, person: Any) -> Any:
    return client.post("/hijack/acquire/", {"user_pk": str(person.pk)})


def hijack_release(client: Client) -> Any:
    return client.post("/hijack/release/")


def loginas(client: Client, person: Any) -> Any:
    return client.post(f"/admin/login/user/{person.pk}/")


def loginas_release(client: Client) -> Any:
    return client.get("/loginas-out/")


def become(client: Client, person: Any) -> Any:
    return client.get(f"/become/{person.get_username()}/")


WAYS: list[Any] = [
    pytest.param((hijack, hijack_release), id="hijack"),
    pytest.param((loginas, loginas_release), id="loginas"),
]
Way = tuple[Callable[[Client, Any], Any], Callable[[Client], Any]]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def receivers() -> Iterator[None]:
    """Both packages take Django's receiver of `last_login` out for as long as their `login()` takes, and then put it in
    the place of authkit's. It notes the time as well, by a commit of its own."""
    yield
    last_login.connect()
    assert last_login.is_noted_by_us()


@pytest.fixture
def root(make_user: Any) -> Any:
    return make_user("root", is_superuser=True)


@pytest.fixture
def ann(make_user: Any) -> Any:
    return make_user("ann")


@pytest.fixture
def browser(root: Any) -> Client:
    """Root's, in which root signed in by password at authkit's page."""
    client = Client()
    client.post("/auth/login/", {"username": root.get_username(), "password": "correct-horse-battery-staple"})
    assert who(client) == root.pk
    return client


def who(client: Client) -> Any:
    key = client.get("/who/").content.decode()
    return None if key == "None" else get_user_model()._meta.pk.to_python(key)


def row_of(client: Client) -> Login:
    return Login.objects.get(pk=client.session[LOGIN_SESSION_KEY])


def test_login_names_who_is_behind_it_and_which_login_it_came_from(
    way: Way, browser: Client, root: Any, ann: Any
) -> None:
    roots = row_of(browser)
    way[0](browser, ann)
    assert who(browser) == ann.pk
    anns = row_of(browser)
    assert (anns.user_id, anns.actor_id, anns.parent_id) == (ann.pk, root.pk, roots.pk)
    assert (anns.method, anns.remembered) == (roots.method, roots.remembered)
    assert anns.absolute_expires_at <= roots.absolute_expires_at
    roots.refresh_from_db()
    assert roots.ended_at is None


def raw(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(users=connection.ops.quote_name(get_user_model()._meta.db_table)), values)


def db_key(instance: Any) -> Any:
    return instance._meta.pk.get_db_prep_value(instance.pk, connection)


def forced_out(root: Any, roots: Login) -> None:
    assert end_logins_of(user_id=root.pk, reason=EndReason.FORCED).count == 1


def ended(root: Any, roots: Login) -> None:
    end_login(login_id=roots.pk, reason=EndReason.FORCED)


def ended_by_sql(root: Any, roots: Login) -> None:
    raw("UPDATE authkit_login SET ended_at = %s, end_reason = 'forced' WHERE id = %s", timezone.now(), db_key(roots))


def row_deleted_by_sql(root: Any, roots: Login) -> None:
    raw("DELETE FROM authkit_login WHERE id = %s", db_key(roots))


def deactivated_by_sql(root: Any, roots: Login) -> None:
    raw("UPDATE {users} SET is_active = %s WHERE id = %s", False, db_key(root))


def password_by_sql(root: Any, roots: Login) -> None:
    raw("UPDATE {users} SET password = %s WHERE id = %s", "md5$a$b", db_key(root))


def deleted(root: Any, roots: Login) -> None:
    root.delete()


def ran_out(root: Any, roots: Login) -> None:
    Login.objects.filter(pk=roots.pk).update(expires_at=timezone.now())


ENDINGS = [
    forced_out, ended, ended_by_sql, row_deleted_by_sql, deactivated_by_sql, password_by_sql, deleted, ran_out,
]  # fmt: skip


@pytest.mark.parametrize("end", ENDINGS)
def test_attack_root_is_forced_out_and_the_browser_goes_on_as_ann(
    end: Callable[[Any, Login], None], way: Way, browser: Client, root: Any, ann: Any
) -> None:
    roots, root_key = row_of(browser), root.pk
    phone = Client()
    phone.force_login(ann)
    way[0](browser, ann)
    anns = row_of(browser)
    end(root, roots)
    if end is not ran_out:
        answer = browser.get("/auth/api/me/")
        assert (answer.status_code, answer.json()["reason"], answer.json()["why"]) == (
            401, "login_ended", "origin_ended",
        )  # fmt: skip
        assert answer.cookies[COOKIE]["max-age"] == 0
    else:
        assert who(browser) is None
    anns.refresh_from_db()
    assert anns.end_reason == EndReason.ORIGIN_ENDED
    way[1](browser)
    assert who(browser) is None
    assert not Login.objects.live().filter(user_id=root_key).exists() or end in {deactivated_by_sql, password_by_sql}
    assert who(phone) == ann.pk  # her own is another


@pytest.mark.parametrize("end", ENDINGS)
def test_attack_release_as_the_first_request_after_the_end_gives_nothing_back(
    end: Callable[[Any, Login], None], way: Way, browser: Client, root: Any, ann: Any
) -> None:
    roots = row_of(browser)
    way[0](browser, ann)
    end(root, roots)
    browser.raise_request_exception = False  # django-loginas looks for a root who is gone, and finds an error
    way[1](browser)
    assert who(browser) is None


def test_release_returns_to_the_very_login_that_it_was(way: Way, browser: Client, root: Any, ann: Any) -> None:
    roots = row_of(browser)
    way[0](browser, ann)
    anns, impersonating = row_of(browser), browser.cookies[COOKIE].value
    way[1](browser)
    assert who(browser) == root.pk
    assert row_of(browser) == roots
    anns.refresh_from_db()
    roots.refresh_from_db()
    assert anns.end_reason == EndReason.LOGOUT
    assert roots.ended_at is None
    assert browser.cookies[COOKIE].value != impersonating
    assert not SessionStore().exists(impersonating)
    assert Login.objects.count() == 2


def test_signing_out_during_an_impersonation_signs_root_out_too(browser: Client, root: Any, ann: Any) -> None:
    hijack(browser, ann)
    browser.get("/sign-out/")
    assert not Login.objects.live().exists()
    assert set(Login.objects.values_list("end_reason", flat=True)) == {EndReason.LOGOUT}


def test_api_logout_during_an_impersonation_signs_root_out_too(browser: Client, ann: Any) -> None:
    hijack(browser, ann)
    assert browser.post("/auth/api/logout/", content_type="application/json").status_code == 204
    assert not Login.objects.live().exists()


def test_impersonation_within_an_impersonation_dies_with_the_first(browser: Client, root: Any, make_user: Any) -> None:
    roots = row_of(browser)
    boss, bob = make_user("boss", is_superuser=True), make_user("bob")
    hijack(browser, boss)
    hijack(browser, bob)
    assert who(browser) == bob.pk
    assert row_of(browser).actor_id == boss.pk
    hijack_release(browser)
    assert who(browser) == boss.pk
    assert row_of(browser).actor_id == root.pk
    hijack(browser, bob)
    end_login(login_id=roots.pk, reason=EndReason.FORCED)
    hijack_release(browser)
    assert who(browser) is None
    assert not live_logins_of(user=bob).exists()


def test_project_view_that_returns_from_far_below(browser: Client, root: Any, make_user: Any) -> None:
    roots = row_of(browser)
    become(browser, make_user("boss"))
    become(browser, make_user("bob"))
    become(browser, root)
    assert (who(browser), row_of(browser)) == (root.pk, roots)
    assert list(Login.objects.live()) == [roots]


def test_switch_to_the_same_person_again_keeps_who_is_behind_it(browser: Client, root: Any, ann: Any) -> None:
    become(browser, ann)
    become(browser, ann)
    assert row_of(browser).actor_id == root.pk
    assert live_logins_of(user=ann).count() == 1


def test_attack_way_back_that_looks_at_nobody_brings_no_dead_login_back(browser: Client, root: Any, ann: Any) -> None:
    roots = row_of(browser)
    become(browser, ann)
    end_login(login_id=roots.pk, reason=EndReason.FORCED)
    browser.get(f"/back-unasked/{root.get_username()}/")
    assert who(browser) is None


def test_way_back_that_looks_at_nobody_returns_to_a_live_one(browser: Client, root: Any, ann: Any) -> None:
    roots = row_of(browser)
    become(browser, ann)
    browser.get(f"/back-unasked/{root.get_username()}/")
    assert (who(browser), row_of(browser)) == (root.pk, roots)


@pytest.mark.parametrize("door", ["page", "api", "django", "admin"])
def test_signing_in_by_password_over_anothers_session_is_no_impersonation(
    door: str, browser: Client, root: Any, make_user: Any, password: str
) -> None:
    bob = make_user("bob", is_superuser=True)
    body = {"username": bob.get_username(), "password": password}
    if door == "page":
        browser.post("/auth/login/", body)
    elif door == "api":
        api = {bob.USERNAME_FIELD: bob.get_username(), "password": password}
        assert browser.post("/auth/api/session/login/", api, content_type="application/json").status_code == 200
    elif door == "django":
        browser.post("/django-login/", body)
    else:
        browser.post(reverse("admin:login"), body)
    assert who(browser) == bob.pk
    bobs = row_of(browser)
    assert (bobs.actor_id, bobs.parent_id) == (None, None)
    assert Login.objects.get(user=root).end_reason == EndReason.REPLACED


def test_signing_in_by_password_during_an_impersonation_ends_all_of_it(
    browser: Client, ann: Any, make_user: Any, password: str
) -> None:
    bob = make_user("bob")
    hijack(browser, ann)
    browser.post("/auth/login/", {"username": bob.get_username(), "password": password})
    assert who(browser) == bob.pk
    assert list(Login.objects.live()) == [row_of(browser)]
    assert row_of(browser).actor_id is None


def test_ann_sees_that_it_is_not_her_own_session(way: Way, browser: Client, root: Any, ann: Any) -> None:
    phone = Client()
    phone.force_login(ann)
    way[0](browser, ann)
    theirs, own = phone.get("/auth/api/logins/").json()["results"]
    assert theirs["impersonated_by"] == root.get_username()
    assert "impersonated_by" not in own
    assert browser.get("/auth/api/me/").json()["login"]["impersonated_by"] == root.get_username()
    page = phone.get("/auth/account/logins/").content.decode()
    assert page.count("Impersonated by") == 1
    assert f"<dd>{root}</dd>" in page
    assert phone.delete(f"/auth/api/logins/{theirs['id']}/").status_code == 204
    assert who(browser) is None


def test_login_from_a_dead_one_is_no_longer_in_the_list(browser: Client, root: Any, ann: Any) -> None:
    roots = row_of(browser)
    hijack(browser, ann)
    end_login(login_id=roots.pk, reason=EndReason.FORCED)
    assert not live_logins_of(user=ann).exists()


def test_admin_says_who_is_behind_it_and_whether_that_still_stands(
    browser: Client, root: Any, ann: Any, make_user: Any
) -> None:
    other = Client()
    other.force_login(make_user("boss", is_superuser=True))
    roots = row_of(browser)
    hijack(browser, ann)
    anns = row_of(browser)
    page = other.get(reverse("admin:authkit_login_changelist")).content.decode()
    assert f"impersonated by {root}" in page
    assert origin_stands(anns)
    end_login(login_id=roots.pk, reason=EndReason.FORCED)
    assert not origin_stands(anns)
    page = other.get(reverse("admin:authkit_login_change", args=[anns.pk])).content.decode()
    assert str(EndReason.ORIGIN_ENDED.label) in page
    root.delete()
    page = other.get(reverse("admin:authkit_login_change", args=[anns.pk])).content.decode()
    assert "a deleted person" in page


def test_impersonation_is_no_recent_login_of_the_person(browser: Client, ann: Any) -> None:
    assert browser.get("/recent/").status_code == 200
    hijack(browser, ann)
    assert browser.get("/recent/").status_code == 403


@pytest.fixture
def shows_another(settings: Any) -> None:
    """As a project has django-impersonate, below everything that authenticates."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{ShowsAnother.__module__}.{ShowsAnother.__qualname__}"]


def test_attack_middleware_shows_ann_to_root_who_acts_as_if_ann_had_just_signed_in(
    shows_another: None, browser: Client, ann: Any, password: str
) -> None:
    as_ann: Any = {"headers": {"X-Shown": str(ann.pk)}}
    assert browser.get("/recent/").status_code == 200
    refused = browser.get("/recent/", **as_ann)
    assert (refused.status_code, refused.json()["methods"]) == (403, [])
    # Ann's password can't make root's own login fresh: she may be the one who sits at root's open browser.
    answer = browser.post("/auth/api/reauth/", {"password": password}, content_type="application/json", **as_ann)
    assert answer.status_code == 403
    assert browser.get("/auth/api/reauth/", **as_ann).json()["fresh"] is False
    assert browser.get("/recent/").status_code == 200


def test_limit_of_logins_is_the_persons_own(browser: Client, ann: Any, root: Any) -> None:
    with override_settings(AUTHKIT={"LOGIN": {"MAX_LOGINS": 1, "AT_LIMIT": "refuse"}}):
        phone = Client()
        phone.force_login(ann)
        hijack(browser, ann)
        assert (who(browser), who(phone)) == (ann.pk, ann.pk)
        Login.objects.filter(user=ann, actor=None).delete()
        tablet = Client()
        tablet.force_login(ann)
        assert (who(browser), who(tablet)) == (ann.pk, ann.pk)


def test_use_of_the_impersonation_is_use_of_roots_own_login(browser: Client, root: Any, ann: Any) -> None:
    roots = row_of(browser)
    hijack(browser, ann)
    old = timezone.now() - timedelta(minutes=5)
    Login.objects.update(last_seen_at=old, expires_at=timezone.now() + timedelta(minutes=1))
    assert who(browser) == ann.pk
    roots.refresh_from_db()
    assert roots.last_seen_at > old
    assert roots.expires_at > timezone.now() + timedelta(hours=1)


def test_one_statement_more_for_an_impersonation_and_none_for_others(
    browser: Client, root: Any, ann: Any, django_assert_num_queries: Any
) -> None:
    roots = row_of(browser)
    hijack(browser, ann)
    anns = row_of(browser)
    with django_assert_num_queries(1):
        check_login(login_id=roots.pk, user_id=root.pk, columns=USED)
    with django_assert_num_queries(2):
        assert check_login(login_id=anns.pk, user_id=ann.pk, columns=USED).login.origin == roots


def test_attack_rows_that_point_at_each_other_end(browser: Client, root: Any, ann: Any) -> None:
    hijack(browser, ann)
    anns = row_of(browser)
    Login.objects.filter(pk=anns.parent_id).update(parent_id=anns.pk, actor=ann)
    with pytest.raises(LoginEnded):
        check_login(login_id=anns.pk, user_id=ann.pk, columns=USED)
    assert not origin_stands(anns)
    assert MOST_ORIGINS < 100


def test_proof_is_of_one_instance_and_survives_no_copy(user: Any, password: str) -> None:
    person = authenticate(None, username=user.get_username(), password=password)
    assert has_proof(person)
    assert not has_proof(user)
    assert not has_proof(copy.copy(person))
    assert not has_proof(copy.deepcopy(person))
    assert not has_proof(pickle.loads(pickle.dumps(person)))
    user.backend = MODEL_BACKEND
    assert not has_proof(user)
    note_proof(user)
    assert has_proof(user)


def test_back_end_of_a_projects_own_may_say_that_it_saw_a_credential(browser: Client, root: Any, ann: Any) -> None:
    request = RequestFactory().get("/")
    request.session = SessionStore(browser.cookies[COOKIE].value)
    note_proof(ann)
    login(request, ann, backend=MODEL_BACKEND)
    assert Login.objects.get(user=ann).actor_id is None
    assert Login.objects.get(user=root).end_reason == EndReason.REPLACED


def test_ann_changes_her_password_and_the_impersonation_is_over(browser: Client, ann: Any) -> None:
    hijack(browser, ann)
    ann.set_password("another one")
    ann.save()
    assert who(browser) is None


def test_root_changes_the_own_password_elsewhere_and_the_impersonation_is_over(
    browser: Client, root: Any, ann: Any
) -> None:
    hijack(browser, ann)
    request = RequestFactory().get("/")
    request.session, request.user = SessionStore(), root
    root.set_password("another one")
    root.save()
    update_session_auth_hash(request, root)
    assert who(browser) is None


def test_way_back_to_a_login_that_is_over_leaves_the_browser_signed_out(browser: Client, root: Any, ann: Any) -> None:
    hijack(browser, ann)
    end_logins_of(user_id=root.pk, reason=EndReason.FORCED)
    assert hijack_release(browser).status_code == 403
    assert who(browser) is None


def test_loginas_way_back_to_a_login_that_is_over_restores_nothing(browser: Client, root: Any, ann: Any) -> None:
    loginas(browser, ann)
    end_logins_of(user_id=root.pk, reason=EndReason.FORCED)
    assert loginas_release(browser).status_code == 302
    assert who(browser) is None
