"""What error reports show of a sign-in through a provider; see `tests.security.test_error_reports`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from tests.error_reports import Attempt, Collector, collecting, fail_everywhere
from tests.social.browsers import go
from tests.social.programs import SPA, TOKEN, Program
from tests.social.test_native_tokens import NONCE, id_token

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as one:
        yield one


def quiet() -> Client:
    return Client(raise_request_exception=False)


def test_id_token_of_a_native_sdk(provider: Any, collector: Collector) -> None:
    def prepare() -> Attempt:
        token = id_token(provider)
        body = {"id_token": token, "nonce": NONCE}
        return lambda: quiet().post(TOKEN.format("oidc"), body, content_type="application/json"), (token,)

    fail_everywhere(prepare, collector)


def test_callback_of_a_sign_in_by_page(provider: Any, configure: Any, collector: Collector) -> None:
    configure(provider, store_tokens=True)

    def prepare() -> Attempt:
        client = quiet()
        callback, before = go(client), len(provider.sent)
        return lambda: client.get(callback), lambda: tuple(provider.sent[before:])

    fail_everywhere(prepare, collector)
    assert len(set(provider.sent)) > 9  # three for each time that the provider was asked


def test_exchange_of_a_code(provider: Any, configure: Any, collector: Collector) -> None:
    configure(provider, REDIRECT_URIS=[SPA])

    def prepare() -> Attempt:
        program = Program(SPA)
        code = program.code()
        return lambda: program.exchange(code, client=quiet()), (code, program.verifier)

    fail_everywhere(prepare, collector)
