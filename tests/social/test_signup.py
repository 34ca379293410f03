"""Accounts for people whom a provider vouches for, on each user model."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from social_django.models import UserSocialAuth

from authkit.exceptions import SocialLoginFailed
from authkit.signin.sign_up import Profile
from authkit.social.flow.signup import create_person, printable
from tests.social.browsers import come_back, refused

pytestmark = pytest.mark.django_db
BY_EMAIL = "email"


def by_email() -> bool:
    return get_user_model().USERNAME_FIELD == BY_EMAIL


def named(person) -> str:
    return str(person.get_username())


def test_closed_sign_up_refuses_strangers_and_leaves_nothing(provider, configure) -> None:
    configure(provider, SIGNUP=False)
    assert refused(come_back(Client()), "signup_closed", 403)
    assert not get_user_model().objects.exists()
    assert not UserSocialAuth.objects.exists()


def test_link_that_cannot_be_written_leaves_no_account(provider, make_user) -> None:
    come_back(Client())
    UserSocialAuth.objects.update(user=make_user("somebody"), id_key="another")
    get_user_model().objects.exclude(social_auth__isnull=False).delete()
    assert refused(come_back(Client()), "account_exists", 403)
    assert get_user_model().objects.count() == 1


def test_closed_sign_up_lets_in_whoever_is_known(provider, configure) -> None:
    come_back(Client())
    configure(provider, SIGNUP=False)
    assert come_back(Client()).status_code == 302


def test_account_is_called_what_the_provider_calls_it(provider) -> None:
    come_back(Client())
    person = get_user_model().objects.get()
    assert named(person) == ("alice@idp.test" if by_email() else "alice")
    assert person.email == "alice@idp.test"
    if hasattr(person, "first_name"):
        assert (person.first_name, person.last_name) == ("Alice", "Liddell")


def test_taken_name_gets_a_suffix_whatever_its_case(make_user) -> None:
    make_user("Alice", email="first@example.test")
    person = create_person(profile=Profile(username="alice", email="alice@idp.test"))
    if by_email():
        assert named(person) == "alice@idp.test"
    else:
        assert named(person).startswith("alice-")
        assert len(named(person)) == len("alice-") + 8


@pytest.mark.parametrize(
    ("username", "expected"),
    [
        ("alice@corp.test", "alice"),  # never an address: it might be somebody else's identifier here
        ("al ice/../<b>", "alice..b"),
        ("x" * 254, "x" * 150),
        ("ªlice", "alice"),
        ("", "me"),
        ("@@@", "me"),
        ("\u202e", "me"),
    ],
)
def test_name_is_made_fit(username, expected) -> None:
    if by_email():
        expected = "me@idp.test"
    assert named(create_person(profile=Profile(username=username, email="me@idp.test"))) == expected


def test_somebody_without_any_name_is_called_something() -> None:
    if by_email():
        with pytest.raises(SocialLoginFailed) as refusal:
            create_person(profile=Profile())
        assert refusal.value.reason == "email_needed"
    else:
        assert named(create_person(profile=Profile())) == "user"
        assert named(create_person(profile=Profile())).startswith("user-")


def test_address_that_is_none_is_left_out() -> None:
    profile = Profile(username="alice", email="not an address")
    if by_email():
        with pytest.raises(SocialLoginFailed):
            create_person(profile=profile)
    else:
        assert create_person(profile=profile).email == ""


def test_full_name_is_split_where_there_is_nothing_better() -> None:
    person = create_person(profile=Profile(username="a", email="a@idp.test", fullname="Ada King Lovelace"))
    if hasattr(person, "first_name"):
        assert (person.first_name, person.last_name) == ("Ada", "King Lovelace")


@pytest.mark.parametrize("value", [None, 7, ["x"], {"x": 1}, b"x"], ids=str)
def test_what_is_no_text_is_nothing(value) -> None:
    assert printable(value) == ""


def test_text_is_bounded_and_without_control_characters() -> None:
    assert printable(" a\x00b\r\nc\ud800 ") == "abc"
    assert len(printable("x" * 10_000)) == 254


@pytest.mark.parametrize("claims", [{"preferred_username": ["x"], "given_name": {"a": 1}, "email": 7}, {"name": None}])
def test_claims_of_the_wrong_type_are_left_out(provider, claims) -> None:
    provider.claims = {"email_verified": True, **claims}
    response = come_back(Client())
    if by_email():
        assert refused(response, "email_needed", 403)
    else:
        assert named(get_user_model().objects.get()) == "user"
