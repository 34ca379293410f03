"""The caller of a request: address and device, as far as they can be known."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ua_parser import parse

MAX_USER_AGENT = 512
"""Characters of a User-Agent header that are looked at: the parser runs regular expressions over it."""

_IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Client:
    """The caller of a request: an IP address in text form or None, and a name such as "Firefox on Linux" or ""."""

    address: str | None = None
    device: str = ""

    @property
    def network(self) -> str:
        """The smallest network that one customer of a provider has: an IPv4 address, of IPv6 the /64; "" if unknown."""
        return _network(self.address) if self.address else ""


@lru_cache(maxsize=1024)
def _network(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))


def client_from(meta: Mapping[str, Any], *, trusted_proxies: int) -> Client:
    """Reads a WSGI or ASGI request's META.

    Args:
        meta: `HttpRequest.META`; may lack everything, as in a request made by a test client.
        trusted_proxies: how many proxies of the project's own append to X-Forwarded-For.
    """
    return Client(
        address=client_address(meta, trusted_proxies=trusted_proxies),
        device=device_name(str(meta.get("HTTP_USER_AGENT", ""))),
    )


def client_address(meta: Mapping[str, Any], *, trusted_proxies: int) -> str | None:
    """The address from which the outermost trusted proxy was called (ASVS 4.1.3).

    Only the right-most `trusted_proxies` entries of X-Forwarded-For were written by machines of ours; the entries to
    their left are the caller's own claim. With fewer entries than proxies the request did not come through all of them,
    so the header is not believed at all.
    """
    candidate = str(meta.get("REMOTE_ADDR", ""))
    if trusted_proxies > 0:
        hops = [hop.strip() for hop in str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
        if len(hops) >= trusted_proxies:
            candidate = hops[-trusted_proxies]
    return _normalised(candidate)


@lru_cache(maxsize=1024)
def _normalised(text: str) -> str | None:
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def device_name(user_agent: str) -> str:
    """A name that a person recognises, such as "Firefox on Linux"; empty where the header says nothing usable."""
    return _device_name(user_agent[:MAX_USER_AGENT]) if user_agent else ""


@lru_cache(maxsize=1024)
def _device_name(user_agent: str) -> str:
    # The parser hands on a NUL in the header, and PostgreSQL keeps none.
    result = parse("".join(filter(str.isprintable, user_agent)))
    browser = result.user_agent.family if result.user_agent else ""
    system = result.os.family if result.os else ""
    return " on ".join(part for part in (browser, system) if part and part != "Other")


def warm_up() -> None:
    """Has the parser read its rules, which takes a tenth of a second at the first User-Agent of a process.

    For a process that is about to serve requests: without it the first sign-in waits. A management command that parses
    no User-Agent does not need it.
    """
    device_name("Mozilla/5.0")
