"""Challenges: proof that a person, or a machine that pays for it, makes a try at a name that was guessed at before.

LIMITER.CHALLENGE names one of these classes, or one of the project's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.signin.challenges.base import Challenge, ChallengeUnavailable
    from authkit.signin.challenges.proof_of_work import ProofOfWork
    from authkit.signin.challenges.providers import HCaptcha, Turnstile
    from authkit.signin.challenges.sources import challenge_sources

__all__ = ["Challenge", "ChallengeUnavailable", "HCaptcha", "ProofOfWork", "Turnstile", "challenge_sources"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Challenge": "authkit.signin.challenges.base",
        "ChallengeUnavailable": "authkit.signin.challenges.base",
        "HCaptcha": "authkit.signin.challenges.providers",
        "ProofOfWork": "authkit.signin.challenges.proof_of_work",
        "Turnstile": "authkit.signin.challenges.providers",
        "challenge_sources": "authkit.signin.challenges.sources",
    },
)
