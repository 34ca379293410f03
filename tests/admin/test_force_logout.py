from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.db import OperationalError

from authkit.admin.selection import chosen_objects
from authkit.logins import crowds
from authkit.logins.models import Login, UserCutoff, UserCutoffQuerySet
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import end_logins_of
from authkit.logins.verdict import check_login

pytestmark = pytest.mark.django_db


def is_over(login: Login) -> bool:
    return not Login.objects.live().filter(pk=login.pk).exists()


def chosen(*users: Any) -> dict[str, str]:
    return {"chosen": json.dumps([str(user.pk) for user in users])}


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def select(browser: Any, url: Any, *users: Any, **more: Any) -> Any:
    body = {"action": "authkit_force_logout", "_selected_action": [str(user.pk) for user in users], **more}
    return browser.post(url(users[0], "changelist"), body)


def test_list_has_the_action_and_its_confirmation_says_who_how_many_kinds_and_devices(
    boss: Any, user: Any, make_user: Any, open_for: Any, browse: Any, url: Any
) -> None:
    bob = make_user("bob")
    open_for(user, kind=LoginKind.SESSION, device="Safari on iOS")
    kept = open_for(user)
    browser = browse(boss)
    assert "Force logout of selected" in browser.get(url(user, "changelist")).content.decode()
    page = re.sub(r" data-label=\"[^\"]*\"", "", select(browser, url, user, bob).content.decode())
    assert re.search(rf"{re.escape(str(user))}</th>\s*<td>2</td>\s*<td>session: 1, token: 1</td>", page)
    assert "Firefox on Linux, Safari on iOS" in page
    assert re.search(rf"{re.escape(str(bob))}</th>\s*<td>0</td>", page)
    assert check_login(login_id=kept.pk, user_id=user.pk).user == user, "asking ended something"


def test_confirmed_selection_is_forced_out_logged_one_by_one_and_counted(
    boss: Any, user: Any, make_user: Any, open_for: Any, browse: Any, url: Any
) -> None:
    bob, carol = make_user("bob"), make_user("carol")
    logins, hers = [open_for(user), open_for(user), open_for(bob)], open_for(carol)
    response = browse(boss).post(url(user, "force_logout"), chosen(user, bob))
    assert response.url == url(user, "changelist")
    assert all(is_over(login) for login in logins)
    assert not is_over(hers)
    assert set(Login.objects.filter(pk__in=[login.pk for login in logins]).values_list("end_reason", flat=True)) == {
        EndReason.FORCED
    }
    assert said(response) == ["2 people were forced to sign out; 3 live logins ended."]
    entries = LogEntry.objects.order_by("change_message")
    assert [(entry.user, entry.object_id, entry.change_message) for entry in entries] == [
        (boss, str(bob.pk), "Forced to sign out: 1 live login ended."),
        (boss, str(user.pk), "Forced to sign out: 2 live logins ended."),
    ]


def test_person_without_live_login_is_cut_off_all_the_same(boss: Any, user: Any, browse: Any, url: Any) -> None:
    response = browse(boss).post(url(user, "force_logout"), chosen(user))
    assert UserCutoff.objects.filter(user=user).exists()
    assert said(response) == ["1 person was forced to sign out; 0 live logins ended."]


def test_person_deleted_since_the_question_is_counted_as_gone(
    boss: Any, user: Any, make_user: Any, open_for: Any, browse: Any, url: Any
) -> None:
    bob = make_user("bob")
    body, login = chosen(user, bob), open_for(user)
    bob.delete()
    response = browse(boss).post(url(user, "force_logout"), body)
    assert is_over(login)
    assert said(response)[1] == "1 person is not there any more."


