"""docs/http.md and the OpenAPI document, compared in both directions: calls, statuses, fields, codes."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from authkit.openapi.document import document

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "http.md").read_text()
CODE = re.compile(r"`([a-z_]+)`")
METHODS = {"get", "post", "put", "patch", "delete"}
NOT_OF_ONE_CALL = {"method_not_allowed"}
"""Answered where a path has no such method: of that, a document says nothing."""


def rows(heading: str) -> list[list[str]]:
    """The cells of the tables under a heading, without the tables' own heads."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert section, heading
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return [cells for cells in found if cells[0].startswith("`")]


def fields_in(cell: str) -> dict[str, bool] | None:
    """The fields that `{"a", "b"?}` names, and whether each is always there; None where the cell has no such thing."""
    found = re.search(r"`\[?\{(.*?)\}\]?`", cell)
    if found is None:
        return None
    return {name: not optional for name, optional in re.findall(r'"(\w+)"(\?)?', found[1])}


def credentials_in(cell: str) -> dict[str, bool] | None:
    """The fields of a body, whose "username" is called as the user model calls it."""
    named = fields_in(cell)
    return named and {get_user_model().USERNAME_FIELD if n == "username" else n: always for n, always in named.items()}


def statuses_of_codes() -> dict[str, set[int]]:
    return {
        CODE.findall(code)[0]: {int(s) for s in re.findall(r"\d{3}", status)}
        for code, status, _ in rows("Refusal codes")
    }


def codes_of_every_call() -> tuple[list[str], list[str]]:
    """Of each call, and of each that is not a GET."""
    [line] = [line for line in PAGE.splitlines() if line.startswith("- Every call may also answer")]
    every, others = line.split("; each call but a GET also ")
    return CODE.findall(every), CODE.findall(others)


def codes_of_credentials(path: str, refusals: list[str]) -> list[str]:
    """Of a call that looks at a credential."""
    [limited] = [line for line in PAGE.splitlines() if line.startswith("- A call that has `not_authenticated` among")]
    [restricted] = [line for line in PAGE.splitlines() if line.startswith("- A [restricted login]")]
    found = []
    if "not_authenticated" in refusals or f"`{path}`" in limited:
        found.append("grant_not_accepted")
    if "not_authenticated" in refusals and f"`{path}`" not in restricted:
        found.append("password_change_required")
    return found


def token_answers() -> list[dict[str, bool]]:
    table = [cells for cells in rows("Tokens") if len(cells) == 3]
    named = (re.findall(r"`(\w+)`(\?)?", cells[1]) for cells in table)
    return [{name: not optional for name, optional in fields} for fields in named]


def calls_of_page() -> dict[tuple[str, str], dict[str, Any]]:
    """What the page says: for each call its query, body, answers and refusals."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    statuses, (every, others) = statuses_of_codes(), codes_of_every_call()
    headings = (
        *("Sessions", "Tokens", "Every kind of login", "Step-up", "Known devices", "Social", "Accounts"),
        "API keys",
        "Apps of third parties",
    )
    for heading in headings:
        for call, body, answer, refusals in (cells for cells in rows(heading) if len(cells) == 4):
            method, path = call.strip("`").split()
            path, _, query = path.partition("?")
            codes = CODE.findall(refusals) + every + (others if method != "GET" else [])
            codes += codes_of_credentials(path, codes)
            if path == "jwks.json":
                codes.remove("throttled")
            refused: dict[int, set[str]] = {}
            for code in codes:
                for status in statuses[code]:
                    refused.setdefault(status, set()).add(code)
            more = {"keys": True} if "a token answer with `keys`" in answer else {}
            fields = [
                *(fields_in(f"`{form}`") for form in re.findall(r"`\[?(\{.*?\})\]?`", answer)),
                *(form | more for form in token_answers() if "a token answer" in answer),
            ]
            found[method, "/" + re.sub(r"<(\w+)>", r"{\1}", path)] = {
                "query": set(query.split("&")) - {""},
                "body": credentials_in(body),
                "answers": {int(s) for s in re.findall(r"\b(?:20\d|304)\b", answer)},
                "fields": [given for given in fields if given is not None],
                "refusals": refused,
            }
    return found


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    return document(urlconf="authkit.urls.api")


def resolved(schema: dict[str, Any], api: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = api["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def fields_of(schema: dict[str, Any], api: dict[str, Any]) -> list[dict[str, bool]]:
    """As the page has them: one dict, or one for each of several forms."""
    schema = resolved(schema, api)
    if "allOf" in schema:
        forms = [fields_of(part, api) for part in schema["allOf"]]
        return [dict(item for fields in chosen for item in fields.items()) for chosen in product(*forms)]
    if "anyOf" in schema:
        return [fields for form in schema["anyOf"] for fields in fields_of(form, api)]
    if schema.get("type") == "array":
        return fields_of(schema["items"], api)
    return [{name: name in schema.get("required", ()) for name in schema.get("properties", {})}]


def codes_of(schema: dict[str, Any]) -> set[str]:
    refusal = schema["oneOf"][0] if "oneOf" in schema else schema
    return set(refusal["allOf"][1]["properties"]["code"]["enum"])


def calls_of(api: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """What the document says, in the same form."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path, item in api["paths"].items():
        for method in METHODS & set(item):
            operation = item[method]
            schemas = {
                int(status): response["content"]["application/json"]["schema"] if "content" in response else None
                for status, response in operation["responses"].items()
            }
            body = operation.get("requestBody")
            found[method.upper(), path] = {
                "query": {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"},
                "body": body and fields_of(body["content"]["application/json"]["schema"], api)[0],
                "answers": {status for status in schemas if status < 400},
                "fields": [f for status, s in schemas.items() if status < 400 and s for f in fields_of(s, api)],
                "refusals": {status: codes_of(s) for status, s in schemas.items() if status >= 400 and s},
            }
    return found


def test_page_and_document_have_the_same_calls(api: dict[str, Any]) -> None:
    assert set(calls_of_page()) == set(calls_of(api))


@pytest.mark.parametrize("part", ["query", "body", "answers", "fields", "refusals"])
def test_each_call_is_the_same_in_both(api: dict[str, Any], part: str) -> None:
    page = {call: said[part] for call, said in calls_of_page().items()}
    assert page == {call: said[part] for call, said in calls_of(api).items()}


def test_each_code_of_the_page_is_some_calls_and_the_other_way_round(api: dict[str, Any]) -> None:
    answered = {code for said in calls_of(api).values() for codes in said["refusals"].values() for code in codes}
    assert set(statuses_of_codes()) - NOT_OF_ONE_CALL == answered


@pytest.mark.parametrize("name", ["User", "Login"])
def test_objects_have_the_fields_that_the_page_names(api: dict[str, Any], name: str) -> None:
    [line] = re.findall(rf"^- `{name}`: (`.*?`)", PAGE, re.MULTILINE)
    assert fields_in(line) == fields_of({"$ref": f"#/components/schemas/AuthKit{name}"}, api)[0]


def test_path_without_such_a_method_is_405(client: Any) -> None:
    answer = client.delete("/auth/api/token/")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert statuses_of_codes()["method_not_allowed"] == {405}
