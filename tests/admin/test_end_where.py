"""Ending all that came in by a method, or before a time, in the admin."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from authkit.logins.models import GlobalCutoff, Login
from authkit.logins.reasons import EndReason

pytestmark = pytest.mark.django_db

PAGE, LIST = "admin:authkit_login_end_where", "admin:authkit_login_changelist"


def by(login: Login, method: str = "password", **ago: float) -> Login:
    began = timezone.now() - timedelta(**ago)
    Login.objects.filter(pk=login.pk).update(method=method, created_at=began)
    login.refresh_from_db()
    return login


def live(*logins: Login) -> list[bool]:
    standing = set(Login.objects.live().values_list("pk", flat=True))
    return [login.pk in standing for login in logins]


def ask(browser: Browser, **chosen: str) -> str:
    return unescape(browser.get(reverse(PAGE), chosen).content.decode())


def answer(page: str) -> dict[str, str]:
    """The hidden fields of the confirmation."""
    hidden = [tag for tag in re.findall(r"<input[^>]*>", page) if 'type="hidden"' in tag]
    fields = {}
    for tag in hidden:
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name is not None:
            fields[name[1]] = value[1] if value is not None else ""
    return fields


def test_everything_by_a_method_is_shown_and_then_ended(
    boss: Any, user: Any, make_user: Any, open_for: Any, browse: Any, settings: Any
) -> None:
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"oidc": {"NAME": "Demo ID"}}}}
    mine, his, kept = by(open_for(user), "gone"), by(open_for(make_user("bob")), "gone"), open_for(user)
    browser = browse(boss)
    assert f'href="{reverse(PAGE)}"' in browser.get(reverse(LIST)).content.decode()
    offered = ask(browser)
    assert "Demo ID (0 live logins)" in offered
    assert "gone (2 live logins)" in offered, "a provider that is not configured any more"
    assert "End these logins" not in offered
    page = ask(browser, method="gone", before="")
    assert "gone: 2" in page
    assert "One of them is yours" not in page
    assert live(mine, his, kept) == [True, True, True], "asking ended something"
    response = browser.post(reverse(PAGE), answer(page))
    assert response.url == reverse(LIST)
    assert [str(said) for said in get_messages(response.wsgi_request)] == ["2 live logins by gone ended."]
    assert live(mine, his, kept) == [False, False, True]
    mine.refresh_from_db()
    assert mine.end_reason == EndReason.FORCED
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.object_repr) == (boss, None, "logins by gone")
    assert entry.change_message == "2 live logins by gone ended."
    again = browser.post(reverse(PAGE), answer(page))
    assert "0 live logins by gone ended." in [str(said) for said in get_messages(again.wsgi_request)]


def test_everything_before_a_time_is_shown_and_then_ended(
    boss: Any, user: Any, open_for: Any, browse: Any, settings: Any
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    old, young = by(open_for(user), hours=3), open_for(user)
    browser = browse(boss)
    cut = timezone.localtime(timezone.now() - timedelta(hours=1))
    page = ask(browser, method="", before=cut.strftime("%Y-%m-%dT%H:%M"))
    assert "Time zone: Europe/Berlin." in page
    confirmed = answer(page)
    assert confirmed["before"] == cut.replace(second=0, microsecond=0).isoformat()
    browser.post(reverse(PAGE), confirmed)
    assert live(old, young) == [False, True]
    assert GlobalCutoff.objects.get().issued_before < cut


def test_all_are_counted_to_choose_from_and_then_only_what_was_chosen(
    boss: Any, user: Any, open_for: Any, browse: Any
) -> None:
    """The table may have millions of rows."""
    by(open_for(user), "gone")
    browser = browse(boss)

    def counts(**chosen: str) -> tuple[str, list[str]]:
        with CaptureQueriesContext(connection) as queries:
            page = ask(browser, **chosen)
        return page, [query["sql"] for query in queries if "COUNT(" in query["sql"] and "authkit_login" in query["sql"]]

    assert len(counts()[1]) == 1
    page, counted = counts(method="gone", before="")
    assert '<option value="gone" selected>gone</option>' in page
    assert counted
    assert all("'gone'" in statement for statement in counted)


def test_both_have_to_fit(boss: Any, user: Any, open_for: Any, browse: Any) -> None:
    hit, young, other = by(open_for(user), "gone", hours=3), by(open_for(user), "gone"), by(open_for(user), hours=3)
    cut = (timezone.now() - timedelta(hours=1)).isoformat()
    browser = browse(boss)
    browser.post(reverse(PAGE), answer(ask(browser, method="gone", before=cut)))
    assert live(hit, young, other) == [False, True, True]


def test_who_would_sign_themselves_out_is_told(boss: Any, browse: Any) -> None:
    assert "One of them is yours" in ask(browse(boss), method="password", before="")


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"method": "", "before": ""}, "Choose a way in, a time, or both."),
        ({"before": "2999-01-01T00:00"}, "is in the future"),
        ({"before": "soon"}, "Enter a valid date/time."),
        ({"before": "0001-01-01T00:00"}, "Enter a valid date/time."),
        ({"before": "0001-01-01T00:00:00+14:00"}, "Enter a valid date/time."),
        ({"method": "x" * 65}, "at most 64 characters"),
        ({"method": "\x00"}, "Null characters are not allowed."),
    ],
)
def test_what_is_no_choice_is_said_and_ends_nothing(
    chosen: dict[str, str], said: str, boss: Any, user: Any, open_for: Any, browse: Any
) -> None:
    login, browser = open_for(user), browse(boss)
    assert said in ask(browser, **chosen)
    assert said in unescape(browser.post(reverse(PAGE), chosen).content.decode())
    assert live(login) == [True]
    assert not GlobalCutoff.objects.exists()


def test_method_named_like_a_script_is_shown_as_text(boss: Any, user: Any, open_for: Any, browse: Any) -> None:
    by(open_for(user), "<script>alert(1)</script>")
    page = browse(boss).get(reverse(PAGE), {"method": "<script>alert(1)</script>"}).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_it_needs_the_permission_and_csrf_proof(staff: Any, boss: Any, user: Any, open_for: Any, browse: Any) -> None:
    login, chosen = open_for(user), {"method": "password"}
    watcher = browse(staff("authkit.view_login"))
    blind = browse(staff("authkit.force_logout", name="blind"))
    for browser in (watcher, blind, browse(boss, enforce_csrf_checks=True)):
        assert browser.post(reverse(PAGE), chosen).status_code == 403
    for browser in (watcher, blind):
        assert browser.get(reverse(PAGE), chosen).status_code == 403
    assert reverse(PAGE) not in watcher.get(reverse(LIST)).content.decode()
    assert live(login) == [True]
