"""A clerk who may force people out can't sign a superuser out, on any way through the admin."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from authkit.logins.models import GlobalCutoff, Login

pytestmark = pytest.mark.django_db

SAID = "Only a superuser may end the logins of a superuser."
END_WHERE = "admin:authkit_login_end_where"
EVERYBODYS = "admin:authkit_login_end_everybodys"


@pytest.fixture
def clerk(staff: Any) -> Any:
    return staff("view_user", "view_login", "authkit.force_logout")


def live(login: Login) -> bool:
    return Login.objects.live().filter(pk=login.pk).exists()


def chosen(*objects: Any) -> dict[str, str]:
    return {"chosen": json.dumps([str(obj.pk) for obj in objects])}


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def test_a_clerk_forces_a_selection_out_and_the_superuser_in_it_stays(
    clerk: Any, boss: Any, user: Any, open_for: Any, browse: Any, url: Any
) -> None:
    bosses, hers, browser = open_for(boss), open_for(user), browse(clerk)
    action = {"action": "authkit_force_logout", "_selected_action": [str(boss.pk), str(user.pk)]}
    page = browser.post(url(user, "changelist"), action).content.decode()
    assert SAID in page
    assert f"[&quot;{user.pk}&quot;]" in page, "the superuser is among the chosen"
    response = browser.post(url(user, "force_logout"), chosen(boss, user))
    assert (live(bosses), live(hers)) == (True, False)
    assert "1 superuser was left signed in" in said(response)
    assert SAID in said(response)


def test_a_clerk_posts_to_the_page_of_a_superuser(clerk: Any, boss: Any, open_for: Any, browse: Any, url: Any) -> None:
    login, browser = open_for(boss), browse(clerk)
    target = url(boss, "force_logout_one", boss.pk)
    page = browser.get(target).content.decode()
    assert SAID in page
    assert 'value="Force logout"' not in page
    assert SAID in said(browser.post(target))
    assert live(login)


def test_a_clerk_ends_a_superusers_login_from_the_list(
    clerk: Any, boss: Any, user: Any, open_for: Any, browse: Any
) -> None:
    bosses, hers, browser = open_for(boss), open_for(user), browse(clerk)
    action = {"action": "end_logins", "_selected_action": [str(bosses.pk)]}
    page = browser.post(reverse("admin:authkit_login_changelist"), action).content.decode()
    assert SAID in page
    assert 'value="End logins"' not in page
    response = browser.post(reverse("admin:authkit_login_end"), chosen(bosses, hers))
    assert (live(bosses), live(hers)) == (True, False)
    assert SAID in said(response)


@pytest.mark.parametrize("criteria", [{"method": "password"}, {"before": "now"}])
def test_a_clerk_ends_by_way_in_or_time(
    criteria: dict[str, str], clerk: Any, boss: Any, user: Any, open_for: Any, browse: Any
) -> None:
    bosses, hers, browser = open_for(boss), open_for(user), browse(clerk)
    if "before" in criteria:
        criteria = {"before": max(bosses.created_at, hers.created_at).isoformat()}
    page = browser.get(reverse(END_WHERE), criteria).content.decode()
    assert SAID in page
    assert SAID in said(browser.post(reverse(END_WHERE), criteria))
    assert live(bosses)
    assert live(hers) == ("before" in criteria and hers.created_at >= bosses.created_at)
    assert not GlobalCutoff.objects.exists()


def test_a_clerk_signs_everybody_out(clerk: Any, boss: Any, open_for: Any, browse: Any) -> None:
    login, browser = open_for(boss), browse(clerk)
    assert reverse(EVERYBODYS) not in browser.get(reverse("admin:authkit_login_changelist")).content.decode()
    for send in (browser.get, browser.post):
        assert "Only a superuser may sign everybody out" in said(send(reverse(EVERYBODYS)))
    assert live(login)


def test_a_superuser_signs_another_one_out(boss: Any, make_user: Any, open_for: Any, browse: Any, url: Any) -> None:
    other = make_user("other", is_superuser=True)
    login = open_for(other)
    browse(boss).post(url(other, "force_logout_one", other.pk))
    assert not live(login)


def test_with_the_setting_off_a_clerk_may(
    clerk: Any, boss: Any, open_for: Any, browse: Any, url: Any, settings: Any
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "REVOCATION": {"SPARE_SUPERUSERS": False}}
    login, browser = open_for(boss), browse(clerk)
    browser.post(url(boss, "force_logout_one", boss.pk))
    assert not live(login)
    assert reverse(EVERYBODYS) in browser.get(reverse("admin:authkit_login_changelist")).content.decode()
