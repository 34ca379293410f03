"""`manage.py authkit_openapi`."""

from __future__ import annotations

import importlib.util
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.urls import path

from tests.urls import ProbeView

urlpatterns = [path("probe/", ProbeView.as_view())]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("authkit_openapi", *arguments, stdout=out)
    return out.getvalue()


def test_yaml_and_json_are_the_same_document_of_our_calls_alone() -> None:
    document = yaml.safe_load(run())
    assert document == json.loads(run("--format", "json"))
    assert "/auth/api/session/login/" in document["paths"]
    assert "/api/token/" in document["paths"]  # as this project mounts simplejwt's endpoints
    assert "/probe/" not in document["paths"]


def test_nothing_is_left_to_warn_about(capsys: pytest.CaptureFixture[str]) -> None:
    run()
    assert capsys.readouterr().err == ""


def test_file_is_written(tmp_path: Path) -> None:
    assert run("--file", str(tmp_path / "api.yaml")) == ""
    assert yaml.safe_load((tmp_path / "api.yaml").read_text())["openapi"].startswith("3.")


def test_file_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file or directory"):
        run("--file", str(tmp_path / "none" / "api.yaml"))


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(CommandError, match=r"pip install 'django-authkit\[openapi\]'"):
        run()


def test_without_our_urls_the_error_says_so(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    with pytest.raises(CommandError, match=r"include authkit\.urls"):
        run()
