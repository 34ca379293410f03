"""Invitations: one address, once, and no more rights than the person who invites has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from authkit.accounts.invitations.services import invite
from authkit.accounts.models import Invitation
from authkit.core.one_time_codes import OneTimeCode
from authkit.signin.addresses import is_verified
from tests.accounts.newcomers import mailed_key, named, people, register

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("accounts")]
INVITATIONS = "/auth/api/account/invitations/"


@pytest.fixture
def group() -> Group:
    return Group.objects.create(name="editors")


@pytest.fixture
def host(make_user: Callable[..., Any]) -> Any:
    """A person who may invite."""
    person = make_user("host", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="invite"))
    return person


@pytest.fixture
def hosts(host: Any) -> APIClient:
    client = APIClient()
    client.force_login(host)
    return client


def accept(key: str, name: str = "ada", **changes: str) -> Any:
    return register(name, invitation=key, **changes)


def test_an_invited_person_opens_an_account_and_joins_the_groups(
    hosts: APIClient, host: Any, group: Group, accounts: Callable[..., None]
) -> None:
    accounts(SIGNUP="invitation")
    host.groups.add(group)
    answer = hosts.post(INVITATIONS, {"email": "ada@example.test", "groups": ["editors"]}, format="json")
    assert (answer.status_code, answer.json()["groups"]) == (201, ["editors"])
    assert mailed_key() not in answer.content.decode()
    assert accept(mailed_key(), email="ADA@example.test").status_code == 201
    person = people().get(email__iexact="ada@example.test")
    assert list(person.groups.all()) == [group]
    assert is_verified(person)
    row = Invitation.objects.get()
    assert (row.accepted_by, row.accepted_at is not None) == (person, True)
    assert accept(mailed_key(), "eve").status_code == 400


def test_a_forwarded_invitation_is_good_for_its_address_alone() -> None:
    invite(email="ada@example.test")
    key = mailed_key()
    assert accept(key, "eve").json()["code"] == "invalid_grant"
    assert accept(key).status_code == 201


def test_escalation_by_a_group_that_the_host_is_not_in(hosts: APIClient, group: Group) -> None:
    refused = hosts.post(INVITATIONS, {"email": "ada@example.test", "groups": ["editors"]}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert not Invitation.objects.exists()
    assert not mail.outbox


@pytest.mark.parametrize("method", ["get", "post"])
def test_without_the_permission_no_one_invites(user: Any, method: str) -> None:
    client = APIClient()
    assert getattr(client, method)(INVITATIONS).status_code == 401
    client.force_login(user)
    body = {} if method == "get" else {"data": {"email": "ada@example.test"}, "format": "json"}
    assert getattr(client, method)(INVITATIONS, **body).status_code == 403
    assert not mail.outbox


def test_a_taken_user_name_keeps_the_invitation(make_user: Callable[..., Any]) -> None:
    if not named("x"):
        pytest.skip("people are known by their address")
    make_user("ada", email="other@example.test")
    invite(email="ada@example.test")
    assert accept(mailed_key()).json()["code"] == "username_taken"
    assert accept(mailed_key(), **named("countess")).status_code == 201


def test_an_invited_person_who_has_an_account_is_told(user: Any) -> None:
    invite(email=user.email)
    refused = accept(mailed_key(), "new", email=user.email)
    assert (refused.status_code, refused.json()["code"]) == (409, "address_taken")


@pytest.mark.parametrize("end", ["withdrawn", "old", "host inactive"])
def test_an_invitation_ends(end: str, hosts: APIClient, host: Any) -> None:
    hosts.post(INVITATIONS, {"email": "ada@example.test"}, format="json")
    if end == "withdrawn":
        [listed] = hosts.get(INVITATIONS).json()["results"]
        assert hosts.delete(f"{INVITATIONS}{listed['id']}/").status_code == 204
        assert hosts.delete(f"{INVITATIONS}{listed['id']}/").status_code == 404
    elif end == "old":
        OneTimeCode.objects.filter(purpose="invitation").update(expires_at=timezone.now() - timedelta(seconds=1))
    else:
        host.is_active = False
        host.save()
    assert accept(mailed_key()).json()["code"] == "invalid_grant"
    assert people().count() == 1


def test_other_peoples_invitations_are_not_there(hosts: APIClient) -> None:
    other = invite(email="ada@example.test")
    assert hosts.get(INVITATIONS).json()["results"] == []
    assert hosts.delete(f"{INVITATIONS}{other.pk}/").status_code == 404
    assert hosts.delete(f"{INVITATIONS}no-uuid/").status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"email": "x"}, {"email": "a@b.test", "groups": ["none"]}, {"email": "a@b.test", "groups": "x"}]
)
def test_bad_input_is_a_field_error(hosts: APIClient, body: dict[str, Any]) -> None:
    assert hosts.post(INVITATIONS, body, format="json").status_code == 400
    assert not Invitation.objects.exists()


def test_the_command_invites(group: Group) -> None:
    out = StringIO()
    call_command("authkit_invite", "ada@example.test", "bob@example.test", group=["editors"], stdout=out)
    assert out.getvalue().count("is invited") == len(mail.outbox) == 2
    for bad in (["no address"], ["a@b.test", "--group", "none"]):
        with pytest.raises(CommandError):
            call_command("authkit_invite", *bad, stdout=out)
    assert len(mail.outbox) == 2


def test_staff_invite_and_withdraw_in_the_admin(host: Any, group: Group) -> None:
    client = Client()
    client.force_login(host)
    add = reverse("admin:authkit_accounts_invitation_add")
    assert "editors" not in client.get(add).content.decode(), "a group of which the host is none"
    assert client.post(add, {"email": "bad"}).status_code == 200
    assert client.post(add, {"email": "ada@example.test", "groups": [group.pk]}).status_code == 200
    assert not mail.outbox
    assert client.post(add, {"email": "ada@example.test"}).status_code == 302
    row = Invitation.objects.get()
    assert row.invited_by == host
    assert len(mail.outbox) == 1
    delete = reverse("admin:authkit_accounts_invitation_delete", args=[row.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 302
    assert accept(mailed_key()).status_code == 400
    host.user_permissions.clear()
    assert client.get(add).status_code == 403


def test_attack_a_filter_that_tells_the_digest_of_a_key_letter_by_letter(host: Any) -> None:
    client = Client()
    client.force_login(host)
    page = reverse("admin:authkit_accounts_invitation_changelist")
    assert client.get(page).status_code == 200
    assert client.get(f"{page}?digest__startswith=a").status_code == 400
