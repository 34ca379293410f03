from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from authkit import conf
from authkit.conf.fields import setting
from authkit.social.settings import ProviderSettings, SocialSettings


def problems(block: Any) -> list[tuple[str, str]]:
    """(kind, path) of everything that is wrong with a block."""
    return [(problem.kind, problem.path) for problem in conf.parse(block)[1]]


# Reading


def test_empty_block_gives_the_documented_defaults(settings: Any) -> None:
    settings.AUTHKIT = {}
    block = conf.current()
    assert block == conf.sections.block()()
    assert (block.tokens.access_lifetime, block.tokens.grace) == (timedelta(minutes=15), timedelta(seconds=60))
    assert (block.tokens.refresh_idle, block.tokens.refresh_absolute) == (timedelta(days=7), timedelta(days=30))
    assert (block.sessions.idle, block.sessions.absolute) == (timedelta(hours=24), timedelta(days=14))
    assert (block.sessions.remembered_idle, block.sessions.remembered_absolute) == (
        timedelta(days=30),
        timedelta(days=90),
    )
    assert (block.login.identifiers, block.trusted_proxies, block.public_url) == (("username",), 0, "")


def test_missing_block_is_an_empty_one(settings: Any) -> None:
    del settings.AUTHKIT
    assert conf.current() == conf.sections.block()()


def test_overridden_settings_are_heard_at_once() -> None:
    with override_settings(AUTHKIT={"TOKENS": {"GRACE": timedelta(seconds=3)}}):
        assert conf.current().tokens.grace == timedelta(seconds=3)
        with override_settings(AUTHKIT={}):
            assert conf.current().tokens.grace == timedelta(seconds=60)
        assert conf.current().tokens.grace == timedelta(seconds=3)


def test_block_changed_in_place_is_heard(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {}, "SOCIAL": {"PROVIDERS": {"demo": {"SCOPE": ["openid"]}}}}
    assert conf.current().tokens.grace == timedelta(seconds=60)
    settings.AUTHKIT["TOKENS"]["GRACE"] = timedelta(seconds=3)
    assert conf.current().tokens.grace == timedelta(seconds=3)
    settings.AUTHKIT["SOCIAL"]["PROVIDERS"]["demo"]["SCOPE"].append("email")
    assert conf.section(SocialSettings).providers["demo"].scope == ("openid", "email")


def test_unchanged_block_is_parsed_once(settings: Any) -> None:
    settings.AUTHKIT = {"TRUSTED_PROXIES": 1}
    assert conf.current() is conf.current()


def test_block_with_mistakes_is_refused_with_the_fix_and_inspected_without() -> None:
    with override_settings(AUTHKIT={"TOKENS": {"GRACE": 10, "ISSUER": "us"}}):
        with pytest.raises(ImproperlyConfigured, match=r"AUTHKIT TOKENS\.GRACE: must be a timedelta, not int\. Write"):
            conf.current()
        block, found = conf.inspect()
        assert block.tokens.grace == timedelta(seconds=60), "the default where the key is wrong"
        assert block.tokens.issuer == "us"
        assert [problem.path for problem in found] == ["TOKENS.GRACE"]


def test_settings_are_frozen() -> None:
    for cls in (conf.Settings, conf.TokenSettings, ProviderSettings):
        with pytest.raises(dataclasses.FrozenInstanceError):
            cls().__setattr__(dataclasses.fields(cls)[0].name, None)


def test_defaults_are_not_shared() -> None:
    one, other = ProviderSettings(), ProviderSettings()
    one.options["KEY"] = "value"
    assert other.options == {}


# Mistakes


@pytest.mark.parametrize("block", [None, [], "x", 1, object()])
def test_block_of_another_type(block: Any) -> None:
    assert problems(block) == [("type", "")]


