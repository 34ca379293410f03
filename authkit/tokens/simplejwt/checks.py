"""The window for simplejwt's live tokens (`TOKENS["SIMPLEJWT_UNTIL"]`), and what SIMPLE_JWT asks for in vain.

E070  no key by which they can be read                  W071  they are accepted (deploy)
E071  the field that names the person doesn't exist     W072  the window is over (deploy)
E072  TOKEN_OBTAIN_SERIALIZER makes simplejwt's tokens  W073  the window is longer than 90 days (deploy)
W070  they come with another word than Bearer           W074  simplejwt didn't rotate refresh tokens
W075  USER_AUTHENTICATION_RULE holds at its paths alone W076  inactive people were to be let in
W077  they come in another header                       W078  a setting of SIMPLE_JWT that nothing reads
W079  a view of simplejwt's goes on issuing tokens
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.urls import NoReverseMatch, Resolver404, URLResolver, get_resolver, resolve, reverse
from django.utils import timezone
from django.utils.module_loading import import_string

from authkit import conf
from authkit.core.strength import MIN_KEY_BYTES
from authkit.tokens.simplejwt import reading
from authkit.tokens.simplejwt.serializers import (
    OBTAIN,
    RULE,
    is_ours,
    is_simplejwts_default,
    simplejwt_block,
)
from authkit.tokens.simplejwt.views import URL_NAMES, CompatView

LONGEST = timedelta(days=90)
"""Longer than most refresh tokens of simplejwt's live: the people who come back have come back by then."""

_CLOSE = "Take SIMPLEJWT_UNTIL out of AUTHKIT TOKENS, and SIMPLE_JWT and its signing key out of the settings."


def check_reader(**_: Any) -> list[CheckMessage]:
    """E070, E071, W070, W074, while the window is open."""
    until = conf.inspect()[0].tokens.simplejwt_until
    if until is None or until <= timezone.now():
        return []
    block = getattr(settings, "SIMPLE_JWT", None) or {}
    how = reading.reader()
    if how is None:
        return [
            Error(
                "AUTHKIT TOKENS.SIMPLEJWT_UNTIL is set, but SIMPLE_JWT names no key by which tokens can be read "
                "safely: all of simplejwt's are refused.",
                hint=f"ALGORITHM is one of {', '.join(sorted(reading.ALGORITHMS))}; an HMAC SIGNING_KEY has "
                f"{MIN_KEY_BYTES} bytes or more, the others need VERIFYING_KEY (JWK_URL is not asked).",
                id="authkit.E070",
            )
        ]
    found: list[CheckMessage] = []
    if not _is_field(how.user_field):
        found.append(
            Error(
                f"SIMPLE_JWT USER_ID_FIELD {how.user_field!r} is no field of {get_user_model()._meta.label}: "
                "no token of simplejwt's finds its person.",
                hint="Name the field that USER_ID_CLAIM was filled from.",
                id="authkit.E071",
            )
        )
    schemes = block.get("AUTH_HEADER_TYPES", ("Bearer",))
    if "Bearer" not in ([schemes] if isinstance(schemes, str) else schemes):
        found.append(
            Warning(
                f"SIMPLE_JWT AUTH_HEADER_TYPES is {schemes!r}: clients that send another word than Bearer are "
                "treated as anonymous.",
                hint="Let the clients send `Authorization: Bearer <token>` before you switch.",
                id="authkit.W070",
            )
        )
    if not block.get("ROTATE_REFRESH_TOKENS"):
        found.append(
            Warning(
                "SIMPLE_JWT ROTATE_REFRESH_TOKENS is off, and authkit always rotates: a client that doesn't keep the "
                "`refresh` of each refresh's answer is signed out at its second refresh.",
                hint="Let the clients keep it if it is there, deploy that first, then silence this.",
                id="authkit.W074",
            )
        )
    return found


_IGNORED = {
    "TOKEN_REFRESH_SERIALIZER": "add fields by AUTHKIT TOKENS.ANSWER_FIELDS and claims by TOKENS.CLAIMS",
    "TOKEN_VERIFY_SERIALIZER": "verification answers {} as simplejwt's own does",
    "TOKEN_BLACKLIST_SERIALIZER": "listen to authkit.signals.token_blacklisted and login_ended",
    "ON_LOGIN_SUCCESS": "listen to authkit.signals.login_opened",
    "ON_LOGIN_FAILED": "listen to django.contrib.auth.signals.user_login_failed",
}
"""Settings of SIMPLE_JWT that nothing here reads, each with what to do instead."""


def check_drop_in(**_: Any) -> list[CheckMessage]:
    """E072, W075 to W078, while the window is open or simplejwt's paths are authkit's."""
    block = simplejwt_block()
    if not block or not (conf.inspect()[0].tokens.simplejwt_until or _paths_are_ours()):
        return []
    return [*_obtain_serializer(block), *_rules(block), *_header(block), *_ignored(block)]


def _paths_are_ours() -> bool:
    try:
        view = resolve(reverse(URL_NAMES[0])).func
    except (NoReverseMatch, Resolver404, ImproperlyConfigured, ImportError):
        return False
    return issubclass(getattr(view, "cls", object), CompatView)


