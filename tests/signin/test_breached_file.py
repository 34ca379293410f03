from __future__ import annotations

import hashlib
import io
import os
import stat
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from authkit.signin.breached_file import (
    RECORD_BYTES,
    BreachedFileUnusable,
    NotBuilt,
    build,
    contains,
    count_records,
)
from tests.signin.breached import download, sha1, write_file


def has(path: Path, password: str) -> bool:
    return contains(path=str(path), digest=bytes.fromhex(sha1(password)))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "breached.bin"


@pytest.mark.parametrize("number", [1, 2, 3, 64, 1000])
def test_every_password_of_the_download_is_found_and_no_other(number: int, target: Path) -> None:
    passwords = [f"password-{each}" for each in range(number)]
    write_file(target, *passwords)
    assert count_records(path=str(target)) == number
    assert all(has(target, each) for each in passwords)
    assert not any(has(target, f"good-{each}") for each in range(200))


def test_first_and_last_places_are_looked_at(target: Path) -> None:
    lines = b"".join(b"%s:1\n" % digit * 1 for digit in (b"0" * 40, b"F" * 40))
    build(source=io.BytesIO(lines), target=target)
    assert contains(path=str(target), digest=bytes(20))
    assert contains(path=str(target), digest=b"\xff" * 20)
    assert not contains(path=str(target), digest=b"\xff" * 7 + b"\xfe" * 13)


def test_case_blank_lines_commas_and_a_byte_order_mark_do_not_matter(target: Path) -> None:
    text = b"\xef\xbb\xbf" + sha1("a").lower().encode() + b":1,234\n\n"
    assert build(source=io.BytesIO(text), target=target).records == 1
    assert has(target, "a")


def test_digests_with_one_beginning_are_one_record(target: Path) -> None:
    lines = b"AA" * RECORD_BYTES + b"0" * 24 + b":1\n" + b"AA" * RECORD_BYTES + b"1" * 24 + b":1\n"
    assert build(source=io.BytesIO(lines), target=target).records == 1


def test_rare_passwords_and_padding_can_be_left_out(target: Path) -> None:
    lines = sorted([*download("rare", count=2).splitlines(), *download("usual", count=30).splitlines(),
                    *download("padding", count=0).splitlines()])  # fmt: skip
    assert build(source=io.BytesIO(b"\n".join(lines)), target=target, at_least=3).records == 1
    assert has(target, "usual")
    assert build(source=io.BytesIO(b"\n".join(lines)), target=target).records == 2
    assert not has(target, "padding")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "no line"),
        (b"\n\n", "no line"),
        (b"hello\n", "line 1 is not a SHA-1"),
        (b"A" * 40 + b"\n", "line 1"),
        (b"A" * 40 + b":x\n", "line 1"),
        (b"Z" * 40 + b":1\n", "line 1"),
        (b"A" * 32 + b":1\n", "NTLM"),
        (b"A" * 5000, "line 1"),
        (b"B" * 40 + b":1\n" + b"A" * 40 + b":1\n", "line 2 is out of order"),
        (b"\xff\xfe\x00" * 30, "line 1"),
    ],
)
def test_bad_download_replaces_nothing_and_leaves_nothing_behind(text: bytes, why: str, target: Path) -> None:
    write_file(target, "old")
    with pytest.raises(NotBuilt, match=why) as caught:
        build(source=io.BytesIO(text), target=target)
    assert "hello" not in str(caught.value)
    assert has(target, "old")
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_interrupted_build_leaves_the_old_file_and_no_part(target: Path) -> None:
    write_file(target, "old")

    class Interrupted(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(source=Interrupted(), target=target)
    assert has(target, "old")
    assert len(list(target.parent.iterdir())) == 1


def test_new_file_counts_at_the_next_look_up(target: Path) -> None:
    write_file(target, "old")
    assert not has(target, "new")
    write_file(target, "new")
    assert has(target, "new")
    assert not has(target, "old")


def test_workers_of_another_user_may_read_it_and_a_chosen_mode_stays(target: Path) -> None:
    write_file(target, "a")
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    target.chmod(0o640)
    write_file(target, "a")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


class _Lines(io.RawIOBase):
    """A download that is made while it is read."""

    def __init__(self, number: int) -> None:
        self._lines = self._made(number)

    @staticmethod
    def _made(number: int) -> Iterator[bytes]:
        for each in range(number):
            yield b"%040X:1\r\n" % (each << 96)

    def readline(self, size: int | None = -1, /) -> bytes:
        return next(self._lines, b"")


def test_memory_of_a_build_and_of_a_look_up_does_not_grow_with_the_list(target: Path) -> None:
    def peak(number: int) -> int:
        tracemalloc.start()
        try:
            build(source=_Lines(number), target=target)  # type: ignore[arg-type]
            contains(path=str(target), digest=hashlib.sha1(b"x").digest())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # what is imported and cached at the first time
    small, large = peak(1_000), peak(50_000)
    assert target.stat().st_size > 400_000
    assert large < small + 50_000


def test_look_up_reads_few_records(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(source=_Lines(65_536), target=target)  # type: ignore[arg-type]
    reads = 0

    from authkit.signin import breached_file

    before = breached_file._Records.__getitem__

    def counted(self: object, index: int) -> bytes:
        nonlocal reads
        reads += 1
        return before(self, index)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(breached_file._Records, "__getitem__", counted)
    contains(path=str(target), digest=hashlib.sha1(b"x").digest())
    assert 1 <= reads <= 18


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 100, b"akbreach" + bytes(40)])
def test_other_file_is_of_no_use(content: bytes, target: Path) -> None:
    target.write_bytes(content)
    with pytest.raises(BreachedFileUnusable, match=r"breached\.bin"):
        has(target, "a")


