"""A progress bar for a terminal, and nothing at all for a log."""

from __future__ import annotations

from types import TracebackType
from typing import Any

WIDTH = 30
"""Characters of the bar itself."""


class Progress:
    """Redraws one line: `logins [#####.....] 17 %`. Silent where the stream is no terminal.

    Args:
        stream: where to draw.
        name: the name of the rows.
        total: how many there are, about; more may turn up on the way.
    """

    def __init__(self, stream: Any, name: str, total: int) -> None:
        self._stream, self._name, self._total = stream, name, total
        self._drawn = ""

    def __enter__(self) -> Progress:
        self(0)
        return self

    def __call__(self, done: int) -> None:
        """Draws that so many are done. Only a line that has changed is written."""
        if not self._stream.isatty():
            return
        share = min(1.0, done / self._total) if self._total else 1.0
        full = int(share * WIDTH)
        line = f"{self._name} [{'#' * full}{'.' * (WIDTH - full)}] {share:4.0%}"
        if line != self._drawn:
            self._stream.write(f"\r{line}", ending="")
            self._stream.flush()
            self._drawn = line

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            # Blanked out: the command says the result in words next, and that line stays.
            self._stream.write(f"\r{' ' * len(self._drawn)}\r", ending="")
            self._stream.flush()
