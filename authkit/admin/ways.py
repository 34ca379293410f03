"""The ways in by the names that people know: a provider's name instead of its id."""

from __future__ import annotations

from collections.abc import Iterable

from authkit.signin.methods import methods as known_methods


def names_of_ways() -> dict[str, str]:
    """The name of each way in that is configured, by `Login.method`."""
    return {method.id: str(method.label) for method in known_methods().values()}


def name_of_way(method: str) -> str:
    """The name of one way in. A provider that was taken out of the settings has its id as a name."""
    return names_of_ways().get(method, method)


def ways_in_words(methods: Iterable[tuple[str, int]]) -> str:
    """The number of logins by each way in, such as "Google: 2, password: 1"."""
    names = names_of_ways()
    return ", ".join(f"{names.get(method, method)}: {count}" for method, count in methods)
