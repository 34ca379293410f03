"""A person at the provider without a browser: fills in its two pages, comes back with the callback's URL."""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin

import requests

# Sign-in page, consent page, and the redirects between them; more than this is a loop.
MOST_STEPS = 14
SECONDS = 60


def approve(authorization_url: str, account: str = "alice") -> str:
    """Sign ``account`` in at the provider, consent, and answer the URL that the browser is sent back to.

    ``authorization_url`` is where the relying party sent the browser. The answer isn't followed: it is for
    the client that began. Raises AssertionError, with the page, where the provider refuses.
    """
    provider = authorization_url.split("/auth?")[0]
    with requests.Session() as person:
        answer = person.get(authorization_url, allow_redirects=False, timeout=SECONDS)
        for _ in range(MOST_STEPS):
            if answer.is_redirect:
                target = urljoin(answer.url, answer.headers["Location"])
                if not target.startswith(f"{provider}/"):
                    return target
                answer = person.get(target, allow_redirects=False, timeout=SECONDS)
                continue
            form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
            assert form, f"{answer.status_code} from {answer.url}: {answer.text}"
            filled = {"prompt": "consent"}
            if 'name="login"' in answer.text:
                filled = {"prompt": "login", "login": account, "password": "any"}
            action = urljoin(answer.url, html.unescape(form[1]))
            answer = person.post(action, data=filled, allow_redirects=False, timeout=SECONDS)
    raise AssertionError(f"the provider went round in circles, lastly to {answer.url}")
