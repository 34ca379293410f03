"""Where the ORM makes something else of a value, it builds the statement each time, and the check says the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from authkit.exceptions import LoginEnded
from authkit.logins import compiled, statement
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.logins.verdict import check_login

pytestmark = pytest.mark.django_db


@pytest.fixture
def nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_arguments: Any) -> Any:
        raise ValueError("no parameter is the one that stands in")

    statement._compiled.cache_clear()
    monkeypatch.setattr(compiled, "_repeated", refuse)
    yield
    statement._compiled.cache_clear()


@pytest.mark.usefixtures("nothing_compiled")
def test_check_goes_on_with_the_orms_own_statement(
    user: Any, make_user: Any, open_for: Any, django_assert_num_queries: Any
) -> None:
    login = open_for(user)
    with django_assert_num_queries(1):
        assert check_login(login_id=login.pk, user_id=str(user.pk)).user == user
    with pytest.raises(LoginEnded) as caught:
        check_login(login_id=login.pk, user_id=make_user("bob").pk)
    assert caught.value.why == EndReason.DELETED
    end_login(login_id=login.pk, reason=EndReason.FORCED)
    with pytest.raises(LoginEnded) as caught:
        check_login(login_id=login.pk, user_id=user.pk)
    assert caught.value.why == EndReason.FORCED
