"""Every event appears through its real door: in the log, and in the table where it is stored. No credential is in
either."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client as Browser
from django.urls import reverse
from rest_framework.test import APIClient

from authkit import events
from authkit.audit.events import AuditEventName
from authkit.audit.models import Event
from authkit.core import event_log
from authkit.core.one_time_codes import issue
from authkit.core.records import FAILURE
from authkit.logins.grace import ALARM_AFTER
from authkit.logins.models import Login
from authkit.mail import not_me
from authkit.signin import breaches
from authkit.social.events import SocialEventName
from authkit.social.links.connections import disconnect
from authkit.social.links.linking import Identity, LinkedBy, write_link
from tests.conftest import PASSWORD
from tests.signin.breached import write_file

pytestmark = pytest.mark.django_db(transaction=True)

NASTY = "Firefox\r\nlogin.succeeded user=1\x1b[31m\u202e"


class Site:
    """A person and an administrator at work, and all the credentials that they had in hand."""

    def __init__(self, user: Any, boss: Any, settings: Any, directory: Path) -> None:
        self.user, self.boss = user, boss
        self.settings, self.directory = settings, directory
        self.secrets: set[str] = {PASSWORD}
        self.admin = Browser()
        self.admin.force_login(boss)

    def sign_in(self) -> dict[str, Any]:
        body = {self.user.USERNAME_FIELD: self.user.get_username(), "password": PASSWORD}
        answer = APIClient().post("/auth/api/token/", body, format="json", headers={"User-Agent": NASTY})
        assert answer.status_code == 200
        return self._kept(answer.json())

    def guess(self, times: int = 1) -> None:
        """Tries a wrong password so often."""
        body = {self.user.USERNAME_FIELD: self.user.get_username(), "password": "a-wrong-guess"}
        for _ in range(times):
            answer = APIClient().post("/auth/api/token/", body, format="json", headers={"User-Agent": NASTY})
            assert answer.status_code in {401, 429}

    def chooses(self, section: str, **keys: Any) -> None:
        """Sets keys of a section of the block."""
        block = self.settings.AUTHKIT
        self.settings.AUTHKIT = {**block, section: {**block.get(section, {}), **keys}}

    def refresh(self, refresh: str) -> dict[str, Any]:
        answer = APIClient().post("/auth/api/token/refresh/", {"refresh": refresh}, format="json")
        return self._kept(answer.json())

    def browse(self) -> Browser:
        browser = Browser()
        body = {self.user.USERNAME_FIELD: self.user.get_username(), "password": PASSWORD}
        assert browser.post("/auth/api/session/login/", body, content_type="application/json").status_code == 200
        self.secrets |= {morsel.value for morsel in browser.cookies.values()}
        return browser

    def _kept(self, answer: dict[str, Any]) -> dict[str, Any]:
        self.secrets |= {str(answer[name]) for name in ("access", "refresh") if name in answer}
        return answer


@pytest.fixture
def site(user: Any, make_user: Any, settings: Any, tmp_path: Path) -> Site:
    return Site(user, make_user("boss", is_superuser=True), settings, tmp_path)


def sign_in_and_out(site: Site) -> None:
    site.browse().post("/auth/api/session/logout/", content_type="application/json")


def guess_until_locked(site: Site) -> None:
    site.chooses("LIMITER", SLOW_AFTER=2, LOCK_AFTER=2)
    site.guess(times=3)


def remember_after_a_typo(site: Site) -> None:
    site.guess()
    site.sign_in()


def unlock(site: Site) -> None:
    site.guess()
    call_command("authkit_unlock", site.user.get_username(), stdout=StringIO())


def disown_by_mail(site: Site) -> None:
    code = issue(purpose=not_me.PURPOSE, lifetime=timedelta(days=1), user_id=site.user.pk)
    site.secrets.add(str(code))
    assert Browser().post("/auth/not-me/", {"key": str(code)}).status_code == 200


def sign_in_by_a_breached_password(site: Site) -> None:
    site.chooses("LOGIN", BREACHED_FILE=str(write_file(site.directory / "breached.bin", PASSWORD)))
    site.sign_in()
    breaches.wait_for_look_ups()


def guess_at_a_quiet_site(site: Site) -> None:
    site.chooses("LIMITER", STUFFING_FAILURES=1)
    site.guess()


def sign_out_everywhere(site: Site) -> None:
    site.browse().post("/auth/api/logout/all/", "{}", content_type="application/json")


def force_many_out(site: Site) -> None:
    model = get_user_model()._meta
    page = reverse(f"admin:{model.app_label}_{model.model_name}_force_logout")
    site.admin.post(page, {"chosen": json.dumps([str(site.user.pk)])})


def refresh_once(site: Site) -> None:
    site.refresh(site.sign_in()["refresh"])


def use_twice(site: Site) -> None:
    first = site.sign_in()["refresh"]
    site.refresh(site.refresh(first)["refresh"])
    site.refresh(first)


def retry_late(site: Site, clock: Any) -> None:
    token = site.sign_in()["refresh"]
    for _ in range(ALARM_AFTER):
        following = site.refresh(token)["refresh"]
        clock.forward(seconds=12)
        site.refresh(token)
        token = following


def blacklist(site: Site) -> None:
    page = reverse("admin:authkit_blacklistedtoken_blacklist")
    shown = site.admin.post(page, {"token": site.sign_in()["access"]})
    site.admin.post(page, {"chosen": shown.context["form"].initial["chosen"]})


def show_again_who_one_is(site: Site) -> None:
    answer = site.browse().post("/auth/api/reauth/", {"password": PASSWORD}, content_type="application/json")
    assert answer.status_code == 200


def connect_and_disconnect(site: Site) -> None:
    identity = Identity(provider="google", uid="1", id_key="sub", record={})
    link = write_link(user=site.user, identity=identity, how=LinkedBy.REQUEST)
    disconnect(user_id=site.user.pk, connection_id=link.pk)


def seal(site: Site) -> None:
    call_command("authkit_audit", "seal", stdout=StringIO())


def export(site: Site) -> None:
    answer = site.admin.post("/admin/authkit_audit/event/export/", {"format": "jsonl"})
    assert b"".join(answer.streaming_content)


DOORS: dict[str, Any] = {
    events.EventName.LOGIN_SUCCEEDED: sign_in_and_out,
    events.EventName.LOGIN_FAILED: Site.guess,
    events.EventName.LOGIN_REAUTHENTICATED: show_again_who_one_is,
    events.EventName.LOGIN_THROTTLED: guess_until_locked,
    events.EventName.LOGIN_LOCKED: guess_until_locked,
    events.EventName.LOGIN_CLEARED: remember_after_a_typo,
    events.EventName.LOGIN_UNLOCKED: unlock,
    events.EventName.LOGIN_ENDED: sign_in_and_out,
    events.EventName.LOGINS_DISOWNED: disown_by_mail,
    events.EventName.PASSWORD_KNOWN_BREACHED: sign_in_by_a_breached_password,
    events.EventName.DEVICE_ADDED: sign_in_and_out,
    events.EventName.STUFFING_SUSPECTED: guess_at_a_quiet_site,
    events.EventName.LOGINS_ENDED: sign_out_everywhere,
    events.EventName.CROWD_ENDED: force_many_out,
    events.EventName.TOKEN_REFRESHED: refresh_once,
    events.EventName.TOKEN_REUSED: use_twice,
    events.EventName.TOKEN_SUSPECTED: retry_late,
    events.EventName.TOKEN_BLACKLISTED: blacklist,
    SocialEventName.LINK_ADDED: connect_and_disconnect,
    SocialEventName.LINK_REMOVED: connect_and_disconnect,
    AuditEventName.SEALED: seal,
    AuditEventName.EXPORTED: export,
}
LOGGED_ONLY = {events.EventName.CROWD_ENDED, events.EventName.TOKEN_REFRESHED}


def test_every_name_has_a_door_here() -> None:
    """A name without a door is taken out of its enum, and a new one gets its door in this file."""
    names = {*events.EventName, *SocialEventName, *AuditEventName}
    assert DOORS.keys() == names
    assert {name for name in events.known() if not name.startswith("test.")} >= names


def test_every_event_of_the_core_is_in_the_enum() -> None:
    """An event's class and its name in the enum come together, wherever in the core the class is."""
    features = ("authkit.accounts.", "authkit.audit.", "authkit.social.")
    of_core = {
        name
        for name, kind in events.known().items()
        if kind.__module__.startswith("authkit.") and not kind.__module__.startswith(features)
    }
    assert of_core == set(events.EventName)


