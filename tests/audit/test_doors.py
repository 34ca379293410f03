"""Every event appears through its real door: in the log, and in the table where it is stored. No credential is in
either."""

from __future__ import annotations

import json
import logging
import re
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.management import call_command
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from authkit import events
from authkit.accounts.events import AccountsEventName
from authkit.accounts.models import Deletion
from authkit.audit.events import AuditEventName
from authkit.audit.models import Event
from authkit.core import event_log
from authkit.core.one_time_codes import issue
from authkit.core.records import FAILURE
from authkit.logins.grace import ALARM_AFTER
from authkit.logins.models import Login
from authkit.mail import not_me
from authkit.oauth.events import OAuthEventName
from authkit.oauth.models import OAuthClient
from authkit.signin import breaches
from authkit.social.events import SocialEventName
from authkit.social.links.connections import disconnect
from authkit.social.links.linking import Identity, LinkedBy, write_link
from tests.conftest import PASSWORD
from tests.oauth.parties import REDIRECT_URI, SCOPES, Party, signed_in
from tests.signin.breached import write_file
from tests.tokens.rings import ring
from tests.web_forms import Forms

pytestmark = pytest.mark.django_db(transaction=True)

NEW_PASSWORD = "a wholly new passphrase 9"
NASTY = "Firefox\r\nlogin.succeeded user=1\x1b[31m\u202e"


class Site:
    """A person and an administrator at work, and all the credentials that they had in hand."""

    def __init__(self, user: Any, boss: Any, settings: Any, directory: Path) -> None:
        self.user, self.boss = user, boss
        self.settings, self.directory = settings, directory
        self.secrets: set[str] = {PASSWORD, NEW_PASSWORD}
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
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": "https://www.example.com"}
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


def key_of_mail(site: Site, page: str) -> str:
    """The key of the newest mail that leads to this page."""
    found = [re.search(rf"{page}#key=(\S+)", str(message.body)) for message in mail.outbox]
    key = next(match[1] for match in reversed(found) if match)
    site.secrets.add(key)
    return key


def post(path: str, body: dict[str, str], *, browser: Any = None, page: bool = False) -> None:
    """A call, or a page's form, that has to succeed."""
    kind = {} if page else {"content_type": "application/json"}
    where = path if page else f"/auth/api/account/{path}"
    answer = (browser or Browser()).post(where, body, **kind)
    assert answer.status_code in {200, 201, 202, 204, 302}, answer.content


def register(site: Site) -> None:
    body = {site.user.USERNAME_FIELD: "nina", "email": "nina@example.test", "password": NEW_PASSWORD}
    post("register/", body)
    post("register/confirm/", {"key": key_of_mail(site, "register/confirm/")})


def invite_and_accept(site: Site) -> None:
    post("invitations/", {"email": "nina@example.test"}, browser=site.admin)
    key = key_of_mail(site, "register/invited/")
    body = {site.user.USERNAME_FIELD: "nina", "email": "nina@example.test", "password": NEW_PASSWORD}
    post("register/", {**body, "invitation": key})


def change_the_address_and_undo_it(site: Site) -> None:
    browser = site.browse()
    post("email/change/", {"email": "thief@example.test"}, browser=browser)
    post("email/change/confirm/", {"key": key_of_mail(site, "email/confirm/")})
    post("email/change/undo/", {"key": key_of_mail(site, "email/undo/")})


def change_the_password(site: Site) -> None:
    post("password/change/", {"current_password": PASSWORD, "new_password": NEW_PASSWORD}, browser=site.browse())


def reset_the_password(site: Site) -> None:
    post("password/reset/", {"email": site.user.email})
    key = key_of_mail(site, "password/reset/confirm/")
    post("password/reset/confirm/", {"key": key, "new_password": NEW_PASSWORD})


def demand_a_password(site: Site) -> None:
    model = get_user_model()._meta
    name = f"admin:{model.app_label}_{model.model_name}_authkit_require_password"
    post(reverse(name, args=[site.user.pk]), {}, browser=site.admin, page=True)


def export_and_delete(site: Site) -> None:
    browser = site.browse()
    assert browser.get("/auth/api/account/export/").status_code == 200
    post("delete/", {"confirm": site.user.get_username()}, browser=browser)
    post("delete/cancel/", {"key": key_of_mail(site, "delete/cancel/")})
    post("delete/", {"confirm": site.user.get_username()}, browser=site.browse())
    Deletion.objects.update(purge_at=timezone.now())
    call_command("authkit_purge", stdout=StringIO())


