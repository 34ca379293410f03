"""As `tests.faults.wsgi`, for servers that have an event loop."""

from __future__ import annotations

from example_project.asgi import application
from tests.faults.clock import with_one_clock

__all__ = ["application"]

with_one_clock()
