"""How people prove who they are: one entry for each value of `Login.method` that is known here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Method:
    """A way in."""

    id: str
    """As `Login.method` holds it."""
    label: Any
    """The name for people; may be a lazy translation."""
    amr: tuple[str, ...] = ()
    """Which kinds of evidence it is (RFC 8176 section 2); empty where only another party knows."""


PASSWORD = Method("password", _("Password"), ("pwd",))
REMOTE_USER = Method("remote-user", _("Web server"))
"""The web server says who the person is, as Django's `RemoteUserBackend` takes it. It knows how they proved that; the
person may have no password here."""

Source = Callable[[], Iterable[Method]]
"""Returns methods that the settings decide about, such as the providers of SOCIAL. Read at use."""

_REMOTE_USER_BACKEND = ("django.contrib.auth.backends", "RemoteUserBackend")

_methods: dict[str, Method] = {PASSWORD.id: PASSWORD}


def takes_remote_user(backend: Any) -> bool:
    """Whether a back end believes the web server about who the person is.

    Args:
        backend: what `AUTHENTICATION_BACKENDS` names: a class, or another callable.
    """
    # By its name: Django's module imports models, and an app's `apps.py` may import this one.
    bases = backend.__mro__ if isinstance(backend, type) else ()
    return any((base.__module__, base.__qualname__) == _REMOTE_USER_BACKEND for base in bases)


def _methods_of_backends() -> Iterator[Method]:
    if any(takes_remote_user(import_string(path)) for path in settings.AUTHENTICATION_BACKENDS):
        yield REMOTE_USER


_sources: list[Source] = [_methods_of_backends]


def register_method(method: Method) -> None:
    """Makes a method known; for `AppConfig.ready()`. Safe to call twice.

    Raises:
        ValueError: another one has its id.
    """
    if _methods.setdefault(method.id, method) != method:
        raise ValueError(f"there is another sign-in method {method.id!r}")


def register_methods_of(source: Source) -> None:
    """The same for methods that the settings decide about. Safe to call twice."""
    if source not in _sources:
        _sources.append(source)


def methods() -> dict[str, Method]:
    """All methods that are known now, by id. A registered one wins over a source's."""
    found = {method.id: method for source in _sources for method in source()}
    return found | _methods


def method_of(method_id: str) -> Method:
    """The method with this id; labelled by its id where it is not known, such as a provider that left the settings."""
    return _methods.get(method_id) or methods().get(method_id) or Method(method_id, method_id)
