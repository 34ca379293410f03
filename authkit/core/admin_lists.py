"""Lists of the admin: with addresses that a person may edit by hand, of tables that grow, and of rows to read alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.core.paginator import Paginator
from django.db import DataError
from django.http import HttpRequest
from django.utils.functional import cached_property

if TYPE_CHECKING:
    Pages = Paginator[Any]
else:
    Pages = Paginator  # not generic at run time

MOST_LISTED = 5_000
"""Rows that the pages of such a list reach. Counting all of them would read an index from end to end."""


class CarefulChangeList(ChangeList):
    """Django leads back from a filter that makes no sense only if building it fails. A NUL, a year without a number of
    days or a malformed address fails when the database is asked, which would be a 500."""

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except (ValueError, OverflowError, DataError) as error:
            raise IncorrectLookupParameters(error) from error


class CarefulActions:
    """Mixed into a ModelAdmin whose rows have a UUID for their key. Django's answer to an action on a row whose key is
    no UUID would be a 500."""

    def response_action(self, *args: Any, **more: Any) -> Any:
        """As Django's, or 400."""
        try:
            return super().response_action(*args, **more)  # type: ignore[misc]  # of ModelAdmin, from 6.1 with one more
        except ValidationError as error:
            raise SuspiciousOperation("an action on a row whose key is none") from error


class BoundedPages(Pages):
    """Counts no further than `MOST_LISTED`. The rows behind are reached by a filter."""

    @cached_property
    def count(self) -> int:
        found: int = self.object_list.order_by()[:MOST_LISTED].count()  # type: ignore[attr-defined]  # always rows
        return found


class ReadOnly:
    """A ModelAdmin's rows can be seen, and neither made nor changed nor deleted. Put it before ModelAdmin."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
