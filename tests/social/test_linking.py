"""Connecting an account at a provider to the person who is signed in."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from social_django.models import UserSocialAuth

from authkit import signals
from authkit.logins.models import Login, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.social.links.connections import disconnect
from authkit.social.providers import transactions
from authkit.social.providers.backends import OpenIdConnect
from tests.social.browsers import CONNECTIONS, LINK, come_back, go, go_to_link

pytestmark = pytest.mark.django_db
CONNECTED = f"{CONNECTIONS}?connected=oidc"


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def stayed_unlinked(response: Any, reason: str, status: int = 400) -> bool:
    """Whether a page with this reason was answered, and nothing was linked."""
    assert response.status_code == status, (response.status_code, response.content[:600])
    assert f'data-reason="{reason}"' in response.content.decode()
    assert not UserSocialAuth.objects.exists()
    return True


def test_account_is_linked_and_from_then_on_signs_in(provider, user) -> None:
    client = signed_in(user)
    session, logins = client.session.session_key, Login.objects.count()
    assert client.get(go_to_link(client))["Location"] == CONNECTED
    link = UserSocialAuth.objects.get()
    assert (link.user_id, link.provider, link.extra_data["label"]) == (user.pk, "oidc", "alice@idp.test")
    # Nobody signed in: the same session goes on, and no login was opened.
    assert client.session.session_key == session
    assert Login.objects.count() == logins
    later = Client()
    come_back(later)
    assert later.session["_auth_user_id"] == str(user.pk)
    assert get_user_model().objects.count() == 1


def test_linking_changes_nothing_of_the_person(provider, user) -> None:
    before = get_user_model().objects.values().get()
    client = signed_in(user)
    client.get(go_to_link(client))
    after = get_user_model().objects.values().get()
    assert {k: v for k, v in after.items() if k != "last_login"} == {
        k: v for k, v in before.items() if k != "last_login"
    }


def test_linking_again_changes_nothing(provider, user) -> None:
    client = signed_in(user)
    client.get(go_to_link(client))
    before = UserSocialAuth.objects.values().get()
    assert client.get(go_to_link(client))["Location"] == CONNECTED
    assert UserSocialAuth.objects.values().get() == before


def test_two_providers_may_be_linked(provider, user, settings) -> None:
    entry = settings.AUTHKIT["SOCIAL"]["PROVIDERS"]["oidc"]
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"oidc": entry, "other": entry}}}
    client = signed_in(user)
    for name in ("oidc", "other"):
        assert client.get(go_to_link(client, name))["Location"] == f"{CONNECTIONS}?connected={name}"
    assert UserSocialAuth.objects.filter(user=user).count() == 2


def test_linking_is_not_held_to_the_rules_of_sign_up(provider, configure, user) -> None:
    configure(provider, SIGNUP=False, SIGNUP_DOMAINS=["elsewhere.test"])
    client = signed_in(user)
    assert client.get(go_to_link(client))["Location"] == CONNECTED


def test_policy_of_the_provider_holds_for_linking_too(provider, configure, user) -> None:
    configure(provider, options={"WHITELISTED_DOMAINS": ["elsewhere.test"]})
    client = signed_in(user)
    assert stayed_unlinked(client.get(go_to_link(client)), "not_allowed", 403)


@pytest.mark.parametrize("page", ["/auth/login/", "/members/in/"])
def test_visitors_are_asked_to_sign_in_first(provider, settings, page: str) -> None:
    settings.LOGIN_URL = page
    visitor = Client()
    answer = visitor.post(LINK.format("oidc"), follow=True)
    assert answer.redirect_chain[-1][0] == f"{page}?next={CONNECTIONS}"
    assert transactions.COOKIE not in visitor.cookies


def test_identity_of_somebody_else_is_refused_and_never_moved(provider, make_user) -> None:
    alice, bob = make_user("alice"), make_user("bob")
    first = signed_in(alice)
    first.get(go_to_link(first))
    second = signed_in(bob)
    response = second.get(go_to_link(second))
    assert response.status_code == 409
    assert 'data-reason="linked_elsewhere"' in response.content.decode()
    assert f'href="{CONNECTIONS}"' in response.content.decode()
    assert UserSocialAuth.objects.get().user_id == alice.pk
    assert second.session["_auth_user_id"] == str(bob.pk)


def test_identity_of_an_inactive_person_is_somebody_elses_too(provider, make_user) -> None:
    alice, bob = make_user("alice"), make_user("bob")
    first = signed_in(alice)
    first.get(go_to_link(first))
    get_user_model().objects.filter(pk=alice.pk).update(is_active=False)
    second = signed_in(bob)
    assert 'data-reason="linked_elsewhere"' in second.get(go_to_link(second)).content.decode()


def test_cancelled_consent_leads_back_to_the_connections(provider, user) -> None:
    provider.bend_callback = lambda answer: {"error": "access_denied", "state": answer["state"], "iss": answer["iss"]}
    client = signed_in(user)
    response = client.get(go_to_link(client))
    assert stayed_unlinked(response, "cancelled")
    assert f'href="{CONNECTIONS}"' in response.content.decode()
    assert "Connect Wonderland" in response.content.decode()


class TestReplay:
    """A link belongs to the login that began it; ASVS 10.2.1."""

    def test_in_another_browser(self, provider, make_user) -> None:
        """Link CSRF: the attacker's identity must not end up at the victim's account, nor the other way round."""
        attacker, victim = signed_in(make_user("mallory")), signed_in(make_user("alice"))
        assert stayed_unlinked(victim.get(go_to_link(attacker)), "not_ours")

    def test_in_another_browser_of_the_same_person(self, provider, user) -> None:
        first, second = signed_in(user), signed_in(user)
        assert stayed_unlinked(second.get(go_to_link(first)), "not_ours")

    def test_with_the_cookie_and_another_login_of_the_same_person(self, provider, user) -> None:
        first, second = signed_in(user), signed_in(user)
        callback = go_to_link(first)
        second.cookies[transactions.COOKIE] = first.cookies[transactions.COOKIE].value
        assert stayed_unlinked(second.get(callback), "other_login")

    def test_after_somebody_else_signed_in(self, provider, make_user) -> None:
        client = signed_in(make_user("alice"))
        callback = go_to_link(client)
        client.force_login(make_user("bob"))
        assert stayed_unlinked(client.get(callback), "other_login")

    def test_after_signing_out(self, provider, user) -> None:
        client = signed_in(user)
        callback, cookie = go_to_link(client), client.cookies[transactions.COOKIE].value
        client.logout()
        client.cookies[transactions.COOKIE] = cookie
        response = client.get(callback)
        assert stayed_unlinked(response, "other_login")
        assert "_auth_user_id" not in client.session, "a link that failed must not become a sign-in"

    def test_after_the_login_was_ended(self, provider, user) -> None:
        client = signed_in(user)
        callback = go_to_link(client)
        end_login(login_id=Login.objects.get().pk, reason=EndReason.FORCED)
        assert stayed_unlinked(client.get(callback), "other_login")

    @pytest.mark.parametrize("way", ["row", "cutoff", "inactive", "password"])
    def test_while_the_provider_is_asked(self, provider, user, way, monkeypatch) -> None:
        """The request was let in; what ends the login meanwhile counts all the same."""
        client = signed_in(user)
        callback, honest = go_to_link(client), OpenIdConnect.user_data

        def meanwhile(backend: Any, *args: Any, **kwargs: Any) -> Any:
            assert backend.strategy.request.user.is_authenticated
            if way == "row":
                Login.objects.update(ended_at=timezone.now())
            elif way == "cutoff":
                UserCutoff.objects.create(user=user, issued_before=timezone.now())
            elif way == "inactive":
                get_user_model().objects.update(is_active=False)
            else:
                user.set_password("another")
                user.save()
            return honest(backend, *args, **kwargs)

        monkeypatch.setattr(OpenIdConnect, "user_data", meanwhile)
        assert stayed_unlinked(client.get(callback), "other_login")

    def test_twice(self, provider, user) -> None:
        client = signed_in(user)
        callback = go_to_link(client)
        client.get(callback)
        response = client.get(callback)
        assert response.status_code == 400
        assert 'data-reason="not_ours"' in response.content.decode()
        assert UserSocialAuth.objects.count() == 1

    def test_link_at_another_provider(self, provider, user, settings) -> None:
        entry = settings.AUTHKIT["SOCIAL"]["PROVIDERS"]["oidc"]
        settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"oidc": entry, "other": entry}}}
        client = signed_in(user)
        assert stayed_unlinked(client.get(go_to_link(client).replace("/oidc/", "/other/")), "not_ours")

    def test_sign_in_is_no_link(self, provider, user) -> None:
        """Begun as a visitor's sign-in, finished after somebody signed in: nothing is linked silently."""
        client = Client()
        callback, cookie = go(client), client.cookies[transactions.COOKIE].value
        client.force_login(user)
        client.cookies[transactions.COOKIE] = cookie
        assert stayed_unlinked(client.get(callback), "signed_in")

    def test_begin_from_another_site(self, provider, user) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(user)
        assert strict.post(LINK.format("oidc")).status_code == 403
        assert strict.get(LINK.format("oidc")).status_code == 405


