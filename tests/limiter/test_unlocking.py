"""`authkit_unlock`, the admin's two actions, pruning and the doctor."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from authkit import signals
from authkit.core import admin_lists
from authkit.core.clients import Client
from authkit.core.clocks import SECOND
from authkit.exceptions import Throttled
from authkit.limiter import services, summary
from authkit.limiter.models import AttemptBudget
from authkit.limiter.pruning import prunable_budgets
from tests.admin.conftest import boss, browse, staff, url

__all__ = ["boss", "browse", "staff", "url"]

HERE = Client("192.0.2.7")

pytestmark = pytest.mark.django_db


def fail(name: str, times: int = 5, user_id: Any = None) -> None:
    for _ in range(times):
        services.settle_failure(services.reserve(door="token", name=name, client=HERE), user_id=user_id)


def is_held(name: str) -> bool:
    try:
        services.refund(services.reserve(door="token", name=name, client=HERE))
    except Throttled:
        return True
    return False


def unlock(*arguments: str) -> str:
    out = io.StringIO()
    call_command("authkit_unlock", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def test_command_unlocks_a_name_and_the_person_who_has_it(user: Any, configure: Any) -> None:
    configure(STOP_AFTER=5)
    fail(user.get_username(), user_id=user.pk)
    fail("bob")
    assert unlock(user.get_username().upper()) == "2 budgets cleared.\n"
    assert not is_held(user.get_username())
    services.admit(services.reserve(door="token", name="another", client=HERE), user=user)
    assert is_held("bob")
    assert unlock("bob") == "2 budgets cleared.\n"
    assert unlock("bob") == "0 budgets cleared.\n"


def test_command_unlocks_a_network_or_everything(configure: Any) -> None:
    configure(NETWORK_SLOW_AFTER=5)
    fail("bob")
    assert is_held("carol")
    assert unlock("--network", "192.0.2.7") == "1 budget cleared.\n"
    assert not is_held("carol")
    assert is_held("bob")
    unlock("--all")
    assert not AttemptBudget.objects.exists()


@pytest.mark.parametrize("arguments", [[], ["bob", "--all"], ["--network", "nonsense"], ["--network", "192.0.2.0/24"]])
def test_command_refuses_what_it_can_not_mean(arguments: list[str]) -> None:
    fail("bob")
    with pytest.raises(CommandError):
        unlock(*arguments)
    assert is_held("bob")


def test_admin_unlocks_people_with_the_permission_alone(
    user: Any, staff: Any, browse: Any, url: Any, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[Any] = []
    signals.login_unlocked.connect(lambda **given: told.append(given), weak=False, dispatch_uid="told")
    model = type(user)
    body = {"action": "authkit_unlock", "_selected_action": [str(user.pk)]}
    fail(user.get_username())
    try:
        view = f"view_{model._meta.model_name}"
        browse(staff(view, name="clerk")).post(url(model, "changelist"), body)
        assert is_held(user.get_username())
        helper = staff(view, "authkit.unlock", name="helper")
        with django_capture_on_commit_callbacks(execute=True):
            answer = browse(helper).post(url(model, "changelist"), body, follow=True)
    finally:
        signals.login_unlocked.disconnect(dispatch_uid="told")
    assert "1 budget was cleared." in answer.content.decode()
    assert not is_held(user.get_username())
    assert [(given["user_id"], given["by_id"]) for given in told] == [(user.pk, helper.pk)]


def test_admin_list_shows_no_name_and_unlocks_what_is_selected(staff: Any, browse: Any, boss: Any) -> None:
    fail("bob")
    row = AttemptBudget.objects.get(scope="name")
    page = reverse("admin:authkit_attemptbudget_changelist")
    answer = browse(staff("authkit.view_attemptbudget", name="reader")).get(page)
    text = answer.content.decode()
    assert row.key in text
    assert f">{row.key[:12]}…<" in text  # in full, it leaves no place for the other columns
    change = reverse("admin:authkit_attemptbudget_change", args=[row.pk])
    assert "+00:00" not in browse(staff("authkit.view_attemptbudget", name="other_reader")).get(change).content.decode()
    assert "192.0.2.7" not in text
    assert "authkit_unlock" not in text  # the action is not offered
    assert browse(staff("authkit.unlock", name="other")).get(page).status_code == 403
    done = browse(boss).post(page, {"action": "authkit_unlock", "_selected_action": [row.pk]}, follow=True)
    assert "1 budget was cleared." in done.content.decode()
    assert not is_held("bob")
    assert browse(boss).get(reverse("admin:authkit_attemptbudget_add")).status_code == 403


def test_admin_list_reads_a_bounded_number_of_rows_and_begins_with_what_is_held(
    browse: Any, boss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_lists, "MOST_LISTED", 60)
    row = {"spent": 1, "last_at": 1, "last_charge": 1}
    AttemptBudget.objects.bulk_create(
        AttemptBudget(key=f"{number:064}", scope="network-token", not_before=0, **row) for number in range(80)
    )
    AttemptBudget.objects.create(key="f" * 64, scope="name", not_before=5, **row)
    page, browser = reverse("admin:authkit_attemptbudget_changelist"), browse(boss)
    with CaptureQueriesContext(connection) as captured:
        text = browser.get(page).content.decode()
    about = [query["sql"] for query in captured if "authkit_attemptbudget" in query["sql"]]
    assert about
    assert all("LIMIT" in sql for sql in about)
    assert text.index("f" * 64) < text.index(f"{79:064}") < text.index(f"{78:064}")
    assert "f" * 64 not in browser.get(page, {"kind": "network"}).content.decode()


def test_prune_deletes_what_no_window_holds_and_keeps_people_and_locks(user: Any) -> None:
    fail("bob", 1)
    fail(user.get_username(), 1, user_id=user.pk)
    assert not prunable_budgets().exists()
    AttemptBudget.objects.update(last_at=F("last_at") - 25 * 3600 * SECOND)
    AttemptBudget.objects.filter(pk=services.name_key("bob")).update(not_before=F("last_at") + 50 * 3600 * SECOND)
    call_command("authkit_prune", stdout=io.StringIO())
    left = AttemptBudget.objects.values_list("scope", flat=True).order_by("scope")
    assert list(left) == ["name", "person"]


def test_doctor_counts_and_names_no_name() -> None:
    assert summary.sentences() == ["the database counts: 0 budgets in the database", "nothing is held up now"]
    fail("bob")
    first, second = summary.sentences()
    assert first == "the database counts: 3 budgets in the database; the networks with most failures have 5"
    assert second.startswith("held up now: 1 of scope name, the longest until 20")
    out = io.StringIO()
    call_command("authkit_doctor", stdout=out, no_color=True)
    assert "Limiter" in out.getvalue()


def test_doctor_says_where_redis_counts(configure: Any) -> None:
    configure(BACKEND="redis")
    assert summary.sentences()[0].startswith("Redis counts, and the database while it is away")
