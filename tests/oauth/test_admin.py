"""Clients in the admin."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from authkit.exceptions import NotFound
from authkit.logins.reasons import EndReason
from authkit.oauth.client_secrets import is_secret
from authkit.oauth.clients import change_client, rotate_secret
from authkit.oauth.models import AuthMethod, ClientKind, OAuthClient
from tests.oauth.granted import CALLBACK, client_called, consent_to, grant_to, why
from tests.web_forms import Forms

pytestmark = pytest.mark.django_db

FIELDS = {
    "name": "Calendar",
    "kind": ClientKind.CONFIDENTIAL.value,
    "auth_method": AuthMethod.BASIC.value,
    "redirect_uris": f"{CALLBACK}\r\n\r\n  http://127.0.0.1/callback ",
    "post_logout_redirect_uris": "",
    "resources": "",
    "jwks": "{}",
    "scopes": ["notes:read"],
}


@pytest.fixture(autouse=True)
def _scopes(settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "OAUTH": {"SCOPES": {"notes:read": "Read your notes"}}}


@pytest.fixture
def signed_in(make_user: Callable[..., Any]) -> Callable[..., Client]:
    """A person of the staff with these permissions; a superuser without any."""

    def make(*names: str) -> Client:
        person = make_user("clerk", is_staff=True) if names else make_user("boss", is_superuser=True)
        person.user_permissions.add(*Permission.objects.filter(codename__in=names))
        client = Client(enforce_csrf_checks=True)
        client.force_login(person)
        return client

    return make


def url(what: str, *args: Any) -> str:
    return reverse(f"admin:authkit_oauth_oauthclient_{what}", args=args)


def send(browser: Client, address: str, fields: Any) -> Any:
    token = Forms(browser.get(address)).to("")["csrfmiddlewaretoken"]
    return browser.post(address, {**fields, "csrfmiddlewaretoken": token})


def make_secret(browser: Client, client: OAuthClient) -> Any:
    """The answer to the form of the page that makes a secret."""
    address = url("rotate", client.pk)
    return browser.post(address, Forms(browser.get(address)).to(""))


def csrf_of(browser: Client) -> str:
    return str(Forms(browser.get(url("add"))).to("")["csrfmiddlewaretoken"])


def secret_on(page: Any) -> str:
    found = re.findall(r"<code[^>]*>([\w-]{43})</code>", page.content.decode())
    return str(found[0]) if found else ""


def test_a_new_client_and_its_secret_which_is_on_one_page_only(signed_in: Any) -> None:
    boss = signed_in()
    saved = send(boss, url("add"), FIELDS)
    client = OAuthClient.objects.get()
    assert (saved.status_code, saved["Location"], client.secret_digest) == (302, url("rotate", client.pk), "")
    assert "has no secret yet" in boss.get(saved["Location"]).content.decode()
    answer = make_secret(boss, client)
    client.refresh_from_db()
    secret = secret_on(answer)
    assert is_secret(secret, digest=client.secret_digest)
    assert "no-store" in answer["Cache-Control"]
    assert client.redirect_uris == [CALLBACK, "http://127.0.0.1/callback"]
    assert client.scopes == ["notes:read"]
    pages = [boss.get(url("changelist")), boss.get(url("change", client.pk)), boss.get(url("history", client.pk))]
    for page in pages:
        text = page.content.decode()
        assert page.status_code == 200
        assert secret not in text
        assert client.secret_digest not in text
    assert secret not in json.dumps(list(LogEntry.objects.values_list("change_message", "object_repr")))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"redirect_uris": "https://*.example.org/"}, "redirect_uris"),
        ({"redirect_uris": ""}, "redirect_uris"),
        ({"redirect_uris": "http://app.example.org/callback"}, "redirect_uris"),
        ({"kind": "public"}, "auth_method"),
        ({"auth_method": "none"}, "auth_method"),
        ({"auth_method": "private_key_jwt"}, "auth_method"),
        ({"auth_method": "private_key_jwt", "jwks": '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'}, "jwks"),
        ({"auth_method": "private_key_jwt", "jwks": "[]x"}, "jwks"),
        ({"jwks": '{"keys": 7}'}, "jwks"),
        ({"jwks": '{"keys": [{"n": "\\u0000"}]}'}, "jwks"),
        ({"jwks": '{"keys": [{"n": "\\ud800"}]}'}, "jwks"),
        ({"jwks": '{"keys": [{"n": NaN}]}'}, "jwks"),
        ({"jwks": "[" * 50_000}, "jwks"),
        ({"jwks_uri": "http://app.example.org/jwks"}, "jwks_uri"),
        ({"backchannel_logout_uri": "ftp://app.example.org/"}, "backchannel_logout_uri"),
        ({"resources": "not an address"}, "resources"),
        ({"scopes": ["unknown"]}, "scopes"),
        ({"name": "   "}, "name"),
        ({"logo": "javascript:alert(1)"}, "logo"),
        ({"logo": "//evil.example/logo.png"}, "logo"),
        ({"name": "Bank\u202e"}, "name"),
        ({"name": "Bank\u2066"}, "name"),
        ({"name": "Bank\u2028of"}, "name"),
    ],
)
def test_what_is_not_possible_is_said_at_its_field(signed_in: Any, wrong: Any, told: str) -> None:
    answer = send(signed_in(), url("add"), {**FIELDS, **wrong})
    assert answer.status_code == 200
    assert set(answer.context["adminform"].form.errors) == {told}
    assert not OAuthClient.objects.exists()


def test_public_clients_have_no_secret(signed_in: Any) -> None:
    answer = send(signed_in(), url("add"), {**FIELDS, "kind": "public", "auth_method": "none"})
    assert answer.status_code == 302
    assert OAuthClient.objects.get().secret_digest == ""


def test_a_change_keeps_secret_and_grants_and_never_switches_a_client_on(signed_in: Any, user: Any) -> None:
    boss = signed_in()
    client = client_called(secret_digest="d" * 64)
    login = grant_to(client, user)
    address = url("change", client.pk)
    fields = {**FIELDS, "csrfmiddlewaretoken": Forms(boss.get(address)).to("")["csrfmiddlewaretoken"], "name": "New"}
    OAuthClient.objects.update(enabled=False)
    assert boss.post(address, {**fields, "enabled": "on"}).status_code == 302
    client.refresh_from_db()
    assert (client.name, client.secret_digest, client.enabled) == ("New", "d" * 64, False)
    assert why(login) == ""


def test_a_client_that_needs_a_secret_from_now_on_gets_one(signed_in: Any) -> None:
    boss, client = signed_in(), client_called(kind=ClientKind.PUBLIC, auth_method=AuthMethod.NONE)
    assert send(boss, url("change", client.pk), FIELDS)["Location"] == url("rotate", client.pk)
    answer = make_secret(boss, client)
    client.refresh_from_db()
    assert is_secret(secret_on(answer), digest=client.secret_digest)
    back = send(boss, url("change", client.pk), {**FIELDS, "kind": "public", "auth_method": "none"})
    client.refresh_from_db()
    assert (back["Location"], client.secret_digest) == (url("changelist"), "")


def test_a_new_secret_asks_first_and_replaces_the_old_one(signed_in: Any) -> None:
    boss, client = signed_in(), client_called(secret_digest="d" * 64)
    assert secret_on(boss.get(url("rotate", client.pk))) == ""
    assert boss.post(url("rotate", client.pk)).status_code == 403
    answer = make_secret(boss, client)
    client.refresh_from_db()
    assert is_secret(secret_on(answer), digest=client.secret_digest)
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("digest", ["", "d" * 64])
def test_page_with_a_secret_that_is_loaded_again_makes_no_other_one(signed_in: Any, digest: str) -> None:
    boss, client = signed_in(), client_called(secret_digest=digest)
    address = url("rotate", client.pk)
    form, others = Forms(boss.get(address)).to(""), Forms(boss.get(address)).to("")
    shown = secret_on(boss.post(address, form))
    for again in (form, {**others, "state": form["state"]}, {**form, "state": ""}, {**form, "state": "\u00e4"}):
        answer = boss.post(address, again)
        assert (answer.status_code, answer["Location"]) == (302, url("change", client.pk))
    client.refresh_from_db()
    assert is_secret(shown, digest=client.secret_digest)
    assert digest not in form["state"] or not digest
    assert LogEntry.objects.count() == 1


def test_secret_that_another_operator_makes_outlasts_a_change(signed_in: Any) -> None:
    client = client_called(secret_digest="d" * 64)
    read_before = OAuthClient.objects.get(pk=client.pk)
    made = rotate_secret(client=client)
    with pytest.raises(NotFound):
        rotate_secret(client=read_before)
    read_before.name = "New"
    change_client(client=read_before)
    client.refresh_from_db()
    assert (client.name, is_secret(made.secret, digest=client.secret_digest)) == ("New", True)


def test_person_who_may_only_register_makes_the_first_secret_and_no_other(signed_in: Any) -> None:
    clerk = signed_in("add_oauthclient")
    saved = send(clerk, url("add"), FIELDS)
    client = OAuthClient.objects.get()
    assert saved["Location"] == url("rotate", client.pk)
    assert secret_on(make_secret(clerk, client))
    assert clerk.get(url("rotate", client.pk)).status_code == 403


def test_disabling_ends_every_grant_and_enabling_brings_none_back(signed_in: Any, user: Any, make_user: Any) -> None:
    boss, client = signed_in(), client_called()
    logins = [grant_to(client, user), grant_to(client, make_user("bob"))]
    other = grant_to(client_called("Other"), user)
    assert "2" in boss.get(url("change", client.pk)).content.decode()
    assert [boss.get(url("disable", client.pk)).status_code, why(logins[0])] == [200, ""]
    assert boss.post(url("disable", client.pk)).status_code == 403
    assert send(boss, url("disable", client.pk), {}).status_code == 302
    assert [why(login) for login in (*logins, other)] == [EndReason.CLIENT_DISABLED] * 2 + [""]
    assert "2 live grants ended" in LogEntry.objects.get().change_message
    assert send(boss, url("enable", client.pk), {}).status_code == 302
    client.refresh_from_db()
    assert client.enabled
    assert [why(login) for login in logins] == [EndReason.CLIENT_DISABLED] * 2


def test_deleting_a_client_ends_its_grants(signed_in: Any, user: Any) -> None:
    client = client_called()
    login = grant_to(client, user)
    consent_to(client, user)
    assert send(signed_in(), url("delete", client.pk), {"post": "yes"}).status_code == 302
    assert not OAuthClient.objects.exists()
    assert why(login) == EndReason.CLIENT_DISABLED


def test_each_page_asks_for_its_permission(signed_in: Any) -> None:
    client = client_called(secret_digest="d" * 64)
    clerk = signed_in("view_oauthclient")
    assert clerk.get(url("changelist")).status_code == 200
    page = clerk.get(url("change", client.pk)).content.decode()
    assert url("disable", client.pk) not in page
    for what in ("rotate", "disable", "enable"):
        assert clerk.get(url(what, client.pk)).status_code == 403
    assert clerk.get(url("add")).status_code == 403
    client.refresh_from_db()
    assert (client.secret_digest, client.enabled) == ("d" * 64, True)


@pytest.mark.parametrize("lookup", ["secret_digest__startswith=d", "secret_digest=" + "d" * 64])
def test_attack_a_filter_that_tells_the_digest_letter_by_letter(signed_in: Any, lookup: str) -> None:
    client_called(secret_digest="d" * 64)
    assert signed_in("view_oauthclient").get(f"{url('changelist')}?{lookup}").status_code == 400


def test_only_a_superuser_says_that_a_client_is_ours(signed_in: Any) -> None:
    clerk = signed_in("add_oauthclient", "view_oauthclient")
    send(clerk, url("add"), {**FIELDS, "first_party": "on"})
    assert not OAuthClient.objects.get().first_party


def test_attack_clerk_points_a_client_of_ours_at_another_address(signed_in: Any) -> None:
    client = client_called(first_party=True, secret_digest="d" * 64)
    bare = client_called("Bare", first_party=True)
    clerk = signed_in("add_oauthclient", "change_oauthclient", "view_oauthclient")
    fields = {**FIELDS, "redirect_uris": "https://evil.example/", "csrfmiddlewaretoken": csrf_of(clerk)}
    for what in ("change", "rotate", "enable"):
        assert clerk.post(url(what, client.pk), fields).status_code == 403, what
    assert clerk.get(url("rotate", bare.pk)).status_code == 403
    client.refresh_from_db()
    assert (client.redirect_uris, client.secret_digest) == ([CALLBACK], "d" * 64)
    assert url("disable", client.pk) in clerk.get(url("change", client.pk)).content.decode()
    assert send(clerk, url("disable", client.pk), {}).status_code == 302
    client.refresh_from_db()
    assert not client.enabled


@pytest.mark.parametrize("what", ["rotate", "disable", "enable", "change"])
@pytest.mark.parametrize("key", ["0", "x", "%00", "9" * 40])
def test_no_such_client_leads_back(signed_in: Any, what: str, key: str) -> None:
    assert signed_in().get(url("changelist") + f"{key}/{what}/").status_code == 302


def test_the_list_of_logins_names_each_app_by_one_statement(signed_in: Any, user: Any) -> None:
    boss, logins = signed_in("view_login"), reverse("admin:authkit_login_changelist")
    grant_to(client_called("<i>Calendar</i>"), user)
    with CaptureQueriesContext(connection) as one:
        page = boss.get(logins).content.decode()
    assert "app: &lt;i&gt;Calendar&lt;/i&gt;" in page
    others = [grant_to(client_called(f"App {number}"), user) for number in range(5)]
    with CaptureQueriesContext(connection) as six:
        boss.get(logins)
    assert len(six) == len(one)
    change = boss.get(reverse("admin:authkit_login_change", args=[others[0].pk])).content.decode()
    assert "App 0" in change
    assert "app" in boss.get(f"{logins}?kind__exact=grant").content.decode()
