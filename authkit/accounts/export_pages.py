"""The page on which a person downloads their own data."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.renderers import JSONRenderer

from authkit.accounts.export import export_account
from authkit.accounts.export_views import ExportSerializer
from authkit.accounts.pages import RecentPage

FILE = "my-data.json"


class ExportPage(RecentPage):
    """My data as a file. POST, because the download is an event, and another site's link should not cause it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "authkit/export.html")

    def post(self, request: HttpRequest) -> HttpResponse:
        exported = export_account(user=cast("AbstractBaseUser", request.user))
        body = JSONRenderer().render(
            ExportSerializer(exported, context={"current": None}).data, "application/json; indent=2"
        )
        headers = {"Content-Disposition": f'attachment; filename="{FILE}"'}
        return HttpResponse(body, content_type="application/json", headers=headers)
