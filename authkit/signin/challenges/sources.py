"""What a site's Content-Security-Policy has to allow for its challenge."""

from __future__ import annotations

from collections.abc import Mapping

from authkit.signin.challenges.asking import configured


def challenge_sources() -> Mapping[str, str]:
    """The directives, such as `{"script-src": "'self'"}`, for the answer that shows the sign-in page; {} where no
    challenge is set."""
    challenge = configured()
    return {} if challenge is None else challenge.sources
