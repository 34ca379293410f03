"""`POST social/exchange/`: a token pair for a code."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.utils import timezone
from social_django.models import UserSocialAuth

from authkit.codes.authorization_codes import LIFETIME
from authkit.core.clients import Client as From
from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import InvalidGrant
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_logins_of
from authkit.social.flow.codes import exchange_code
from authkit.tokens.cookies import REFRESH_COOKIE
from tests.outage import database_down
from tests.revocation.clocks import clock
from tests.security.test_secrets_at_rest import everything_in_the_database
from tests.social import logouts
from tests.social.programs import EXCHANGE, REGISTERED, SPA, Program, invalid_grant, works

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def program(provider, configure) -> Program:
    configure(provider, REDIRECT_URIS=REGISTERED)
    return Program()


def grow_old(by: timedelta) -> None:
    row = OneTimeCode.objects.get()
    OneTimeCode.objects.update(created_at=row.created_at - by, expires_at=row.expires_at - by)


def test_code_and_verifier_give_a_token_pair(program) -> None:
    answer = program.exchange(program.code())
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert set(body) == {"access", "refresh", "token_type", "expires_in"}
    assert answer["Cache-Control"] == "no-store"
    assert works(body["access"])
    login, row = Login.objects.get(), OneTimeCode.objects.get()
    assert (login.method, login.kind, login.user_id) == ("oidc", "token", get_user_model().objects.get().pk)
    assert row.login_id == login.pk
    assert login.created_at == row.created_at
    assert get_user_model().objects.get().last_login is not None


def test_loopback_port_of_the_request_is_the_one_of_the_exchange(program) -> None:
    on_a_port = Program("http://127.0.0.1:49152/cb")
    assert on_a_port.exchange(on_a_port.code()).status_code == 200
    other = Program("http://127.0.0.1:49152/cb")
    assert invalid_grant(other.exchange(other.code(), redirect_uri="http://127.0.0.1:49153/cb"))


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_cookie_transports_need_csrf_proof_and_the_code_stays_good(program, transport) -> None:
    spa, client = Program(SPA), Client(enforce_csrf_checks=True)
    code = spa.code()
    refused = spa.exchange(code, client=client, transport=transport)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    token = client.get("/auth/api/session/").json()["csrf_token"]
    body = {"code": code, "code_verifier": spa.verifier, "redirect_uri": SPA, "transport": transport}
    answer = client.post(EXCHANGE, body, content_type="application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 200, answer.content
    assert "refresh" not in answer.json()
    assert answer.cookies[REFRESH_COOKIE]["httponly"]


def test_transport_that_is_not_allowed_is_refused_and_the_code_stays_good(program, settings) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "TOKENS": {"TRANSPORTS": ["body"]}}
    code = program.code()
    assert program.exchange(code, transport="cookie").json()["code"] == "transport_not_allowed"
    assert program.exchange(code).status_code == 200


@pytest.mark.parametrize("missing", ["code", "code_verifier", "redirect_uri"])
def test_missing_field_is_named_and_burns_nothing(program, missing) -> None:
    code = program.code()
    answer = program.exchange(code, **{missing: None}) if missing != "code" else program.exchange(None)
    assert answer.status_code == 400
    assert list(answer.json()) == [missing]
    assert program.exchange(code).status_code == 200


def test_form_is_415(program) -> None:
    answer = Client().post(EXCHANGE, {"code": program.code(), "code_verifier": program.verifier})
    assert answer.status_code == 415


@pytest.mark.parametrize("code", ["x", "\ud800", "x" * 100_000, "é", " "], ids=["x", "surrogate", "long", "é", "blank"])
def test_unknown_code_is_refused(program, code) -> None:
    answer = program.exchange(code)
    assert answer.status_code == 400
    assert not Login.objects.exists()


class TestBurntCodes:
    """Any try is the only one (RFC 6749 section 4.1.2, ASVS 10.4.3)."""

    @pytest.mark.parametrize(
        "wrong",
        [
            {"code_verifier": "x" * 43},
            {"code_verifier": "short"},
            {"code_verifier": "é" * 43},
            {"code_verifier": "x" * 129},
            {"redirect_uri": SPA},
            {"redirect_uri": "com.example.app:/cb/"},
            {"redirect_uri": "com.example.app:/cb "},
            {"redirect_uri": "COM.example.app:/cb"},
        ],
        ids=["wrong", "short", "é", "long", "other", "slash", "blank", "case"],
    )
    def test_wrong_verifier_or_redirect_uri_burns_the_code(self, program, wrong) -> None:
        code = program.code()
        assert invalid_grant(program.exchange(code, **wrong))
        assert invalid_grant(program.exchange(code))
        assert not Login.objects.exists()

    def test_challenge_itself_is_no_verifier_pkce_is_not_plain(self, program) -> None:
        assert invalid_grant(program.exchange(program.code(), code_verifier=program.parameters()["code_challenge"]))

    def test_old_code_is_refused(self, program) -> None:
        code = program.code()
        grow_old(LIFETIME)
        assert invalid_grant(program.exchange(code))
        assert not Login.objects.exists()

    def test_code_just_within_its_time_is_good(self, program) -> None:
        code = program.code()
        grow_old(LIFETIME - timedelta(seconds=10))
        assert program.exchange(code).status_code == 200

    def test_code_of_another_attempt_needs_that_ones_verifier(self, program) -> None:
        other = Program()
        assert invalid_grant(other.exchange(program.code()))


class TestReplay:
    """A code that comes twice was stolen by somebody (RFC 6749 section 10.5, RFC 9700 section 4.5)."""

    @pytest.mark.parametrize("wrong", [{}, {"code_verifier": "x" * 43}, {"redirect_uri": SPA}], ids=str)
    def test_replayed_code_ends_the_login_that_it_had_opened(self, program, wrong) -> None:
        code = program.code()
        access = program.exchange(code).json()["access"]
        assert works(access)
        assert invalid_grant(program.exchange(code, **wrong))
        assert not works(access)
        assert Login.objects.get().end_reason == EndReason.REVOKED

    def test_replay_after_its_time_ends_the_login_too(self, program) -> None:
        code = program.code()
        access = program.exchange(code).json()["access"]
        grow_old(timedelta(hours=20))
        assert invalid_grant(program.exchange(code))
        assert not works(access)

    def test_replay_ends_no_other_login_of_the_person(self, program) -> None:
        other = Program()
        kept = other.exchange(other.code()).json()["access"]
        code = program.code()
        program.exchange(code)
        assert invalid_grant(program.exchange(code))
        assert works(kept)

    def test_replay_of_a_login_that_ended_keeps_its_reason(self, program) -> None:
        code = program.code()
        program.exchange(code)
        Login.objects.update(ended_at=timezone.now(), end_reason=EndReason.LOGOUT)
        assert invalid_grant(program.exchange(code))
        assert Login.objects.get().end_reason == EndReason.LOGOUT


class TestEndedMeanwhile:
    """Whatever ends a person's logins ends their codes (ASVS 7.4)."""

    def test_person_who_was_deactivated_meanwhile(self, program) -> None:
        code = program.code()
        get_user_model().objects.update(is_active=False)
        assert invalid_grant(program.exchange(code))
        get_user_model().objects.update(is_active=True)
        assert invalid_grant(program.exchange(code))

    def test_person_who_was_deleted_meanwhile(self, program) -> None:
        code = program.code()
        get_user_model().objects.get().delete()
        assert invalid_grant(program.exchange(code))

    def test_person_who_was_deactivated_and_activated_meanwhile(self, program) -> None:
        code, person = program.code(), get_user_model().objects.get()
        person.is_active = False
        person.save()
        person.is_active = True
        person.save()
        assert invalid_grant(program.exchange(code))

    def test_password_that_was_changed_meanwhile(self, program) -> None:
        code, person = program.code(), get_user_model().objects.get()
        person.set_password("another one")
        person.save()
        assert invalid_grant(program.exchange(code))

    @pytest.mark.parametrize("everybodys", [False, True])
    def test_logins_that_were_ended_meanwhile(self, program, everybodys) -> None:
        code, person = program.code(), get_user_model().objects.get()
        if everybodys:
            end_all_logins(reason=EndReason.FORCED)
        else:
            end_logins_of(user_id=person.pk, reason=EndReason.LOGOUT_ALL)
        assert invalid_grant(program.exchange(code))
        assert not Login.objects.exists()

    def test_logins_that_were_ended_but_for_one_from_before(self, program) -> None:
        other = Program()
        other.exchange(other.code())
        code, kept = program.code(), Login.objects.get()
        end_logins_of(user_id=kept.user_id, reason=EndReason.LOGOUT_ALL, keep=kept.pk)
        assert invalid_grant(program.exchange(code))
        assert Login.objects.get().ended_at is None

    def test_link_that_was_taken_away_meanwhile(self, program) -> None:
        code = program.code()
        UserSocialAuth.objects.all().delete()
        assert invalid_grant(program.exchange(code))
        assert not Login.objects.exists()

    @pytest.mark.parametrize("late", [False, True])
    def test_session_at_the_provider_that_ended_meanwhile(self, program, provider, late) -> None:
        """OpenID Connect Back-Channel Logout 1.0: the code remembers from which session it came."""
        provider.bend_id_token = lambda claims: {**claims, "sid": "session-1"}
        code = program.code()
        access = program.exchange(code).json()["access"] if late else ""
        assert logouts.send(logouts.signed(logouts.logout_claims(provider))).status_code == 200
        assert not works(access or program.exchange(code).json()["access"])
        assert Login.objects.get().end_reason == EndReason.PROVIDER_LOGOUT

    def test_other_peoples_endings_change_nothing(self, program, make_user) -> None:
        code = program.code()
        end_logins_of(user_id=make_user("somebody").pk, reason=EndReason.LOGOUT_ALL)
        assert program.exchange(code).status_code == 200