def test_signals_say_who_linked_what_and_how(provider, make_user, django_capture_on_commit_callbacks) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []

    def linked(**said: Any) -> None:
        heard.append(("linked", said))

    def unlinked(**said: Any) -> None:
        heard.append(("unlinked", said))

    signals.account_linked.connect(linked)
    signals.account_unlinked.connect(unlinked)
    try:
        user = make_user("bob")
        client = signed_in(user)
        callback = go_to_link(client)
        with django_capture_on_commit_callbacks(execute=True):
            client.get(callback)
            link = UserSocialAuth.objects.get()
            assert heard == [], "sent on commit"
        with django_capture_on_commit_callbacks(execute=True):
            disconnect(user_id=user.pk, connection_id=link.pk)
        callback = go(stranger := Client())
        with django_capture_on_commit_callbacks(execute=True):
            stranger.get(callback)
    finally:
        signals.account_linked.disconnect(linked)
        signals.account_unlinked.disconnect(unlinked)
    said = [(what, {k: v for k, v in said.items() if k not in {"signal", "link_id", "sender"}}) for what, said in heard]
    newcomer = get_user_model().objects.exclude(pk=user.pk).get()
    assert said == [
        ("linked", {"user_id": user.pk, "provider": "oidc", "how": "request"}),
        ("unlinked", {"user_id": user.pk, "provider": "oidc"}),
        ("linked", {"user_id": newcomer.pk, "provider": "oidc", "how": "signup"}),
    ]
    assert all(arguments["sender"] is UserSocialAuth for _, arguments in heard)
    assert heard[0][1]["link_id"] == heard[1][1]["link_id"] == link.pk