def test_refusal_is_a_failure() -> None:
    """Failures have the level WARNING, are kept for a shorter time, and are folded: a flood of them fills no disk."""
    refused = ("failed", "throttled", "locked", "reused", "suspected", "refused")
    wrong = [name for name, kind in events.known().items() if name.endswith(refused) and kind.outcome != FAILURE]
    assert [name for name in wrong if not name.endswith("unlocked")] == []


def test_every_event_has_words_for_people() -> None:
    assert [name for name in DOORS if not events.known()[name].title] == []


@pytest.mark.parametrize("name", DOORS)
def test_event_is_logged_and_stored_at_its_door(
    site: Site, clock: Any, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger=event_log.NAME):
        (DOORS[name])(site, **({"clock": clock} if name == events.EventName.TOKEN_SUSPECTED else {}))
    told = [vars(record)[event_log.ATTRIBUTE] for record in caplog.records if record.name == event_log.NAME]
    assert name in {each["name"] for each in told}
    rows = list(Event.objects.values())
    assert (name in {row["name"] for row in rows}) is (name not in LOGGED_ONLY)
    failed = events.known()[name].outcome == FAILURE
    of_it = [record for record in caplog.records if vars(record).get(event_log.ATTRIBUTE, {}).get("name") == name]
    levels = {record.levelno for record in of_it}
    assert levels == {logging.WARNING if failed else logging.INFO}
    lines = [record.getMessage() for record in caplog.records if record.name == event_log.NAME]
    assert all(line.isprintable() for line in lines), "no line can be broken or turned round"
    everything = json.dumps([rows, told, lines], default=str, ensure_ascii=False)
    assert [secret for secret in site.secrets if len(secret) > 8 and secret in everything] == []
    digests = Login.objects.values_list("auth_hash", flat=True)
    assert [digest for digest in digests if digest and digest in everything] == []
