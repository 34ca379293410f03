"""The benchmarks still run against today's authkit. How long anything takes is nobody's business here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("run", "beside", "statements"), [("auth", "simplejwt-hs256", 1), ("refresh", "simplejwt-rotate", 2)]
)
def test_a_run_prints_tables_and_writes_what_it_counted(run: str, beside: str, statements: int, tmp_path: Path) -> None:
    raw = tmp_path / "raw.json"
    command = [sys.executable, "-m", "benchmarks", run, "--db", "sqlite", "--rounds", "1", "--n", "2"]
    result = subprocess.run(
        [*command, "--json", str(raw)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert result.returncode == 0, result.stderr
    assert f"| {beside} |" in result.stdout
    assert "| authkit-database |" in result.stdout
    assert "| target | limit | measured | A/A |" in result.stdout
    (report,) = json.loads(raw.read_text())["reports"]
    assert report["raw"]["counted"]["authkit-database"]["statements"] == statements
    assert report["targets"]


def test_an_address_beyond_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody@db.example.com/site")
    command = [sys.executable, "-m", "benchmarks", "refresh", "--db", "postgres"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 1
    assert "loopback" in result.stderr


def test_the_plug_in_takes_the_base_of_the_benchmark_that_loads_it(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(
        "class Contender:\n    def __init__(self, **given): self.__dict__.update(given)\n"
    )
    plug_in = ROOT / "benchmarks" / "authkit_contender.py"
    script = (
        "import base, runpy; "
        f"contenders = runpy.run_path({str(plug_in)!r})['CONTENDERS']; "
        "assert contenders and all(isinstance(one, base.Contender) for one in contenders)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=300)
