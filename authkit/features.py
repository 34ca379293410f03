"""The declaration of a feature: an app of its own that adds a section, URLs, checks and the like to authkit.

    class NotesConfig(AppConfig):
        name = "mysite.notes"
        authkit = Feature(section="NOTES", settings="mysite.notes.settings.NotesSettings", urls="mysite.notes.urls")

The core loops over the declarations and names no feature. Every part is a dotted path, because an app is declared
before there are any models. A path is imported where it is first used. A feature connects its receivers in its own
`ready()`, after the core's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol

from django.apps import AppConfig, apps
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.module_loading import import_string

__all__ = ["OVERVIEW", "SECURITY", "AccountLink", "Feature", "SignInButton"]

CORE = "authkit"
"""The label of the core's app."""

OVERVIEW, SECURITY = "overview", "security"
"""Pages of the account area that list pages of features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """The parts of a feature; an empty path where it has no such part."""

    section: str = ""
    """The key of its section in the AUTHKIT block."""
    settings: str = ""
    """The frozen dataclass of that section, made of `authkit.conf.fields`. The feature reads it by `conf.section`."""
    urls: str = ""
    """A module with `urlpatterns`, mounted beside the pages, and `api_urlpatterns`, mounted under `api/`. Its names are
    in the namespace `authkit`."""
    checks: str = ""
    """A module with `CHECKS` and, for `check --deploy`, `DEPLOY_CHECKS`: tuples of functions as Django registers."""
    methods: str = ""
    """A callable that returns a `Method` for each way to sign in that it adds (`authkit.signin.methods`)."""
    doors: str = ""
    """A tuple of its doors: the views and functions at which people sign in (`authkit.signin.doors`)."""
    guards: str = ""
    """A tuple of pairs: a guard that is asked at each sign-in, and its place among the others, such as `Order.FACTORS`
    (`authkit.signin.guards`)."""
    kinds: str = ""
    """A tuple with a `Kind` for each kind of login that it opens. A `Kind` says which reasons end such a login
    (`authkit.logins.endings`)."""
    token_formats: str = ""
    """A tuple of the formats of token that it accepts, asked after authkit's own (`authkit.tokens.formats`)."""
    recorders: str = ""
    """A tuple of pairs: a recorder, which is called inside the transaction of each event, and the names of the events
    that it wants, or None for every event (`authkit.events`)."""
    sign_in_buttons: str = ""
    """A callable that returns a `SignInButton` for each way to sign in that the sign-in page offers."""
    account_area: str = ""
    """A callable `(request)` that returns an `AccountLink` for each page that it adds to the account area."""
    restricts: str = ""
    """A callable `(user_id)` that returns whether the person has to choose a new password before their login reaches
    any other view. It is called in the transaction of each sign-in (`authkit.signin.restricted`)."""
    credential_names: str = ""
    """A callable `(login_ids)` that returns a dict of names by the login's id, such as the name of an app or of a key.
    Logins without such a name are left out. The admin shows the name beside the kind."""
    step_ups: str = ""
    """A callable `(user)` that returns a `StepUp` for each further way in which this person can confirm who they are
    while they are signed in (`authkit.signin.step_up`)."""
    prune: str = ""
    """A callable `(keep)` that returns pairs of a name and a QuerySet of rows that may be deleted. `keep` says how long
    rows stay after their end, as a timedelta. See `prunable`."""
    export: str = ""
    """A callable `(user)` that returns the data that it keeps of a person, as a dict that DRF's JSON renderer takes.
    It is a part of the file that the person may download (`authkit.accounts`)."""
    builds_on: tuple[str, ...] = ()
    """Labels of other apps that it needs."""


class SignInButton(Protocol):
    """A form on the sign-in page, which posts `next` to `login_url`.

    A way to sign in that has to ask something first, such as a telephone number, redirects to a page of its own.
    """

    @property
    def name(self) -> str: ...

    @property
    def login_url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class AccountLink:
    """A page of the account area: the text of its link, and its path."""

    label: str
    url: str
    about: str = ""
    """A sentence that the overview or the security page shows below the link."""
    place: str = ""
    """The page that lists it: `OVERVIEW` or `SECURITY`. A page without a place stands in the navigation."""
    order: int = 100
    """Its place in the navigation: lower numbers come first. The core's pages have 0 (overview), 10 (logins) and 30
    (security)."""


def installed() -> Iterator[Feature]:
    """The declarations of the installed apps, in the order of INSTALLED_APPS."""
    return (_declared(config) for config in _configs())


