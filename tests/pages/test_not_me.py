"""The link of a mail about a sign-in: "this was not me"."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.test import Client, override_settings
from django.utils import timezone
from django.utils.html import escape

from authkit import events, signals
from authkit.core import clients, one_time_codes
from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import InvalidGrant
from authkit.logins.events import LoginsDisowned
from authkit.logins.models import Login
from authkit.mail import not_me
from authkit.tokens.services import issue_tokens
from tests.pages.conftest import ACCOUNT
from tests.web_forms import Forms

pytestmark = pytest.mark.django_db

NOT_ME = "/auth/not-me/"
SITE = "https://www.example.com"


@pytest.fixture
def code(user: Any) -> str:
    """A code as a mail brings it."""
    with override_settings(AUTHKIT={"PUBLIC_URL": SITE}):
        link = not_me.not_me_link(user_id=user.pk)
    before, _, code = link.partition("#key=")
    assert before == SITE + NOT_ME
    return code


@pytest.fixture
def logins(user: Any, sign_in: Callable[..., Any], browser_client: Client) -> None:
    """A session and a token pair of the person."""
    sign_in(user)
    issue_tokens(user=user, method="password", client=clients.Client())


def filled(page: Any, code: str) -> dict[str, str]:
    """The page's form, with the key that its script, or the person, puts in."""
    return {**Forms(page).to(NOT_ME), "key": code}


def confirm(client: Client, code: str) -> Any:
    return client.post(NOT_ME, filled(client.get(NOT_ME), code))


def test_a_mail_program_that_opens_the_link_changes_nothing(logins: None, code: str) -> None:
    for _ in range(3):
        page = Client().get(NOT_ME)
        assert (page.status_code, "End all sign-ins" in page.content.decode()) == (200, True)
    assert Client().head(NOT_ME).status_code == 200
    assert Login.objects.live().count() == 2
    assert OneTimeCode.objects.get().used_at is None


def test_post_ends_every_login_of_the_person(logins: None, code: str, browser_client: Client) -> None:
    page = confirm(Client(enforce_csrf_checks=True), code)
    assert (page.status_code, "All sign-ins are ended" in page.content.decode()) == (200, True)
    assert Login.objects.live().count() == 0
    assert set(Login.objects.values_list("end_reason", flat=True)) == {"not_me"}
    assert browser_client.get(ACCOUNT).status_code == 302


def test_logins_of_others_go_on(logins: None, code: str, make_user: Callable[..., Any]) -> None:
    other = issue_tokens(user=make_user("bob"), method="password", client=clients.Client()).login
    confirm(Client(), code)
    assert list(Login.objects.live()) == [other]


def test_it_signs_no_one_in(code: str) -> None:
    client = Client()
    confirm(client, code)
    assert "sessionid" not in client.cookies
    assert client.get(ACCOUNT).status_code == 302


def test_another_sites_form_ends_nothing(logins: None, code: str) -> None:
    assert Client(enforce_csrf_checks=True).post(NOT_ME, {"key": code}).status_code == 403
    assert Login.objects.live().count() == 2


def test_it_works_under_https(logins: None, code: str) -> None:
    client = Client(enforce_csrf_checks=True)
    page = client.get(NOT_ME, secure=True)
    for header in ({"Origin": "https://testserver"}, {"Referer": "https://testserver/"}):
        answer = client.post(NOT_ME, filled(page, code), secure=True, headers=header)
        assert answer.status_code != 403
    assert Login.objects.live().count() == 0


def test_a_code_is_good_once(logins: None, code: str, user: Any) -> None:
    fields = filled(Client().get(NOT_ME), code)
    assert Client().post(NOT_ME, fields).status_code == 200
    issue_tokens(user=user, method="password", client=clients.Client())
    again = Client().post(NOT_ME, fields)
    assert (again.status_code, "can't be used" in again.content.decode().replace("&#x27;", "'")) == (400, True)
    assert Login.objects.live().count() == 1


