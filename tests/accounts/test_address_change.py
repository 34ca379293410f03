"""A person changes their address; their old mailbox takes it back, whatever a thief has done."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient
from social_django.models import UserSocialAuth

from authkit.accounts.address_change import NEW, OLD, confirm_change
from authkit.accounts.address_undo import UNDO, undo_change
from authkit.accounts.deletion import delete_account
from authkit.accounts.passwords.resetting import begin_reset, reset_password
from authkit.core.clients import Client
from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import InvalidGrant
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login, end_logins_of
from authkit.mail.mails import address_of
from authkit.mail.models import Delivery
from authkit.signin.addresses import is_verified, mark_verified
from authkit.social.links.linking import Identity, LinkedBy, write_link
from authkit.tokens.services import issue_tokens
from tests.pages.conftest import LOGIN
from tests.web_forms import Forms

pytestmark = pytest.mark.django_db(transaction=True)

API = "/auth/api/account/email/change/"
PAGE, CONFIRM, UNDO_PAGE = "/auth/account/email/", "/auth/account/email/confirm/", "/auth/account/email/undo/"
HERE = Client(address="203.0.113.9")
WANTED = "new@example.test"


@pytest.fixture(autouse=True)
def block(settings: Any) -> None:
    settings.AUTHKIT = {
        "MAIL": {"NEW_DEVICE": "off"},
        "PUBLIC_URL": "https://www.example.com",
        "ACCOUNTS": {},
        "AUDIT": {},
        "SOCIAL": {},
    }


def signed_in(user: Any) -> APIClient:
    client = APIClient(REMOTE_ADDR="203.0.113.9")
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_tokens(user=user, method='password', client=HERE).access}")
    return client


def ask(client: APIClient, address: str = WANTED) -> Any:
    return client.post(API, {"email": address}, format="json")


def key_to(address: str, *, page: str) -> str:
    """The key of the newest mail to this address that leads to this page."""
    for message in reversed(mail.outbox):
        found = re.findall(rf"https://www\.example\.com{page}#key=(\S+)", str(message.body))
        if found and message.to == [address]:
            return str(found[0])
    raise AssertionError(f"no mail to {address} leads to {page}")


def again(user: Any) -> Any:
    return get_user_model()._base_manager.get(pk=user.pk)


def both(settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "ACCOUNTS": {"EMAIL_CHANGE": "both"}}


def test_new_mailbox_confirms_and_the_address_is_verified(user: Any) -> None:
    old = address_of(user)
    assert ask(signed_in(user)).status_code == 202
    assert address_of(again(user)) == old, "nothing is changed by the request"
    assert sorted(message.to[0] for message in mail.outbox) == sorted([old, WANTED])
    key = key_to(WANTED, page=CONFIRM)
    answer = APIClient().post(f"{API}confirm/", {"key": key}, format="json")
    assert (answer.status_code, answer.json()) == (200, {"changed": True})
    assert (address_of(again(user)), is_verified(again(user))) == (WANTED, True)
    replay = APIClient().post(f"{API}confirm/", {"key": key}, format="json")
    assert (replay.status_code, replay.json()["code"]) == (400, "invalid_grant")


def test_change_ends_logins_as_revocation_says(user: Any, settings: Any) -> None:
    ask(signed_in(user))
    confirm_change(key=key_to(WANTED, page=CONFIRM))
    assert Login.objects.get().end_reason == "email_changed"
    settings.AUTHKIT = {**settings.AUTHKIT, "REVOCATION": {"EMAIL_CHANGE": "keep"}}
    ask(signed_in(again(user)), "third@example.test")
    confirm_change(key=key_to("third@example.test", page=CONFIRM))
    assert Login.objects.live().count() == 1


def test_stolen_old_login_cannot_change_the_address(user: Any) -> None:
    client, long_ago = signed_in(user), timezone.now() - timedelta(hours=1)
    Login.objects.update(created_at=long_ago, authenticated_at=long_ago)
    refused = ask(client)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_user_authentication")
    assert not mail.outbox
    assert APIClient().post(API, {"email": WANTED}, format="json").status_code == 401


@pytest.mark.parametrize("ending", ["logout", "everywhere", "reset"])
def test_thiefs_pending_change_dies_with_the_login_that_asked(user: Any, ending: str) -> None:
    ask(signed_in(user))
    key = key_to(WANTED, page=CONFIRM)
    if ending == "logout":
        end_login(login_id=Login.objects.get().pk, reason=EndReason.LOGOUT)
    elif ending == "everywhere":
        end_logins_of(user_id=user.pk, reason=EndReason.LOGOUT_ALL)
    else:
        begin_reset(user=again(user), client=HERE)
        reset = key_to(address_of(user), page="/auth/password/reset/confirm/")
        reset_password(key=reset, new_password="a wholly new passphrase 9", client=HERE)
    with pytest.raises(InvalidGrant):
        confirm_change(key=key)
    assert address_of(again(user)) == address_of(user)


def test_change_of_the_address_makes_an_open_reset_worthless(user: Any) -> None:
    begin_reset(user=again(user), client=HERE)
    reset = key_to(address_of(user), page="/auth/password/reset/confirm/")
    ask(signed_in(user))
    confirm_change(key=key_to(WANTED, page=CONFIRM))
    with pytest.raises(InvalidGrant):
        reset_password(key=reset, new_password="a wholly new passphrase 9", client=HERE)


def test_second_request_makes_the_first_ones_key_worthless(user: Any) -> None:
    client = signed_in(user)
    ask(client)
    first = key_to(WANTED, page=CONFIRM)
    ask(client, "third@example.test")
    with pytest.raises(InvalidGrant):
        confirm_change(key=first)
    confirm_change(key=key_to("third@example.test", page=CONFIRM))


def test_both_mailboxes_have_to_agree_in_any_order(user: Any, settings: Any) -> None:
    both(settings)
    old = address_of(user)
    for order in ((old, WANTED), (WANTED, old)):
        ask(signed_in(again(user)))
        first, last = (key_to(address, page=CONFIRM) for address in order)
        assert not confirm_change(key=first).changed
        assert address_of(again(user)) == old
        assert confirm_change(key=last).changed
        assert address_of(again(user)) == WANTED
        undo_change(key=key_to(old, page=UNDO_PAGE), client=HERE)
        assert address_of(again(user)) == old


def test_undo_gives_the_account_back_to_the_old_mailbox(user: Any, password: str) -> None:
    old = address_of(user)
    mark_verified(user=user, address=old)
    ask(signed_in(user))
    confirm_change(key=key_to(WANTED, page=CONFIRM))
    thief = issue_tokens(user=again(user), method="password", client=HERE).login
    key = key_to(old, page=UNDO_PAGE)
    answer = APIClient().post(f"{API}undo/", {"key": key}, format="json")
    assert (answer.status_code, answer.json()) == (200, {"restored": True})
    thief.refresh_from_db()
    mine = again(user)
    assert (address_of(mine), is_verified(mine), thief.end_reason) == (old, True, "not_me")
    assert not mine.check_password(password), "the thief may know it"
    reset = key_to(old, page="/auth/password/reset/confirm/")
    reset_password(key=reset, new_password="a wholly new passphrase 9", client=HERE)
    assert again(user).check_password("a wholly new passphrase 9")
    replay = APIClient().post(f"{API}undo/", {"key": key}, format="json")
    assert (replay.status_code, replay.json()["code"]) == (400, "invalid_grant")


def test_undo_before_the_confirmation_stops_the_change(user: Any) -> None:
    ask(signed_in(user))
    undo_change(key=key_to(address_of(user), page=UNDO_PAGE), client=HERE)
    assert not Login.objects.live().exists()
    with pytest.raises(InvalidGrant):
        confirm_change(key=key_to(WANTED, page=CONFIRM))
    assert address_of(again(user)) == address_of(user)


def test_thief_who_changes_twice_cannot_undo_the_owners_undo(user: Any, settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "REVOCATION": {"EMAIL_CHANGE": "keep"}}
    old, client = address_of(user), signed_in(user)
    for step in ("thief1@example.test", "thief2@example.test"):
        assert ask(client, step).status_code == 202
        confirm_change(key=key_to(step, page=CONFIRM))
    owners, thiefs = key_to(old, page=UNDO_PAGE), key_to("thief1@example.test", page=UNDO_PAGE)
    assert undo_change(key=owners, client=HERE).restored
    with pytest.raises(InvalidGrant):
        undo_change(key=thiefs, client=HERE)
    assert address_of(again(user)) == old


def test_thief_who_deletes_the_account_cannot_keep_the_owner_from_it(user: Any) -> None:
    old = address_of(user)
    ask(signed_in(user))
    confirm_change(key=key_to(WANTED, page=CONFIRM))
    delete_account(user_id=user.pk)
    undo_change(key=key_to(old, page=UNDO_PAGE), client=HERE)
    assert (again(user).is_active, address_of(again(user))) == (True, old)


def test_thief_who_connects_a_provider_is_disconnected_by_the_undo(user: Any) -> None:
    owners = UserSocialAuth.objects.create(user=user, provider="google", uid="the owner's")
    ask(signed_in(user))
    confirm_change(key=key_to(WANTED, page=CONFIRM))
    google = Identity(provider="google", uid="the thief's", id_key="sub", record={})
    write_link(user=again(user), identity=google, how=LinkedBy.REQUEST)
    undo_change(key=key_to(address_of(user), page=UNDO_PAGE), client=HERE)
    assert list(UserSocialAuth.objects.all()) == [owners]


def test_thief_who_takes_every_way_in_away_leaves_the_mailbox(user: Any) -> None:
    """A person without a password, whose own account at a provider the thief has replaced by one of the thief's."""
    user.set_unusable_password()
    user.save()
    ask(signed_in(user))
    confirm_change(key=key_to(WANTED, page=CONFIRM))
    UserSocialAuth.objects.create(user=user, provider="google", uid="the thief's")
    undo_change(key=key_to(address_of(user), page=UNDO_PAGE), client=HERE)
    assert not UserSocialAuth.objects.exists()
    reset = key_to(address_of(user), page="/auth/password/reset/confirm/")
    reset_password(key=reset, new_password="a wholly new passphrase 9", client=HERE)


