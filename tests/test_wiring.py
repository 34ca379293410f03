from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from django.apps import apps as django_apps
from django.db.migrations.loader import MigrationLoader

import authkit
from authkit import wiring

MIDDLEWARE = ["a.Session", wiring.AUTHENTICATION_MIDDLEWARE, "a.Messages"]


def configured(**namespace: Any) -> dict[str, Any]:
    authkit.configure(namespace)
    return namespace


def test_everything_is_inserted_in_its_place() -> None:
    settings = configured(INSTALLED_APPS=["django.contrib.admin", "shop"], MIDDLEWARE=MIDDLEWARE)
    assert settings["INSTALLED_APPS"] == ["django.contrib.admin", "shop", *wiring.APPS]
    assert settings["MIDDLEWARE"] == [wiring.COOKIE_MIDDLEWARE, *MIDDLEWARE[:2], wiring.MIDDLEWARE, "a.Messages"]
    assert settings["AUTHENTICATION_BACKENDS"] == [wiring.LIMITED_MODEL_BACKEND]
    assert settings["SESSION_ENGINE"] == wiring.SESSION_ENGINE
    assert "SOCIAL_AUTH_STRATEGY" not in settings
    assert settings["REST_FRAMEWORK"] == {"DEFAULT_AUTHENTICATION_CLASSES": list(wiring.AUTHENTICATION_CLASSES)}


def test_feature_is_added_where_the_block_has_its_section() -> None:
    settings = configured(AUTHKIT={"SOCIAL": {}}, SOCIAL_AUTH_STRATEGY="a.Strategy")
    assert settings["INSTALLED_APPS"] == [*wiring.APPS, "social_django", "authkit.social"]
    assert settings["SOCIAL_AUTH_STRATEGY"] == "a.Strategy"
    assert configured(AUTHKIT={"SOCIAL": {}})["SOCIAL_AUTH_STRATEGY"] == wiring.SOCIAL_AUTH_STRATEGY


@pytest.mark.parametrize("path", [apps[-1] for apps in wiring.FEATURES.values()])
def test_migrate_authkit_zero_takes_each_feature_along(path: str) -> None:
    graph = MigrationLoader(None).graph
    (label,) = (config.label for config in django_apps.get_app_configs() if config.name == path)
    (first,) = graph.root_nodes(label)
    assert first in graph.backwards_plan(("authkit", "0001_initial"))


def test_social_without_its_packages_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "find_spec", lambda _name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'django-authkit\[social\]'"):
        configured(AUTHKIT={"SOCIAL": {}})
    configured(AUTHKIT={})


def test_call_in_a_later_settings_file_adds_what_is_new() -> None:
    base = configured(INSTALLED_APPS=["shop"], MIDDLEWARE=MIDDLEWARE)
    later = {**base, "AUTHKIT": {"SOCIAL": {}}}
    authkit.configure(later)
    assert later["INSTALLED_APPS"] == ["shop", *wiring.APPS, "social_django", "authkit.social"]
    assert later["MIDDLEWARE"] == base["MIDDLEWARE"]


@pytest.mark.parametrize("block", [None, [], "SOCIAL"])
def test_block_that_is_no_dict_is_left_to_the_check(block: Any) -> None:
    assert configured(AUTHKIT=block)["INSTALLED_APPS"] == list(wiring.APPS)


def test_second_call_changes_nothing() -> None:
    settings = configured(INSTALLED_APPS=["shop"], MIDDLEWARE=MIDDLEWARE)
    before = {key: value.copy() if isinstance(value, list | dict) else value for key, value in settings.items()}
    authkit.configure(settings)
    assert settings == before


def test_what_is_listed_already_stays_where_it_is() -> None:
    middleware = [*MIDDLEWARE, wiring.MIDDLEWARE, wiring.COOKIE_MIDDLEWARE]
    settings = configured(
        INSTALLED_APPS=["authkit", "rest_framework"],
        MIDDLEWARE=middleware,
    )
    assert settings["INSTALLED_APPS"] == ["authkit", "rest_framework"]
    assert settings["MIDDLEWARE"] == middleware


