from __future__ import annotations

from typing import Any

import pytest

from authkit.core import breaker
from authkit.core.breaker import LONGEST_PAUSE, SHORTEST_PAUSE, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(breaker, "time", made)
    return made


def fail(of: Breaker, clock: Clock, after: float) -> list[bool]:
    """Who is let through a moment before and a moment after this pause; the one who was fails."""
    clock.now += after - 0.001
    seen = [of.lets_through()]
    clock.now += 0.001
    seen += [of.lets_through(), of.lets_through()]
    of.failed()
    return seen


def test_closed_breaker_lets_everybody_through(clock: Any) -> None:
    of = Breaker()
    assert not of.is_open
    assert [of.lets_through() for _ in range(3)] == [True] * 3


def test_after_a_failure_nobody_tries_for_a_while_then_one_does(clock: Clock) -> None:
    of = Breaker()
    assert of.failed()
    assert of.is_open
    assert fail(of, clock, SHORTEST_PAUSE) == [False, True, False]


def test_pause_grows_to_its_longest(clock: Clock) -> None:
    of = Breaker()
    of.failed()
    for pause in (1.0, 2.0, 4.0, LONGEST_PAUSE, LONGEST_PAUSE):
        assert fail(of, clock, pause) == [False, True, False]


def test_many_that_fail_together_lengthen_the_pause_once(clock: Clock) -> None:
    of = Breaker()
    assert [of.failed() for _ in range(10)] == [True] + [False] * 9
    clock.now += SHORTEST_PAUSE
    assert of.lets_through()


def test_success_closes_it_and_the_next_pause_is_short_again(clock: Clock) -> None:
    of = Breaker()
    of.failed()
    fail(of, clock, SHORTEST_PAUSE)
    assert of.succeeded()
    assert not of.succeeded()
    assert of.lets_through()
    of.failed()
    clock.now += SHORTEST_PAUSE
    assert of.lets_through()


def test_somebody_who_never_reports_does_not_keep_it_open_for_ever(clock: Clock) -> None:
    of = Breaker()
    of.failed()
    clock.now += SHORTEST_PAUSE
    assert of.lets_through()
    clock.now += LONGEST_PAUSE
    assert of.lets_through()
