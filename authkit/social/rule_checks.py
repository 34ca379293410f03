"""The messages of `manage.py check` about the rules by which an identity becomes a person.

E220  PIPELINE lacks a step of authkit's    E223  SIGNUP or EMAIL_VERIFIED can't be called
E221  PIPELINE has a step of social-core's  E224  SIGNUP_DOMAINS names what is no domain
E222  a step can't be imported or called
"""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error

from authkit import conf
from authkit.conf import Hook
from authkit.core.mailboxes import ascii_domain
from authkit.signin.sign_up import takes_one
from authkit.social.flow.steps import step_problems
from authkit.social.settings import SOCIAL_STEPS, SocialSettings

_STEPS = {
    "own": ("authkit.E220", f"Begin with {list(SOCIAL_STEPS)} and put yours between them, or leave the key out."),
    "foreign": ("authkit.E221", "Take it out, and write a step of your own if you need what it does."),
    "import": ("authkit.E222", "Name a function of yours by its dotted path; it takes keyword arguments."),
}


def rule_problems() -> list[CheckMessage]:
    """Everything that is wrong with them. Reads the block, mistakes and all."""
    social = conf.section(SocialSettings, conf.inspect()[0])
    return [*_pipeline(social), *_hooks(social), *_domains(social)]


def _pipeline(social: SocialSettings) -> Iterator[CheckMessage]:
    for problem in step_problems(social.pipeline):
        check_id, hint = _STEPS[problem.kind]
        yield Error(f"AUTHKIT SOCIAL.PIPELINE: {problem.message}, so every sign-in is refused.", hint=hint, id=check_id)


def _hooks(social: SocialSettings) -> Iterator[CheckMessage]:
    for key, example, hook in (
        ("SIGNUP", "allow(profile)", social.signup),
        ("EMAIL_VERIFIED", "verified(user)", social.email_verified),
    ):
        if isinstance(hook, Hook) and hook and not takes_one(hook):
            yield Error(
                f"AUTHKIT SOCIAL.{key} {hook!r} can't be imported, or can't be called with one argument.",
                hint=f"Name a function of yours: def {example}: return True or False; it can't be async.",
                id="authkit.E223",
            )


def _domains(social: SocialSettings) -> Iterator[CheckMessage]:
    for domain in social.signup_domains:
        if not ascii_domain(domain):
            yield Error(
                f"AUTHKIT SOCIAL.SIGNUP_DOMAINS: {domain!r} is no domain.",
                hint='Write it as "example.com": no @, no wildcard. A sub-domain is a domain of its own.',
                id="authkit.E224",
            )
