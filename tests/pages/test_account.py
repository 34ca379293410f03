"""My logins."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import messages
from django.contrib.messages.storage import default_storage
from django.http import HttpResponse
from django.test import Client, RequestFactory

from authkit.core.clients import Client as Caller
from authkit.logins.models import Login
from authkit.logins.opening import open_login
from authkit.logins.reasons import LoginKind
from authkit.logins.services import Lifetime
from authkit.signin.devices import KnownDevice, remember
from tests.pages.conftest import ACCOUNT, END_ALL, LOGIN, LOGINS, LOGOUT, SECURITY
from tests.web_forms import Forms

pytestmark = pytest.mark.django_db


def end(login: Login) -> str:
    return f"/auth/account/logins/{login.pk}/end/"


def another_login(user: Any, device: str = "Otter on Linux") -> Login:
    return open_login(
        user=user,
        kind=LoginKind.TOKEN,
        method="example",
        lifetime=Lifetime(idle=timedelta(days=1), absolute=timedelta(days=2)),
        client=Caller(address="192.0.2.7", device=device),
    )


@pytest.fixture
def signed_in(user: Any, sign_in: Callable[..., Any], browser_client: Client) -> Client:
    sign_in(user)
    return browser_client


def mine(user: Any) -> Login:
    return Login.objects.get(user=user, kind="session")


def test_it_lists_my_live_logins_and_marks_this_one(
    signed_in: Client, user: Any, make_user: Callable[..., Any]
) -> None:
    another_login(user)
    another_login(make_user("bob"), device="Bob's")
    page = signed_in.get(LOGINS)
    text = page.content.decode()
    assert [shown.current for shown in page.context["logins"]] == [False, True]
    assert text.count("this one") == 1
    for part in ("Otter on Linux", "192.0.2.7", "example", "Token", "Password", "Session"):
        assert part in text
    assert "Bob" not in text
    assert "no-store" in page["Cache-Control"]


def test_a_method_is_shown_by_its_providers_name(signed_in: Client, user: Any, settings: Any) -> None:
    provider = {"NAME": "Example ID", "ISSUER": "https://id.example", "CLIENT_ID": "me", "CLIENT_SECRET": "s" * 32}
    settings.AUTHKIT = {**settings.AUTHKIT, "SOCIAL": {"PROVIDERS": {"example": provider}}}
    another_login(user)
    assert "Example ID" in signed_in.get(LOGINS).content.decode()


def test_a_device_name_is_only_text(signed_in: Client, user: Any) -> None:
    another_login(user, device="<script>alert(1)</script>")
    text = signed_in.get(LOGINS).content.decode()
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_ending_another_login_of_mine(signed_in: Client, user: Any) -> None:
    other = another_login(user)
    answer = signed_in.post(end(other), Forms(signed_in.get(LOGINS)).to(end(other)))
    assert answer["Location"] == LOGINS
    assert list(Login.objects.live()) == [mine(user)]
    # A second click, or the back button: nothing happens, and nothing breaks.
    token = {"csrfmiddlewaretoken": Forms(signed_in.get(LOGINS)).to(end(mine(user)))["csrfmiddlewaretoken"]}
    assert signed_in.post(end(other), token)["Location"] == LOGINS


def test_ending_the_login_in_use_signs_this_browser_out(signed_in: Client, user: Any) -> None:
    answer = signed_in.post(end(mine(user)), Forms(signed_in.get(LOGINS)).to(end(mine(user))))
    assert answer["Location"] == LOGOUT
    assert not Login.objects.live().exists()
    assert signed_in.get(LOGINS)["Location"].startswith(LOGIN)


def test_somebody_elses_login_looks_as_if_there_were_none(
    signed_in: Client, user: Any, make_user: Callable[..., Any]
) -> None:
    theirs = another_login(make_user("bob"))
    token = Forms(signed_in.get(LOGINS)).to(end(mine(user)))
    answers = [signed_in.post(end(theirs), token), signed_in.post(f"/auth/account/logins/{uuid4()}/end/", token)]
    assert [answer.status_code for answer in answers] == [404, 404]
    theirs.refresh_from_db()
    assert theirs.ended_at is None


def test_everywhere_else_keeps_this_browser(signed_in: Client, user: Any) -> None:
    another_login(user)
    another_login(user)
    answer = signed_in.post(END_ALL, Forms(signed_in.get(LOGINS)).to(END_ALL, keep_current="1"))
    assert answer["Location"] == LOGINS
    assert list(Login.objects.live()) == [mine(user)]
    # Alone now: there is nowhere else.
    assert "keep_current" not in signed_in.get(LOGINS).content.decode()


def test_everywhere_is_everywhere(signed_in: Client, user: Any) -> None:
    another_login(user)
    [everywhere] = [
        fields
        for action, fields in Forms(signed_in.get(LOGINS)).found
        if action == END_ALL and "keep_current" not in fields
    ]
    assert signed_in.post(END_ALL, everywhere)["Location"] == LOGOUT
    assert not Login.objects.live().exists()
    assert {login.end_reason for login in Login.objects.all()} == {"logout_all"}
    assert signed_in.get(LOGINS).status_code == 302


def test_ending_needs_csrf_proof_and_post(signed_in: Client, user: Any) -> None:
    other = another_login(user)
    for url in (end(other), END_ALL):
        assert signed_in.post(url).status_code == 403
        assert signed_in.get(url).status_code == 405
    assert Login.objects.live().count() == 2


def test_visitors_are_asked_to_sign_in_and_come_back(client: Client) -> None:
    assert client.get(LOGINS, {"page": "2"})["Location"] == f"{LOGIN}?next=/auth/account/logins/%3Fpage%3D2"
    assert client.post(END_ALL)["Location"] == f"{LOGIN}?next=/auth/account/"


def test_many_logins_come_in_pages(signed_in: Client, user: Any) -> None:
    for _ in range(30):
        another_login(user)
    first, second = signed_in.get(LOGINS), signed_in.get(LOGINS, {"page": "2"})
    assert (len(first.context["logins"]), len(second.context["logins"])) == (25, 6)
    assert 'rel="next"' in first.content.decode()
    assert 'rel="prev"' in second.content.decode()
    assert signed_in.get(LOGINS, {"page": "everything"}).status_code == 200


# Known devices


def test_it_lists_my_devices_and_forgets_one(signed_in: Client, user: Any, make_user: Callable[..., Any]) -> None:
    for person, label in ((user, "Otter on Linux"), (make_user("bob"), "Bob's")):
        remember(user=person, login_id=uuid4(), client=Caller(device=label), value=None)
    page = signed_in.get(SECURITY)
    text = page.content.decode()
    assert text.count("this device") == 1
    assert "Otter on Linux" in text
    assert "Bob" not in text
    path = f"/auth/account/devices/{KnownDevice.objects.get(label='Otter on Linux').pk}/forget/"
    assert signed_in.post(path).status_code == 403
    assert signed_in.post(path, Forms(page).to(path)).status_code == 302
    assert set(KnownDevice.objects.values_list("label", flat=True)) == {"", "Bob's"}
    his = f"/auth/account/devices/{KnownDevice.objects.exclude(user=user).get().pk}/forget/"
    assert signed_in.post(his, Forms(page).to(path)).status_code == 404


# The frame of the area


def current(page: Any) -> list[tuple[str, str]]:
    return re.findall(r'<a href="([^"]+)" aria-current="(\w+)"', page.content.decode())


def test_the_navigation_leads_to_every_page_of_the_area_and_marks_the_one_that_is_shown(signed_in: Client) -> None:
    overview = signed_in.get(ACCOUNT)
    navigation = overview.content.decode().partition("<nav")[2].partition("</nav>")[0]
    paths = re.findall(r'<li><a href="(/auth/account/[^"]*)"', navigation)
    assert paths[:4] == [ACCOUNT, LOGINS, "/auth/account/activity/", SECURITY]
    for path in paths:
        page = signed_in.get(path)
        assert (page.status_code, current(page)) == (200, [(path, "page")])


@pytest.mark.parametrize("middleware", [True, False], ids=["with Django's middleware", "without"])
def test_an_action_is_confirmed_once_on_the_next_page_which_has_the_focus_there(
    signed_in: Client, user: Any, settings: Any, middleware: bool
) -> None:
    if not middleware:
        settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django.contrib.messages"]
        settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if "messages" not in path]
    other = another_login(user)
    answer = signed_in.post(end(other), Forms(signed_in.get(LOGINS)).to(end(other)), follow=True)
    [said] = re.findall(r'<p class="ak-notice"([^>]*)>([^<]*)</p>', answer.content.decode())
    assert said == (' role="status" tabindex="-1" autofocus', "That browser or app is signed out.")
    assert "ak-notice" not in signed_in.get(LOGINS).content.decode()


def test_a_message_of_another_page_is_only_text(signed_in: Client) -> None:
    request = RequestFactory().get(ACCOUNT)
    request.session, request.COOKIES = signed_in.session, {}  # type: ignore[assignment]
    storage = default_storage(request)
    storage.add(messages.ERROR, "<script>alert(1)</script>")
    answer = HttpResponse()
    storage.update(answer)
    signed_in.cookies.update(answer.cookies)
    text = signed_in.get(ACCOUNT).content.decode()
    assert '<p class="ak-alert" role="status" tabindex="-1" autofocus>&lt;script&gt;' in text
