"""docs/signals.md beside what is sent: every signal is provoked, and its arguments are those of the page."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextvars import copy_context
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.dispatch import Signal

from authkit import limiter, signals
from authkit.accounts.address_change import NEW, confirm_change
from authkit.accounts.deletion import delete_account, purge_deleted, restore
from authkit.accounts.invitations.services import invite
from authkit.accounts.models import Deletion, Invitation
from authkit.accounts.passwords.changing import change_password
from authkit.accounts.passwords.demands import demand_password
from authkit.accounts.passwords.resetting import _binding, reset_password
from authkit.accounts.registration.services import register
from authkit.accounts.registration.wishes import Wish
from authkit.apikeys import make_key, revoke_key, rotate_key
from authkit.apikeys.leaks import Finding, end_leaked
from authkit.core.clients import Client
from authkit.core.identifiers import uuid7
from authkit.core.one_time_codes import digest_of, issue
from authkit.exceptions import Locked, LoginEnded
from authkit.limiter import stuffing
from authkit.limiter.models import AttemptBudget
from authkit.limiter.services import admit
from authkit.logins.blacklist import blacklist_token
from authkit.logins.crowds import end_logins_of_people
from authkit.logins.models import Login
from authkit.logins.opening import open_login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.reauthentication import Shown, reauthenticate
from authkit.logins.rotation import rotate
from authkit.logins.services import (
    Lifetime,
    end_all_logins,
    end_login,
    end_logins_of,
    end_logins_where,
)
from authkit.mail.not_me import PURPOSE, disown
from authkit.signin import breaches
from authkit.signin.devices import remember
from authkit.social.links.connections import disconnect
from authkit.social.links.linking import Identity, LinkedBy, write_link
from tests.docs.pages import first_cells, sections

PAGE = (Path(__file__).parents[2] / "docs" / "signals.md").read_text()
ALL = {name: value for name, value in vars(signals).items() if isinstance(value, Signal)}
WRITTEN = {
    name: {word for cell in first_cells(text) for word in re.findall(r"`(\w+)`", cell)}
    for name, text in sections(PAGE, 3).items()
}
HOME = Client(address="203.0.113.9", device="Firefox on Linux")
LIFETIME = Lifetime(idle=timedelta(days=7), absolute=timedelta(days=30))
SOMETIMES = {"crowd"}
"""Arguments that are left out where they don't apply."""


@pytest.fixture
def heard() -> Iterator[dict[str, list[set[str]]]]:
    """The names of the arguments of each signal that was sent, by its name."""
    found: dict[str, list[set[str]]] = defaultdict(list)
    receivers = []
    for name, signal in ALL.items():

        def receive(_name: str = name, **arguments: Any) -> None:
            found[_name].append(arguments.keys() - {"signal", "sender"})

        signal.connect(receive)
        receivers.append((signal, receive))
    yield found
    for signal, receive in receivers:
        signal.disconnect(receive)


def turn(login: Login, generation: int) -> None:
    rotate(
        login_id=login.pk, user_id=login.user_id, generation=generation, lifetime=LIFETIME,
        grace=timedelta(seconds=60), client=HOME,
    )  # fmt: skip


def guess_until_locked(user: Any) -> None:
    """Twenty wrong passwords, one more that is refused, the unlock, and a right password after a wrong one."""

    def reserve() -> limiter.Reservation:
        return limiter.reserve(door="token", name=user.get_username(), client=HOME)

    for _ in range(20):
        limiter.settle_failure(reserve(), user_id=user.pk)
        AttemptBudget.objects.update(not_before=0)
    AttemptBudget.objects.update(not_before=2**62)
    with pytest.raises(Locked):
        reserve()
    limiter.unlock(name=user.get_username())
    limiter.unlock(network=str(HOME.address))
    limiter.settle_success(admit(reserve(), user=user), user=user)


def passwords_of(user: Any) -> None:
    """One is demanded, changed and reset."""
    demand_password(user=user)
    change_password(
        user_id=user.pk,
        keep=None,
        current_password="correct-horse-battery-staple",
        new_password="another-horse-battery",
        client=HOME,
    )
    user.refresh_from_db()
    key = issue(purpose="password_reset", lifetime=timedelta(days=1), user_id=user.pk, binding=_binding(user))
    reset_password(key=key, new_password="a-third-horse-battery", client=HOME)
    user.refresh_from_db()
    user.refresh_from_db()


def invite_and_register() -> None:
    invite(email="invited@example.test")
    invitation = Invitation.objects.get()
    key = issue(purpose="invitation", lifetime=timedelta(days=1))
    Invitation.objects.filter(pk=invitation.pk).update(digest=digest_of(key))
    register(
        wish=Wish(email="invited@example.test", password="", username="invited"),
        password="a-long-horse-battery",
        client=HOME,
        invitation=key,
    )