@pytest.mark.parametrize(
    ("block", "path", "hint"),
    [
        ({"TOKEN": {}}, "TOKEN", "Did you mean TOKENS?"),
        ({"tokens": {}}, "tokens", "Did you mean TOKENS?"),
        ({"TOKENS": {"ACCES_LIFETIME": 1}}, "TOKENS.ACCES_LIFETIME", "Did you mean TOKENS.ACCESS_LIFETIME?"),
        ({"SOCIAL": {"PROVIDERS": {"x": {"CLIENTID": ""}}}}, "SOCIAL.PROVIDERS.x.CLIENTID",
         "Did you mean SOCIAL.PROVIDERS.x.CLIENT_ID?"),
        ({"REDIS": {"ZZZZ": 1}}, "REDIS.ZZZZ", "Known keys: CACHE, CLUSTER, PREFIX, TIMEOUT."),
        ({"QWERTZ": {}}, "QWERTZ", "A feature's section needs the feature's app in INSTALLED_APPS. Known keys: "
         "ACCOUNTS, API_KEYS, AUDIT, LIMITER, LOGIN, LOGO, MAIL, OAUTH, PUBLIC_URL, REDIS, REDIS_URL, REVOCATION, "
         "SESSIONS, SITE_NAME, SOCIAL, TOKENS, TRUSTED_PROXIES."),
        ({7: 1}, "7", None),
    ],
)  # fmt: skip
def test_unknown_key_is_named_with_the_nearest_known_one(block: Any, path: str, hint: str | None) -> None:
    (problem,) = conf.parse(block)[1]
    assert (problem.kind, problem.path) == ("unknown", path)
    assert hint is None or problem.hint == hint


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({"TOKENS": []}, "TOKENS"),
        ({"TOKENS": None}, "TOKENS"),
        ({"TOKENS": {"GRACE": 10}}, "TOKENS.GRACE"),
        ({"TOKENS": {"GRACE": "10s"}}, "TOKENS.GRACE"),
        ({"TOKENS": {"ISSUER": None}}, "TOKENS.ISSUER"),
        ({"TOKENS": {"CLAIMS": None}}, "TOKENS.CLAIMS"),
        ({"TOKENS": {"AUTHENTICATION_CLAIMS": 1}}, "TOKENS.AUTHENTICATION_CLAIMS"),
        ({"TOKENS": {"ACR_VALUES": "x"}}, "TOKENS.ACR_VALUES"),
        ({"TRUSTED_PROXIES": True}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "1"}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": 1.0}, "TRUSTED_PROXIES"),
        ({"SOCIAL": {"SIGNUP": 1}}, "SOCIAL.SIGNUP"),
        ({"SOCIAL": {"PROVIDERS": []}}, "SOCIAL.PROVIDERS"),
        ({"SOCIAL": {"PROVIDERS": {"x": "y"}}}, "SOCIAL.PROVIDERS.x"),
        ({"SOCIAL": {"PROVIDERS": {7: {}}}}, "SOCIAL.PROVIDERS.7"),
        ({"SOCIAL": {"PROVIDERS": {"x": {"SCOPE": "openid"}}}}, "SOCIAL.PROVIDERS.x.SCOPE"),
        ({"SOCIAL": {"PROVIDERS": {"x": {"SCOPE": ["openid", 1]}}}}, "SOCIAL.PROVIDERS.x.SCOPE"),
        ({"SOCIAL": {"PROVIDERS": {"x": {"CLIENT_SECRET": None}}}}, "SOCIAL.PROVIDERS.x.CLIENT_SECRET"),
        ({"SOCIAL": {"PROVIDERS": {"x": {"OPTIONS": []}}}}, "SOCIAL.PROVIDERS.x.OPTIONS"),
        ({"LOGIN": {"IDENTIFIERS": "email"}}, "LOGIN.IDENTIFIERS"),
        ({"PUBLIC_URL": None}, "PUBLIC_URL"),
    ],
)
def test_wrong_type_is_named_with_its_path(block: Any, path: str) -> None:
    assert problems(block) == [("type", path)]


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({"TOKENS": {"GRACE": timedelta(seconds=-1)}}, "TOKENS.GRACE"),
        ({"TOKENS": {"GRACE": timedelta(seconds=601)}}, "TOKENS.GRACE"),
        ({"TOKENS": {"ACCESS_LIFETIME": timedelta(0)}}, "TOKENS.ACCESS_LIFETIME"),
        ({"TOKENS": {"ACCESS_LIFETIME": timedelta(days=2)}}, "TOKENS.ACCESS_LIFETIME"),
        ({"SESSIONS": {"IDLE": timedelta(milliseconds=5)}}, "SESSIONS.IDLE"),
        ({"TRUSTED_PROXIES": 11}, "TRUSTED_PROXIES"),
        ({"LOGIN": {"IDENTIFIERS": []}}, "LOGIN.IDENTIFIERS"),
        ({"LOGIN": {"IDENTIFIERS": ["phone"]}}, "LOGIN.IDENTIFIERS"),
        ({"REVOCATION": {"CHECK": "never"}}, "REVOCATION.CHECK"),
    ],
)
def test_value_out_of_range_is_named_with_its_path(block: Any, path: str) -> None:
    assert problems(block) == [("value", path)]


