"""Reserve, settle and refund, on every database."""

from __future__ import annotations

import pytest

from authkit.core.clients import Client
from authkit.exceptions import Locked, Throttled
from authkit.limiter import services
from authkit.limiter.models import AttemptBudget

HERE = Client("192.0.2.7")

pytestmark = pytest.mark.django_db


def test_below_the_limit_each_try_is_let_through_and_then_the_next_one_waits():
    for _ in range(5):
        services.reserve(door="session", name="alice", client=HERE)
    with pytest.raises(Throttled) as refused:
        services.reserve(door="session", name="alice", client=HERE)
    assert refused.value.retry_after == 1
    assert not isinstance(refused.value, Locked)
    assert AttemptBudget.objects.get(scope="name").spent == 5
    assert AttemptBudget.objects.get(scope="network").spent == 5
