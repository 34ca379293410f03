"""The ledger: a login is a row, and every credential points at one.

`__all__` lists the public names: the login that a request came by, ending logins, and counting them. Of the modules,
`models` has the tables, `reasons` why a login ended, `services` opens and ends, `rotation` has the one conditional
UPDATE behind every refresh, `verdict` says whether a login still carries its person, and `listeners` is told of each
ending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.logins.blacklist import blacklist_token, is_blacklisted
    from authkit.logins.crowds import end_logins_of_people, end_these_logins
    from authkit.logins.current import current_login, login_at_work
    from authkit.logins.models import BlacklistedToken, GlobalCutoff, Login, UserCutoff
    from authkit.logins.reasons import EndReason, LoginKind, TokenKind
    from authkit.logins.services import end_all_logins, end_login, end_logins_of, end_logins_where, live_logins_of
    from authkit.logins.summaries import LoginsSummary, summaries_of, summary_where

__all__ = [
    "BlacklistedToken",
    "EndReason",
    "GlobalCutoff",
    "Login",
    "LoginKind",
    "LoginsSummary",
    "TokenKind",
    "UserCutoff",
    "blacklist_token",
    "current_login",
    "end_all_logins",
    "end_login",
    "end_logins_of",
    "end_logins_of_people",
    "end_logins_where",
    "end_these_logins",
    "is_blacklisted",
    "live_logins_of",
    "login_at_work",
    "summaries_of",
    "summary_where",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "blacklist_token": "authkit.logins.blacklist",
        "BlacklistedToken": "authkit.logins.models",
        "current_login": "authkit.logins.current",
        "end_all_logins": "authkit.logins.services",
        "end_login": "authkit.logins.services",
        "end_logins_of": "authkit.logins.services",
        "end_logins_of_people": "authkit.logins.crowds",
        "end_logins_where": "authkit.logins.services",
        "end_these_logins": "authkit.logins.crowds",
        "EndReason": "authkit.logins.reasons",
        "GlobalCutoff": "authkit.logins.models",
        "is_blacklisted": "authkit.logins.blacklist",
        "live_logins_of": "authkit.logins.services",
        "Login": "authkit.logins.models",
        "login_at_work": "authkit.logins.current",
        "LoginKind": "authkit.logins.reasons",
        "LoginsSummary": "authkit.logins.summaries",
        "summaries_of": "authkit.logins.summaries",
        "summary_where": "authkit.logins.summaries",
        "TokenKind": "authkit.logins.reasons",
        "UserCutoff": "authkit.logins.models",
    },
)