def test_values_of_the_project_are_never_replaced() -> None:
    own = {
        "SESSION_ENGINE": "a.engine",
        "SOCIAL_AUTH_STRATEGY": "a.Strategy",
        "REST_FRAMEWORK": {"DEFAULT_AUTHENTICATION_CLASSES": ["a.Class"], "PAGE_SIZE": 7},
        "AUTHKIT": {"PUBLIC_URL": "https://example.com"},
        "SECRET_KEY": "key",
    }
    settings = configured(**own)
    for name, value in own.items():
        assert settings[name] == value


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (None, [wiring.LIMITED_MODEL_BACKEND]),
        ([wiring.MODEL_BACKEND], [wiring.LIMITED_MODEL_BACKEND]),
        ((wiring.MODEL_BACKEND,), [wiring.LIMITED_MODEL_BACKEND]),
        (["a.Backend"], ["a.Backend"]),
        ([wiring.LOGIN_BACKEND], [wiring.LOGIN_BACKEND]),
        ([], []),
        (["a.Backend", "b.Backend"], [wiring.LIMITER_BACKEND, "a.Backend", "b.Backend"]),
        (["a.Backend", wiring.MODEL_BACKEND], [wiring.LIMITER_BACKEND, "a.Backend", wiring.MODEL_BACKEND]),
        ([wiring.LIMITED_MODEL_BACKEND, "a.Backend"], [wiring.LIMITED_MODEL_BACKEND, "a.Backend"]),
        (["a.Backend", wiring.LIMITER_BACKEND], [wiring.LIMITER_BACKEND, "a.Backend"]),
    ],
)
def test_one_back_end_stays_one_and_several_get_the_limiter_first(own: Any, expected: list[str]) -> None:
    settings = configured(**({} if own is None else {"AUTHENTICATION_BACKENDS": own}))
    assert settings["AUTHENTICATION_BACKENDS"] == expected
    authkit.configure(settings)
    assert settings["AUTHENTICATION_BACKENDS"] == expected


def test_rest_of_drfs_settings_is_kept() -> None:
    settings = configured(REST_FRAMEWORK={"PAGE_SIZE": 7})
    assert settings["REST_FRAMEWORK"]["PAGE_SIZE"] == 7
    assert settings["REST_FRAMEWORK"]["DEFAULT_AUTHENTICATION_CLASSES"] == list(wiring.AUTHENTICATION_CLASSES)


def test_lists_of_the_project_are_copied_and_tuples_work() -> None:
    apps, rest_framework = ["shop"], {"PAGE_SIZE": 7}
    configured(INSTALLED_APPS=apps, REST_FRAMEWORK=rest_framework)
    assert (apps, rest_framework) == (["shop"], {"PAGE_SIZE": 7})
    settings = configured(INSTALLED_APPS=("shop",), MIDDLEWARE=tuple(MIDDLEWARE))
    assert settings["INSTALLED_APPS"] == ["shop", *wiring.APPS]
    assert settings["MIDDLEWARE"][3] == wiring.MIDDLEWARE


def test_empty_settings_module_works() -> None:
    settings = configured()
    assert settings["INSTALLED_APPS"] == list(wiring.APPS)
    assert settings["MIDDLEWARE"] == [wiring.COOKIE_MIDDLEWARE]


@pytest.mark.parametrize("middleware", [[], ["a.Session"], ["a.OwnAuthenticationMiddleware"]])
def test_without_its_anchor_the_middleware_is_left_to_the_check(middleware: list[str]) -> None:
    assert configured(MIDDLEWARE=middleware)["MIDDLEWARE"] == [wiring.COOKIE_MIDDLEWARE, *middleware]


def test_only_constant_paths_are_inserted_no_value_of_the_block() -> None:
    plain = configured()
    filled = configured(AUTHKIT={"PUBLIC_URL": "https://example.com", "TOKENS": {"ISSUER": "us"}})
    assert {key: value for key, value in filled.items() if key != "AUTHKIT"} == plain


def test_importing_authkit_does_not_import_django() -> None:
    code = "import sys, authkit; sys.exit(any(name.partition('.')[0] == 'django' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
