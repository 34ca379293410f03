"""The example, as the processes of these tests serve it."""

from __future__ import annotations

from example_project.wsgi import application
from tests.faults.clock import with_one_clock

__all__ = ["application"]

with_one_clock()
