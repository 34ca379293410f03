"""Writes by hand that listeners are told of: rows of the ledger that a project saves, updates or deletes by itself.

The services of this package tell the listeners once of all that they write in a transaction, and then write by
`update_told` and `save_told`. Every other way through these models and their managers tells first, unless its columns
judge nothing. Raw SQL and `_base_manager` do not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, TypeVar

from django.db import models, router, transaction

from authkit.logins import listeners

Row = TypeVar("Row", bound="ToldModel")

_NAMED = 501
"""How many keys are read at most. So many already concern everybody (`listeners.tell`)."""


class ToldModel(models.Model):
    """A row by which credentials are judged."""

    told_as: ClassVar[str]
    """The argument of `listeners.tell` that names such a row: "login_ids", "user_ids" or "everybody"."""
    harmless: ClassVar[frozenset[str]] = frozenset()
    """Fields by which nothing is judged. The listeners are told of every other one."""
    newcomers_judge: ClassVar[bool] = True
    """Whether a new row may end what was alive before."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        """As Django's, and the listeners are told."""
        names = options.get("update_fields")
        is_new = not args and self._state.adding and not options.get("force_update")
        harmless = names is not None and self.harmless.issuperset(names)
        if harmless or (is_new and not self.newcomers_judge) or not listeners.in_use():
            self.save_told(*args, **options)
            return
        with transaction.atomic(using=router.db_for_write(type(self))):
            _tell(type(self), [self.pk])
            self.save_told(*args, **options)

    save.alters_data = True  # type: ignore[attr-defined]

    def save_told(self, *args: Any, **options: Any) -> None:
        """Saves it, for a caller that has told the listeners."""
        super().save(*args, **options)

    save_told.alters_data = True  # type: ignore[attr-defined]

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        """As Django's, and the listeners are told."""
        with transaction.atomic(using=router.db_for_write(type(self))):
            _tell(type(self), [self.pk])
            return super().delete(*args, **options)

    delete.alters_data = True  # type: ignore[attr-defined]


class ToldQuerySet(models.QuerySet[Row]):
    """The writes of a project through the manager of a `ToldModel`. `bulk_update` calls `update`."""

    def update(self, **changes: Any) -> int:
        """As Django's, and the listeners are told of the rows that are there before: these are the ones that are
        updated."""
        if self.model.harmless.issuperset(changes) or not listeners.in_use():
            return self.update_told(**changes)
        with transaction.atomic(using=router.db_for_write(self.model)):
            keys = self._keys()
            key = self.model._meta.pk
            if len(keys) < _NAMED and not {"pk", key.name, key.attname}.intersection(changes):
                _tell(self.model, keys)
                return self.filter(pk__in=keys).update_told(**changes)
            listeners.tell(everybody=True)
            return self.update_told(**changes)

    update.alters_data = True  # type: ignore[attr-defined]

    def update_told(self, **changes: Any) -> int:
        """Updates them, for a caller that has told the listeners."""
        return super().update(**changes)

    update_told.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Row], *args: Any, **options: Any) -> list[Row]:
        """As Django's, and the listeners are told where new rows judge, or old ones may be written over."""
        rows = list(objs)
        if not (self.model.newcomers_judge or args or options.get("update_conflicts")):
            return super().bulk_create(rows, **options)
        with transaction.atomic(using=router.db_for_write(self.model)):
            _tell(self.model, [row.pk for row in rows])
            return super().bulk_create(rows, *args, **options)

    def bulk_create_told(self, objs: Iterable[Row], **options: Any) -> list[Row]:
        """Creates them, for a caller that has told the listeners."""
        return super().bulk_create(objs, **options)

    def delete(self) -> tuple[int, dict[str, int]]:
        """As Django's, and the listeners are told. Pruning goes past this: its rows have no token that is alive."""
        with transaction.atomic(using=router.db_for_write(self.model)):
            if listeners.in_use():
                _tell(self.model, self._keys())
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def _keys(self) -> list[Any]:
        return list(self.order_by().values_list("pk", flat=True)[:_NAMED])


def _tell(model: type[ToldModel], keys: list[Any]) -> None:
    arguments: dict[str, Any] = {model.told_as: keys if model.told_as != "everybody" else bool(keys)}
    listeners.tell(**arguments)
