"""Lists whose addresses a person may edit by hand."""

from __future__ import annotations

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import DataError
from django.http import HttpRequest


class CarefulChangeList(ChangeList):
    """Django leads back from a filter that makes no sense only if building it fails. A NUL, a year without a number of
    days or a malformed address fails when the database is asked, which would be a 500."""

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except (ValueError, OverflowError, DataError) as error:
            raise IncorrectLookupParameters(error) from error
