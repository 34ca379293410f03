"""What the system checks say of the rules by which an identity becomes a person."""

from __future__ import annotations

import pytest
from django.core import checks as django_checks

from authkit.social import every_check as providers
from authkit.social.rule_checks import rule_problems
from authkit.social.settings import SOCIAL_STEPS

OURS = list(SOCIAL_STEPS)


async def asynchronous(_profile: object) -> bool:
    return True


@pytest.mark.parametrize(
    ("social", "expected"),
    [
        ({}, set()),
        ({"PIPELINE": OURS}, set()),
        ({"PIPELINE": [*OURS[:3], "tests.social.steps.note", *OURS[3:]]}, set()),
        ({"PIPELINE": []}, {"E220"}),
        ({"PIPELINE": OURS[1:]}, {"E220"}),
        ({"PIPELINE": OURS[:-1]}, {"E220"}),
        ({"PIPELINE": [OURS[1], OURS[0], *OURS[2:]]}, {"E220"}),
        ({"PIPELINE": [*OURS, OURS[-1]]}, {"E220"}),
        ({"PIPELINE": ["social_core.pipeline.social_auth.associate_by_email", *OURS]}, {"E221"}),
        ({"PIPELINE": [*OURS, "tests.social.steps.nowhere"]}, {"E222"}),
        ({"PIPELINE": [*OURS, "nowhere"]}, {"E222"}),
        ({"PIPELINE": [*OURS, ".steps.note"]}, {"E222"}),
        ({"PIPELINE": [*OURS, "tests.social.steps.ASKED"]}, {"E222"}),
        ({"SIGNUP": False}, set()),
        ({"SIGNUP": "tests.social.steps.allow_alice"}, set()),
        ({"SIGNUP": "tests.social.steps.nowhere"}, {"E223"}),
        ({"SIGNUP": ".steps.allow_alice"}, {"E223"}),
        ({"SIGNUP": asynchronous}, {"E223"}),
        ({"SIGNUP": lambda: True}, {"E223"}),
        ({"EMAIL_VERIFIED": "tests.social.steps.verified"}, set()),
        ({"EMAIL_VERIFIED": "tests.social.steps.ASKED"}, {"E223"}),
        ({"SIGNUP_DOMAINS": ["example.com", "bücher.example", "xn--bcher-kva.example", "EXAMPLE.ORG"]}, set()),
        ({"SIGNUP_DOMAINS": ["*.example.com"]}, {"E224"}),
        ({"SIGNUP_DOMAINS": ["me@example.com"]}, {"E224"}),
        ({"SIGNUP_DOMAINS": [""]}, {"E224"}),
        ({"SIGNUP_DOMAINS": ["ex\u212ample.com"]}, {"E224"}),
    ],
)  # fmt: skip
def test_check_names_what_is_wrong(settings, social, expected) -> None:
    settings.AUTHKIT = {"SOCIAL": social}
    found = rule_problems()
    assert all(problem.hint for problem in found)
    assert {str(problem.id).removeprefix("authkit.") for problem in found} == expected


def test_checks_are_registered() -> None:
    assert providers.check_rules in django_checks.registry.registry.get_checks()
