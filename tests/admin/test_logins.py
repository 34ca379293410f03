from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from authkit.logins.models import GlobalCutoff, Login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import end_login, end_logins_of

pytestmark = pytest.mark.django_db

LIST = "admin:authkit_login_changelist"


def is_over(login: Login) -> bool:
    return not Login.objects.live().filter(pk=login.pk).exists()


def chosen(*logins: Login) -> dict[str, str]:
    return {"chosen": json.dumps([str(login.pk) for login in logins])}


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def state_of(page: str, login: Login) -> str:
    row = next(row for row in page.split("<tr") if str(login.pk) in row)
    found = re.search(r'class="field-state[^"]*">([^<]*)<', row)
    assert found is not None
    return found[1]


def test_list_shows_who_how_from_where_and_the_state(boss: Any, user: Any, open_for: Any, browse: Any) -> None:
    login = open_for(user, kind=LoginKind.SESSION)
    page = browse(boss).get(reverse(LIST)).content.decode()
    for expected in (str(user), "session", "password", "Firefox on Linux", "203.0.113.9"):
        assert expected in page
    assert state_of(page, login) == "live"


def test_state_is_what_the_next_request_would_find(
    boss: Any, user: Any, make_user: Any, open_for: Any, browse: Any
) -> None:
    ended, expired, cut_off = open_for(user), open_for(user), open_for(make_user("bob"))
    end_login(login_id=ended.pk, reason=EndReason.LOGOUT)
    Login.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    end_logins_of(user_id=cut_off.user_id, reason=EndReason.FORCED)
    Login.objects.filter(pk=cut_off.pk).update(ended_at=None, end_reason="")
    changed = open_for(make_user("carol"))
    changed.user.set_password("another")
    changed.user.save()
    page = browse(boss).get(reverse(LIST), {"state": "all"}).content.decode()
    states = [state_of(page, login) for login in (ended, expired, cut_off, changed)]
    assert states == ["signed out", "expired", "forced out", "password changed"]


def test_no_hash_or_counter_is_shown(boss: Any, user: Any, open_for: Any, browse: Any) -> None:
    login, browser = open_for(user), browse(boss)
    for address in (reverse(LIST), reverse("admin:authkit_login_change", args=[login.pk])):
        page = browser.get(address).content.decode()
        assert str(login.pk) in page
        assert login.auth_hash not in page
        assert "generation" not in page
        assert "auth_hash" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [("state=live", "live"), ("state=over", "over"), ("state=all", "both"), ("", "live"),
     ("state=all&kind__exact=session", "over"), ("state=all&method=password", "both"),
     ("method=oidc", "none"), ("state=over&end_reason__exact=logout", "over")],
)  # fmt: skip
def test_filters(query: str, found: str, staff: Any, user: Any, open_for: Any, browse: Any, settings: Any) -> None:
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"oidc": {"NAME": "Demo ID"}}}}
    browser = browse(staff("authkit.view_login"))
    live, over = open_for(user), open_for(user, kind=LoginKind.SESSION)
    end_login(login_id=over.pk, reason=EndReason.LOGOUT)
    page = browser.get(f"{reverse(LIST)}?{query}").content.decode()
    assert "Demo ID" in page
    shown = {name for name, login in (("live", live), ("over", over)) if str(login.pk) in page}
    assert shown == {"live": {"live"}, "over": {"over"}, "both": {"live", "over"}, "none": set()}[found]


def test_search_by_name_and_address(boss: Any, user: Any, make_user: Any, open_for: Any, browse: Any) -> None:
    mine, other, browser = open_for(user), open_for(make_user("bob")), browse(boss)
    for words in (user.get_username(), user.email):
        page = browser.get(reverse(LIST), {"q": words}).content.decode()
        assert str(mine.pk) in page
        assert str(other.pk) not in page


def test_list_costs_the_same_for_many_logins(
    boss: Any, make_user: Any, open_for: Any, browse: Any, django_assert_num_queries: Any
) -> None:
    browser = browse(boss)
    open_for(make_user("first"))
    browser.get(reverse(LIST))
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as few:
        browser.get(reverse(LIST))
    for number in range(10):
        open_for(make_user(f"person{number}"))
    with django_assert_num_queries(len(few)):
        browser.get(reverse(LIST))


