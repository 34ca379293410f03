"""What `manage.py check` says of a project that uses authkit, each with the fix in its hint.

Errors are what breaks sign-in or revocation, warnings what a project may have chosen with its eyes open (and may then
put in SILENCED_SYSTEM_CHECKS). Ids never change their meaning and are never used again.

Each room has its checks in its own `checks.py`; those of the project as a whole are here, in `wiring` and `beside`.

    The AUTHKIT block (room by room)                        The wiring (`wiring`)
    E001  unknown key                                       E020  an app is missing
    E002  wrong type                                        E021  a middleware is missing
    E003  value out of range, or not one of the choices     E022  a middleware stands in the wrong place
    E004  the block is no dict                              E024  no authentication back end finds people
    E005  idle longer than absolute                         W020  another session engine
    E006  access tokens outlive refresh tokens
    E007  the grace outlasts the refresh token              W022  authkit's DRF classes are not among the defaults
    E008  PUBLIC_URL is no origin                           W023  a default DRF class knows nothing of logins
    E009  USER_SERIALIZER can't be used                     W024  the URLs are not included
    E010  e-mail identifies, and there is no such field     E025  a database router sends tables elsewhere
                                                            E028  a database of the former layout (`layout`)
    E060  CLAIMS can't be imported                          W025  LoginBackend beside others, which nothing needs now
    E061  CLAIMS can't be called with (user, login)
    E062  an acr that is no string
    E063  ANSWER_FIELDS can't be imported
    E064  ANSWER_FIELDS can't be called with (user, login)
    Signing in (`signin`)                                   E240  a door without evidence
    E065  MAY_SIGN_IN can't be imported                     E241  a door without a budget
    E066  MAY_SIGN_IN can't be called with three arguments  E242  the view of a door doesn't exist
                                                            E243  a budget of a door doesn't exist
    The limiter (`limiter`)
    E244  EXEMPT has an entry that is no network
    E245  a lock comes before the delays
    W240  a network is locked before a name
    W001  remembered shorter than not remembered            Keys and deployment (`core`)
    W002  e-mail identifies, and is not unique              E030  a key shorter than 32 bytes
    W003  behind a proxy that TRUSTED_PROXIES doesn't count E031  a key that can be guessed
    W004  the session's row ends before the login does      E032  a generated key marked as insecure (deploy)
    W005  LOGO is no static file (`core`)
    The admin (`admin`)                       W040-W043  cookies (deploy)
    W050  a user admin without forced logout                W045  DEBUG is on (deploy)
                                                            W046  PUBLIC_URL has no TLS (deploy)
                                                            W047  token cookies without Secure (deploy)
                                                            W048  CORS with credentials for every origin
                                                            E047  times are local ones (deploy)
                                                            W049  a cookie without the prefix __Host- (deploy)
                                                            E048  a prefixed cookie that browsers refuse
                                                            E049  SameSite=None without Secure
                                                            The ring of token keys (`tokens`)
                                                            E033  it can't be read
                                                            E034  a key that is none, or lacks a member
                                                            E035  a key that is weak, or SECRET_KEY itself
                                                            E036  a kid, or a key, twice
                                                            E037  a use for which no key signs
                                                            W037  public keys and the default ISSUER (deploy)
                                                            W038  a key file that everybody can read
                                                            W039  keys derived from SECRET_KEY sign (deploy)
                                                            Mail (`mail`)
                                                            W060  owners are to be told, and have no address
                                                            W061  SMTP without a timeout (deploy)
                                                            W062  mails with links, and no PUBLIC_URL (deploy)
                                                            W063  mails, and no mail server
    Doors of other code (`wiring`)
    E280  names of people are not unique                    W280  passwords there are not limited
                                                            W281  one other back end: only counted
    Redis (`redis`)                                         Other packages (`beside`)
    E080  named twice                                       W026, E026  passwords pass them by (E: deploy)
    E081  a REDIS_URL that can't be read
    E082  a cache that doesn't exist or isn't django-redis'
    E083  a cluster that can't be one
    E084  needed, and not named
    E085  named, and redis-py is not installed
    E086  pushed to, and hiredis is not installed
    W080  another machine, and no password (deploy)
    Breached passwords (`signin`)
    E270  the file is of no use
    E271  the server is asked without TLS
    W270  the validator has nowhere to look
    W271  noticed, and not refused
    Challenges (`signin`)
    E272  the class can't be used
    E273  the provider's keys are missing

A feature lists its own: those of accounts are in `authkit.accounts.checks`, of API keys in `authkit.apikeys.checks`,
audit's in `authkit.audit.checks`, those of the provider in `authkit.oauth.checks`, social's in
`authkit.social.every_check`, `authkit.social.checks` (the providers) and `authkit.social.rule_checks` (who may sign in
through them). Those of the way from simplejwt are listed in `authkit.tokens.simplejwt.checks`.
"""

from __future__ import annotations

from typing import Any

from django.core import checks

from authkit import features
from authkit.checks import beside, layout, wiring
from authkit.conf import checks as conf
from authkit.core import checks as core
from authkit.limiter import checks as limiter
from authkit.mail import checks as mail
from authkit.redis import checks as redis
from authkit.sessions import checks as sessions
from authkit.signin import checks as signin
from authkit.tokens import checks as tokens

TAG = "authkit"

ROOMS: tuple[Any, ...] = (conf, core, redis, mail, limiter, signin, sessions, tokens, wiring, beside)
"""The modules whose checks a project has with the core alone."""


def register() -> None:
    """For `AuthKitConfig.ready()`."""
    for room in (*ROOMS, layout, *features.check_modules()):
        register_room(room)


def register_room(room: Any) -> None:
    """Registers what a module of checks declares.

    Args:
        room: has `CHECKS`, `DEPLOY_CHECKS` for those of `check --deploy` alone, or both. With `TAGS` they have these
            tags in place of ours.
    """
    tags = getattr(room, "TAGS", (TAG,))
    for check in getattr(room, "CHECKS", ()):
        checks.register(check, *tags)
    for check in getattr(room, "DEPLOY_CHECKS", ()):
        checks.register(check, *tags, deploy=True)