def test_every_mistake_is_reported_at_once() -> None:
    block = {"TOKEN": {}, "TOKENS": {"GRACE": 1, "ISSUER": 2}, "PUBLIC_URL": 3}
    assert len(problems(block)) == 4


def test_limits_themselves_are_allowed() -> None:
    tokens = {"GRACE": timedelta(0), "ACCESS_LIFETIME": timedelta(days=1)}
    assert problems({"TOKENS": tokens, "TRUSTED_PROXIES": 10}) == []
    assert problems({"TOKENS": {"GRACE": timedelta(minutes=10)}}) == []


def test_lists_and_tuples_are_the_same() -> None:
    for identifiers in (["username", "email"], ("username", "email")):
        assert conf.parse({"LOGIN": {"IDENTIFIERS": identifiers}})[0].login.identifiers == ("username", "email")


def test_every_key_has_a_default_that_passes_its_own_limits() -> None:
    for path, value in [(origin.path, origin.value) for origin in conf.origins()]:
        block: dict[str, Any] = {}
        inner = block
        *sections, key = path.split(".")
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[key] = value
        assert problems(block) == [], path


# Secrets


def test_secret_shows_itself_to_nobody_who_does_not_ask() -> None:
    secret = conf.Secret("hush-hush")
    block = conf.parse({"SOCIAL": {"PROVIDERS": {"x": {"CLIENT_SECRET": "hush-hush"}}}})[0]
    for text in (repr(secret), str(secret), f"{secret}", repr(block), str(dataclasses.asdict(block))):
        assert "hush-hush" not in text
    assert secret.reveal() == "hush-hush"
    assert block.social.providers["x"].client_secret.reveal() == "hush-hush"


def test_secret_from_a_vault_is_asked_each_time() -> None:
    answers = iter(["first", "second"])
    secret = conf.parse({"SOCIAL": {"PROVIDERS": {"x": {"CLIENT_SECRET": lambda: next(answers)}}}})[0]
    assert [secret.social.providers["x"].client_secret.reveal() for _ in range(2)] == ["first", "second"]


def test_secret_is_false_only_if_there_is_none() -> None:
    assert [bool(conf.Secret(source)) for source in ("", "x", lambda: "")] == [False, True, True]


# Origins