def keep_an_app(site: Site) -> None:
    """The whole life of a third party's app: an administrator keeps it, and a person lets it in."""
    site.chooses("TOKENS", KEYS=ring("ES256"))
    site.chooses("OAUTH", SCOPES=SCOPES)

    def page(what: str, *args: Any) -> str:
        return reverse(f"admin:authkit_oauth_oauthclient_{what}", args=args)

    form = {"name": NASTY, "kind": "confidential", "auth_method": "client_secret_post", "jwks": "{}"}
    form |= {"redirect_uris": REDIRECT_URI, "scopes": "notes:read"}
    post(page("add"), form, browser=site.admin, page=True)
    assert not OAuthClient.objects.exists(), "no name has such characters"
    form["name"] = "Notes"
    post(page("add"), form, browser=site.admin, page=True)
    app = OAuthClient.objects.get()
    shown = site.admin.post(page("rotate", app.pk), Forms(site.admin.get(page("rotate", app.pk))).to(""))
    site.secrets.add(str(shown.context["secret"]))
    post(
        page("change", app.pk),
        {**form, "redirect_uris": f"{REDIRECT_URI}\n{REDIRECT_URI}2"},
        browser=site.admin,
        page=True,
    )
    party = Party(app, shown.context["secret"], signed_in(site.user), site.user)
    answer = party.exchange(party.code(), client_secret=party.secret).json()
    site.secrets.add(answer["access_token"])
    for what in ("disable", "enable", "delete"):
        post(page(what, app.pk), {"post": "yes"}, browser=site.admin, page=True)


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
    events.EventName.ACCOUNT_RECLAIMED: change_the_address_and_undo_it,
    AccountsEventName.EMAIL_CHANGE_REQUESTED: change_the_address_and_undo_it,
    AccountsEventName.EMAIL_CHANGED: change_the_address_and_undo_it,
    AccountsEventName.ACCOUNT_REGISTERED: register,
    AccountsEventName.EMAIL_VERIFIED: register,
    AccountsEventName.INVITATION_SENT: invite_and_accept,
    AccountsEventName.INVITATION_ACCEPTED: invite_and_accept,
    AccountsEventName.PASSWORD_CHANGED: change_the_password,
    AccountsEventName.PASSWORD_RESET_REQUESTED: reset_the_password,
    AccountsEventName.PASSWORD_RESET: reset_the_password,
    AccountsEventName.PASSWORD_DEMANDED: demand_a_password,
    AccountsEventName.ACCOUNT_EXPORTED: export_and_delete,
    AccountsEventName.ACCOUNT_DELETED: export_and_delete,
    AccountsEventName.ACCOUNT_RESTORED: export_and_delete,
    AccountsEventName.ACCOUNT_PURGED: export_and_delete,
    **dict.fromkeys(OAuthEventName, keep_an_app),
}
LOGGED_ONLY = {events.EventName.CROWD_ENDED, events.EventName.TOKEN_REFRESHED}


def test_every_name_has_a_door_here() -> None:
    """A name without a door is taken out of its enum, and a new one gets its door in this file."""
    names = {*events.EventName, *SocialEventName, *AuditEventName, *AccountsEventName, *OAuthEventName}
    assert DOORS.keys() == names
    assert {name for name in events.known() if not name.startswith("test.")} >= names


def test_every_event_of_the_core_is_in_the_enum() -> None:
    """An event's class and its name in the enum come together, wherever in the core the class is."""
    features = ("authkit.accounts.", "authkit.apikeys.", "authkit.audit.", "authkit.oauth.", "authkit.social.")
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


@pytest.mark.parametrize("door", list(dict.fromkeys(DOORS.values())), ids=lambda door: door.__name__)
def test_events_are_logged_and_stored_at_their_door(
    site: Site, clock: Any, door: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger=event_log.NAME):
        door(site, **({"clock": clock} if door is retry_late else {}))
    told = [vars(record)[event_log.ATTRIBUTE] for record in caplog.records if record.name == event_log.NAME]
    rows = list(Event.objects.values())
    for name in (name for name, its in DOORS.items() if its is door):
        assert name in {each["name"] for each in told}
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
