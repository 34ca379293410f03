"""The example, where hints are one second ahead and not sixty: all of its processes have the same clock.

Else every token that these tests issue lies below the floor of their Redis, which was warmed just before, and is asked
for in the database: nothing that is lost in Redis could then be missed.
"""

from __future__ import annotations

from example_project.wsgi import application

__all__ = ["application"]


def _with_one_clock() -> None:
    from authkit.logins import hints  # models, which the application has loaded by now

    hints.AHEAD = hints.SECOND


_with_one_clock()
