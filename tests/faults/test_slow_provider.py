"""A provider that drips, under the server that people deploy with: 2 processes of 4 threads."""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.example.servers import ROOT, Person, environment
from tests.faults.sites import Prepared, answers, prepare
from tests.services import crooked
from tests.services.crooked import WELL_KNOWN, CrookedProvider, Stall
from tests.services.process import free_port, running
from tests.social.browsers import COMPLETE, LOGIN, SECONDS, redirect_of

pytestmark = pytest.mark.process

PROCESSES, THREADS = 2, 4
SIGN_INS = 40
VISITS = 40
# Much longer than any answer may take, so that a thread that waits for the end of the drip fails this test.
DRIP = Stall("body", seconds=20 * SECONDS)
COMMAND = (
    "gunicorn", "--workers", str(PROCESSES), "--threads", str(THREADS), "--timeout", "300", "--chdir", str(ROOT),
)  # fmt: skip


@pytest.fixture
def provider() -> Iterator[CrookedProvider]:
    with crooked.serve() as provider:
        yield provider


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    module = "tests.faults.provider_settings"
    return prepare(tmp_path_factory.mktemp("prepared"), DJANGO_SETTINGS_MODULE=module, ISSUER="http://127.0.0.1:1")


@pytest.fixture
def site(provider: CrookedProvider, prepared: Prepared, tmp_path: Path) -> Iterator[str]:
    shutil.copytree(prepared.directory, tmp_path, dirs_exist_ok=True)
    url, log = f"http://127.0.0.1:{free_port()}", tmp_path / "log"
    with running(
        [sys.executable, "-m", *COMMAND, "--bind", url.removeprefix("http://"), "tests.faults.wsgi"],
        ready=lambda: answers(f"{url}/"),
        log=log,
        environment=environment(tmp_path, **{**prepared.steering, "ISSUER": provider.issuer, "PUBLIC_URL": url}),
        cwd=tmp_path,
    ):
        yield url
    assert "Traceback" not in log.read_text(), log.read_text()


def press(person: Person) -> requests.Response:
    """Press the provider's button; answer what the site answers."""
    token = person.cookies["csrftoken"]
    form = {"csrfmiddlewaretoken": token}
    return person.post(LOGIN.format("oidc"), form, allow_redirects=False, timeout=SECONDS)


def newcomer(site: str) -> Person:
    """Somebody who has opened the sign-in page."""
    person = Person(site)
    assert person.get("/auth/login/", timeout=SECONDS).status_code == 200
    return person


def come_back(person: Person, callback: str) -> requests.Response:
    return person.get(callback, allow_redirects=False, timeout=SECONDS)


@pytest.mark.parametrize("stage", ["token endpoint", "cold discovery"])
def test_while_many_sign_in_by_a_dripping_provider_the_others_are_answered(provider, site, stage) -> None:
    people = [newcomer(site) for _ in range(SIGN_INS)]
    if stage == "token endpoint":
        callbacks = [redirect_of(press(person).headers["Location"]) for person in people]
        assert all(COMPLETE.format("oidc") in callback for callback in callbacks)
        provider.stalls["/token"] = DRIP
    else:
        provider.stalls[WELL_KNOWN] = DRIP
    with ThreadPoolExecutor(SIGN_INS) as pool:
        if stage == "token endpoint":
            tried = [pool.submit(come_back, *who) for who in zip(people, callbacks, strict=True)]
        else:
            tried = [pool.submit(press, person) for person in people]
        visits = [requests.get(f"{site}/auth/login/", timeout=SECONDS).status_code for _ in range(VISITS)]
        said = [attempt.result(2 * SECONDS) for attempt in tried]
    assert Counter(visits) == {200: VISITS}
    assert Counter(answer.status_code for answer in said) == {503: SIGN_INS}
    assert all('data-reason="unreachable"' in answer.text and answer.headers["Retry-After"] for answer in said)
    assert not provider.released.is_set()
    # Each thread may have begun to wait before the first one had waited for long; then one in each process tries again.
    assert 1 <= len(provider.stalled) <= 2 * PROCESSES * THREADS

    provider.stalls.clear()
    until = time.monotonic() + SECONDS
    while (begun := press(people[0])).status_code != 302:
        assert time.monotonic() < until, "the provider was never asked again"
        time.sleep(0.1)
    callback = redirect_of(begun.headers["Location"])
    while (back := come_back(people[0], callback)).status_code != 302:
        assert time.monotonic() < until, "nobody was ever signed in again"
        time.sleep(0.1)
        callback = redirect_of(press(people[0]).headers["Location"])
    assert "sessionid" in back.cookies