def test_cut_file_is_of_no_use(target: Path) -> None:
    write_file(target, "a", "b")
    target.write_bytes(target.read_bytes()[:-3])
    with pytest.raises(BreachedFileUnusable, match="incomplete"):
        has(target, "a")


@pytest.mark.parametrize("where", ["missing.bin", "."])
def test_missing_file_and_a_folder_are_of_no_use(where: str, tmp_path: Path) -> None:
    with pytest.raises(BreachedFileUnusable):
        has(tmp_path / where, "a")


# The command


def test_command_builds_the_file_of_the_settings(target: Path, tmp_path: Path, settings: Any, capsys: Any) -> None:
    source = tmp_path / "download.txt"
    source.write_bytes(download("a", "b"))
    settings.AUTHKIT = {"LOGIN": {"BREACHED_FILE": target}}
    call_command("authkit_breached", "build", str(source))
    assert has(target, "a")
    assert "2 passwords from 2 lines" in capsys.readouterr().out


def test_command_reads_standard_input(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.write(writer, download("a"))
    os.close(writer)
    with os.fdopen(reader) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        call_command("authkit_breached", "build", "-", output=str(target), verbosity=0)
    assert has(target, "a")


def test_command_says_what_is_wrong(target: Path, tmp_path: Path, settings: Any) -> None:
    source = tmp_path / "download.txt"
    source.write_bytes(b"nonsense\n")
    for arguments, why in [
        ([str(source)], "Set LOGIN.BREACHED_FILE"),
        ([str(source), "--output", str(target)], "line 1 is not a SHA-1"),
        ([str(tmp_path / "missing"), "--output", str(target)], "No such file"),
        ([str(tmp_path / "download.txt"), "--output", str(tmp_path / "no" / "folder.bin")], "No such file"),
        ([str(source), "--output", str(target), "--at-least", "0"], "whole number"),
        ([str(source), "--output", str(target), "--at-least", "²"], "whole number"),
    ]:
        with pytest.raises(CommandError, match=why):
            call_command("authkit_breached", "build", *arguments)
    assert not target.exists()