@pytest.mark.parametrize(
    "tried", ["", "x", "x" * 100_000, "\x00", "%ED%A0%80", "<b>", "a" * 43], ids=lambda tried: repr(tried[:8])
)
def test_guessed_codes_are_refused_and_not_shown(logins: None, code: str, tried: str) -> None:
    answer = Client().post(NOT_ME, {"key": tried})
    assert answer.status_code == 400
    assert "<b>" not in answer.content.decode()
    assert Client().post(NOT_ME).status_code == 400
    assert Login.objects.live().count() == 2


def test_a_code_that_is_too_old_ends_nothing(logins: None, code: str) -> None:
    OneTimeCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().post(NOT_ME, {"key": code}).status_code == 400
    assert (Login.objects.live().count(), OneTimeCode.objects.get().used_at) == (2, None)


def test_a_code_of_another_purpose_ends_nothing(logins: None, user: Any) -> None:
    code = one_time_codes.issue(purpose="exchange", lifetime=timedelta(hours=1), user_id=user.pk)
    assert Client().post(NOT_ME, {"key": code}).status_code == 400
    assert (Login.objects.live().count(), OneTimeCode.objects.get().used_at) == (2, None)


def test_a_key_in_the_query_is_not_taken(logins: None, code: str) -> None:
    """ASVS 14.2.1: the query of a request lies in access logs."""
    for name in ("key", "code"):
        assert code not in Client().get(NOT_ME, {name: code}).content.decode()
        assert Client().post(f"{NOT_ME}?{name}={code}").status_code == 400
    assert Login.objects.live().count() == 2


def test_a_person_without_a_script_pastes_the_whole_link(logins: None, code: str) -> None:
    assert confirm(Client(), f"{SITE}{NOT_ME}#key={code}").status_code == 200
    assert Login.objects.live().count() == 0


def test_the_page_is_not_stored_and_does_not_show_who_it_is_about(user: Any) -> None:
    page = Client().get(NOT_ME)
    assert "no-store" in page["Cache-Control"]
    assert escape(user.get_username()) not in page.content.decode().replace(NOT_ME, "")


def test_recorders_undo_the_rest_in_the_same_transaction(
    logins: None, code: str, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feature forgets devices, or begins a reset, by a recorder of `logins.disowned`."""
    monkeypatch.setattr(events, "_recorders", dict(events._recorders))
    heard: list[tuple[Any, bool]] = []

    def forget(event: Any) -> None:
        heard.append((event.user_id, transaction.get_connection().in_atomic_block))

    events.register_recorder(forget, names=[LoginsDisowned.name])
    assert not_me.disown(code=code).count == 2
    assert heard == [(user.pk, True)]


def test_recorder_that_fails_keeps_no_login_alive(logins: None, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_recorders", dict(events._recorders))

    def fails(_event: Any) -> None:
        raise RuntimeError("no table")

    events.register_recorder(fails, names=[LoginsDisowned.name])
    not_me.disown(code=code)
    assert Login.objects.live().count() == 0


def test_signal_is_sent_on_commit(logins: None, code: str, user: Any, django_capture_on_commit_callbacks: Any) -> None:
    heard: list[tuple[Any, int]] = []

    def receive(sender: Any, *, user_id: Any, count: int, **_: Any) -> None:
        heard.append((user_id, count))

    signals.logins_disowned.connect(receive)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            not_me.disown(code=code)
    finally:
        signals.logins_disowned.disconnect(receive)
    assert heard == [(user.pk, 2)]


def test_code_of_a_deleted_person_is_unknown(code: str, user: Any) -> None:
    user.delete()
    with pytest.raises(InvalidGrant):
        not_me.disown(code=code)


def test_outage_of_the_database_is_a_503_and_uses_nothing_up(
    logins: None, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(**_arguments: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(not_me, "end_logins_of", down)
    assert Client().post(NOT_ME, {"key": code}).status_code == 503
    assert OneTimeCode.objects.get().used_at is None


def test_without_public_url_mails_have_no_link(user: Any) -> None:
    with override_settings(AUTHKIT={}):
        assert not_me.not_me_link(user_id=user.pk) == ""
    assert not OneTimeCode.objects.exists(), "no code lies around that no mail brings"
