"""One contract for the three checks: whoever may be out is asked for, and whoever is out is refused for the reason."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from authkit.exceptions import DatabaseUnavailable, LoginEnded
from authkit.logins.blacklist import blacklist_token
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_login, end_logins_of
from authkit.revocation import hints
from authkit.revocation.access import acheck_access, checker
from authkit.revocation.models import CacheEpoch
from tests.outage import database_down
from tests.revocation.hinted import Tokens, block, epoch, keep_lease, suspended, until
from tests.services.redis import Server, own

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unprepared")]

HINTED = ["redis", "push"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own() as server:
        yield server


@pytest.fixture(params=["database", *HINTED])
def check(request: pytest.FixtureRequest, settings: Any, server: Server) -> str:
    server.ask("FLUSHALL")
    settings.AUTHKIT = block(request.param, server.url)
    return str(request.param)


hinted = pytest.mark.parametrize("check", HINTED, indirect=True)


@pytest.fixture
def tokens(check: str, user: Any, open_for: Callable[..., Login], settings: Any) -> Tokens:
    tokens = Tokens(open_for(user))
    if check != "database":
        tokens.believed()
        keep_lease(settings)
    if check == "push":
        tokens.feed_believed()
    return tokens


def save_another_password(user: Any) -> None:
    user.set_password("another-horse-battery")
    user.save()


def deactivate(user: Any) -> None:
    user.is_active = False
    user.save(update_fields=["is_active"])


ENDINGS: dict[str, tuple[Callable[[Any, Login], object], str]] = {
    "end_login": (lambda user, login: end_login(login_id=login.pk, reason=EndReason.LOGOUT), "logout"),
    "end_logins_of": (lambda user, login: end_logins_of(user_id=user.pk, reason=EndReason.FORCED), "forced"),
    "as_text": (lambda user, login: end_logins_of(user_id=str(user.pk), reason=EndReason.FORCED), "forced"),
    "everybodys": (lambda user, login: end_all_logins(reason=EndReason.FORCED), "forced"),
    "password": (lambda user, login: save_another_password(user), "password_changed"),
    "deactivated": (lambda user, login: deactivate(user), "deactivated"),
    "deleted": (lambda user, login: user.delete(), "deleted"),
    "login_deleted": (lambda user, login: Login.objects.filter(pk=login.pk).delete(), "deleted"),
    "login_instance_deleted": (lambda user, login: Login.objects.get(pk=login.pk).delete(), "deleted"),
    "blacklist": (
        lambda user, login: blacklist_token(
            jti="x", kind="access", login_id=login.pk, reason=EndReason.REVOKED, expires_at=timezone.now()
        ),
        "revoked",
    ),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_ended_login_is_refused_at_once_and_ever_after(how: str, tokens: Tokens, user: Any) -> None:
    end, why = ENDINGS[how]
    end(user, tokens.login)
    for _ in range(3):
        assert tokens.refused() == ("login_ended", why)


@pytest.mark.parametrize("how", ["end_login", "end_logins_of", "everybodys"])
def test_rolled_back_ending_ends_nothing(how: str, tokens: Tokens, user: Any) -> None:
    with transaction.atomic():
        ENDINGS[how][0](user, tokens.login)
        transaction.set_rollback(True)
    assert tokens.refused() is None


def test_ended_within_a_longer_transaction(tokens: Tokens) -> None:
    with transaction.atomic():
        end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT)
    assert tokens.refused() == ("login_ended", "logout")


def test_others_go_on(tokens: Tokens, make_user: Any, open_for: Any) -> None:
    bob = Tokens(open_for(make_user("bob")))
    end_logins_of(user_id=tokens.login.user_id, reason=EndReason.FORCED)
    assert (tokens.refused(), bob.refused()) == (("login_ended", "forced"), None)


def test_new_login_after_a_forced_logout(tokens: Tokens, user: Any, open_for: Any) -> None:
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert Tokens(open_for(user)).refused() is None


def test_token_of_somebody_elses_login_is_refused(check: str, make_user: Any, open_for: Any) -> None:
    # Only a token that we signed says so, and we sign none such: the database is asked for what Redis can't know.
    alice, bob = open_for(make_user("alice")), make_user("bob")
    forged = Tokens(Login(pk=alice.pk, user_id=bob.pk))
    assert forged.refused() == ("login_ended", "deleted")


def test_key_of_another_user_model_is_refused(check: str, user: Any, open_for: Any) -> None:
    assert Tokens(Login(pk=open_for(user).pk, user_id="no key at all")).refused() == ("login_ended", "deleted")


def test_database_that_cannot_be_asked_is_503(check: str, user: Any, open_for: Any) -> None:
    tokens = Tokens(open_for(user))
    with database_down(), pytest.raises(DatabaseUnavailable):
        tokens.check()


def test_asynchronous_twin(tokens: Tokens, check: str) -> None:
    login = tokens.login
    arguments: dict[str, Any] = {"login_id": login.pk, "user_id": str(login.user_id), "issued_at": int(tokens.later())}
    assert async_to_sync(acheck_access)(**arguments).user.pk == login.user_id
    end_login(login_id=login.pk, reason=EndReason.LOGOUT)
    with pytest.raises(LoginEnded):
        async_to_sync(acheck_access)(**arguments)


def test_mode_is_read_at_use(check: str, settings: Any) -> None:
    assert checker().name == check
    settings.AUTHKIT = {"REVOCATION": {"CHECK": check}}
    assert checker().name == "database"


@hinted
def test_checks_take_no_statement_once_redis_is_believed(tokens: Tokens) -> None:
    assert [tokens.costs(issued_at=tokens.later()) for _ in range(5)] == [0] * 5


@hinted
def test_token_from_before_redis_was_warm_asks_the_database(tokens: Tokens) -> None:
    assert tokens.costs() == 1


@hinted
def test_hint_of_a_person_concerns_tokens_of_any_time(tokens: Tokens, user: Any, open_for: Any) -> None:
    """Each `iat` is the time of its issuer, whose clock may be ahead by any amount."""
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert tokens.refused(issued_at=tokens.later()) == ("login_ended", "forced")
    new = Tokens(open_for(user))
    assert [new.costs(), new.costs(issued_at=new.later())] == [1, 1]


@hinted
def test_saving_what_decides_nothing_tells_nobody(tokens: Tokens, user: Any) -> None:
    user.last_login = timezone.now()
    user.save(update_fields=["last_login"])
    assert tokens.costs(issued_at=0) == 1  # by the floor of the warming
    assert hints.read_all(epoch=epoch()) is not None
    assert not [member for member in hints.read_all(epoch=epoch())[1] if member.startswith(b"u:")]  # type: ignore[index]


@hinted
def test_many_at_once_lift_the_floor(tokens: Tokens, server: Server) -> None:
    with transaction.atomic():
        hints.tell(user_ids=range(10_000))
    assert int(server.ask("ZCARD", "authkit:{revoked}")) == 2


@hinted
def test_memory_grows_with_one_access_lifetime(tokens: Tokens, settings: Any, server: Server) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "TOKENS": {"ACCESS_LIFETIME": timedelta(seconds=1)}}
    old = hints.now_in_microseconds() - hints.MARGIN - 2 * hints.SECOND
    for number in range(50):
        server.ask("ZADD", "authkit:{revoked}", old, f"u:{number}")
    end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT)
    assert int(server.ask("ZCARD", "authkit:{revoked}")) == 3
    assert tokens.refused() == ("login_ended", "logout")


@hinted
def test_pruned_hint_leaves_a_floor_behind(tokens: Tokens, settings: Any, server: Server) -> None:
    """For a token that lives longer than today's setting says, because it was issued under yesterday's."""
    server.ask("ZREM", "authkit:{revoked}", "f")
    old = hints.now_in_microseconds() - 7200 * hints.SECOND
    server.ask("ZADD", "authkit:{revoked}", old, "u:nobody")
    with transaction.atomic():
        hints.tell(user_ids=["somebody"])
    floor = int(server.ask("ZSCORE", "authkit:{revoked}", "f"))
    assert old < floor < hints.now_in_microseconds()


@pytest.mark.parametrize("check", ["database"], indirect=True)
def test_database_mode_uses_neither_redis_nor_epoch(tokens: Tokens, user: Any, settings: Any) -> None:
    settings.AUTHKIT = block("database", "redis://127.0.0.1:1")
    save_another_password(user)
    end_all_logins(reason=EndReason.FORCED)
    assert not CacheEpoch.objects.exists()


def test_tell_without_a_transaction_is_a_mistake(check: str) -> None:
    with pytest.raises(RuntimeError, match=r"transaction\.atomic"):
        hints.tell(everybody=True)


# --- the lazy person


@hinted
def test_lazy_person_is_one_of_the_model(tokens: Tokens, user: Any, django_assert_num_queries: Any) -> None:
    later = tokens.later()
    with django_assert_num_queries(0):
        lazy_user = tokens.check(issued_at=later).user
        assert lazy_user.pk == user.pk
        assert lazy_user == user
        assert hash(lazy_user) == hash(user)
        assert lazy_user.is_authenticated
        assert isinstance(lazy_user, get_user_model())
        assert lazy_user.__class__ is get_user_model()
        assert not lazy_user._state.adding


@hinted
def test_any_other_field_loads_all_of_both_once(tokens: Tokens, user: Any, django_assert_num_queries: Any) -> None:
    principal = tokens.check(issued_at=tokens.later())
    login = principal.login
    with django_assert_num_queries(1):
        assert principal.user.get_username() == user.get_username()
        assert principal.user.email == user.email
        assert principal.user.is_active
        assert not principal.user.get_deferred_fields()
        assert type(principal.user) is get_user_model()
        assert login.method == "password"
        assert principal.login.device == "Firefox on Linux"
        assert login.user_id == user.pk


@hinted
def test_login_alone_loads_the_person_too(tokens: Tokens, user: Any, django_assert_num_queries: Any) -> None:
    principal = tokens.check(issued_at=tokens.later())
    with django_assert_num_queries(0):
        assert principal.login.pk == tokens.login.pk
    with django_assert_num_queries(1):
        assert principal.login.method == "password"
        assert principal.user.email == user.email


@hinted
def test_what_a_view_has_set_stays_and_is_saved(tokens: Tokens, user: Any) -> None:
    lazy_user: Any = tokens.check(issued_at=tokens.later()).user
    lazy_user.email = "new@example.test"
    assert lazy_user.get_username() == user.get_username()
    assert lazy_user.email == "new@example.test"
    lazy_user.save()
    user.refresh_from_db()
    assert user.email == "new@example.test"


@hinted
def test_saving_an_unread_person_writes_what_was_set_alone(tokens: Tokens, user: Any) -> None:
    lazy_user: Any = tokens.check(issued_at=tokens.later()).user
    lazy_user.email = "new@example.test"
    lazy_user.save()
    fresh: Any = get_user_model()._default_manager.get(pk=user.pk)
    assert (fresh.email, fresh.password, fresh.is_active) == ("new@example.test", user.password, True)


@hinted
def test_password_set_on_an_unread_person_ends_their_logins(tokens: Tokens) -> None:
    lazy_user: Any = tokens.check(issued_at=tokens.later()).user
    lazy_user.set_password("another-horse-battery")
    lazy_user.save()
    assert tokens.refused() == ("login_ended", "password_changed")


@hinted
def test_login_that_is_over_when_the_person_is_read(tokens: Tokens) -> None:
    principal = tokens.check(issued_at=tokens.later())
    end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT)
    with pytest.raises(LoginEnded) as refused:
        _ = principal.user.email  # type: ignore[attr-defined]
    assert (refused.value.reason, refused.value.why) == ("login_ended", "logout")
    assert principal.user.pk == tokens.login.user_id


@hinted
def test_refreshed_person_is_read_anew(tokens: Tokens, user: Any) -> None:
    principal = tokens.check(issued_at=tokens.later())
    assert principal.login.method == "password"
    get_user_model()._default_manager.filter(pk=user.pk).update(email="raw@example.test")
    lazy_user: Any = principal.user
    lazy_user.email = "set@example.test"
    lazy_user.refresh_from_db()
    assert lazy_user.email == "raw@example.test"


@hinted
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda user: pickle.loads(pickle.dumps(user))])
def test_copies_are_ordinary(copied: Callable[[Any], Any], tokens: Tokens, user: Any) -> None:
    twin = copied(tokens.check(issued_at=tokens.later()).user)
    assert type(twin) is get_user_model()
    assert twin.email == user.email


@hinted
def test_manager_that_picks_people_by_itself_is_asked_each_time(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get_queryset(self: Any) -> QuerySet[Any]:
        return QuerySet(self.model, using=self._db).none()

    monkeypatch.setattr(type(get_user_model()._default_manager), "get_queryset", get_queryset)
    assert tokens.refused(issued_at=tokens.later()) == ("login_ended", "deleted")


# --- what hints can't know (README, "In(security)")


@hinted
def test_raw_sql_is_seen_when_the_person_is_read_and_then_by_all(tokens: Tokens, user: Any) -> None:
    later = tokens.later()
    get_user_model()._default_manager.filter(pk=user.pk).update(is_active=False)
    principal = tokens.check(issued_at=later)
    with pytest.raises(LoginEnded):
        _ = principal.user.email  # type: ignore[attr-defined]
    until(lambda: tokens.refused(issued_at=later) == ("login_ended", "deactivated"), "the others know")


# --- push alone


@pytest.mark.parametrize("check", ["push"], indirect=True)
def test_push_sends_no_command_for_a_check(tokens: Tokens, server: Server) -> None:
    later = tokens.later()

    def commands() -> int:
        server.ask("CONFIG", "RESETSTAT")
        for _ in range(20):
            tokens.check(issued_at=later)
        lines = server.ask("INFO", "commandstats").decode().splitlines()
        return sum(int(line.partition("calls=")[2].partition(",")[0]) for line in lines if "zmscore" in line)

    assert commands() == 0


@pytest.mark.parametrize("check", ["push"], indirect=True)
def test_unreadable_message_drops_the_feed_and_nobody_gets_in(tokens: Tokens, server: Server) -> None:
    server.ask("PUBLISH", "authkit:revoked", "{")
    assert tokens.refused(issued_at=tokens.later()) is None
    end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT)
    assert tokens.refused(issued_at=tokens.later()) == ("login_ended", "logout")


@hinted
def test_no_suspension_where_all_is_well(tokens: Tokens, user: Any, open_for: Any) -> None:
    before = epoch()
    for _ in range(5):
        end_login(login_id=open_for(user).pk, reason=EndReason.LOGOUT)
    assert (epoch(), suspended()) == (before, False)
    assert connection.get_autocommit()
