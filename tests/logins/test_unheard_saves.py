"""Writes that end something and pass by the services: each of the three checks hears of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.test.utils import isolate_apps
from django.utils import timezone

from authkit.logins import deciding_saves, receivers
from authkit.logins.models import GlobalCutoff, Login, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.revocation import hints, push
from tests.revocation.hinted import Tokens, block, epoch, keep_lease
from tests.services.redis import Server, own

SET = "authkit:{revoked}"
OUT = ("login_ended", "forced")
SIGNALS = (pre_save, post_save, pre_delete, post_delete)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own() as server:
        yield server


@pytest.fixture(params=["database", "redis", "push"])
def check(request: pytest.FixtureRequest, settings: Any, server: Server) -> str:
    server.ask("FLUSHALL")
    settings.AUTHKIT = block(request.param, server.url)
    return str(request.param)


@pytest.fixture
def tokens(check: str, user: Any, open_for: Callable[..., Login], settings: Any, server: Server) -> Tokens:
    """Of which nothing is asked, unless somebody is told: the floor of the warming is away."""
    tokens = Tokens(open_for(user))
    if check == "database":
        return tokens
    tokens.believed()
    keep_lease(settings)
    server.ask("ZREM", SET, "f")
    push.forget()
    if check == "push":
        tokens.feed_believed()
    assert tokens.costs() == 0
    return tokens


def told(check: str) -> set[bytes]:
    found = hints.read_all(epoch=epoch())
    assert found is not None
    return set(found[1]) - {b"f"}


hinted = pytest.mark.parametrize("check", ["redis", "push"], indirect=True)
in_every_mode = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]


def now() -> Any:
    return timezone.now()


def end_by_hand(login: Login, **how: Any) -> None:
    login.ended_at, login.end_reason = now(), EndReason.FORCED
    login.save(**how)


def end_in_bulk(login: Login) -> None:
    login.ended_at, login.end_reason = now(), EndReason.FORCED
    Login.objects.bulk_update([login], ["ended_at", "end_reason"])


def move_cutoff(login: Login) -> None:
    UserCutoff.objects.create(user_id=login.user_id, issued_before=login.created_at - timedelta(days=1))
    UserCutoff.objects.filter(user_id=login.user_id).update(issued_before=now())


def save_cutoff(login: Login) -> None:
    cutoff = UserCutoff(user_id=login.user_id, issued_before=login.created_at - timedelta(days=1))
    cutoff.save()
    cutoff.issued_before = now()
    cutoff.save(update_fields=["issued_before"])


def cut_everybody_off(login: Login) -> None:
    GlobalCutoff.objects.update_or_create(id=1, defaults={"issued_before": now()})


BY_HAND: dict[str, Callable[[Login], object]] = {
    "Login.objects.update": lambda login: Login.objects.filter(user_id=login.user_id).update(
        ended_at=now(), end_reason=EndReason.FORCED
    ),
    "related update": lambda login: login.user.authkit_logins.update(ended_at=now(), end_reason=EndReason.FORCED),  # type: ignore[attr-defined]
    "bulk_update": end_in_bulk,
    "save": end_by_hand,
    "save(update_fields)": lambda login: end_by_hand(login, update_fields=["ended_at", "end_reason"]),
    "UserCutoff.objects.create": lambda login: UserCutoff.objects.create(user_id=login.user_id, issued_before=now()),
    "UserCutoff.objects.bulk_create": lambda login: UserCutoff.objects.bulk_create(
        [UserCutoff(user_id=login.user_id, issued_before=now())]
    ),
    "UserCutoff.objects.update": move_cutoff,
    "UserCutoff.save": save_cutoff,
    "GlobalCutoff.objects.update_or_create": cut_everybody_off,
}


class TestLedgerByHand:
    pytestmark = in_every_mode

    @pytest.mark.parametrize("how", BY_HAND)
    def test_login_that_is_ended_by_hand_is_refused_at_once(self, how: str, tokens: Tokens) -> None:
        BY_HAND[how](tokens.login)
        assert [tokens.refused() for _ in range(3)] == [OUT] * 3

    def test_login_made_to_run_out_by_hand_is_refused_at_once(self, tokens: Tokens) -> None:
        Login.objects.filter(pk=tokens.login.pk).update(expires_at=now())
        assert tokens.refused() == ("expired", "expired")

    @hinted
    def test_harmless_columns_tell_nobody(self, check: str, tokens: Tokens) -> None:
        Login.objects.update(device="A phone", last_seen_at=now())
        tokens.login.device = "Another phone"
        tokens.login.save(update_fields=["device"])
        assert (told(check), tokens.costs()) == (set(), 0)

    @hinted
    def test_services_tell_once_for_all_that_they_write(self, check: str, tokens: Tokens, server: Server) -> None:
        server.ask("CONFIG", "RESETSTAT")
        end_logins_of(user_id=tokens.login.user_id, reason=EndReason.FORCED)
        (line,) = [line for line in server.ask("INFO", "commandstats").decode().splitlines() if "cmdstat_eval" in line]
        assert "calls=2," in line, "before the write, and on commit"

    @hinted
    def test_thousands_updated_at_once_lift_the_floor(self, check: str, tokens: Tokens, user: Any) -> None:
        row = Login.objects.values().get(pk=tokens.login.pk)
        del row["id"]
        Login.objects.bulk_create([Login(**row) for _ in range(600)])
        Login.objects.update(ended_at=now(), end_reason=EndReason.FORCED)
        assert told(check) == set()
        assert tokens.refused() == OUT

    @pytest.mark.parametrize("check", ["database"], indirect=True)
    def test_without_hints_nothing_is_asked_first(self, tokens: Tokens, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            Login.objects.update(ended_at=now())


# --- people


@pytest.fixture
def _another_user_model() -> Iterator[None]:
    """What was found out of the user model is forgotten before and after."""
    cached = (
        deciding_saves._written,
        deciding_saves._deciding_columns,
        deciding_saves._lineage,
        deciding_saves._tables_of_the_key,
    )
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


@pytest.fixture
def hash_over_another_field(user: Any, monkeypatch: pytest.MonkeyPatch, _another_user_model: None) -> None:
    own = type(user).get_session_auth_hash
    monkeypatch.setattr(type(user), "get_session_auth_hash", lambda self: f"{own(self)}{self.is_staff:d}")


@pytest.fixture
def active_is_a_property(user: Any, monkeypatch: pytest.MonkeyPatch, _another_user_model: None) -> None:
    """Of staff alone: they are locked out."""
    is_active = property(lambda self: not self.is_staff, lambda self, value: None)
    monkeypatch.setattr(type(user), "is_active", is_active)


def model(name: str, *bases: Any, **body: Any) -> Any:
    """A model as a class statement makes one."""
    meta = {key: body.pop(key) for key in ("managed", "db_table", "proxy") if key in body}
    return type(
        name, bases, {"__module__": __name__, "Meta": type("Meta", (), {"app_label": "authkit", **meta}), **body}
    )


@pytest.fixture
def twin(user: Any, check: str) -> Iterator[Any]:
    """A model of another app on the user model's own table, as of a database that is older than the project."""

    key = type(type(user)._meta.pk)(primary_key=True)
    fields = {"id": key, "live": models.BooleanField(db_column="is_active"), "is_staff": models.BooleanField()}
    Twin = model("Twin", models.Model, managed=False, db_table=type(user)._meta.db_table, **fields)
    receivers.connect()
    yield Twin
    for signal in SIGNALS:
        signal.receivers = [entry for entry in signal.receivers if entry[0][1] != id(Twin)]
        signal.sender_receivers_cache.clear()
    Twin._meta.apps.all_models["authkit"].pop("twin")
    Twin._meta.apps.clear_cache()


