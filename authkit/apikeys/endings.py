"""The row of API keys in the table of endings (`authkit.logins.endings`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

from authkit import conf
from authkit.apikeys.models import ApiKey
from authkit.apikeys.settings import ApiKeySettings
from authkit.apikeys.statement import KIND
from authkit.logins.endings import Kind
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason

ALWAYS = frozenset({EndReason.NOT_ME})
"""An owner who says that another person was signed in can't know whether that person made a key."""

WITH_PASSWORD = ALWAYS | {EndReason.PASSWORD_CHANGED, EndReason.LOGOUT_ALL}

MOST_NAMES = 50


class _Reasons(Collection[EndReason]):
    """By API_KEYS.END_WITH_PASSWORD, read at use."""

    def __contains__(self, reason: object) -> bool:
        return reason in self._now()

    def __iter__(self) -> Iterator[EndReason]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def _now(self) -> frozenset[EndReason]:
        return WITH_PASSWORD if conf.section(ApiKeySettings).end_with_password else ALWAYS


def names_of_keys(user_id: Any) -> list[str]:
    """The names of a person's live keys, the newest first."""
    live = Login.objects.live().filter(user_id=user_id, kind=KEY.id).values("pk")
    found = ApiKey.objects.filter(login__in=live).order_by("-login_id")[:MOST_NAMES]
    return [str(key) for key in found]


KEY = Kind(KIND, _("API key"), _Reasons(), has_own_list=True, names=names_of_keys)

KINDS = (KEY,)