def labels() -> tuple[str, ...]:
    """Labels of the apps whose tables authkit needs: the core's, those of features, and those that these build on."""
    return (CORE, *(label for config in _configs() for label in (config.label, *_declared(config).builds_on)))


def models() -> Iterator[type[Model]]:
    """The models of these apps, as far as they are installed."""
    wanted = labels()
    return (model for config in apps.get_app_configs() if config.label in wanted for model in config.get_models())


def url_modules() -> Iterator[ModuleType]:
    """The modules of URLs."""
    return (import_module(feature.urls) for feature in installed() if feature.urls)


def check_modules() -> Iterator[ModuleType]:
    """The modules of checks."""
    return (import_module(feature.checks) for feature in installed() if feature.checks)


def sources_of_methods() -> Iterator[Callable[[], Iterable[Any]]]:
    """The callables that return the `Method`s of features."""
    return (import_string(feature.methods) for feature in installed() if feature.methods)


def doors() -> Iterator[Any]:
    """The doors of features."""
    return _entries(feature.doors for feature in installed())


def guards() -> Iterator[tuple[Any, int]]:
    """The guards of features, each with its place."""
    return _entries(feature.guards for feature in installed())


def kinds() -> Iterator[Any]:
    """The kinds of login of features."""
    return _entries(feature.kinds for feature in installed())


def token_formats() -> Iterator[Any]:
    """The formats of token of features."""
    return _entries(feature.token_formats for feature in installed())


def recorders() -> Iterator[tuple[Any, Iterable[str] | None]]:
    """The recorders of features, each with the names of the events that it wants."""
    return _entries(feature.recorders for feature in installed())


def restrictions() -> Iterator[Callable[[Any], bool]]:
    """The callables of features that may demand a new password of a person."""
    return (import_string(feature.restricts) for feature in installed() if feature.restricts)


def sign_in_buttons() -> list[SignInButton]:
    """The buttons of the sign-in page beside the password."""
    declared = [feature.sign_in_buttons for feature in installed() if feature.sign_in_buttons]
    return [button for path in declared for button in import_string(path)()]


def account_links(request: HttpRequest) -> list[AccountLink]:
    """The pages that features add to the account area."""
    return [
        link for feature in installed() if feature.account_area for link in import_string(feature.account_area)(request)
    ]


def step_ups(user: Any) -> list[Any]:
    """The further ways in which this person can confirm who they are."""
    return [way for feature in installed() if feature.step_ups for way in import_string(feature.step_ups)(user)]


def credential_names(login_ids: Iterable[Any]) -> dict[Any, str]:
    """The names of the credentials of these logins, as far as they have one, by the login's id."""
    wanted, named = list(login_ids), {}
    for feature in installed():
        if feature.credential_names and wanted:
            named.update(import_string(feature.credential_names)(wanted))
    return named


def prunable(keep: timedelta) -> Iterator[tuple[str, QuerySet[Any]]]:
    """The rows of features that may be deleted: pairs of a name and a QuerySet.

    Args:
        keep: how long rows stay after their end.
    """
    for feature in installed():
        if feature.prune:
            rows: Iterable[tuple[str, QuerySet[Any]]] = import_string(feature.prune)(keep)
            yield from rows


def exports() -> Iterator[tuple[str, Callable[[Any], Mapping[str, Any]]]]:
    """What features add to the file of a person's data: the name of the part, which is the section's in lower case, and
    the callable that returns it."""
    for config in _configs():
        feature = _declared(config)
        if feature.export:
            yield (feature.section or config.label).lower(), import_string(feature.export)


def is_complete(config: AppConfig) -> bool:
    """Whether the apps that this feature builds on are installed. Without them the feature counts as not installed, so
    that the check of the apps can run and name the missing one."""
    return all(label in apps.app_configs for label in _declared(config).builds_on)


def _entries(paths: Iterable[str]) -> Iterator[Any]:
    """The entries of the tuples at these paths."""
    return (entry for path in paths if path for entry in import_string(path))


def _configs() -> list[AppConfig]:
    return [config for config in apps.get_app_configs() if _declares(config) and is_complete(config)]


def _declares(config: AppConfig) -> bool:
    return isinstance(getattr(config, "authkit", None), Feature)


def _declared(config: AppConfig) -> Feature:
    declared: Feature = config.authkit  # type: ignore[attr-defined]  # a class attribute by agreement
    return declared
