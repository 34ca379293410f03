"""All processes of a test have the same clock, so its hints need not be a minute ahead.

Else every token that these tests issue lies below the floor of their Redis, which was warmed just before, and is asked
for in the database: nothing that is lost in Redis could then be missed.
"""

from __future__ import annotations


def with_one_clock() -> None:
    """Has hints one second ahead, the unit of a token's `iat`. Once the application is there, and its models are."""
    from authkit.revocation import hints

    hints.AHEAD = hints.SECOND