def _obtain_serializer(block: Mapping[str, Any]) -> Iterator[CheckMessage]:
    named = block.get(OBTAIN)
    if named is None or is_simplejwts_default(named):
        return
    try:
        found = import_string(named) if isinstance(named, str) else named
    except ImportError:
        found = None
    if not is_ours(found):
        yield Error(
            f"SIMPLE_JWT {OBTAIN} {named!r} makes simplejwt's tokens, so it is not used: what it adds to tokens and "
            "answers, and what it refuses, is missing.",
            hint="Derive it from authkit.tokens.simplejwt.TokenObtainPairSerializer, whose validate() answers in the "
            "same way, and move what its get_token() adds to AUTHKIT TOKENS.CLAIMS; or take the key out.",
            id="authkit.E072",
        )


def _rules(block: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if RULE in block:
        yield Warning(
            f"SIMPLE_JWT {RULE} is asked at the views of authkit.tokens.simplejwt alone: sessions, auth/api/token/ and "
            "providers let in the people that it refuses.",
            hint="Put the rule into user_can_authenticate() of your authentication back end, which every password "
            "passes; then take the key out.",
            id="authkit.W075",
        )
    if block.get("CHECK_USER_IS_ACTIVE", True) is False:
        yield Warning(
            "SIMPLE_JWT CHECK_USER_IS_ACTIVE is off, and authkit lets in no person whose is_active is false.",
            hint="Set is_active for the people who are to come in; then take the key out.",
            id="authkit.W076",
        )


def _header(block: Mapping[str, Any]) -> Iterator[CheckMessage]:
    name = block.get("AUTH_HEADER_NAME", "HTTP_AUTHORIZATION")
    if name != "HTTP_AUTHORIZATION":
        yield Warning(
            f"SIMPLE_JWT AUTH_HEADER_NAME is {name!r}: clients that send their token there are treated as anonymous.",
            hint="Let the clients send `Authorization: Bearer <token>` before you switch.",
            id="authkit.W077",
        )


def _ignored(block: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for name, instead in _IGNORED.items():
        if name in block:
            yield Warning(
                f"SIMPLE_JWT {name} is not read by authkit.",
                hint=f"{instead[0].upper()}{instead[1:]}.",
                id="authkit.W078",
            )


def _is_field(name: str) -> bool:
    try:
        get_user_model()._meta.get_field(get_user_model()._meta.pk.name if name == "pk" else name)
    except FieldDoesNotExist:
        return False
    return True


def check_window(**_: Any) -> list[CheckMessage]:
    """W071 to W073 (deploy)."""
    until, now = conf.inspect()[0].tokens.simplejwt_until, timezone.now()
    if until is None:
        return []
    if until <= now:
        message = f"The window for simplejwt's tokens closed at {until.isoformat()}: its settings have no use any more."
        return [Warning(message, hint=_CLOSE, id="authkit.W072")]
    found: list[CheckMessage] = [
        Warning(
            f"Tokens that simplejwt signed are accepted until {until.isoformat()}: a holder of its signing key can "
            "sign in as every person until then.",
            hint="This is expected during a switch: silence it until then, and keep the key secret.",
            id="authkit.W071",
        )
    ]
    if until - now > LONGEST:
        found.append(
            Warning(
                f"AUTHKIT TOKENS.SIMPLEJWT_UNTIL is {(until - now).days} days away.",
                hint="A window as long as SIMPLE_JWT REFRESH_TOKEN_LIFETIME lets every live refresh token through.",
                id="authkit.W073",
            )
        )
    return found


def check_views(**_: Any) -> list[CheckMessage]:
    """W079, while the window is open."""
    until = conf.inspect()[0].tokens.simplejwt_until
    if until is None or until <= timezone.now():
        return []
    try:
        paths = list(_issuing(get_resolver().url_patterns, "/"))
    except (ImproperlyConfigured, ImportError):
        return []  # Django's own check says it
    if not paths:
        return []
    return [
        Warning(
            f"simplejwt goes on issuing tokens at {', '.join(paths)}. After a new password or a forced logout, all of "
            "a person's simplejwt tokens are refused until the window closes, those that are issued later too.",
            hint="Mount the views of authkit.tokens.simplejwt there. If simplejwt's are to stay, take SIMPLEJWT_UNTIL "
            "out, and accept their tokens as docs/what-changes.md says.",
            id="authkit.W079",
        )
    ]


_LIBRARY = "rest_framework_simplejwt"
_ISSUE = ("TokenObtain", "TokenRefresh")
"""Begins the name of each view of simplejwt's that answers with tokens."""


def _issuing(patterns: Iterable[Any], prefix: str) -> Iterator[str]:
    # By the names of the classes: the package may be gone.
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _issuing(pattern.url_patterns, route)
            continue
        view: Any = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", object)
        if any(
            base.__module__.split(".")[0] == _LIBRARY and base.__name__.startswith(_ISSUE)
            for base in getattr(view, "__mro__", ())
        ):
            yield str(simplify_regex(route))


CHECKS = (check_reader, check_drop_in, check_views)
DEPLOY_CHECKS = (check_window,)
