"""What `manage.py check` says of the section API_KEYS.

E290  a name in SCOPES is no scope
E291  LEAKS is no URL that can be asked in private
W290  no scope, and views without scopes refuse keys (deploy)
W291  keys open views that name no scope (deploy)
"""

from __future__ import annotations

import re
from typing import Any

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004

from authkit import conf
from authkit.apikeys.settings import ApiKeySettings
from authkit.core.outgoing import is_private_url

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749 section 3.3."""


def check_scopes(**_: Any) -> list[CheckMessage]:
    """E290."""
    section = _section()
    found: list[CheckMessage] = []
    for name, sentence in section.scopes.items():
        if not isinstance(name, str) or not _SCOPE.fullmatch(name) or not str(sentence):
            text = f"AUTHKIT API_KEYS.SCOPES: {name!r} is no scope, or has no sentence."
            hint = 'Write {"notes:read": "Read your notes"}: a name without blanks and quotes, and what people read.'
            found.append(Error(text, hint=hint, id="authkit.E290"))
    return found


def check_leaks(**_: Any) -> list[CheckMessage]:
    """E291."""
    url = _section().leaks
    if not url or is_private_url(url):
        return []
    text = f"AUTHKIT API_KEYS.LEAKS {url!r} is no https URL: a stranger could answer with keys of their own."
    hint = 'Write "https://api.github.com/meta/public_keys/secret_scanning", or leave it empty.'
    return [Error(text, hint=hint, id="authkit.E291")]


def check_openings(**_: Any) -> list[CheckMessage]:
    """W290."""
    section = _section()
    if section.scopes or section.unscoped_views == "accept":
        return []
    text = "AUTHKIT API_KEYS.SCOPES is empty, and views that name no scope refuse keys: a key opens no view."
    hint = "Name the scopes that your views ask for, and give these views `required_scopes`."
    return [Warning(text, hint=hint, id="authkit.W290")]


def check_unscoped_views(**_: Any) -> list[CheckMessage]:
    """W291."""
    if _section().unscoped_views == "refuse":
        return []
    text = "AUTHKIT API_KEYS.UNSCOPED_VIEWS is 'accept': a key does all that its owner may, where a view has no scopes."
    hint = "Name scopes on your views, and leave UNSCOPED_VIEWS at 'refuse'."
    return [Warning(text, hint=hint, id="authkit.W291")]


def _section() -> ApiKeySettings:
    return conf.section(ApiKeySettings, conf.inspect()[0])


CHECKS = (check_scopes, check_leaks)
DEPLOY_CHECKS = (check_openings, check_unscoped_views)