def test_what_was_done_is_said_when_a_later_batch_fails(
    boss: Any, make_user: Any, open_for: Any, browse: Any, url: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [make_user(name) for name in ("ann", "bea", "cyd")]
    logins = {one.pk: open_for(one) for one in people}
    monkeypatch.setattr(crowds, "BATCH", 1)
    update, calls = UserCutoffQuerySet.update_told, []

    def fails_the_third_time(self: Any, **changes: Any) -> int:
        calls.append(1)
        if len(calls) == 5:  # two for each person: there is a cutoff of none yet
            raise OperationalError("deadlock detected")
        return update(self, **changes)

    monkeypatch.setattr(UserCutoffQuerySet, "update_told", fails_the_third_time)
    response = browse(boss).post(url(people[0], "force_logout"), chosen(*people))
    assert response.status_code == 302
    assert said(response) == [
        "2 people were forced to sign out; 2 live logins ended.",
        "Then the database failed: 1 person was not signed out. Please try again.",
    ]
    assert sorted(map(is_over, logins.values())) == [False, True, True]
    assert LogEntry.objects.count() == 2


def test_a_failure_before_anything_was_done_is_no_success(
    boss: Any, user: Any, open_for: Any, browse: Any, url: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = open_for(user)

    def fails(self: Any, **changes: Any) -> int:
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(UserCutoffQuerySet, "update_told", fails)
    with pytest.raises(OperationalError):
        browse(boss).post(url(user, "force_logout"), chosen(user))
    assert not is_over(login)
    assert not LogEntry.objects.exists()


def test_thousand_people_selected_across_pages_are_confirmed_in_one_form(
    boss: Any, make_user: Any, open_for: Any, browse: Any, url: Any, django_assert_max_num_queries: Any
) -> None:
    users = get_user_model()
    users.objects.bulk_create(
        users(**{users.USERNAME_FIELD: f"person{number:04}@example.test"}, password="!") for number in range(1100)
    )
    first = users.objects.get(**{users.USERNAME_FIELD: "person0000@example.test"})
    login, browser = open_for(first), browse(boss)
    with django_assert_max_num_queries(30):
        page = select(browser, url, first, select_across="1").content.decode()
    keys = re.search(r'name="chosen" value="([^"]*)"', page)
    assert keys is not None
    body = {"chosen": keys[1].replace("&quot;", '"')}
    assert len(json.loads(body["chosen"])) == users.objects.count()
    with django_assert_max_num_queries(60):  # three batches, and what any page of the admin asks
        response = browser.post(url(first, "force_logout"), body)
    assert response.status_code == 302
    assert is_over(login)
    assert LogEntry.objects.count() == users.objects.count()


def test_more_than_one_page_can_hold_are_refused(
    boss: Any, user: Any, open_for: Any, browse: Any, url: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from authkit.admin import force_logout

    monkeypatch.setattr(force_logout, "MOST", 1)
    response = select(browse(boss), url, user, boss)
    assert said(response) == ["Please select at most 1 at once."]


def test_page_has_the_button_and_its_confirmation_ends_the_logins(
    boss: Any, user: Any, open_for: Any, browse: Any, url: Any
) -> None:
    login, browser = open_for(user), browse(boss)
    target = url(user, "force_logout_one", user.pk)
    assert f'href="{target}"' in browser.get(url(user, "change", user.pk)).content.decode()
    page = browser.get(target).content.decode()
    assert str(user) in page
    assert "token: 1" in page
    assert not is_over(login), "a GET ended something"
    response = browser.post(target)
    assert response.url == url(user, "change", user.pk)
    assert is_over(login)
    assert LogEntry.objects.get().object_id == str(user.pk)


def test_page_for_adding_somebody_has_no_button(boss: Any, user: Any, browse: Any, url: Any) -> None:
    assert "Force logout" not in browse(boss).get(url(user, "add")).content.decode()


def test_confirmation_of_somebody_who_is_gone_leads_back_to_the_list(
    boss: Any, user: Any, browse: Any, url: Any
) -> None:
    target = url(user, "force_logout_one", user.pk)
    user.delete()
    response = browse(boss).get(target)
    assert response.url == url(boss, "changelist")
    assert said(response) == ["There is no such person any more."]


def test_confirmation_warns_who_would_end_their_own_login(boss: Any, user: Any, browse: Any, url: Any) -> None:
    browser = browse(boss)
    assert "You are among them" in select(browser, url, user, boss).content.decode()
    assert "You are among them" not in select(browser, url, user).content.decode()


def test_filters_of_the_list_survive_the_way_there_and_back(boss: Any, user: Any, browse: Any, url: Any) -> None:
    browser = browse(boss)
    body = {"action": "authkit_force_logout", "_selected_action": str(user.pk)}
    page = browser.post(url(user, "changelist") + "?is_active__exact=1", body).content.decode()
    action = re.search(r'<form method="post" action="([^"]*)"', page)
    assert action is not None
    assert browser.post(action[1], chosen(user)).url == url(user, "changelist") + "?is_active__exact=1"


@pytest.mark.parametrize(
    "garbage",
    ["", "nonsense", "{}", "[1]", "[" * 50_000, '["' + "1" * 50 + '"]', '["\\u0000"]', '["x y"]', "null"],
)
def test_garbage_for_a_selection_ends_nothing(
    garbage: str, boss: Any, user: Any, open_for: Any, browse: Any, url: Any
) -> None:
    login = open_for(user)
    response = browse(boss).post(url(user, "force_logout"), {"chosen": garbage})
    assert response.status_code == 302
    assert not is_over(login)
    assert not LogEntry.objects.exists()


def test_get_of_the_list_door_ends_nothing(boss: Any, user: Any, open_for: Any, browse: Any, url: Any) -> None:
    login = open_for(user)
    assert browse(boss).get(url(user, "force_logout"), chosen(user)).url == url(user, "changelist")
    assert not is_over(login)


@pytest.mark.parametrize("door", ["force_logout", "force_logout_one"])
def test_post_from_another_site_without_csrf_proof_is_refused(
    door: str, boss: Any, user: Any, open_for: Any, browse: Any, url: Any
) -> None:
    login, args = open_for(user), [user.pk] if door.endswith("one") else []
    response = browse(boss, enforce_csrf_checks=True).post(url(user, door, *args), chosen(user))
    assert response.status_code == 403
    assert not is_over(login)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("door", ["force_logout", "force_logout_one"])
def test_staff_without_the_permission_is_refused(
    method: str, door: str, staff: Any, user: Any, open_for: Any, browse: Any, url: Any
) -> None:
    browser = browse(staff("view_user", "change_user", "delete_user"))
    login, args = open_for(user), [user.pk] if door.endswith("one") else []
    assert getattr(browser, method)(url(user, door, *args), chosen(user)).status_code == 403
    assert not is_over(login)
    assert "authkit_force_logout" not in browser.get(url(user, "changelist")).content.decode()
    assert "Force logout" not in browser.get(url(user, "change", user.pk)).content.decode()
    select(browser, url, user)
    assert not is_over(login)


def test_permission_without_a_sight_of_people_is_refused(
    staff: Any, user: Any, open_for: Any, browse: Any, url: Any
) -> None:
    browser, login = browse(staff("authkit.force_logout")), open_for(user)
    assert browser.post(url(user, "force_logout"), chosen(user)).status_code == 403
    assert browser.post(url(user, "force_logout_one", user.pk)).status_code == 403
    assert not is_over(login)


def test_permission_and_a_sight_of_people_suffice(staff: Any, user: Any, open_for: Any, browse: Any, url: Any) -> None:
    browser, login = browse(staff("view_user", "authkit.force_logout")), open_for(user)
    assert "Force logout" in browser.get(url(user, "change", user.pk)).content.decode()
    assert browser.post(url(user, "force_logout_one", user.pk)).status_code == 302
    assert is_over(login)


def test_nobody_signed_in_is_sent_to_the_login_page(user: Any, client: Any, open_for: Any, url: Any) -> None:
    login = open_for(user)
    assert "/login/" in client.post(url(user, "force_logout"), chosen(user)).url
    assert not is_over(login)


def test_pages_need_no_inline_script_or_style(boss: Any, user: Any, browse: Any, url: Any) -> None:
    page = browse(boss).get(url(user, "force_logout_one", user.pk)).content.decode()
    main = page[page.index('id="content"') :]
    assert not re.search(r"<style|style=|\son\w+=|javascript:", main)
    assert all("src=" in script or "application/json" in script for script in re.findall(r"<script[^>]*>", page))


def test_names_of_people_are_escaped(boss: Any, make_user: Any, browse: Any, url: Any) -> None:
    mallory = make_user("mallory")
    setattr(mallory, mallory.USERNAME_FIELD, "<script>alert(1)</script>")
    mallory.save()
    page = browse(boss).get(url(mallory, "force_logout_one", mallory.pk)).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_person_whom_the_project_hides_from_this_admin_is_refused(
    boss: Any, user: Any, make_user: Any, open_for: Any, browse: Any, url: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = make_user("hidden")
    login, found = open_for(hidden), site.get_model_admin(type(user))
    monkeypatch.setattr(found, "has_view_permission", lambda request, obj=None: obj != hidden)
    browser = browse(boss)
    assert browser.post(url(user, "force_logout_one", hidden.pk)).status_code == 403
    assert browser.get(url(user, "force_logout_one", hidden.pk)).status_code == 403
    browser.post(url(user, "force_logout"), chosen(user, hidden))
    assert not is_over(login)


def test_selection_of_a_model_whose_key_is_another_ones(user: Any) -> None:
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    keys = [str(user.pk), "garbage"]
    found = chosen_objects(UserCutoff.objects.all(), keys, allowed=lambda _cutoff: True)
    assert [cutoff.user_id for cutoff in found] == [user.pk]
