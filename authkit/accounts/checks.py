"""What `manage.py check` says of the section ACCOUNTS. Those of registration, E250 to E255, are in
`authkit.accounts.registration.checks`.

E259  the user model has no field is_active
W260  the first password hasher is a weak one (deploy)
W261  short passwords, and no second factor (deploy)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import hashers
from django.contrib.auth.hashers import get_hashers
from django.contrib.auth.password_validation import MinimumLengthValidator, get_default_password_validators
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004

from authkit import conf
from authkit.accounts.deletion import can_deactivate
from authkit.accounts.registration.checks import check_fields, check_public_url, check_rules
from authkit.accounts.settings import AccountsSettings


def check_is_active(**_: Any) -> list[CheckMessage]:
    """E259."""
    if can_deactivate():
        return []
    text = "The user model has no field is_active, so people can't delete their accounts."
    hint = "Add is_active = models.BooleanField(default=True) to it: a deleted account is inactive until it is gone."
    return [Error(text, hint=hint, id="authkit.E259")]


WRITE_HASHER = (
    "Write PASSWORD_HASHERS = ['django.contrib.auth.hashers.Argon2PasswordHasher', …, "
    "'django.contrib.auth.hashers.PBKDF2PasswordHasher'] and install django[argon2]; without a package, "
    "'django.contrib.auth.hashers.ScryptPasswordHasher' first. Each old hash is replaced at its person's next sign-in."
)

ADVISED_LENGTH = 15
"""Characters of a password that stands alone (NIST 800-63B-4 section 3.1.1.1)."""

LEAST_ARGON2_MEMORY = 19 * 1024
"""KiB, as OWASP advises at least; Django's own are 100 MiB."""
LEAST_BCRYPT_ROUNDS = 12


def check_hasher(**_: Any) -> list[CheckMessage]:
    """W260 (ASVS 11.4.2)."""
    first = get_hashers()[0]
    weak = _weakness(first)
    if not weak:
        return []
    text = (
        f"PASSWORD_HASHERS begins with {type(first).__name__}, {weak}: a stolen table of passwords is guessed faster."
    )
    return [Warning(text, hint=WRITE_HASHER, id="authkit.W260")]


def _weakness(hasher: Any) -> str:
    if isinstance(hasher, hashers.Argon2PasswordHasher):
        return "" if hasher.memory_cost >= LEAST_ARGON2_MEMORY else "with little memory"
    if isinstance(hasher, hashers.BCryptSHA256PasswordHasher):
        return "" if hasher.rounds >= LEAST_BCRYPT_ROUNDS else f"with fewer than {LEAST_BCRYPT_ROUNDS} rounds"
    return "" if isinstance(hasher, hashers.ScryptPasswordHasher) else "which needs next to no memory"


def check_password_length(**_: Any) -> list[CheckMessage]:
    """W261."""
    least = [conf.section(AccountsSettings).password_min]
    least += [v.min_length for v in get_default_password_validators() if isinstance(v, MinimumLengthValidator)]
    if max(least) >= ADVISED_LENGTH:
        return []
    text = f"A password of {max(least)} characters is enough to sign in, and no second factor is asked for."
    hint = f"Set ACCOUNTS.PASSWORD_MIN to {ADVISED_LENGTH}, as NIST 800-63B-4 advises, or silence this check."
    return [Warning(text, hint=hint, id="authkit.W261")]


CHECKS: tuple[Callable[..., Any], ...] = (check_rules, check_fields, check_is_active)
DEPLOY_CHECKS: tuple[Callable[..., Any], ...] = (check_public_url, check_hasher, check_password_length)
