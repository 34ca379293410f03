"""The file of breached passwords: how it is built, and how one password is looked up in it.

The file begins with a header, and then has one record for each password: the first 8 bytes of its SHA-1, in ascending
order. A look-up is a binary search, which reads about 30 records of a file with a billion of them, so neither the
look-up nor the building takes memory that grows with the file. With a billion records, one good password in
18 billion has the first 8 bytes of a breached one, and is then refused.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, overload

RECORD_BYTES = 8
"""Of a password's SHA-1."""

_MAGIC = b"akbreach"
_VERSION = 1
_HEADER = struct.Struct(">8sBB6xQ")
"""Magic, version, bytes of a record, how many records."""

_DIGEST_DIGITS = 40
_LONGEST_LINE = 200
"""Bytes. A line of the download has about 50."""
_MODE = 0o644


class BreachedFileUnusable(Exception):
    """The file can't be read, or `authkit_breached build` did not make it. The text names the file and the cause."""


class NotBuilt(Exception):
    """The download can't be read as one; nothing was replaced. The text names the line, and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Built:
    """How many lines were read, and how many records were written."""

    lines: int
    records: int


def contains(*, path: str, digest: bytes) -> bool:
    """Whether a password is in the file. The file is opened each time, so a new one counts as soon as it is there.

    Args:
        path: of the file.
        digest: the password's SHA-1, 20 bytes.

    Raises:
        BreachedFileUnusable: it can't be said.
    """
    wanted = digest[:RECORD_BYTES]
    with _opened(path) as records:
        place = bisect_left(records, wanted)
        return place < len(records) and records[place] == wanted


def count_records(*, path: str) -> int:
    """How many passwords the file has.

    Raises:
        BreachedFileUnusable: as above.
    """
    with _opened(path) as records:
        return len(records)


class _Records(Sequence[bytes]):
    def __init__(self, file: IO[bytes], count: int) -> None:
        self._file = file
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: Any) -> Any:
        self._file.seek(_HEADER.size + index * RECORD_BYTES)
        return self._file.read(RECORD_BYTES)


@contextmanager
def _opened(path: str) -> Iterator[_Records]:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # unbuffered: each read is one record
            yield _Records(file, _counted(path, file))
    except OSError as error:
        raise BreachedFileUnusable(f"{path} can't be read: {error.strerror or type(error).__name__}") from error


def _counted(path: str, file: IO[bytes]) -> int:
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        raise BreachedFileUnusable(f"{path} is not a file that `authkit_breached build` made")
    magic, version, width, count = _HEADER.unpack(head)
    if magic != _MAGIC:
        raise BreachedFileUnusable(f"{path} is not a file that `authkit_breached build` made")
    if (version, width) != (_VERSION, RECORD_BYTES):
        raise BreachedFileUnusable(f"{path} has another version: build it again")
    if os.fstat(file.fileno()).st_size != _HEADER.size + count * RECORD_BYTES:
        raise BreachedFileUnusable(f"{path} is incomplete: copy it again")
    return int(count)


def build(*, source: IO[bytes], target: Path, at_least: int = 1) -> Built:
    """Makes the file of a download of Have I Been Pwned: lines `SHA-1:count`, in ascending order of the SHA-1.

    The new file takes the place of the old one at once, when it is complete and on the disk. A build that fails leaves
    the old one as it is.

    Args:
        source: the download, opened for bytes. It is read once from its beginning.
        target: where the file is to be. Its folder holds the new file meanwhile.
        at_least: leaves out passwords that were seen fewer times than this, for a smaller file.

    Raises:
        NotBuilt: a line is none of the download's, lines are out of order, or no line is left.
        OSError: the folder can't be written, or has no room.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            built = _write(source, file, at_least)
            if not built.records:
                raise NotBuilt("the download has no line to take")
            file.seek(0)
            file.write(_HEADER.pack(_MAGIC, _VERSION, RECORD_BYTES, built.records))
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(_MODE)  # the workers that read it may run as another user than the command
        with suppress(FileNotFoundError):
            shutil.copymode(target, name)
        Path(name).replace(target)
    except BaseException:  # Ctrl-C too
        Path(name).unlink(missing_ok=True)
        raise
    return built


def _write(source: IO[bytes], file: IO[bytes], at_least: int) -> Built:
    file.write(bytes(_HEADER.size))
    lines = records = 0
    before, written = b"", b""
    while line := source.readline(_LONGEST_LINE):
        lines += 1
        digest, seen = _parsed(line, lines)
        if digest is None:
            continue
        if digest < before:
            raise NotBuilt(f"line {lines} is out of order: take the download that is ordered by hash, or sort it")
        before = digest
        record = digest[:RECORD_BYTES]
        # A count of 0 stands on padding, which the server adds on demand. Two digests may share their first bytes.
        if seen >= max(at_least, 1) and record != written:
            file.write(record)
            written = record
            records += 1
    return Built(lines=lines, records=records)


def _parsed(line: bytes, number: int) -> tuple[bytes | None, int]:
    text = line.strip().removeprefix(b"\xef\xbb\xbf") if number == 1 else line.strip()
    if not text:
        return None, 0
    digits, colon, count = text.partition(b":")
    try:
        if len(digits) != _DIGEST_DIGITS or not colon:
            raise ValueError
        return bytes.fromhex(digits.decode("ascii")), int(count.replace(b",", b""))
    except ValueError:
        hint = "; 32 digits are NTLM's, take the download of SHA-1" if len(digits) == 32 else ""
        raise NotBuilt(f"line {number} is not a SHA-1 of 40 digits, a colon and a count{hint}") from None
