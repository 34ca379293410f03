"""The project's own word on each sign-in (`LOGIN["MAY_SIGN_IN"]`).

    def may_sign_in(user, request, method):
        return True if user.contract_ends > date.today() else "Your contract has ended."

Asked after the credential was verified and before a login is opened, at every door: also when a session or a simplejwt
token from before authkit gets its login. The hook is not asked about a login that is open already: end that login.
"""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise

from authkit import conf
from authkit.core.hidden import traced
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable, RefusedByProject
from authkit.signin.attempts import Attempt, Pending

logger = logging.getLogger("authkit")


def ask_project(attempt: Attempt, request: HttpRequest | None) -> Pending | None:
    """The guard that calls the hook. Only True lets a person in: another true value is a mistake in the hook.

    Raises:
        RefusedByProject: with the sentence that the hook returned; or without one where the hook can't be imported,
            raised, or returned something else. The log then says what is wrong, as an error.
        DatabaseUnavailable: the hook asked the database, which didn't answer.
    """
    hook = conf.current().login.may_sign_in
    if not hook:
        return None
    try:
        answer = hook.resolve()(attempt.user, request, attempt.method)
        sentence = _sentence(answer)
    except DatabaseUnavailable:
        raise
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("LOGIN.MAY_SIGN_IN couldn't ask the database") from error
    except Exception as error:
        logger.error("AUTHKIT LOGIN.MAY_SIGN_IN failed; the sign-in was refused: %s", traced(error))
        raise RefusedByProject(f"LOGIN.MAY_SIGN_IN raised {type(error).__name__}", final=False) from error
    if answer is True:
        return None
    if sentence:
        raise RefusedByProject("LOGIN.MAY_SIGN_IN said no", sentence=sentence)
    logger.error(
        "AUTHKIT LOGIN.MAY_SIGN_IN returned a %s, and neither True nor a sentence; the sign-in was refused",
        type(answer).__name__,
    )
    raise RefusedByProject(f"LOGIN.MAY_SIGN_IN returned a {type(answer).__name__}", final=False)


def _sentence(answer: Any) -> str:
    # A plain string, even if it is marked as HTML: it may hold text that a person typed.
    text: str = str(answer) if isinstance(answer, str | Promise) else ""
    return text[:].strip()