def test_undo_does_not_switch_an_account_on_that_an_administrator_has_banned(user: Any) -> None:
    ask(signed_in(user))
    person = again(user)
    person.is_active = False
    person.save()
    undo_change(key=key_to(address_of(user), page=UNDO_PAGE), client=HERE)
    assert not again(user).is_active
    assert "password/reset" not in str(mail.outbox[-1].body)


def test_keys_of_one_purpose_are_unknown_at_the_other(user: Any) -> None:
    ask(signed_in(user))
    new, old = key_to(WANTED, page=CONFIRM), key_to(address_of(user), page=UNDO_PAGE)
    for path, key in ((f"{API}confirm/", old), (f"{API}undo/", new), ("/auth/api/account/delete/cancel/", new)):
        assert APIClient().post(path, {"key": key}, format="json").status_code == 400
    confirm_change(key=new)


@pytest.mark.parametrize("purpose", [NEW, UNDO])
def test_late_key_is_refused(user: Any, purpose: str) -> None:
    ask(signed_in(user))
    OneTimeCode.objects.filter(purpose=purpose).update(expires_at=timezone.now() - timedelta(seconds=1))
    path, key = (
        (f"{API}confirm/", key_to(WANTED, page=CONFIRM))
        if purpose == NEW
        else (f"{API}undo/", key_to(address_of(user), page=UNDO_PAGE))
    )
    assert APIClient().post(path, {"key": key}, format="json").status_code == 400
    assert address_of(again(user)) != WANTED


