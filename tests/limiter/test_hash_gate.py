"""How many passwords are hashed at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from authkit.exceptions import Throttled
from authkit.limiter import hash_gate, services, verifying
from authkit.limiter.models import AttemptBudget


class Hashes:
    """Blocks in the hash until it is told to go on, and counts how many do so at once."""

    def __init__(self, most: int) -> None:
        self.inside = 0
        self.highest = 0
        self.full = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.lock = threading.Lock()
        self.most = most

    def one(self) -> None:
        with hash_gate.place():
            with self.lock:
                self.inside += 1
                self.highest = max(self.highest, self.inside)
            self.full.release()
            assert self.go_on.wait(timeout=30)
            with self.lock:
                self.inside -= 1


def test_of_sixty_four_at_once_four_hash_and_the_others_wait_their_turn(
    configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(HASHES=4)
    monkeypatch.setattr(hash_gate, "PATIENCE", 60.0)
    hashes = Hashes(4)
    with ThreadPoolExecutor(64) as pool:
        done = [pool.submit(hashes.one) for _ in range(64)]
        for _ in range(4):
            assert hashes.full.acquire(timeout=30)
        assert not hashes.full.acquire(blocking=False)
        hashes.go_on.set()
        for each in done:
            each.result(timeout=60)
    assert hashes.highest == 4


@pytest.mark.django_db
def test_a_full_gate_refuses_after_its_patience_and_refunds(configure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(HASHES=1)
    monkeypatch.setattr(hash_gate, "PATIENCE", 0.01)
    hashes = Hashes(1)
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(hashes.one)
        assert hashes.full.acquire(timeout=30)
        for _ in range(7):
            reservation = services.reserve(door="token", name="alice", client=services.Client("192.0.2.7"))
            with pytest.raises(Throttled) as refused, verifying.verifying(reservation):
                pytest.fail("it got a place")
            assert refused.value.as_payload()["retry_after"] == 1
        hashes.go_on.set()
        done.result(timeout=30)
    assert set(AttemptBudget.objects.values_list("spent", flat=True)) == {0}


def test_a_caller_that_holds_a_place_gets_no_second(configure: Any) -> None:
    configure(HASHES=1)
    with hash_gate.place(), hash_gate.place():
        pass
    assert hash_gate._taken == 0


def test_the_number_may_change_while_the_process_runs(configure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(HASHES=1)
    monkeypatch.setattr(hash_gate, "PATIENCE", 0.01)
    hashes = Hashes(1)
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(hashes.one)]
        assert hashes.full.acquire(timeout=30)
        with pytest.raises(Throttled), hash_gate.place():
            pass
        configure(HASHES=2)
        done.append(pool.submit(hashes.one))
        assert hashes.full.acquire(timeout=30)
        hashes.go_on.set()
        for each in done:
            each.result(timeout=30)


@pytest.mark.django_db
def test_back_ends_can_see_that_the_try_is_charged_already() -> None:
    assert verifying.held() is None
    reservation = services.reserve(door="token", name="alice", client=services.Client())
    with verifying.verifying(reservation):
        assert verifying.held() == reservation
    assert verifying.held() is None
