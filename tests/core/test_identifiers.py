from __future__ import annotations

import time
import uuid

from authkit.core.identifiers import uuid7


def test_is_a_version_7_uuid_of_the_rfc_variant() -> None:
    made = [uuid7() for _ in range(200)]
    assert {(u.version, u.variant) for u in made} == {(7, uuid.RFC_4122)}
    assert len(set(made)) == 200


def test_starts_with_the_time_in_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7().int >> 80
    assert before <= made <= time.time_ns() // 1_000_000


def test_random_bits_are_all_used() -> None:
    seen = 0
    for _ in range(300):
        seen |= uuid7().int
    random_bits = (0xFFF << 64) | ((1 << 62) - 1)
    assert seen & random_bits == random_bits