@pytest.mark.parametrize("door", ["add", "delete"])
def test_nothing_is_added_or_deleted_by_hand_even_by_who_may_do_everything(
    door: str, boss: Any, user: Any, open_for: Any, browse: Any
) -> None:
    login = open_for(user)
    target = reverse(f"admin:authkit_login_{door}", args=[login.pk] if door == "delete" else [])
    for method in ("get", "post"):
        assert getattr(browse(boss), method)(target, {"post": "yes"}).status_code == 403
    assert Login.objects.filter(pk=login.pk).exists()


def test_page_of_a_login_changes_nothing(boss: Any, user: Any, open_for: Any, browse: Any) -> None:
    login = open_for(user)
    target = reverse("admin:authkit_login_change", args=[login.pk])
    assert browse(boss).post(target, {"device": "mine"}).status_code == 403
    login.refresh_from_db()
    assert login.device == "Firefox on Linux"


def test_list_offers_no_deletion(boss: Any, user: Any, open_for: Any, browse: Any) -> None:
    login = open_for(user)
    body = {"action": "delete_selected", "_selected_action": str(login.pk), "post": "yes"}
    browse(boss).post(reverse(LIST), body)
    assert Login.objects.filter(pk=login.pk).exists()


@pytest.mark.parametrize("way", ["page", "list"])
def test_person_with_logins_can_be_deleted_by_who_may_delete_people(
    way: str, staff: Any, user: Any, open_for: Any, browse: Any, url: Any
) -> None:
    open_for(user)
    browser = browse(staff("view_user", "delete_user"))
    if way == "page":
        assert browser.post(url(user, "delete", user.pk), {"post": "yes"}).status_code == 302
    else:
        body = {"action": "delete_selected", "_selected_action": str(user.pk), "post": "yes"}
        browser.post(url(user, "changelist"), body)
    assert not type(user).objects.filter(pk=user.pk).exists()


def test_index_names_logins_only_to_who_may_see_them(staff: Any, browse: Any) -> None:
    index = reverse("admin:index")
    assert reverse(LIST) not in browse(staff("view_user")).get(index).content.decode()
    assert reverse(LIST) in browse(staff("authkit.view_login", name="auditor")).get(index).content.decode()


def test_selected_logins_are_ended_once_confirmed(boss: Any, user: Any, open_for: Any, browse: Any) -> None:
    first, second, kept = open_for(user), open_for(user), open_for(user)
    browser = browse(boss)
    body = {"action": "end_logins", "_selected_action": [str(first.pk), str(second.pk)]}
    page = browser.post(reverse(LIST), body).content.decode()
    assert str(user) in page
    assert "Firefox on Linux" in page
    assert not is_over(first), "asking ended something"
    response = browser.post(reverse("admin:authkit_login_end"), chosen(first, second))
    assert [is_over(login) for login in (first, second, kept)] == [True, True, False]
    assert said(response) == ["2 logins ended."]
    assert set(LogEntry.objects.values_list("object_id", flat=True)) == {str(first.pk), str(second.pk)}
    assert str(user) in LogEntry.objects.first().change_message  # type: ignore[union-attr]


def test_login_that_is_over_is_neither_ended_nor_logged_again(boss: Any, user: Any, open_for: Any, browse: Any) -> None:
    login = open_for(user)
    end_login(login_id=login.pk, reason=EndReason.LOGOUT)
    response = browse(boss).post(reverse("admin:authkit_login_end"), chosen(login))
    assert said(response) == ["0 logins ended."]
    assert not LogEntry.objects.exists()


def test_more_logins_than_one_page_can_hold_are_refused(
    boss: Any, user: Any, open_for: Any, browse: Any, monkeypatch: Any
) -> None:
    from authkit.admin import login_endings as module

    monkeypatch.setattr(module, "MOST", 1)
    keys = [str(open_for(user).pk), str(open_for(user).pk)]
    response = browse(boss).post(reverse(LIST), {"action": "end_logins", "_selected_action": keys})
    assert said(response) == ["Please select at most 1 at once."]


def test_garbage_for_a_selection_of_logins_ends_nothing(boss: Any, user: Any, open_for: Any, browse: Any) -> None:
    login = open_for(user)
    for garbage in ("", "nonsense", '["1"]'):
        assert browse(boss).post(reverse("admin:authkit_login_end"), {"chosen": garbage}).status_code == 302
    assert not is_over(login)


