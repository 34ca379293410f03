"""One of several processes that refresh and call while the ring is rotated; started by `test_key_rotation`.

Its argument is a refresh token; its environment has AUTHKIT_TEST_RING (the ring's file) and DATABASE_URL. It works
without a pause until its stdin is closed, and then writes what it did as JSON. For each line on its stdin it says
"working" once two whole rounds have begun and ended since.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import Any

import django


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(refresh: str) -> dict[str, Any]:
    """Refreshes and calls in turn; answers how often, by which keys, and what failed."""
    django.setup()
    from django.conf import settings
    from rest_framework.test import APIClient

    settings.AUTHKIT = {"TOKENS": {"KEYS": os.environ["AUTHKIT_TEST_RING"], "DERIVED_KEYS": False}}
    over, asked = threading.Event(), queue.SimpleQueue[str]()

    def listen() -> None:
        for line in sys.stdin:
            asked.put(line)
        over.set()

    threading.Thread(target=listen, daemon=True).start()
    answer_at: int | None = None
    client = APIClient(raise_request_exception=False)
    rounds, kids, failures = 0, set[str](), list[str]()
    while not over.is_set() or rounds == 0:
        answer = client.post("/auth/api/token/refresh/", {"refresh": refresh}, format="json")
        if answer.status_code != 200:
            failures.append(f"refresh: {answer.status_code} {answer.content.decode()}")
            break
        pair = answer.json()
        refresh = pair["refresh"]
        kids.add(pair["access"].partition(".")[0])
        called = client.get("/auth/api/me/", headers={"Authorization": f"Bearer {pair['access']}"})
        if called.status_code != 200:
            failures.append(f"call: {called.status_code} {called.content.decode()}")
            break
        rounds += 1
        if rounds == answer_at:
            say("working")
            answer_at = None
        if answer_at is None and not asked.empty():
            asked.get()
            answer_at = rounds + 2
    return {"rounds": rounds, "kids": len(kids), "failures": failures}


if __name__ == "__main__":
    say(json.dumps(main(sys.argv[1])))
