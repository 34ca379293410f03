"""A package's public names, loaded when they are first asked for (PEP 562).

A settings module, or a service without Django, imports `authkit` long before the app registry is complete. So the names
of a package are looked up in its modules no sooner than a caller asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(namespace: dict[str, Any], names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for the `__init__` of a package.

    Args:
        namespace: the package's `globals()`; a name that was loaded once stands there afterwards.
        names: each public name, and the module of this package, or any other one, that has it.
    """
    package = namespace["__name__"]

    def load(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = namespace[name] = getattr(import_module(names[name]), name)
        return value

    def everything() -> list[str]:
        return sorted({*namespace, *names})

    return load, everything
