"""My connected accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from social_django.models import UserSocialAuth

from tests.pages.conftest import ACCOUNT, LOGIN
from tests.web_forms import Forms

pytestmark = pytest.mark.django_db
CONNECTIONS = "/auth/account/connections/"
PROVIDERS = {
    name: {"NAME": name.title(), "ISSUER": f"https://{name}.test", "CLIENT_ID": "me", "CLIENT_SECRET": "s" * 32}
    for name in ("one", "two")
}


def link(user: Any, provider: str, uid: str = "uid", **extra: Any) -> UserSocialAuth:
    return UserSocialAuth.objects.create(user=user, provider=provider, uid=uid, extra_data=extra)


def gone(it: UserSocialAuth) -> str:
    return f"{CONNECTIONS}{it.pk}/disconnect/"


@pytest.fixture
def signed_in(user: Any, sign_in: Callable[..., Any], browser_client: Client, settings: Any) -> Client:
    settings.AUTHKIT = {**settings.AUTHKIT, "SOCIAL": {"PROVIDERS": PROVIDERS}}
    sign_in(user)
    return browser_client


def test_it_offers_to_disconnect_what_is_there_and_to_connect_the_rest(signed_in: Client, user: Any) -> None:
    it = link(user, "one", label="<alice@one.test>")
    page = signed_in.get(CONNECTIONS)
    text = page.content.decode()
    actions = [action for action, _fields in Forms(page).found]
    assert actions == [gone(it), "/auth/social/link/two/"]
    assert "&lt;alice@one.test&gt;" in text
    assert "<script" not in text
    assert "no-store" in page["Cache-Control"]


def test_the_account_page_leads_there_where_there_are_providers(signed_in: Client, settings: Any) -> None:
    assert f'href="{CONNECTIONS}"' in signed_in.get(ACCOUNT).content.decode()
    settings.AUTHKIT = {}
    assert f'href="{CONNECTIONS}"' not in signed_in.get(ACCOUNT).content.decode()


def test_disconnecting_says_so_once_it_is_done(signed_in: Client, user: Any) -> None:
    it = link(user, "one")
    answer = signed_in.post(gone(it), Forms(signed_in.get(CONNECTIONS)).to(gone(it)))
    assert answer["Location"] == f"{CONNECTIONS}?disconnected=one"
    assert not UserSocialAuth.objects.exists()
    assert "Your account at One is no longer connected." in signed_in.get(answer["Location"]).content.decode()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("connected=one", "Your account at One is connected."),
        ("disconnected=two", "Your account at Two is no longer connected."),
        ("connected=two", ""),
        ("disconnected=one", ""),
        ("connected=elsewhere", ""),
        ("connected=%3Cb%3E", ""),
        ("connected=", ""),
    ],
)
def test_spoofed_message_only_what_is_true_is_said(signed_in: Client, user: Any, query: str, said: str) -> None:
    link(user, "one")
    text = signed_in.get(f"{CONNECTIONS}?{query}").content.decode()
    assert ('role="status"' in text) is bool(said)
    assert said in text


def test_the_last_way_in_has_no_button_and_says_why(signed_in: Client, user: Any) -> None:
    it = link(user, "one")
    form = Forms(signed_in.get(CONNECTIONS)).to(gone(it))
    # By SQL: a changed password would end the login.
    type(user).objects.filter(pk=user.pk).update(password="!")
    signed_in.force_login(type(user).objects.get())
    page = signed_in.get(CONNECTIONS)
    assert "This is your only way to sign in." in page.content.decode()
    assert gone(it) not in [action for action, _fields in Forms(page).found]
    form["csrfmiddlewaretoken"] = Forms(page).to("/auth/social/link/two/")["csrfmiddlewaretoken"]
    refused = signed_in.post(gone(it), form)
    assert refused.status_code == 409
    assert "Connect another account" in refused.content.decode()
    assert UserSocialAuth.objects.get() == it


def test_somebody_elses_is_404(signed_in: Client, make_user: Callable[..., Any]) -> None:
    theirs = link(make_user("bob"), "one")
    fields = Forms(signed_in.get(CONNECTIONS)).to("/auth/social/link/one/")
    assert signed_in.post(gone(theirs), fields).status_code == 404
    assert signed_in.post(f"{CONNECTIONS}{10**30}/disconnect/", fields).status_code == 404
    assert UserSocialAuth.objects.get() == theirs


def test_it_needs_csrf_proof_and_post(signed_in: Client, user: Any) -> None:
    it = link(user, "one")
    assert signed_in.post(gone(it)).status_code == 403
    assert signed_in.get(gone(it)).status_code == 405
    assert UserSocialAuth.objects.get() == it


def test_visitors_are_asked_to_sign_in_and_come_back(client: Client) -> None:
    assert client.get(CONNECTIONS)["Location"] == f"{LOGIN}?next={CONNECTIONS}"
    assert client.post(f"{CONNECTIONS}1/disconnect/")["Location"].startswith(f"{LOGIN}?next=")