class TestPeople:
    pytestmark = in_every_mode

    @pytest.mark.usefixtures("hash_over_another_field")
    @pytest.mark.parametrize("how", [{}, {"update_fields": ["is_staff"]}])
    def test_field_of_the_sessions_hash_ends_logins(self, how: Any, tokens: Tokens, user: Any) -> None:
        user.is_staff = True
        user.save(**how)
        assert tokens.refused() == ("login_ended", "password_changed")

    @pytest.mark.usefixtures("active_is_a_property")
    @pytest.mark.parametrize("how", [{}, {"update_fields": ["is_staff"]}])
    def test_property_that_says_inactive_ends_logins_for_good(self, how: Any, tokens: Tokens, user: Any) -> None:
        user.is_staff = True
        user.save(**how)
        assert tokens.refused() == ("login_ended", "deactivated")
        user.is_staff = False
        user.save(**how)
        assert tokens.refused() == ("login_ended", "deactivated")

    @pytest.mark.usefixtures("active_is_a_property")
    def test_property_over_a_field_that_was_not_saved_ends_nothing(self, tokens: Tokens, user: Any) -> None:
        user.is_staff = True
        user.save(update_fields=["email"])
        user.refresh_from_db()
        assert tokens.refused() is None

    @hinted
    @pytest.mark.usefixtures("hash_over_another_field")
    def test_last_login_is_harmless_all_the_same(self, check: str, tokens: Tokens, user: Any) -> None:
        user.last_login = now()
        user.save(update_fields=["last_login"])
        assert (told(check), tokens.costs()) == (set(), 0)

    @hinted
    def test_stock_models_other_fields_are_harmless(self, check: str, tokens: Tokens, user: Any) -> None:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
        assert (told(check), tokens.costs()) == (set(), 0)

    @pytest.mark.parametrize("how", [{}, {"update_fields": ["live"]}])
    def test_person_saved_through_another_model_of_their_table(
        self, how: Any, tokens: Tokens, user: Any, twin: Any
    ) -> None:
        person = twin.objects.get(pk=user.pk)
        person.live = False
        person.save(**how)
        assert tokens.refused() == ("login_ended", "deactivated")
        person.live = True
        person.save(**how)
        assert tokens.refused() == ("login_ended", "deactivated")


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch, _another_user_model: None) -> Iterator[dict[str, Any]]:
    """A user model with two parents, one that holds what decides, and everything that shares a table with it."""
    with isolate_apps("authkit") as registry:
        text = models.TextField
        being = model(
            "Being", models.Model, email=models.EmailField(), is_active=models.BooleanField(), shoe_size=text()
        )
        payer = model("Payer", models.Model, payer_id=models.AutoField(primary_key=True), iban=text())
        member = model("Member", being, payer, AbstractBaseUser, EMAIL_FIELD="email", nickname=text())
        employee = model("Employee", member, desk=text())
        pet, shadow = model("Pet", being, species=text()), model("Shadow", being, proxy=True)
        stranger = model("Stranger", models.Model, is_active=models.BooleanField())
        monkeypatch.setattr(deciding_saves, "apps", registry)
        monkeypatch.setattr(deciding_saves, "get_user_model", lambda: member)
        yield {made.__name__: made for made in (being, payer, member, employee, pet, shadow, stranger)}


