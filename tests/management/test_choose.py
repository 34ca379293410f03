from __future__ import annotations

import builtins
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import django
import pytest
from django.core.management import CommandError, call_command

from authkit.logins.reasons import TokenKind
from authkit.management.questions import Question, WayIn, paths
from authkit.management.ways_in import CLIENT
from authkit.tokens import jwk
from tests.docs.pages import anchors, headings, links, sections
from tests.fresh_project import ADMIN_URLS, FreshProject

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "choosing.md").read_text()
WAYS = list(paths(CLIENT))
SECTIONS = sections(PAGE, 2)
MAIL_SERVER = (
    'MAILERS = {"default": {"OPTIONS": {"host": "mail.example.com"}}}'
    if django.VERSION >= (6, 1)
    else 'EMAIL_HOST = "mail.example.com"'
)
SIBLING = "A single-page app on a sibling subdomain"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a person types, line by line; the end of the input after that."""

    def lines(*words: str) -> None:
        left: Iterator[str] = iter(words)

        def answer(_prompt: str) -> str:
            for word in left:
                return word
            raise EOFError

        monkeypatch.setattr(builtins, "input", answer)

    return lines


def run(*answers: str, **options: Any) -> str:
    out = StringIO()
    call_command("authkit_choose", *answers, stdout=out, **options)
    return out.getvalue()


def plain(text: str) -> str:
    """Markdown as a terminal shows it, on one line: no code marks and fences, the text of a link."""
    lines = [line for line in _linked(text).splitlines() if not line.lstrip().startswith("```")]
    return " ".join("\n".join(lines).replace("`", "").split())


def _linked(text: str) -> str:
    for target in links(text):
        text = text.replace(f"]({target})", "]")
    return text.replace("[", "").replace("]", "")


def said(output: str) -> str:
    return " ".join(output.split())


def sections_named(block: str) -> str:
    return "-".join(name for name in ("TOKENS", "SOCIAL", "OAUTH", "API_KEYS") if name in block) or "none"


def list_of(question: Question, depth: int = 1) -> Iterator[str]:
    """The lines of the page's list below this question."""
    for answer in question.answers:
        line = f"{'  ' * depth}- `{answer.key}`: {answer.text}. "
        if isinstance(answer.then, Question):
            yield f"{line}**{answer.then.text}**"
            yield from list_of(answer.then, depth + 1)
        else:
            [anchor] = anchors(f"## {answer.then.heading}")
            yield f"{line}[{answer.then.heading}](#{anchor})"


def test_the_page_asks_the_same_questions() -> None:
    listed = [line for line in PAGE.splitlines() if line.lstrip().startswith("- ")]
    assert listed == [f"- **{CLIENT.text}**", *list_of(CLIENT)]
    assert [answer.key for answer in CLIENT.answers] == ["page", "spa", "phone", "third-party", "cli", "service"]


@pytest.mark.parametrize(("answers", "way"), WAYS, ids=["-".join(answers) for answers, _way in WAYS])
def test_command_and_page_give_the_same_answer(answers: tuple[str, ...], way: WayIn, typed: Any) -> None:
    output = run(*answers, interactive=False)
    typed(*answers)
    assert run().endswith(output)
    section = SECTIONS[way.heading]
    for text in (way.take, way.why, *way.before, *way.steps):
        assert said(text) in said(output)
        assert plain(text) in plain(section)
    assert f"\n{way.block}\n" in output
    for command in (line for step in (*way.before, *way.steps) for line in step.splitlines()[1:]):
        assert f"   {command}\n" in output  # on one line, to be copied
        assert f"   {command}\n" in section
    assert f"```python\n{way.block}\n```" in section
    assert (ROOT / "docs" / way.page).exists()


@pytest.mark.process
@pytest.mark.parametrize("block", sorted({way.block for _answers, way in WAYS}), ids=sections_named)
def test_settings_pass_the_checks_of_a_new_project(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = {"keys": [jwk.make(algorithm="RS256", use=TokenKind.ACCESS.value)]}
    monkeypatch.setenv("AUTHKIT_KEYS", json.dumps(ring))
    monkeypatch.setenv("GOOGLE_CLIENT_ID", "123.apps.googleusercontent.com")
    monkeypatch.setenv("GOOGLE_CLIENT_SECRET", "a-secret-of-the-provider")
    urls = ADMIN_URLS
    if "OAUTH" in block:
        urls += 'urlpatterns.append(path("", include("authkit.oauth.urls.well_known")))\n'
    project = FreshProject(
        tmp_path, end=f"\n{block}\n{MAIL_SERVER}\nimport authkit\n\nauthkit.configure(globals())\n", urls=urls
    )
    checked = project.manage("check", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout


def test_numbers_and_words_are_answers_and_others_are_asked_for_again(typed: Any) -> None:
    typed("2", "nowhere", " Sibling ")
    output = run()
    assert "'nowhere' is no answer." in output
    assert SIBLING in output


def test_the_rest_is_asked_for(typed: Any) -> None:
    typed("sibling")
    output = run("spa")
    assert CLIENT.text not in output
    assert SIBLING in output


@pytest.mark.parametrize(
    ("answers", "options", "told"),
    [
        ([], {"interactive": False}, r"What is the client\? Answer one of: page, spa, phone"),
        (["spa"], {}, "has no input.*same-origin, sibling, another-site"),
        (["toaster"], {}, "'toaster' is no answer to: What is the client"),
        (["page", "sibling"], {}, "no question left for sibling"),
    ],
)
def test_refusals_name_the_answers(answers: list[str], options: Any, told: str, typed: Any) -> None:
    typed()
    with pytest.raises(CommandError, match=told):
        run(*answers, **options)


def test_every_way_of_the_page_can_be_reached() -> None:
    assert {way.heading for _answers, way in WAYS} <= set(headings(PAGE))
    assert len({answers for answers, _way in WAYS}) == len(WAYS) == 12
