"""The certified OpenID provider sends its own logout tokens, to a live server of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from authkit.logins.models import Login
from tests.conftest import CALLBACK_PATHS
from tests.services import openid
from tests.services.openid import OpenIDProvider
from tests.social.browsers import SECONDS, Person
from tests.social.logouts import ENDPOINT

pytestmark = [pytest.mark.oidc, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def serve(live_server, configure) -> Iterator[Callable[[bool], OpenIDProvider]]:
    """Run a provider that knows where this site wants to hear of logouts, with or without the session's id."""
    running = []

    def start(session_required: bool) -> OpenIDProvider:
        client = {
            **openid.loopback_client(CALLBACK_PATHS),
            "backchannel_logout_uri": f"{live_server.url}{ENDPOINT.format('oidc')}",
            "backchannel_logout_session_required": session_required,
        }
        running.append(openid.serve(clients=[client]))
        provider = running[0].__enter__()
        configure(provider)
        return provider

    yield start
    for provider in running:
        provider.__exit__(None, None, None)


def is_in(person: Person) -> bool:
    return person.visit("/probe/").ok


def sign_out_at(provider: OpenIDProvider, person: Person) -> None:
    """Ask the provider to end its session, and confirm on its page; it tells its clients before it answers."""
    page = person.web.get(f"{provider.issuer}/session/end", timeout=SECONDS)
    token = re.search(r'name="xsrf" value="([^"]+)"', page.text)
    assert token is not None, page.text[:1000]
    form = {"xsrf": token[1], "logout": "yes"}
    assert person.web.post(f"{provider.issuer}/session/end/confirm", data=form, timeout=SECONDS).ok


def test_logout_at_the_provider_ends_the_logins_of_that_session_alone(live_server, serve) -> None:
    provider = serve(True)
    here, elsewhere = Person(live_server.url), Person(live_server.url)
    assert here.sign_in("alice").status_code == 302
    assert elsewhere.sign_in("alice").status_code == 302
    assert is_in(here)
    sign_out_at(provider, here)
    assert not is_in(here)
    assert is_in(elsewhere)
    assert Login.objects.exclude(ended_at=None).get().end_reason == "provider_logout"
    assert here.sign_in("alice").status_code == 302
    assert is_in(here)


def test_provider_that_names_no_session_ends_all_of_the_persons(live_server, serve) -> None:
    provider = serve(False)
    here, elsewhere, bob = (Person(live_server.url) for _ in range(3))
    here.sign_in("alice")
    elsewhere.sign_in("alice")
    bob.sign_in("bob")
    sign_out_at(provider, here)
    assert [is_in(person) for person in (here, elsewhere, bob)] == [False, False, True]
