"""What a client of simplejwt may send, and what it is answered. Runs in a project's own process: `python -m
tests.dropin.client_calls` prints the answers as JSON, whichever library that project mounts at `/api/token/`."""

from __future__ import annotations

import json
import sys
from typing import Any

PASSWORD = "correct-horse-battery-staple"


def record(base: str = "/api/token/") -> dict[str, Any]:
    """Every call by its name, with status, challenge and body of the answer."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    client, answers = Client(enforce_csrf_checks=True, raise_request_exception=False), {}
    users = get_user_model()._default_manager
    for name in ("alice", "bob"):
        users.create_user(name, f"{name}@example.test", PASSWORD)

    def call(name: str, path: str, body: Any, **extra: Any) -> Any:
        extra.setdefault("content_type", "application/json")
        if extra["content_type"] == "multipart":
            del extra["content_type"]
        answer = client.post(base + path, body, **extra)
        content = answer.json() if answer.headers["Content-Type"].startswith("application/json") else None
        challenge = answer.headers.get("WWW-Authenticate")
        answers[name] = {"status": answer.status_code, "challenge": challenge, "body": content}
        return content

    alice = {"username": "alice", "password": PASSWORD}
    form = "application/x-www-form-urlencoded"
    call("obtain", "", alice)
    call("obtain by a form", "", f"username=alice&password={PASSWORD}", content_type=form)
    call("obtain by FormData", "", alice, content_type="multipart")
    call("obtain with fields that nobody knows", "", {**alice, "next": "/"})
    call("obtain: wrong password", "", {**alice, "password": "wrong"})
    call("obtain: nobody of that name", "", {**alice, "username": "nobody"})
    call("obtain: nothing", "", {})
    call("obtain: no password", "", {"username": "alice"})
    call("obtain: blank", "", {"username": "", "password": ""})
    call("obtain: null", "", {"username": None, "password": None})
    call("obtain: a list", "", {"username": ["alice"], "password": PASSWORD})
    call("obtain: no object", "", ["alice", PASSWORD])
    call("obtain: broken JSON", "", "{", content_type="application/json")
    call("obtain: XML", "", "<a/>", content_type="application/xml")
    call("obtain: nothing by a form", "", "", content_type=form)

    first = call("obtain once more", "", alice)
    call("verify an access token", "verify/", {"token": first["access"]})
    call("verify a refresh token", "verify/", {"token": first["refresh"]})
    call("verify: garbage", "verify/", {"token": "garbage"})
    call("verify: a flipped signature", "verify/", {"token": first["access"][:-6] + "AAAAAA"})
    call("verify: nothing", "verify/", {})
    call("refresh: garbage", "refresh/", {"refresh": "garbage"})
    call("refresh: nothing", "refresh/", {})
    call("refresh: blank", "refresh/", {"refresh": ""})
    call("refresh: an access token", "refresh/", {"refresh": first["access"]})
    second = call("refresh", "refresh/", {"refresh": first["refresh"]})
    call("verify what a refresh gave", "verify/", {"token": second["access"]})
    third = call(
        "refresh by a form", "refresh/", f"refresh={second.get('refresh', first['refresh'])}", content_type=form
    )
    head = third.get("refresh", first["refresh"])
    call("blacklist: garbage", "blacklist/", {"refresh": "garbage"})
    call("blacklist: nothing", "blacklist/", {})
    call("blacklist: an access token", "blacklist/", {"refresh": third["access"]})
    call("blacklist", "blacklist/", {"refresh": head})
    call("blacklist it again", "blacklist/", {"refresh": head})
    call("refresh what was blacklisted", "refresh/", {"refresh": head})

    old = call("obtain, to refresh twice", "", alice)["refresh"]
    call("refresh it", "refresh/", {"refresh": old})
    call("refresh it again", "refresh/", {"refresh": old})

    bobs = call("obtain, to be switched off", "", {**alice, "username": "bob"})
    users.filter(username="bob").update(is_active=False)
    call("obtain: switched off", "", {**alice, "username": "bob"})
    call("refresh: switched off", "refresh/", {"refresh": bobs["refresh"]})
    for path in ("", "refresh/", "verify/", "blacklist/"):
        answer = client.get(base + path)
        challenge = answer.headers.get("WWW-Authenticate")
        answers[f"GET {path}"] = {"status": answer.status_code, "challenge": challenge, "body": answer.json()}
    return answers


if __name__ == "__main__":
    import django

    django.setup()
    json.dump(record(), sys.stdout)
