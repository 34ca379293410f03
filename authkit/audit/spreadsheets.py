"""Events as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from authkit.audit.export import as_json
from authkit.audit.models import Event


class _Line:
    """A file for `csv` whose lines are handed on."""

    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[Event]) -> Iterator[str]:
    """A line of CSV for each event, below one with the names of the columns; none where there is no event."""
    writer = csv.writer(_Line())
    header: list[str] | None = None
    for row in rows:
        data = {**as_json(row), "extra": json.dumps(row.extra, ensure_ascii=False)}
        if header is None:
            header = list(data)
            yield writer.writerow(header)
        yield writer.writerow([_cell(value) for value in data.values()])


def _cell(value: Any) -> Any:
    # A spreadsheet would run a cell that begins like this as a formula, and a device's name comes from a stranger.
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value