def change_address(user: Any, login_id: Any) -> None:
    change = {"login": str(login_id), "old": user.email, "new": "moved@example.test", "both": False}
    confirm_change(key=issue(purpose=NEW, lifetime=timedelta(days=1), user_id=user.pk, payload=change))


def delete_restore_and_purge(user: Any) -> None:
    delete_account(user_id=user.pk)
    restore(user_id=user.pk)
    delete_account(user_id=user.pk)
    Deletion.objects.update(purge_at=Deletion.objects.get().requested_at)
    assert [purged.gone for purged in purge_deleted()] == [True]


def keys_of(user: Any) -> None:
    made = make_key(user=user, name="nightly", scopes=(), expires_in=timedelta(days=1), client=HOME)
    new = rotate_key(user=user, login_id=made.key.pk, overlap=timedelta(hours=1), client=HOME)
    revoke_key(login_id=made.key.pk, user_id=user.pk)
    end_leaked(findings=[Finding(token=str(new.text), type="", url="https://git.example/1")])


def test_every_signal_is_sent_with_the_arguments_of_the_page(
    user: Any, clock: Any, heard: dict[str, list[set[str]]], django_capture_on_commit_callbacks: Any, settings: Any
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": "https://www.example.com"}  # invitations have links

    def login() -> Login:
        return open_login(user=user, kind=LoginKind.TOKEN, method="password", lifetime=LIFETIME, client=HOME)

    user.set_password("correct-horse-battery-staple")
    user.save()
    with django_capture_on_commit_callbacks(execute=True):
        suspect = login()
        for generation in range(3):  # a late retry in three generations running
            turn(suspect, generation)
            clock.forward(seconds=12)
            turn(suspect, generation)
        with pytest.raises(LoginEnded):  # reuse
            turn(suspect, 0)
        end_login(login_id=login().pk, reason=EndReason.LOGOUT)
        end_logins_of(user_id=user.pk, reason=EndReason.LOGOUT_ALL)
        end_logins_where(method="password", reason=EndReason.FORCED)
        end_all_logins(reason=EndReason.FORCED)
        list(end_logins_of_people(user_ids=[user.pk], reason=EndReason.FORCED))
        blacklist_token(
            jti="some-jti", kind="access", reason=EndReason.REVOKED, expires_at=clock.now() + timedelta(days=1)
        )
        remember(user=user, login_id=uuid7(), client=HOME, value=None)
        disown(code=issue(purpose=PURPOSE, lifetime=timedelta(days=1), user_id=user.pk))
        identity = Identity(provider="google", uid="1", id_key="sub", record={})
        reauthenticate(login=login(), shown=Shown(method="password", door="reauth", amr=("pwd",)))
        link = write_link(user=user, identity=identity, how=LinkedBy.REQUEST)
        disconnect(user_id=user.pk, connection_id=link.pk)
        stuffing._suspect("0" * 64, 1, stuffing._Found("site", "", 100, 0))
        notice = breaches._Notice(b"", suspect.pk, user.pk, 0.0, copy_context())
        breaches._announce(notice)  # what its thread does once it has found the password
        guess_until_locked(user)
        invite_and_register()
        passwords_of(user)
        user.refresh_from_db()  # with the present password
        change_address(user, login().pk)
        keys_of(user)
        delete_restore_and_purge(user)
    assert heard.keys() == ALL.keys()
    for name, calls in heard.items():
        assert set.union(*calls) == WRITTEN[name], name
        assert all(arguments >= WRITTEN[name] - SOMETIMES for arguments in calls), name


def test_every_signal_has_a_section_and_no_other() -> None:
    assert WRITTEN.keys() == ALL.keys()


def test_docstring_of_the_module_names_the_same_arguments() -> None:
    text = " ".join((signals.__doc__ or "").split())
    parts = re.split(rf"`({'|'.join(ALL)})`\s+sender: ", text)[1:]
    told = dict(zip(parts[::2], parts[1::2], strict=True))
    assert told.keys() == ALL.keys()
    for name, arguments in WRITTEN.items():
        assert [each for each in arguments if f"`{each}`" not in told[name]] == [], name


def test_example_of_the_page_receives(user: Any, capsys: Any, django_capture_on_commit_callbacks: Any) -> None:
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(block, namespace)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            open_login(user=user, kind=LoginKind.TOKEN, method="password", lifetime=LIFETIME, client=HOME)
    finally:
        signals.login_opened.disconnect(namespace["greet"])
    assert capsys.readouterr().out == f"{user} signed in by password from Firefox on Linux\n"
