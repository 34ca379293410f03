"""Tokens whose signature did not hold are charged to their network, after the fact (API.md, "Doors").

A token that holds costs nothing: no statement, and no command to Redis. So the budget is looked at only once a token
has failed, and then for such tokens alone: people whose tokens are good never notice that a neighbour guesses.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from authkit import conf
from authkit.core.clients import client_from
from authkit.core.transactions import apart
from authkit.exceptions import TokenNotValid
from authkit.limiter import database
from authkit.limiter.budgets import TOKEN
from authkit.limiter.services import charge_network, check_network


def charge_forgery(refused: TokenNotValid, request: Any) -> None:
    """Charges the network of the request, if the signature did not prove that the token was ours.

    A token that ran out, or whose login is over, is no forgery, and charges nothing. Neither does one in a cookie: a
    browser sends what it was given, and a dead cookie is cleared.

    Args:
        refused: what the check of the token raised.
        request: an HttpRequest or a DRF Request.

    Raises:
        Locked, Throttled: the network has sent too many such tokens. The answer is no oracle for the next guess.
    """
    if refused.reason is not None:
        return
    client = client_from(request.META, trusted_proxies=conf.current().trusted_proxies)
    apart(partial(_charge, client), using=database.alias())


def _charge(client: Any) -> None:
    check_network(budget=TOKEN.name, client=client)
    charge_network(budget=TOKEN.name, client=client)
