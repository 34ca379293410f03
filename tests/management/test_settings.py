from __future__ import annotations

import ast
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from authkit import wiring
from tests.fresh_project import FreshProject


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("authkit_settings", *arguments, stdout=out)
    return out.getvalue()


def line(output: str, path: str) -> list[str]:
    return next(line.split(None, 2) for line in output.splitlines() if line.split()[1:2] == [path])


def test_effective_settings_say_where_each_comes_from(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"GRACE": timedelta(seconds=5)}, "PUBLIC_URL": "https://example.test"}
    output = run()
    assert line(output, "TOKENS.GRACE") == ["project", "TOKENS.GRACE", "0:00:05"]
    assert line(output, "TOKENS.ACCESS_LIFETIME") == ["default", "TOKENS.ACCESS_LIFETIME", "0:15:00"]
    assert line(output, "PUBLIC_URL") == ["project", "PUBLIC_URL", "'https://example.test'"]
    assert line(output, "SOCIAL.PROVIDERS") == ["default", "SOCIAL.PROVIDERS", "{}"]


def test_no_secret_is_printed(settings: Any) -> None:
    provider = {"CLIENT_ID": "public", "CLIENT_SECRET": "hush-hush", "OPTIONS": {"PRIVATE_KEY": "hush-hush"}}
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"demo": provider, "bare": {}}}}
    output = run()
    assert "hush-hush" not in output
    assert line(output, "SOCIAL.PROVIDERS.demo.CLIENT_SECRET")[2] == "(set, not shown)"
    assert line(output, "SOCIAL.PROVIDERS.bare.CLIENT_SECRET")[2] == "(empty)"
    assert line(output, "SOCIAL.PROVIDERS.demo.OPTIONS")[2] == "{'PRIVATE_KEY': …}"
    assert line(output, "SOCIAL.PROVIDERS.demo.CLIENT_ID")[:1] == ["project"]


def test_diffsettings_shows_no_secret_that_is_a_callable(settings: Any) -> None:
    provider = {"CLIENT_ID": "public", "CLIENT_SECRET": lambda: "hush-hush"}
    settings.AUTHKIT = {
        "SOCIAL": {"PROVIDERS": {"demo": provider}},
        "REDIS_URL": lambda: "redis://:hush-hush@localhost",
    }
    out = StringIO()
    call_command("diffsettings", stdout=out)
    # Its output is returned, and printed by whoever called it.
    assert "public" in out.getvalue()
    assert "hush-hush" not in out.getvalue()


def test_block_with_a_mistake_is_an_error(settings: Any) -> None:
    settings.AUTHKIT = {"TOKEN": {}}
    with pytest.raises(CommandError, match="Did you mean TOKENS"):
        run()


def test_explicit_is_python_that_names_everything_configure_inserts() -> None:
    output = run("--explicit")
    values = {
        target.id: ast.literal_eval(statement.value)
        for statement in ast.parse(output).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    assert set(wiring.APPS) <= set(values["INSTALLED_APPS"])
    middleware = values["MIDDLEWARE"]
    assert middleware[0] == wiring.COOKIE_MIDDLEWARE
    assert middleware[middleware.index(wiring.AUTHENTICATION_MIDDLEWARE) + 1] == wiring.MIDDLEWARE
    assert values["AUTHENTICATION_BACKENDS"] == [wiring.LIMITED_MODEL_BACKEND]
    assert values["SESSION_ENGINE"] == wiring.SESSION_ENGINE
    assert values["SOCIAL_AUTH_STRATEGY"] == wiring.SOCIAL_AUTH_STRATEGY
    assert values["REST_FRAMEWORK"] == {"DEFAULT_AUTHENTICATION_CLASSES": list(wiring.AUTHENTICATION_CLASSES)}


def test_explicit_names_what_else_the_project_told_drf_without_copying_it(settings: Any) -> None:
    settings.REST_FRAMEWORK = {"PAGE_SIZE": 7, "DEFAULT_AUTHENTICATION_CLASSES": ["a.B"]}
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    output = run("--explicit")
    assert "REST_FRAMEWORK = {**REST_FRAMEWORK, \"DEFAULT_AUTHENTICATION_CLASSES\": ['a.B']}" in output
    assert "SESSION_ENGINE = 'django.contrib.sessions.backends.cache'" in output


SIGN_IN = """
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from authkit.logins.models import Login
call_command("migrate", verbosity=0)
get_user_model().objects.create_user("alice", password="correct-horse")
client = Client()
assert client.login(username="alice", password="correct-horse")
print(Login.objects.get().kind)
"""


@pytest.mark.process
def test_explicit_output_works_as_the_settings_of_a_project_without_configure(tmp_path: Path) -> None:
    configured, bare = tmp_path / "configured", tmp_path / "bare"
    for path in (configured, bare):
        path.mkdir()
    printed = FreshProject(configured, end="\nimport authkit\nauthkit.configure(globals())\n").manage(
        "authkit_settings", "--explicit"
    )
    assert printed.returncode == 0, printed.stderr
    project = FreshProject(bare, end=f"\n{printed.stdout}")
    assert "configure(globals())\n" not in (bare / "settings.py").read_text().replace("# Instead of authkit.", "")
    checked = project.manage("check", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr
    signed_in = project.python(SIGN_IN)
    assert signed_in.stdout.strip() == "session", signed_in.stderr


def test_explicit_fills_in_what_the_project_left_out(settings: Any) -> None:
    del settings.REST_FRAMEWORK, settings.SESSION_ENGINE
    output = run("--explicit")
    assert f"SESSION_ENGINE = {wiring.SESSION_ENGINE!r}" in output
    assert "BasicAuthentication" not in output
    assert wiring.AUTHENTICATION_CLASSES[0] in output
