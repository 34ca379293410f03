from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authkit import signals
from authkit.exceptions import DatabaseUnavailable
from authkit.logins.blacklist import BlacklistEntry, blacklist_token, blacklist_tokens, is_blacklisted
from authkit.logins.models import BlacklistedToken, Login
from authkit.logins.reasons import EndReason
from tests.outage import database_down

pytestmark = pytest.mark.django_db


def later(days: int = 1) -> Any:
    return timezone.now() + timedelta(days=days)


def blacklist(jti: str, **arguments: Any) -> Any:
    given = {"kind": "refresh", "reason": EndReason.REVOKED, "expires_at": later(), **arguments}
    return blacklist_token(jti=jti, **given)


class TestLookup:
    def test_a_listed_jti_is_found_in_one_statement(self) -> None:
        blacklist("abc")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert is_blacklisted(jti="abc")
        assert len(queries) == 1

    @pytest.mark.parametrize("other", ["ABC", "abc ", " abc", "abć", "abc\x00", "ab", ""])
    def test_another_case_accent_or_blank_is_another_jti(self, other: str) -> None:
        blacklist("abc")
        assert not is_blacklisted(jti=other)
        if other:
            assert blacklist(other).added
            assert is_blacklisted(jti=other)

    @pytest.mark.parametrize("jti", ["\x00", "\ud800", "a" * 5000, "🔑"])
    def test_a_jti_that_no_column_would_take_is_listed_all_the_same(self, jti: str) -> None:
        blacklist(jti)
        assert is_blacklisted(jti=jti)

    @pytest.mark.django_db(transaction=True)
    def test_a_database_that_is_down_says_so(self) -> None:
        with database_down(), pytest.raises(DatabaseUnavailable):
            is_blacklisted(jti="abc")


class TestBlacklisting:
    def test_the_row_says_what_whose_why_by_whom_and_until_when(self, make_user: Any) -> None:
        alice, boss, login, until = make_user(), make_user("boss"), uuid4(), later()
        result = blacklist(
            "abc",
            kind="access",
            user_id=str(alice.pk),
            login_id=login,
            by=boss,
            reason=EndReason.FORCED,
            expires_at=until,
        )
        assert result.added
        assert not result.login_ended
        row = BlacklistedToken.objects.get()
        assert (row.jti, row.kind, row.user, row.login_id) == ("abc", "access", alice, login)
        assert (row.reason, row.by, row.expires_at) == ("forced", boss, until)
        assert str(row) == "abc"

    def test_the_login_that_the_token_names_ends_with_it(self, user: Any, open_for: Any) -> None:
        login = open_for(user)
        assert blacklist("abc", user_id=user.pk, login_id=login.pk).login_ended
        login.refresh_from_db()
        assert (login.ended_at is not None, login.end_reason) == (True, "revoked")
        assert not blacklist("def", user_id=user.pk, login_id=login.pk).login_ended

    def test_twice_is_once_and_the_later_end_counts(self) -> None:
        near, far = later(1), later(2)
        for until, end in ((near, near), (far, far), (near, far)):
            assert blacklist("abc", expires_at=until).added is (until == near == end)
            assert BlacklistedToken.objects.get().expires_at == end

    @pytest.mark.parametrize("nobody", ["nobody", "-1", "00000000-0000-4000-8000-000000000000", "9" * 40, 2**63, None])
    def test_an_owner_who_is_not_there_is_left_out(self, nobody: Any) -> None:
        blacklist("abc", user_id=nobody)
        assert BlacklistedToken.objects.get().user_id is None

    def test_a_row_outlives_its_owner_and_who_wrote_it(self, make_user: Any) -> None:
        alice, boss = make_user(), make_user("boss")
        blacklist("abc", user_id=alice.pk, by=boss)
        get_user_model()._base_manager.all().delete()
        row = BlacklistedToken.objects.get()
        assert (row.user_id, row.by_id) == (None, None)
        assert is_blacklisted(jti="abc")

    @pytest.mark.parametrize("arguments", [{"jti": ""}, {"jti": "abc", "kind": "id"}])
    def test_what_is_no_token_of_a_known_kind_is_refused(self, arguments: dict[str, str]) -> None:
        with pytest.raises(ValueError):
            blacklist(**arguments)
        assert not BlacklistedToken.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_signals_come_once_and_on_commit_alone(self, user: Any, open_for: Any) -> None:
        login, heard = open_for(user), []

        def listener(sender: Any, signal: Any, **arguments: Any) -> None:
            heard.append(arguments)

        signals.token_blacklisted.connect(listener)
        signals.login_ended.connect(listener)
        try:
            with transaction.atomic():
                blacklist("abc", user_id=user.pk, login_id=login.pk)
                transaction.set_rollback(True)
            assert not heard
            assert Login.objects.get().ended_at is None
            assert not is_blacklisted(jti="abc")
            blacklist("abc", user_id=user.pk, login_id=login.pk)
            blacklist("abc", user_id=user.pk, login_id=login.pk)
        finally:
            signals.token_blacklisted.disconnect(listener)
            signals.login_ended.disconnect(listener)
        assert sorted(heard, key=len) == [
            {"login_id": login.pk, "user_id": user.pk, "reason": "revoked"},
            {
                "jti": "abc", "kind": "refresh", "user_id": user.pk, "login_id": login.pk, "reason": "revoked",
                "by_id": None,
            },
        ]  # fmt: skip


class TestMany:
    def test_an_import_lists_many_in_few_statements_and_may_run_again(self, user: Any) -> None:
        entries = [
            BlacklistEntry(jti=f"jti-{n}", kind="refresh", expires_at=later(), user_id=user.pk if n % 2 else "nobody")
            for n in range(1200)
        ]
        with CaptureQueriesContext(connection) as queries:
            assert blacklist_tokens(entries=iter(entries), reason=EndReason.REVOKED) == 1200
        assert len([q for q in queries if "INSERT" in q["sql"]]) <= 12
        assert blacklist_tokens(entries=entries, reason=EndReason.FORCED) == 1200
        assert BlacklistedToken.objects.filter(reason="revoked").count() == 1200
        assert BlacklistedToken.objects.filter(user_id=user.pk).count() == 600
