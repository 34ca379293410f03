"""What ends with a link and what doesn't, to the moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from social_django.models import UserSocialAuth

from authkit.core.one_time_codes import OneTimeCode
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.social.flow import round_trip, views
from authkit.social.links.connections import disconnect
from authkit.social.models import ProviderToken
from authkit.social.providers.backends import identity_uid
from tests.social import test_native_tokens
from tests.social.browsers import come_back, go_to_link, query_of, refused
from tests.social.programs import APP, REGISTERED, Program, invalid_grant

pytestmark = pytest.mark.django_db

ME = "/auth/api/me/"


def is_in(client: Client) -> bool:
    return client.get(ME).status_code == 200


def link_of(provider: Any, subject: str) -> UserSocialAuth:
    uid = identity_uid(issuer=provider.issuer, subject=subject)
    found: UserSocialAuth = UserSocialAuth.objects.get(uid=uid)
    return found


class TestTwoAccountsAtOneProvider:
    @pytest.fixture
    def browsers(self, provider, configure) -> dict[str, Client]:
        """One person's: signed in by the first account, and by the second."""
        configure(provider, REDIRECT_URIS=REGISTERED)
        first, second = Client(), Client()
        assert come_back(first).status_code == 302
        provider.subject = "alice-at-work"
        assert "connected=oidc" in first.get(go_to_link(first))["Location"]
        assert come_back(second).status_code == 302
        assert get_user_model().objects.count() == 1
        return {"alice": first, "alice-at-work": second}

    @pytest.mark.parametrize("gone", ["alice", "alice-at-work"])
    def test_unlinking_one_ends_the_logins_by_it_alone(self, provider, browsers, gone) -> None:
        link = link_of(provider, gone)
        disconnect(user_id=link.user_id, connection_id=link.pk)
        assert {subject: is_in(browser) for subject, browser in browsers.items()} == {
            subject: subject != gone for subject in browsers
        }
        assert Login.objects.get(ended_at__isnull=False).end_reason == EndReason.UNLINKED

    def test_unlinking_one_makes_codes_on_their_way_worthless(self, provider, browsers) -> None:
        provider.subject = "alice"
        program = Program(APP)
        code = program.code()
        link = link_of(provider, "alice")
        disconnect(user_id=link.user_id, connection_id=link.pk)
        assert invalid_grant(program.exchange(code))

    def test_other_peoples_logins_go_on(self, provider, browsers) -> None:
        provider.subject, provider.claims = "bob", {}
        if get_user_model().USERNAME_FIELD == "email":
            provider.claims = {"email": "bob@idp.test", "email_verified": True}
        bob = Client()
        assert come_back(bob).status_code == 302
        for link in UserSocialAuth.objects.exclude(pk=link_of(provider, "bob").pk):
            link.delete()
        assert is_in(bob)
        assert not any(is_in(browser) for browser in browsers.values())


class TestSignInThatIsOnItsWay:
    """The link is taken away when the provider's answer has been verified, and before there is a login that could be
    ended: a revocation that was answered must not be overtaken."""

    @pytest.fixture
    def unlinked_meanwhile(self, provider, monkeypatch) -> None:
        assert come_back(Client()).status_code == 302
        link, open_login = UserSocialAuth.objects.get(), round_trip.open_login

        def after_the_link_is_gone(**arguments: Any) -> Any:
            link.delete()
            return open_login(**arguments)

        monkeypatch.setattr(round_trip, "open_login", after_the_link_is_gone)

    @pytest.mark.usefixtures("unlinked_meanwhile")
    def test_page(self) -> None:
        client = Client()
        assert refused(come_back(client), "not_ours")
        assert not Login.objects.live().exists()
        assert not is_in(client)

    @pytest.mark.usefixtures("unlinked_meanwhile")
    def test_id_token_of_a_program(self, provider) -> None:
        assert test_native_tokens.refused(test_native_tokens.send(test_native_tokens.id_token(provider)), "not_ours")
        assert not Login.objects.live().exists()

    def test_code_is_not_made(self, provider, configure, monkeypatch) -> None:
        configure(provider, REDIRECT_URIS=REGISTERED)
        assert come_back(Client()).status_code == 302
        link, issue_code = UserSocialAuth.objects.get(), views.issue_code

        def after_the_link_is_gone(**arguments: Any) -> Any:
            link.delete()
            return issue_code(**arguments)

        monkeypatch.setattr(views, "issue_code", after_the_link_is_gone)
        answer = query_of(Program(APP).come_back()["Location"])
        assert (answer["error"], answer["error_description"]) == ("invalid_request", "not_ours")
        assert not OneTimeCode.objects.exists()

    def test_person_who_is_deleted(self, provider, monkeypatch) -> None:
        assert come_back(Client()).status_code == 302
        open_login: Callable[..., Any] = round_trip.open_login

        def after_the_person_is_gone(**arguments: Any) -> Any:
            get_user_model().objects.all().delete()
            return open_login(**arguments)

        monkeypatch.setattr(round_trip, "open_login", after_the_person_is_gone)
        assert refused(come_back(Client()), "not_ours")


def test_link_that_an_operator_deletes_takes_its_tokens_along(
    provider, configure, django_capture_on_commit_callbacks
) -> None:
    configure(provider, store_tokens=True)
    assert come_back(Client()).status_code == 302
    with django_capture_on_commit_callbacks(execute=True):
        UserSocialAuth.objects.all().delete()
    assert not ProviderToken.objects.exists()
    assert len(provider.revoked) == 1


def test_person_who_is_deleted_costs_no_request_to_the_provider(
    provider, configure, django_capture_on_commit_callbacks
) -> None:
    configure(provider, store_tokens=True)
    assert come_back(Client()).status_code == 302
    with django_capture_on_commit_callbacks(execute=True):
        get_user_model().objects.get().delete()
    assert not ProviderToken.objects.exists()
    assert provider.revoked == []
