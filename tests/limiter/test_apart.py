"""A project's ATOMIC_REQUESTS undoes what a refused view wrote, and not what the limiter counted."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction

from authkit.core.clients import Client
from authkit.exceptions import Throttled
from authkit.limiter import services
from authkit.limiter.models import AttemptBudget

HERE = Client("192.0.2.7")

pytestmark = pytest.mark.django_db(transaction=True)


class _Undone(Exception):
    pass


@pytest.fixture(autouse=True)
def _server(transactional_db: None) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite takes one writer at a time: a second connection would wait for the first one")


def fail(name: str = "alice") -> None:
    services.settle_failure(services.reserve(door="token", name=name, client=HERE))


def test_attack_a_refusal_that_undoes_its_transaction_undoes_no_charge() -> None:
    for _ in range(5):
        with suppress(_Undone), transaction.atomic():
            fail()
            raise _Undone
    assert AttemptBudget.objects.get(scope="name").spent == 5
    assert AttemptBudget.objects.get(scope="stranger").spent == 5
    with pytest.raises(Throttled), transaction.atomic():
        services.reserve(door="token", name="alice", client=HERE)


def test_good_sign_ins_in_a_transaction_lock_no_owner(user: Any) -> None:
    with suppress(_Undone), transaction.atomic():
        for _ in range(7):
            services.settle_success(services.reserve(door="token", name="alice", client=HERE), user=user)
            services.refund(services.reserve(door="token", name="alice", client=HERE))
        raise _Undone
    assert set(AttemptBudget.objects.values_list("spent", flat=True)) == {0}


def test_a_row_that_the_transaction_around_holds_is_waited_for_in_vain_and_not_for_ever() -> None:
    fail()
    with transaction.atomic():
        AttemptBudget.objects.update(spent=1)
        with pytest.raises(Exception, match=r"(?i)lock"):  # each driver has its own class and words
            services.reserve(door="token", name="alice", client=HERE)
    fail()
