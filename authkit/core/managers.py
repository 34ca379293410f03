"""Managers of more than one room's models."""

from __future__ import annotations

from typing import TypeVar

from django.db import models, router

Row = TypeVar("Row", bound=models.Model)


class PrimaryManager(models.Manager[Row]):
    """Reads where it writes, whatever a router says: a replica may not know yet of rows that end, or have ended."""

    def get_queryset(self) -> models.QuerySet[Row]:
        return super().get_queryset().using(self._db or router.db_for_write(self.model))
