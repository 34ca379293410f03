"""A project's changes to simplejwt's views, as far as they can go on with tokens of authkit's.

`TokenObtainPairSerializer` here stands where simplejwt's stood: a project's own subclass of it may ask for more fields
and answer more. simplejwt's own serializers make simplejwt's tokens, so a view that names one is refused when it is
mounted, and `manage.py check` refuses a SIMPLE_JWT that does.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from authkit import conf
from authkit.core.clients import client_from
from authkit.exceptions import InvalidCredentials
from authkit.signin.credentials import verify_password
from authkit.signin.methods import PASSWORD
from authkit.tokens.answering import replaced_logins, transport_for
from authkit.tokens.pairs import TokenPair
from authkit.tokens.serializers import ObtainSerializer
from authkit.tokens.services import issue_tokens
from authkit.tokens.simplejwt.doors import COMPAT

OBTAIN = "TOKEN_OBTAIN_SERIALIZER"
RULE = "USER_AUTHENTICATION_RULE"
UPDATE_LAST_LOGIN = "UPDATE_LAST_LOGIN"
_SIMPLEJWT = "rest_framework_simplejwt"


class TokenObtainPairSerializer(ObtainSerializer):
    """Identifier and password, for a token pair.

    To be subclassed as simplejwt's serializer of this name is:

        class MySerializer(TokenObtainPairSerializer):
            def validate(self, attrs):
                data = super().validate(attrs)
                data["name"] = self.user.get_full_name()
                return data

    `self.user` is the person and `self.pair` the `TokenPair` once `validate()` here has returned. An entry that is
    added to the dict is in the answer; the tokens themselves are authkit's. A `validate()` that raises afterwards ends
    the login again. There is no `get_token()`: claims come from TOKENS.CLAIMS, which refreshes ask for too.
    """

    # simplejwt's endpoint ignores a field of this name, which may mean anything to a project's clients.
    device = None  # type: ignore[assignment]

    user: AbstractBaseUser | None = None
    pair: TokenPair | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "get_token" in vars(cls):
            raise ImproperlyConfigured(
                f"{cls.__module__}.{cls.__qualname__}.get_token would not be called: the tokens are authkit's. Put the "
                'claims into AUTHKIT["TOKENS"]["CLAIMS"], a callable claims(user, login), which refreshes ask for too.'
            )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        request, block = self.context["request"], conf.current()
        transport = transport_for(request, attrs.get("transport"))
        verified = verify_password(
            request=request._request,
            identifiers=block.login.identifiers,
            door=COMPAT.id,
            **self.credentials_in(attrs),
        )
        self.user = verified.user
        ask_rule(self.user)
        self.pair = issue_tokens(
            user=self.user,
            method=PASSWORD.id,
            client=client_from(request.META, trusted_proxies=block.trusted_proxies),
            transport=transport,
            replaces=replaced_logins(request._request, transport),
            door=COMPAT.id,
            request=request._request,
            reservation=verified.reservation,
            notes_last_login=updates_last_login(),
        )
        return {}


def ask_rule(user: AbstractBaseUser) -> None:
    """Asks SIMPLE_JWT's USER_AUTHENTICATION_RULE, where the project has one, as simplejwt does at obtain and refresh.

    Raises:
        InvalidCredentials: it returned something false for this person.
    """
    path = simplejwt_block().get(RULE)
    if path is None:
        return
    rule = import_string(path) if isinstance(path, str) else path
    if not rule(user):
        raise InvalidCredentials("refused by SIMPLE_JWT USER_AUTHENTICATION_RULE")


def updates_last_login() -> bool:
    """Whether obtaining a pair notes `last_login`: as everywhere in authkit, unless SIMPLE_JWT says False."""
    return simplejwt_block().get(UPDATE_LAST_LOGIN, True) is not False


def obtain_serializer() -> type[TokenObtainPairSerializer]:
    """SIMPLE_JWT's TOKEN_OBTAIN_SERIALIZER where it is made for authkit's tokens; E072 says where it is not."""
    path = simplejwt_block().get(OBTAIN)
    if is_simplejwts_default(path):
        return TokenObtainPairSerializer
    found: Any = import_string(path) if isinstance(path, str) else path
    return found if is_ours(found) else TokenObtainPairSerializer


def is_simplejwts_default(path: Any) -> bool:
    """Whether this dotted path names simplejwt's own serializer, which is not imported to find that out."""
    return isinstance(path, str) and path.split(".") == [_SIMPLEJWT, "serializers", "TokenObtainPairSerializer"]


def is_ours(serializer: Any) -> bool:
    """Whether this is `TokenObtainPairSerializer` of this module, or a subclass."""
    return isinstance(serializer, type) and issubclass(serializer, TokenObtainPairSerializer)


def simplejwt_block() -> dict[str, Any]:
    """SIMPLE_JWT as the project has it; empty where it has none, or no dict."""
    block = getattr(django_settings, "SIMPLE_JWT", None)
    return block if isinstance(block, dict) else {}
