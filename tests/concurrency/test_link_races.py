"""Links made and taken away by many hands at once, on a real database."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from social_django.models import UserSocialAuth

from authkit.exceptions import LastLoginMethod
from authkit.logins.models import Login
from authkit.social.links.connections import disconnect
from authkit.social.providers.backends import ID_KEY, identity_uid
from tests.concurrency.test_social_race import THREADS, at_once
from tests.concurrency.threads import shared_database
from tests.social import steps
from tests.social.browsers import go, go_to_link

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = 5


def browsers_of(*people: Any) -> list[Client]:
    made = []
    for person in people:
        client = Client(raise_request_exception=False)
        client.force_login(person)
        made.append(client)
    return made


def test_of_parallel_disconnects_one_way_in_is_left(provider, settings, make_user, tmp_path) -> None:
    entry = settings.AUTHKIT["SOCIAL"]["PROVIDERS"]["oidc"]
    names = [f"p{number}" for number in range(6)]
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": dict.fromkeys(names, entry)}}
    for round_ in range(ROUNDS):
        person = make_user(f"person{round_}")
        person.set_unusable_password()
        person.save()
        links = [UserSocialAuth.objects.create(user=person, provider=name, uid=f"uid-{round_}").pk for name in names]

        def take(pk: int, user_id: Any = person.pk) -> bool:
            try:
                disconnect(user_id=user_id, connection_id=pk)
            except LastLoginMethod:
                return False
            return True

        with shared_database(tmp_path) as database:
            took = database.at_once([lambda pk=pk: take(pk) for pk in links])
        assert sorted(took) == [False, *[True] * (len(names) - 1)]
        assert UserSocialAuth.objects.filter(user=person).count() == 1


def test_identity_that_many_people_link_at_once_belongs_to_one(provider, make_user) -> None:
    people = [make_user(f"person{number}") for number in range(THREADS)]
    for round_ in range(ROUNDS):
        provider.subject = f"identity-{round_}"
        clients = browsers_of(*people)
        callbacks = [go_to_link(client) for client in clients]
        answers = at_once(lambda number, b=clients, c=callbacks: b[number].get(c[number]))  # type: ignore[misc]
        assert answers == {302: 1, 409: THREADS - 1}
        assert UserSocialAuth.objects.count() == round_ + 1


def test_identity_that_one_person_links_many_times_at_once_is_linked_once(provider, make_user) -> None:
    clients = browsers_of(*[make_user("alice")] * THREADS)
    callbacks = [go_to_link(client) for client in clients]
    assert at_once(lambda number: clients[number].get(callbacks[number])) == {302: THREADS}
    assert UserSocialAuth.objects.count() == 1


def test_one_link_with_one_state_is_made_once(provider, make_user) -> None:
    [client] = browsers_of(make_user("alice"))
    callback = go_to_link(client)

    def visit(_number: int) -> Any:
        copy = Client(raise_request_exception=False)
        copy.cookies.load({name: morsel.value for name, morsel in client.cookies.items()})
        return copy.get(callback)

    assert at_once(visit) == {302: 1, 400: THREADS - 1}
    assert UserSocialAuth.objects.count() == 1


def test_of_identities_that_share_an_address_one_is_linked_by_it(provider, configure, make_user) -> None:
    """The provider hands the address on while its first holder signs in."""
    alice = make_user("alice", email="alice@idp.test")
    configure(provider, EMAIL_VERIFIED=steps.verified)
    holders = itertools.count()
    provider.bend_discovery = lambda document: {k: v for k, v in document.items() if k != "userinfo_endpoint"}
    provider.bend_id_token = lambda claims: {**claims, **provider.claims, "sub": f"holder-{next(holders) % 4}"}
    clients = [Client(raise_request_exception=False) for _ in range(THREADS)]
    callbacks = [go(client) for client in clients]
    answers = at_once(lambda number: clients[number].get(callbacks[number]))
    assert answers == {302: THREADS // 4, 403: THREADS - THREADS // 4}
    assert UserSocialAuth.objects.get().user_id == alice.pk
    assert get_user_model().objects.count() == 1


def test_sign_in_on_its_way_does_not_overtake_the_end_of_its_link(provider, configure, make_user, tmp_path) -> None:
    configure(provider, SIGNUP=False)
    for round_ in range(ROUNDS):
        provider.subject = f"identity-{round_}"
        person = make_user(f"person{round_}")
        uid = identity_uid(issuer=provider.issuer, subject=provider.subject)
        link = UserSocialAuth.objects.create(user=person, provider="oidc", uid=uid, id_key=ID_KEY)
        clients = [Client(raise_request_exception=False) for _ in range(8)]
        callbacks = [go(client) for client in clients]
        visits = [partial(client.get, callback) for client, callback in zip(clients, callbacks, strict=True)]
        with shared_database(tmp_path) as database:
            *answers, gone = database.at_once([*visits, partial(disconnect, user_id=person.pk, connection_id=link.pk)])
        assert gone.id == link.pk
        assert {answer.status_code for answer in answers} <= {302, 400, 403}
        assert not Login.objects.live().exists()