def names(found: list[Any]) -> set[str]:
    return {made.__name__ for made in found}


def test_every_model_that_writes_a_deciding_column_is_heard(family: Any) -> None:
    assert names(deciding_saves.models_that_decide()) == {"Being", "Shadow", "Pet", "Member", "Employee"}


def test_every_model_that_shares_a_table_is_heard_where_the_hash_is_the_projects(family: Any) -> None:
    family["Member"].get_session_auth_hash = lambda self: self.iban
    assert names(deciding_saves.models_that_decide()) == {"Being", "Payer", "Shadow", "Pet", "Member", "Employee"}


def test_parents_row_is_the_persons(family: Any) -> None:
    for name in ("Being", "Shadow"):
        assert deciding_saves.keys_of(family[name](pk=7)) == [7]
    assert deciding_saves.keys_of(family["Pet"](being_ptr_id=7, id=7)) == [7]
    assert deciding_saves.keys_of(
        family["Employee"](id=7, being_ptr_id=7, payer_id=8, payer_ptr_id=8, member_ptr_id=7)
    ) == [7]
    assert deciding_saves.keys_of(family["Being"]()) == []


@pytest.mark.parametrize(
    ("name", "fields", "answer"),
    [
        ("Being", None, True),
        ("Being", {"is_active"}, True),
        ("Being", {"email", "shoe_size"}, True),
        ("Being", {"shoe_size"}, False),
        ("Shadow", {"is_active"}, True),
        ("Pet", {"species"}, False),
        ("Pet", {"is_active"}, True),
        ("Member", {"password"}, True),
        ("Member", {"nickname", "last_login", "iban"}, False),
        ("Employee", {"desk"}, False),
        ("Employee", {"password"}, True),
        ("Stranger", None, False),
    ],
)
def test_what_decides(family: Any, name: str, fields: set[str] | None, answer: bool) -> None:
    assert deciding_saves.decides(family[name](), fields) is answer


def test_address_may_be_a_parents(family: Any) -> None:
    assert deciding_saves.address_field(family["Being"]).name == "email"
    assert deciding_saves.address_field(family["Payer"]) is None
    assert deciding_saves.address_field(family["Stranger"]) is None
