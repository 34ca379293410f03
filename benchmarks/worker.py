"""One contender's process: a command per line on standard input, an answer per line on standard output, as JSON.

`{"do": "auth.requests", "n": 40}` calls `requests(worker, n=40)` of `benchmarks.inside.auth`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from benchmarks import project
from benchmarks.base import Contender
from benchmarks.contenders import ALL
from benchmarks.places import Place


@dataclass
class Worker:
    """The object that the functions of `benchmarks.inside` work on."""

    contender: Contender
    place: Place
    user: Any
    caller: project.Caller
    kept: dict[str, Any] = field(default_factory=dict)
    """Values that one command leaves for the next."""


def _answer(worker: Worker, command: dict[str, Any]) -> Any:
    module, _, function = command.pop("do").partition(".")
    return getattr(import_module(f"benchmarks.inside.{module}"), function)(worker, **command)


def main() -> None:
    name, place_text, database = sys.argv[1:]
    # The output of Django's commands goes to standard error: only answers are read.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    place = Place(**json.loads(place_text))
    try:
        user = project.set_up(ALL[name], place, database)
        worker = Worker(contender=ALL[name], place=place, user=user, caller=project.Caller())
        answers.write(json.dumps({"ready": name}) + "\n")
        for line in sys.stdin:
            answers.write(json.dumps(_answer(worker, json.loads(line)), default=str) + "\n")
    except Exception:  # noqa: BLE001  # the runner has to hear of any error
        answers.write(json.dumps({"error": traceback.format_exc()}) + "\n")


if __name__ == "__main__":
    main()