def test_everybody_is_signed_out_once_confirmed(boss: Any, user: Any, open_for: Any, browse: Any) -> None:
    login, browser = open_for(user), browse(boss)
    target = reverse("admin:authkit_login_end_everybodys")
    assert f'href="{target}"' in browser.get(reverse(LIST)).content.decode()
    page = browser.get(target).content.decode()
    count = Login.objects.live().count()
    assert f"{count} live" in page
    assert not is_over(login), "a GET ended something"
    response = browser.post(target)
    assert response.url == reverse(LIST)
    assert GlobalCutoff.objects.exists()
    assert not Login.objects.live().exists()
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr, entry.object_id) == (boss, "everybody", None)
    assert f"{count} live login" in entry.change_message


def test_an_open_session_of_an_administrators_signs_everybody_out_only_after_a_step_up(
    boss: Any, browse: Any, password: str, settings: Any
) -> None:
    """A passer-by at an unlocked desk must not end the whole site's logins."""
    browser, target = browse(boss), reverse("admin:authkit_login_end_everybodys")
    past = timezone.now() - timedelta(hours=1)
    Login.objects.update(created_at=past, authenticated_at=past)
    step_up = f"{reverse('authkit:reauth')}?next={quote(target, safe='')}"
    assert browser.get(target)["Location"] == step_up
    assert browser.post(target)["Location"] == f"{step_up}&again=1"
    assert not GlobalCutoff.objects.exists()
    settings.AUTHKIT = {"LOGIN": {"ADMIN_REAUTH": False}}
    assert browser.get(target).status_code == 200
    settings.AUTHKIT = {}
    assert browser.post(reverse("authkit:reauth"), {"password": password, "next": target})["Location"] == target
    assert browser.post(target).status_code == 302
    assert GlobalCutoff.objects.exists()


@pytest.mark.parametrize("door", ["end", "end_everybodys"])
def test_ending_needs_the_permission_and_csrf_proof(
    door: str, staff: Any, boss: Any, user: Any, open_for: Any, browse: Any
) -> None:
    login, target = open_for(user), reverse(f"admin:authkit_login_{door}")
    watcher = browse(staff("authkit.view_login"))
    blind = browse(staff("authkit.force_logout", name="blind"))
    from_elsewhere = browse(boss, enforce_csrf_checks=True)
    for browser in (watcher, blind, from_elsewhere):
        assert browser.post(target, chosen(login)).status_code == 403
    assert watcher.get(target).status_code == 403
    page = watcher.get(reverse(LIST)).content.decode()
    assert "Sign everybody out" not in page
    assert "end_logins" not in page
    assert not is_over(login)


def test_get_of_the_door_that_ends_logins_ends_nothing(boss: Any, user: Any, open_for: Any, browse: Any) -> None:
    login = open_for(user)
    assert browse(boss).get(reverse("admin:authkit_login_end"), chosen(login)).status_code == 302
    assert not is_over(login)


def test_user_model_without_an_address_is_searched_by_name(
    boss: Any, user: Any, open_for: Any, browse: Any, monkeypatch: Any
) -> None:
    login, browser = open_for(user), browse(boss)
    monkeypatch.setattr(type(user), "EMAIL_FIELD", "no_such_field")
    page = browser.get(reverse(LIST), {"q": user.get_username()}).content.decode()
    assert str(login.pk) in page


@pytest.mark.parametrize(
    "odd", [{"kind__exact": "\x00"}, {"method": "\x00"}, {"ip": "here"}, {"expires_at__year": "-1"}]
)
def test_filter_that_makes_no_sense_leads_back_to_the_list(odd: dict[str, str], boss: Any, browse: Any) -> None:
    response = browse(boss).get(reverse(LIST), odd)
    # A database that takes a NUL finds nothing by it.
    assert (response.status_code, response.headers.get("Location")) in {(302, f"{reverse(LIST)}?e=1"), (200, None)}


@pytest.mark.parametrize("hidden", ["auth_hash__startswith", "auth_hash", "generation", "generation__gte"])
def test_what_is_not_shown_is_not_told_by_a_filter(hidden: str, boss: Any, browse: Any) -> None:
    assert browse(boss).get(reverse(LIST), {hidden: "1"}).status_code == 400