def test_undo_key_is_good_for_7_days_and_the_other_for_half_an_hour(user: Any) -> None:
    ask(signed_in(user))
    left = {row.purpose: row.expires_at - row.created_at for row in OneTimeCode.objects.all()}
    assert {purpose: round(time.total_seconds()) for purpose, time in left.items()} == {NEW: 1800, UNDO: 7 * 86_400}
    assert OLD not in left


@pytest.mark.usefixtures("unprepared")
@pytest.mark.parametrize("spelling", ["carol@example.test", "CAROL@Example.TEST", "carol@example.test."])
def test_enumeration_by_a_change_to_a_taken_address(
    user: Any, make_user: Callable[..., Any], settings: Any, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    """The same answer, statements and rows as for a free address; the owner is told, and the key is no person's."""
    settings.AUTHKIT = {**settings.AUTHKIT, "MAIL": {"DELIVER": "command", "NEW_DEVICE": "off"}}
    monkeypatch.setattr("authkit.mail.outbox.email_backend", lambda: "django.core.mail.backends.smtp.EmailBackend")
    make_user("carol")
    client, seen = signed_in(user), []
    ask(client, "warm-up@example.test")
    for address in ("free@example.test", spelling):
        OneTimeCode.objects.all().delete()
        Delivery.objects.all().delete()
        with CaptureQueriesContext(connection) as captured:
            answer = ask(client, address)
        if answer.status_code == 400:
            assert spelling.endswith("."), "Django's validator takes no final dot"
            return
        kinds = [" ".join(query["sql"].split()[:3]) for query in captured.captured_queries]
        seen.append((answer.status_code, answer.content, kinds, OneTimeCode.objects.count(), Delivery.objects.count()))
    assert seen[0] == seen[1]
    assert set(Delivery.objects.values_list("kind", flat=True)) == {"email_taken", "email_change_notice"}
    assert OneTimeCode.objects.get(purpose=NEW).user_id is None


def test_address_that_another_person_got_meanwhile_is_refused(user: Any, make_user: Callable[..., Any]) -> None:
    ask(signed_in(user))
    make_user("quick", email=WANTED)
    with pytest.raises(InvalidGrant):
        confirm_change(key=key_to(WANTED, page=CONFIRM))
    assert address_of(again(user)) == address_of(user)


def test_mail_flood_to_one_address_and_by_one_person(user: Any, make_user: Callable[..., Any]) -> None:
    client = signed_in(user)
    assert [ask(client, f"n{number}@example.test").status_code for number in range(4)] == [202, 202, 202, 429]
    flooded = [ask(signed_in(make_user(f"bob{number}")), "victim@example.test") for number in range(4)]
    assert [answer.status_code for answer in flooded] == [202, 202, 202, 429]
    assert flooded[3]["Retry-After"]


BAD: list[Any] = [
    {}, {"email": ""}, {"email": "no address"}, {"email": None}, {"email": [WANTED]}, {"email": "a\x00@example.test"},
    {"email": "\ud800@example.test"}, {"email": "x" * 1000 + "@example.test"}, {"email": "alice@example.test"}, "x",
    {"email": "a@example.test\nBcc: b@example.test"},
]  # fmt: skip


@pytest.mark.parametrize("body", BAD, ids=lambda body: repr(body)[:30])
def test_bad_address_is_a_field_error_and_sends_nothing(user: Any, body: Any) -> None:
    answer = signed_in(user).post(API, json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert not mail.outbox
    assert not OneTimeCode.objects.exists()


def test_links_do_not_come_from_the_host_header(user: Any, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    signed_in(user).post(API, {"email": WANTED}, format="json", headers={"host": "evil.example"})
    assert mail.outbox
    assert "evil.example" not in "".join(str(message.message()) for message in mail.outbox)


def test_without_public_url_no_mail_can_have_a_link_and_the_call_says_404(user: Any, settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": ""}
    assert ask(signed_in(user)).status_code == 404
    assert not mail.outbox


def by_code(settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "ACCOUNTS": {"BY": "code"}}


def code_to(address: str) -> str:
    body = next(message.body for message in reversed(mail.outbox) if message.to == [address])
    return str(re.findall(r"[B-Z]{4}-[B-Z]{4}", str(body))[0])


def test_code_in_place_of_the_link_is_the_callers_alone(
    user: Any, make_user: Callable[..., Any], settings: Any
) -> None:
    by_code(settings)
    client = signed_in(user)
    ask(client)
    body = {"code": code_to(WANTED).lower().replace("-", " ")}
    assert APIClient().post(f"{API}confirm/", body, format="json").status_code == 401
    assert signed_in(make_user("mallory")).post(f"{API}confirm/", body, format="json").status_code == 400
    assert client.post(f"{API}confirm/", body, format="json").json() == {"changed": True}
    assert address_of(again(user)) == WANTED


def test_guessed_code_is_dead_after_5_tries(user: Any, settings: Any) -> None:
    by_code(settings)
    client = signed_in(user)
    ask(client)
    for _ in range(5):
        assert client.post(f"{API}confirm/", {"code": "BBBB-BBBB"}, format="json").status_code == 400
    assert client.post(f"{API}confirm/", {"code": code_to(WANTED)}, format="json").status_code == 400
    assert address_of(again(user)) == address_of(user)


@pytest.mark.parametrize("body", [{}, {"key": "x", "code": "y"}, {"code": None}, {"code": "\ud800"}, {"key": "\x00"}])
def test_bad_confirmation_is_a_field_error(user: Any, body: Any) -> None:
    answer = signed_in(user).post(f"{API}confirm/", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400


def test_code_is_typed_on_the_page(user: Any, password: str, settings: Any) -> None:
    by_code(settings)
    browser = Browser(enforce_csrf_checks=True)
    fields = {**Forms(browser.get(LOGIN)).to(LOGIN), "username": user.get_username(), "password": password}
    browser.post(LOGIN, fields)
    sent = browser.post(PAGE, {**Forms(browser.get(PAGE)).to(PAGE), "email": WANTED})
    form = Forms(sent).to(PAGE)
    assert browser.post(PAGE, {**form, "code": "BBBB-BBBB"}).status_code == 400
    assert Forms(browser.get(PAGE, {"code": ""})).to(PAGE)
    done = browser.post(PAGE, {**form, "code": code_to(WANTED)})
    assert (done.status_code, address_of(again(user))) == (200, WANTED)
    assert browser.get(PAGE).status_code == 200, "the login that asked goes on"


def test_whole_way_by_pages(user: Any, password: str) -> None:
    browser, old = Browser(enforce_csrf_checks=True), address_of(user)
    fields = {**Forms(browser.get(LOGIN)).to(LOGIN), "username": user.get_username(), "password": password}
    assert browser.post(LOGIN, fields).status_code == 302
    assert f'href="{PAGE}"' in browser.get("/auth/account/security/").content.decode()
    fields = Forms(browser.get(PAGE)).to(PAGE)
    for wrong in ("", "no address", old):
        assert browser.post(PAGE, {**fields, "email": wrong}).status_code == 400
    assert browser.post(PAGE, {"email": WANTED}).status_code == 403, "another site's form"
    assert WANTED in browser.post(PAGE, {**fields, "email": WANTED}).content.decode()
    asks = Forms(browser.get(CONFIRM)).to(CONFIRM)
    assert browser.post(CONFIRM, {**asks, "key": key_to(WANTED, page=CONFIRM)}).status_code == 200
    assert browser.get(PAGE).status_code == 200, "the login that asked goes on"
    undo_change(key=key_to(old, page=UNDO_PAGE), client=HERE)
    assert browser.get(PAGE).status_code == 302

    user.set_password(password)
    user.save()
    browser.post(LOGIN, {**Forms(browser.get(LOGIN)).to(LOGIN), "username": user.get_username(), "password": password})
    browser.post(PAGE, {**Forms(browser.get(PAGE)).to(PAGE), "email": WANTED})
    for page, address, there in ((CONFIRM, WANTED, WANTED), (UNDO_PAGE, old, old)):
        phone = Browser(enforce_csrf_checks=True)
        form = Forms(phone.get(page)).to(page)
        before = address_of(again(user))
        assert phone.get(page).status_code == 200
        assert address_of(again(user)) == before, "opening the link changes nothing"
        assert phone.post(page, {**form, "key": "guessed"}).status_code == 400
        assert phone.post(page, {**form, "key": key_to(address, page=page)}).status_code == 200
        assert address_of(again(user)) == there
        assert "sessionid" not in phone.cookies
