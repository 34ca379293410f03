"""The page that asks before anything ends."""

from __future__ import annotations

from typing import Any

import django
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse


def confirmation(request: HttpRequest, site: AdminSite, template: str, context: dict[str, Any]) -> TemplateResponse:
    """A page of this admin site that extends `authkit/admin/confirm.html`.

    Args:
        context: `title`, `opts` (of the model), `back_url`, and what the template itself needs; `action_url` if the
            answer goes to another address.
    """
    request.current_app = site.name  # as every admin view does
    # Django 6.1 styles breadcrumbs only as a list, and 6.0 and earlier only as a block of text.
    shared = {**site.each_context(request), "breadcrumbs_are_a_list": django.VERSION >= (6, 1)}
    return TemplateResponse(request, template, {**shared, **context})
