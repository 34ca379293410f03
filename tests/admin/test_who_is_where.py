"""Who is signed in, from where, and out with them: a person's page, a login's page and the list of logins."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from authkit.logins.models import Login
from authkit.logins.reasons import EndReason

pytestmark = pytest.mark.django_db

LIST = "admin:authkit_login_changelist"


def live(login: Login) -> bool:
    return Login.objects.live().filter(pk=login.pk).exists()


def test_page_of_a_person_shows_live_logins_and_a_button_ends_one(
    boss: Any, user: Any, open_for: Any, browse: Any, url: Any
) -> None:
    phone, laptop, browser = open_for(user, device="Safari on iOS"), open_for(user), browse(boss)
    page = browser.get(url(user, "change", user.pk)).content.decode()
    assert "Safari on iOS" in page
    assert "203.0.113.9" in page
    assert f'name="login" value="{phone.pk}"' in page
    assert "<style" not in page
    response = browser.post(url(user, "end_login", user.pk), {"login": str(phone.pk)})
    assert response.url == url(user, "change", user.pk)
    assert (live(phone), live(laptop)) == (False, True)
    phone.refresh_from_db()
    assert phone.end_reason == EndReason.FORCED
    assert LogEntry.objects.get().change_message == "Login ended: Safari on iOS, 203.0.113.9."
    page = browser.get(url(user, "change", user.pk)).content.decode()
    assert f'value="{phone.pk}"' not in page


def test_who_may_only_look_sees_rows_and_no_button(staff: Any, user: Any, open_for: Any, browse: Any, url: Any) -> None:
    login, browser = open_for(user, device="Safari on iOS"), browse(staff("view_user", "authkit.view_login"))
    page = browser.get(url(user, "change", user.pk)).content.decode()
    assert "Safari on iOS" in page
    assert str(login.pk) not in page
    assert browser.post(url(user, "end_login", user.pk), {"login": str(login.pk)}).status_code == 403
    page = browser.get(reverse("admin:authkit_login_change", args=[login.pk])).content.decode()
    assert reverse("admin:authkit_login_end_one", args=[login.pk]) not in page
    assert browser.get(reverse("admin:authkit_login_end_one", args=[login.pk])).status_code == 403
    assert live(login)


def test_who_may_do_neither_sees_no_login(staff: Any, user: Any, open_for: Any, browse: Any, url: Any) -> None:
    open_for(user, device="Safari on iOS")
    page = browse(staff("view_user", "change_user")).get(url(user, "change", user.pk)).content.decode()
    assert "Safari on iOS" not in page
    assert "203.0.113.9" not in page


@pytest.mark.parametrize("given", ["", "nonsense", "another person's"])
def test_a_login_that_is_not_this_persons_is_not_ended(
    given: str, boss: Any, user: Any, make_user: Any, open_for: Any, browse: Any, url: Any
) -> None:
    bobs = open_for(make_user("bob"))
    given = str(bobs.pk) if given == "another person's" else given
    assert browse(boss).post(url(user, "end_login", user.pk), {"login": given}).status_code == 302
    assert live(bobs)


def test_ending_a_login_needs_csrf_proof_and_a_post(boss: Any, user: Any, open_for: Any, browse: Any, url: Any) -> None:
    login, target = open_for(user), url(user, "end_login", user.pk)
    assert browse(boss, enforce_csrf_checks=True).post(target, {"login": str(login.pk)}).status_code == 403
    browse(boss).get(target, {"login": str(login.pk)})
    assert live(login)


def test_a_clerk_ends_no_login_of_a_superuser_from_their_pages(
    staff: Any, boss: Any, open_for: Any, browse: Any, url: Any
) -> None:
    login, browser = open_for(boss), browse(staff("view_user", "authkit.view_login", "authkit.force_logout"))
    page = browser.get(url(boss, "change", boss.pk)).content.decode()
    assert "Only a superuser may end" in page
    assert str(login.pk) not in page
    browser.post(url(boss, "end_login", boss.pk), {"login": str(login.pk)})
    page = browser.get(reverse("admin:authkit_login_change", args=[login.pk])).content.decode()
    assert "Only a superuser may end" in page
    assert reverse("admin:authkit_login_end_one", args=[login.pk]) not in page
    assert live(login)


def test_page_of_a_login_leads_to_a_question_and_its_answer_ends_it(
    boss: Any, user: Any, open_for: Any, browse: Any
) -> None:
    login, browser = open_for(user), browse(boss)
    target = reverse("admin:authkit_login_end_one", args=[login.pk])
    assert target in browser.get(reverse("admin:authkit_login_change", args=[login.pk])).content.decode()
    page = browser.get(target).content.decode()
    assert "203.0.113.9" in page
    assert "Last seen" in page
    assert live(login)
    browser.post(reverse("admin:authkit_login_end"), {"chosen": json.dumps([str(login.pk)])})
    assert not live(login)
    assert target not in browser.get(reverse("admin:authkit_login_change", args=[login.pk])).content.decode()


@pytest.mark.parametrize("term", ["203.0.113.9", "safari", "Safari iOS"])
def test_list_is_searched_by_address_and_device(
    term: str, boss: Any, user: Any, make_user: Any, open_for: Any, browse: Any
) -> None:
    found, other = open_for(user, device="Safari on iOS"), open_for(make_user("bob"))
    Login.objects.filter(pk=other.pk).update(ip="2001:db8::1")
    page = browse(boss).get(reverse(LIST), {"q": term}).content.decode()
    assert str(found.pk) in page
    assert str(other.pk) not in page


def test_confirmation_shows_addresses_and_when_last_seen(
    boss: Any, user: Any, open_for: Any, browse: Any, url: Any
) -> None:
    open_for(user)
    page = browse(boss).get(url(user, "force_logout_one", user.pk)).content.decode()
    assert "203.0.113.9" in page
    assert "Last seen" in page


def test_providers_go_by_their_names(boss: Any, user: Any, open_for: Any, browse: Any, url: Any, settings: Any) -> None:
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"oidc": {"NAME": "Demo ID"}}}}
    login, browser = open_for(user), browse(boss)
    Login.objects.filter(pk=login.pk).update(method="oidc")
    pages = [
        url(user, "change", user.pk),
        reverse("admin:authkit_login_change", args=[login.pk]),
        reverse("admin:authkit_login_end_one", args=[login.pk]),
        reverse("admin:authkit_login_end_everybodys"),
        reverse("admin:authkit_login_end_where") + "?method=oidc",
    ]
    assert [page for page in pages if "Demo ID" not in browser.get(page).content.decode()] == []
