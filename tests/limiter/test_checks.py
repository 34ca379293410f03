from __future__ import annotations

from typing import Any

import pytest

from authkit.limiter import checks
from authkit.limiter.budgets import Budget, budget_of, budgets, register_budget
from authkit.redis import checks as redis_checks
from authkit.signin import checks as signin_checks
from authkit.signin import doors
from authkit.signin.doors import Door, register_door


def said(check: Any) -> list[str]:
    found = check(app_configs=None)
    assert all(message.hint for message in found)
    return [message.id.removeprefix("authkit.") for message in found]


def test_defaults_pass() -> None:
    assert [*said(checks.check_exempt), *said(checks.check_numbers)] == []


@pytest.mark.parametrize("entry", ["", "office", "192.0.2.7/24", "192.0.2.0/33"])
def test_e244_exempt_has_no_network(configure: Any, entry: str) -> None:
    configure(EXEMPT=["2001:db8::/48", entry])
    assert said(checks.check_exempt) == ["E244"]


@pytest.mark.parametrize("numbers", [{"SLOW_AFTER": 20}, {"LOCK_AFTER": 5}, {"NETWORK_SLOW_AFTER": 400}])
def test_e245_lock_before_the_delays(configure: Any, numbers: Any) -> None:
    configure(**numbers)
    assert said(checks.check_numbers) == ["E245"]


def test_w240_a_network_is_locked_before_a_name(configure: Any) -> None:
    configure(NETWORK_SLOW_AFTER=5, NETWORK_LOCK_AFTER=10)
    assert said(checks.check_numbers) == ["W240"]


def test_e084_redis_is_needed_and_not_named(configure: Any) -> None:
    configure(BACKEND="redis")
    assert said(redis_checks.check_needs) == ["E084"]


def test_e243_door_names_a_budget_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_doors", {})
    monkeypatch.setattr("authkit.limiter.budgets._budgets", budgets())
    register_door(Door("mine", "authkit.sessions.views.SessionLoginView", ("a key",), ("password", "magic")))
    assert said(signin_checks.check_doors) == ["E243"]
    register_budget(Budget("magic", "Ten keys an hour."))
    register_budget(Budget("magic", "Ten keys an hour."))
    assert said(signin_checks.check_doors) == []
    assert budget_of("magic").network == "network"
    with pytest.raises(ValueError, match="another budget 'magic'"):
        register_budget(Budget("magic", "Another."))
