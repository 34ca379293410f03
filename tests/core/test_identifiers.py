from __future__ import annotations

import time
import uuid
from datetime import timedelta

from authkit.core.identifiers import first_uuid7_after, uuid7


def test_is_a_version_7_uuid_of_the_rfc_variant() -> None:
    made = [uuid7() for _ in range(200)]
    assert {(u.version, u.variant) for u in made} == {(7, uuid.RFC_4122)}
    assert len(set(made)) == 200


def test_starts_with_the_time_in_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7().int >> 80
    assert before <= made <= time.time_ns() // 1_000_000


def test_ids_of_one_millisecond_are_in_the_order_of_their_making() -> None:
    made = []
    for _ in range(200):
        made.append(uuid7())
        until = time.time_ns() + 1000
        while time.time_ns() < until:
            pass
    assert made == sorted(made)


def test_random_bits_are_all_used() -> None:
    seen = 0
    for _ in range(300):
        seen |= uuid7().int
    random_bits = (1 << 62) - 1
    assert seen & random_bits == random_bits


def test_first_of_a_later_time_is_above_all_until_then_and_of_the_version() -> None:
    first = first_uuid7_after(timedelta(minutes=1))
    assert (first.version, first.variant) == (7, uuid.RFC_4122)
    assert uuid7() < first
    assert first_uuid7_after(timedelta(0)) < first
    assert first_uuid7_after(timedelta(minutes=-1)) < uuid7()