def test_origins_tell_the_projects_choices_from_the_defaults(settings: Any) -> None:
    settings.AUTHKIT = {
        "TOKENS": {"GRACE": timedelta(seconds=10)},
        "SOCIAL": {"PROVIDERS": {"demo": {"NAME": "Demo ID"}}},
    }
    chosen = {origin.path: origin.value for origin in conf.origins() if origin.chosen}
    assert chosen == {"TOKENS.GRACE": timedelta(seconds=10), "SOCIAL.PROVIDERS.demo.NAME": "Demo ID"}
    paths = [origin.path for origin in conf.origins()]
    assert len(paths) == len(set(paths))
    assert {"LOGIN.IDENTIFIERS", "SOCIAL.PROVIDERS.demo.SCOPE", "PUBLIC_URL"} <= set(paths)


# Sections of features


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LockSettings:
    """How doors are locked."""

    tries: int = setting(3, least=1)
    """How often a person may try."""


@pytest.fixture
def lock_section() -> Iterator[None]:
    conf.sections.register("LOCK", LockSettings)
    yield
    conf.sections.withdraw("LOCK")


@pytest.mark.usefixtures("lock_section")
def test_registered_section_is_read_and_checked_as_any_other(settings: Any) -> None:
    settings.AUTHKIT = {"LOCK": {"TRIES": 5}, "TOKENS": {"ISSUER": "us"}}
    assert conf.section(LockSettings).tries == 5
    assert conf.section(LockSettings, conf.parse({})[0]).tries == 3
    assert conf.current().tokens.issuer == "us"
    assert ("LOCK.TRIES", 5, True) in [(origin.path, origin.value, origin.chosen) for origin in conf.origins()]
    assert problems({"LOCK": {"TRIES": 0}}) == [("value", "LOCK.TRIES")]
    assert problems({"LOCK": {"TRYS": 1}}) == [("unknown", "LOCK.TRYS")]
    with pytest.raises(dataclasses.FrozenInstanceError):
        conf.section(LockSettings).tries = 1  # type: ignore[misc]


def test_section_is_an_unknown_key_without_its_feature(settings: Any) -> None:
    settings.AUTHKIT = {"LOCK": {}}
    assert problems(settings.AUTHKIT) == [("unknown", "LOCK")]
    settings.AUTHKIT = {}
    with pytest.raises(LookupError, match=r"LockSettings.*its app is not in INSTALLED_APPS"):
        conf.section(LockSettings)


def test_section_by_its_path_is_imported_when_the_block_is_read(settings: Any) -> None:
    settings.AUTHKIT = {}
    conf.sections.register("LOCK", "nowhere.at.all")
    try:
        with pytest.raises(ImportError):
            conf.current()
    finally:
        conf.sections.withdraw("LOCK")
    conf.sections.register("LOCK", f"{__name__}.LockSettings")
    try:
        assert conf.section(LockSettings).tries == 3
    finally:
        conf.sections.withdraw("LOCK")
    assert conf.current() == conf.sections.block()()


@pytest.mark.parametrize("name", ["TOKENS", "REDIS_URL", "LOCK", "lock", "A-B", ""])
@pytest.mark.usefixtures("lock_section")
def test_section_of_another_name_or_of_no_name_is_refused(name: str) -> None:
    conf.sections.register("LOCK", LockSettings)  # twice is the same as once
    with pytest.raises(ValueError, match="section"):
        conf.sections.register(name, conf.RedisSettings)


def test_section_that_is_registered_later_is_waited_for_while_apps_are_loading(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AUTHKIT = {"LOCK": {"TRIES": 5}, "TOKENS": {"ISSUER": "us"}}
    monkeypatch.setattr(apps, "models_ready", False)
    assert conf.current().tokens.issuer == "us"
    conf.sections.register("LOCK", LockSettings)
    try:
        assert conf.section(LockSettings).tries == 5
    finally:
        conf.sections.withdraw("LOCK")
    assert conf.current().tokens.issuer == "us"
    monkeypatch.undo()
    settings.AUTHKIT = {"LOCK": {"TRIES": 5}, "TOKENS": {"ISSUER": "us"}}
    with pytest.raises(ImproperlyConfigured, match="AUTHKIT LOCK: unknown key"):
        conf.current()  # and what was read before is not kept
