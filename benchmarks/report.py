"""The results of a run: tables, targets, raw numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any

from benchmarks.remote import Ratio

TRUSTED = (0.95, 1.05)
"""The bounds of the A/A row."""


@dataclass
class Table:
    head: Sequence[str]
    rows: list[Sequence[Any]] = field(default_factory=list)

    def markdown(self) -> str:
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


@dataclass
class Target:
    """A target that authkit set itself: at most `limit`, or at least where more is better, in any unit."""

    what: str
    measured: float
    limit: float
    same: float | None = None
    """The reference measured against itself, where the target is a ratio: the A/A row."""
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    @property
    def trusted(self) -> bool:
        return self.same is None or TRUSTED[0] <= self.same <= TRUSTED[1]

    def row(self) -> list[str]:
        verdict = "met" if self.met else "missed"
        same = "" if self.same is None else f"{self.same:.2f}"
        return [
            self.what,
            f"{'≥' if self.at_least else '≤'} {self.limit:g}",
            f"{self.measured:.3g}",
            same,
            verdict if self.trusted else f"{verdict}, but repeat: A/A",
        ]


@dataclass
class Report:
    """One run on one kind of database."""

    run: str
    db: str
    options: dict[str, Any]
    tables: list[Table] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    def markdown(self) -> str:
        parts = [f"## {self.run}, {self.db}", *(table.markdown() for table in self.tables)]
        if self.targets:
            head = ["target", "limit", "measured", "A/A", ""]
            parts.append(Table(head, [target.row() for target in self.targets]).markdown())
        return "\n\n".join(parts) + "\n"

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "db": self.db,
            "options": self.options,
            "targets": [{**asdict(target), "met": target.met, "trusted": target.trusted} for target in self.targets],
            "raw": plain(self.raw),
        }


def plain(value: Any) -> Any:
    """The same with nothing in it that JSON does not know."""
    if is_dataclass(value) and not isinstance(value, type):
        extra = {} if isinstance(value, Ratio) else {"ratio": getattr(value, "ratio", None)}
        return plain(asdict(value) | extra)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def counted(counts: dict[str, float]) -> str:
    """A sum of counts, for a table's cell."""
    return f"{sum(counts.values()):g}"