def no_claims(_user: Any, _login: Any) -> dict[str, Any]:
    raise LookupError("the directory is down")


def test_claims_that_fail_leave_the_code_as_it_was(program, settings) -> None:
    code, before = program.code(), settings.AUTHKIT
    settings.AUTHKIT = {**before, "TOKENS": {"CLAIMS": no_claims}}
    refused = program.exchange(code)
    assert (refused.status_code, refused.json()["code"]) == (403, "claims_refused")
    assert not Login.objects.exists()
    settings.AUTHKIT = before
    assert program.exchange(code).status_code == 200


def test_database_that_is_down_is_503_and_the_code_stays_good(program) -> None:
    code = program.code()
    with database_down():
        answer = program.exchange(code)
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert program.exchange(code).status_code == 200


def test_service_refuses_by_the_reason_that_the_log_needs(program) -> None:
    with pytest.raises(InvalidGrant) as refused:
        exchange_code(code=secrets.token_urlsafe(), verifier="x" * 43, redirect_uri=SPA, client=From())
    assert refused.value.detail == "no such code"


def test_under_atomic_requests_what_was_used_stays_used(program) -> None:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        burnt, replayed = program.code(), Program()
        assert invalid_grant(program.exchange(burnt, code_verifier="x" * 43))
        assert invalid_grant(program.exchange(burnt))
        again = replayed.code()
        access = replayed.exchange(again).json()["access"]
        assert invalid_grant(replayed.exchange(again))
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert not works(access)


def test_no_code_and_no_verifier_lies_in_the_database_or_the_log(program, caplog) -> None:
    """ASVS 11.5.1, 14.2.1, 16.2.5."""
    caplog.set_level("DEBUG")
    code = program.code()
    program.exchange(code, redirect_uri=SPA)
    good = Program()
    kept = good.code()
    access = good.exchange(kept).json()["access"]
    good.exchange(kept)
    left = everything_in_the_database() + caplog.text + repr(list(OneTimeCode.objects.all()))
    for secret in (code, program.verifier, kept, good.verifier, access):
        assert secret not in left


@pytest.mark.parametrize("ahead", [-3, 3])
def test_code_of_a_server_with_a_wrong_clock_falls_under_a_later_cutoff_and_under_no_earlier_one(
    ahead: float, program
) -> None:
    end_all_logins(reason=EndReason.FORCED)
    with clock(ahead=ahead):
        code, other = program.code(), program.code()
    answer = program.exchange(code)
    assert answer.status_code == 200, answer.content
    assert works(answer.json()["access"])
    end_all_logins(reason=EndReason.FORCED)
    assert invalid_grant(program.exchange(other))
