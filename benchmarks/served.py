"""One contender as a WSGI application, for a server that forks: another process makes its database."""

from __future__ import annotations

import json
import os

from benchmarks import project
from benchmarks.contenders import ALL
from benchmarks.places import Place

project.configure(
    ALL[os.environ["BENCH_CONTENDER"]],
    Place(**json.loads(os.environ["BENCH_PLACE"])),
    os.environ["BENCH_DATABASE"],
)

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402  # needs the settings

application = WSGIHandler()
