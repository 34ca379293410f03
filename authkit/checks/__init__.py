"""What `manage.py check` says of a project that uses authkit, each with the fix in its hint.

Errors are what breaks sign-in or revocation, warnings what a project may have chosen with its eyes open (and may then
put in SILENCED_SYSTEM_CHECKS). Ids never change their meaning and are never used again.

    The AUTHKIT block (`block`)                             The wiring (`wiring`)
    E001  unknown key                                       E020  an app is missing
    E002  wrong type                                        E021  a middleware is missing
    E003  value out of range, or not one of the choices     E022  a middleware stands in the wrong place
    E004  the block is no dict                              E024  no authentication back end finds people
    E005  idle longer than absolute                         W020  another session engine
    E006  access tokens outlive refresh tokens              W021  another social-auth strategy
    E007  the grace outlasts the refresh token              W022  authkit's DRF classes are not among the defaults
    E008  PUBLIC_URL is no origin                           W023  a default DRF class knows nothing of logins
    E009  USER_SERIALIZER can't be used                     W024  the URLs are not included
    E010  e-mail identifies, and there is no such field     E025  a database router sends tables elsewhere
    E060  CLAIMS can't be imported                          W025  LoginBackend beside others, which nothing needs now
    E061  CLAIMS can't be called with (user, login)
    E062  an acr that is no string
    E063  ANSWER_FIELDS can't be imported
    E064  ANSWER_FIELDS can't be called with (user, login)
    Signing in (`authkit.signin.checks`)                    E240  a door without evidence
    E065  MAY_SIGN_IN can't be imported                     E241  a door without a budget
    E066  MAY_SIGN_IN can't be called with three arguments  E242  the view of a door doesn't exist
    W001  remembered shorter than not remembered            Keys and deployment (`security`)
    W002  e-mail identifies, and is not unique              E030  a key shorter than 32 bytes
    W003  behind a proxy that TRUSTED_PROXIES doesn't count E031  a key that can be guessed
    W004  the session's row ends before the login does      E032  a generated key marked as insecure (deploy)
    The admin (`authkit.admin.reach`)                       W040-W046  cookies, hosts, DEBUG, PUBLIC_URL (deploy)
    W050  a user admin without forced logout                W047  token cookies without Secure (deploy)
                                                            W048  CORS with credentials for every origin
                                                            E047  times are local ones (deploy)
                                                            W049  a cookie without the prefix __Host- (deploy)
                                                            E048  a prefixed cookie that browsers refuse
                                                            E049  SameSite=None without Secure
                                                            The ring of token keys (`keys`)
                                                            E033  it can't be read
                                                            E034  a key that is none, or lacks a member
                                                            E035  a key that is weak, or SECRET_KEY itself
                                                            E036  a kid, or a key, twice
                                                            E037  a use for which no key signs
                                                            W037  public keys and the default ISSUER (deploy)
                                                            W038  a key file that everybody can read
                                                            W039  keys derived from SECRET_KEY sign (deploy)
                                                            Mail (`block`)
                                                            W060  owners are to be told, and have no address
    simplejwt's live tokens (`simplejwt`)
    E070  no key by which they can be read                  W071  they are accepted (deploy)
    E071  the field that names the person doesn't exist     W072  the window is over (deploy)
    E072  TOKEN_OBTAIN_SERIALIZER makes simplejwt's tokens  W075  USER_AUTHENTICATION_RULE holds at its paths alone
    W076  inactive people were to be let in                 W077  they come in another header
    W078  a setting of SIMPLE_JWT that nothing reads
    W070  they come with another word than Bearer           W073  the window is longer than 90 days (deploy)
    W074  simplejwt didn't rotate refresh tokens            Redis (`redis`)
                                                            E080  named twice
                                                            E081  a REDIS_URL that can't be read
                                                            E082  a cache that doesn't exist or isn't django-redis'
                                                            E083  a cluster that can't be one
                                                            E084  needed, and not named
                                                            E085  named, and redis-py is not installed
                                                            E086  pushed to, and hiredis is not installed
                                                            W080  another machine, and no password (deploy)
                                                            Other packages (`beside`)
                                                            W026, E026  passwords pass them by (E: deploy)
                                                            W027, E027  so do providers (E: deploy)

Those of the social providers are listed in `authkit.social.checks`, those of who may sign in through them in
`authkit.social.rule_checks`.
"""

from __future__ import annotations

from typing import Any

from django.core import checks

from authkit.checks import beside, block, keys, redis, security, simplejwt, wiring
from authkit.signin import checks as signin

TAG = "authkit"


def register() -> None:
    """For `AuthKitConfig.ready()`."""
    rooms: tuple[Any, ...] = (block, signin, wiring, beside, security, keys, simplejwt, redis)
    for room in rooms:
        for check in room.CHECKS:
            checks.register(check, TAG)
        for check in getattr(room, "DEPLOY_CHECKS", ()):
            checks.register(check, TAG, deploy=True)
