from __future__ import annotations

from django.http import HttpRequest

from authkit.features import AccountLink


def account_links(request: HttpRequest) -> list[AccountLink]:
    return []
