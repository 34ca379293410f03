"""The filters beside the list of logins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from authkit.admin.ways import names_of_ways
from authkit.logins.models import LoginQuerySet


class StateFilter(admin.SimpleListFilter):
    """Filters live logins, by the row and the cutoffs."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("live", gettext_lazy("live")), ("over", gettext_lazy("over")), ("all", gettext_lazy("all"))]

    def value(self) -> str:
        """The choice. Without one it is the live logins, because a person looks for these here."""
        return super().value() or "live"

    def choices(self, changelist: Any) -> Iterator[Any]:
        for lookup, title in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: lookup})
            yield {"selected": self.value() == lookup, "query_string": query, "display": title}

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        if self.value() == "live":
            return cast("LoginQuerySet", queryset).live()
        return cast("LoginQuerySet", queryset).over() if self.value() == "over" else queryset


class MethodFilter(admin.SimpleListFilter):
    """Offers the ways in that are configured: asking the table for its methods would read all of it."""

    title = gettext_lazy("method")
    parameter_name = "method"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(names_of_ways().items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(method=self.value()) if self.value() else queryset
