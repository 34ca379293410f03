"""SOCIAL.PIPELINE: which steps lead from a provider's answer to a person, and whether the list is a safe one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.module_loading import import_string

from authkit import conf
from authkit.social.failures import Failure, refuse
from authkit.social.settings import SOCIAL_STEPS, SocialSettings

FOREIGN = ("social_core.", "social_django.")


@dataclass(frozen=True, slots=True)
class StepProblem:
    """One thing wrong with the list: `kind` is "own", "foreign" or "import"."""

    kind: str
    message: str


def step_problems(paths: tuple[str, ...]) -> Iterator[StepProblem]:
    """Everything that is wrong with a list of steps.

    Each of ours has to be there, once and in order: what the earlier ones refuse, the later ones take for granted. A
    step of social-core's may not stand beside them: such steps link by address, keep tokens and overwrite what people
    changed here.
    """
    if tuple(path for path in paths if path in SOCIAL_STEPS) != SOCIAL_STEPS:
        yield StepProblem("own", "a step of authkit's is missing, there twice, or out of order")
    for path in paths:
        if path.startswith(FOREIGN):
            yield StepProblem("foreign", f"{path!r} is a step for another pipeline")
            continue
        try:
            step = import_string(path)
        except Exception as error:  # noqa: BLE001  # a module runs when it is imported, and may raise anything
            yield StepProblem("import", f"{path!r} can't be imported: {error}")
        else:
            if not callable(step):
                yield StepProblem("import", f"{path!r} can't be called")


def current_steps() -> list[str]:
    """The configured steps.

    Raises:
        SocialLoginFailed: `misconfigured`: the list isn't safe, so no sign-in goes by it.
    """
    paths = conf.section(SocialSettings).pipeline
    for problem in step_problems(paths):
        raise refuse(Failure.MISCONFIGURED, f"SOCIAL.PIPELINE: {problem.message}")
    return list(paths)
