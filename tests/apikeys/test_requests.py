"""Requests by key: what opens which view, what each mode costs, and what is refused without the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from authkit.apikeys.key_text import is_well_formed, new_key
from authkit.apikeys.models import ApiKey
from authkit.apikeys.rotating import rotate_key
from authkit.core.clients import Client
from authkit.exceptions import TokenNotValid
from authkit.limiter.models import AttemptBudget
from authkit.logins.models import Login
from authkit.tokens import verify_token

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.apikeys.urls")]


def statements(call: Any) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        call()
    return [query["sql"] for query in captured.captured_queries]


def test_a_key_opens_a_view_whose_scope_it_has(make: Any, by_key: Any, user: Any) -> None:
    client = by_key(make())
    assert client.get("/notes/").json() == {"user": str(user.pk)}
    refused = client.post("/notes/")
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize("path", ["/note-set/", "/by-function/"])
def test_viewsets_and_function_views_name_their_scopes_too(path: str, make: Any, by_key: Any, user: Any) -> None:
    assert by_key(make()).get(path).json() == {"user": str(user.pk)}
    assert by_key(make(scopes=["notes:write"])).get(path).json()["code"] == "insufficient_scope"


def test_a_method_for_which_the_view_names_no_scopes_is_closed_to_keys(make: Any, by_key: Any, signed_in: Any) -> None:
    refused = by_key(make(scopes=["notes", "notes:read", "notes:write"])).delete("/note-set/")
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert signed_in.delete("/note-set/").status_code == 204


def test_scope_notes_is_not_notes_read(make: Any, by_key: Any) -> None:
    assert by_key(make(scopes=["notes"])).get("/notes/").json()["code"] == "insufficient_scope"


def test_a_view_without_scopes_refuses_keys_unless_the_setting_says_otherwise(
    make: Any, by_key: Any, api_keys: Any
) -> None:
    client = by_key(make())
    assert client.get("/plain/").json()["code"] == "grant_not_accepted"
    api_keys(UNSCOPED_VIEWS="accept")
    assert client.get("/plain/").status_code == 200
    assert client.get("/auth/api/keys/").json()["code"] == "grant_not_accepted"


def test_one_statement_for_a_request_by_key(make: Any, by_key: Any) -> None:
    client = by_key(make())
    client.get("/notes/")
    for path in ("/notes/", "/named/"):
        assert len(statements(lambda path=path: client.get(path))) == 1


@pytest.mark.parametrize("damage", ["last digit", "secret", "cut", "another alphabet", "blank"])
def test_a_wrong_checksum_costs_no_statement_of_the_key(make: Any, by_key: Any, damage: str) -> None:
    text = str(make().text)
    wrong = {
        "last digit": text[:-1] + ("A" if text[-1] != "A" else "B"),
        "secret": text[:20] + ("A" if text[20] != "A" else "B") + text[21:],
        "cut": text[:-1],
        "another alphabet": text[:20] + "é" + text[21:],
        "blank": text + "_",
    }[damage]
    client = by_key(wrong.encode("utf-8").decode("latin-1"))
    answers: list[Any] = []
    asked = statements(lambda: answers.append(client.get("/notes/")))
    assert answers[0].status_code == 401
    assert not [sql for sql in asked if "apikey" in sql]
    assert not is_well_formed(wrong)


def test_an_unknown_key_is_charged_to_its_network(make: Any, by_key: Any, api_keys: Any) -> None:
    api_keys(LIMITER={"NETWORK_SLOW_AFTER": 2, "NETWORK_LOCK_AFTER": 3})
    for _ in range(3):
        AttemptBudget.objects.update(not_before=0)
        assert by_key(str(new_key().text)).get("/notes/").status_code == 401
    assert by_key(str(new_key().text)).get("/notes/").json()["code"] == "locked"
    assert by_key(make()).get("/notes/").status_code == 200  # good keys are not looked at for that


def test_the_header_of_its_own_counts_where_the_setting_has_it(make: Any, api_keys: Any, by_key: Any) -> None:
    made = make()
    own = APIClient(HTTP_X_API_KEY=str(made.text))
    assert own.get("/notes/").status_code == 401
    api_keys(HEADERS=["x-api-key"])
    assert own.get("/notes/").status_code == 200
    assert by_key(made).get("/notes/").status_code == 401  # not behind Bearer then
    assert APIClient(HTTP_X_API_KEY="ak_wrong").get("/notes/").status_code == 401
    assert APIClient().get(f"/notes/?api_key={made.text}&access_token={made.text}").status_code == 401


def test_networks(make: Any, by_key: Any) -> None:
    made = make(networks=["198.51.100.0/24", "2001:db8::/48"])
    for address, status in [
        ("198.51.100.7", 200),
        ("198.51.101.7", 401),
        ("2001:db8::1", 200),
        ("2001:db9::1", 401),
        ("::ffff:198.51.100.7", 200),
        ("", 401),
    ]:
        assert by_key(made, REMOTE_ADDR=address).get("/notes/").status_code == status, address


@pytest.mark.parametrize("network", ["::ffff:198.51.100.0/120", "::ffff:198.51.100.7"])
def test_a_network_that_is_mapped_into_ipv6_is_the_ipv4_network(network: str, make: Any, by_key: Any) -> None:
    made = make(networks=[network, "::/8"])
    assert by_key(made, REMOTE_ADDR="198.51.100.7").get("/notes/").status_code == 200
    assert by_key(made, REMOTE_ADDR="198.51.101.7").get("/notes/").status_code == 401


def test_a_person_deactivated_by_raw_sql_is_out(make: Any, by_key: Any, user: Any) -> None:
    client = by_key(make())
    assert client.get("/notes/").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {user._meta.db_table} SET is_active = %s", [False])
    refused = client.get("/notes/")
    assert (refused.status_code, refused.json()["why"]) == (401, "deactivated")


def test_an_overlap_ends_to_the_second(make: Any, by_key: Any, user: Any, clock: Any) -> None:
    old = make()
    new = rotate_key(user=user, login_id=old.key.pk, overlap=timedelta(hours=1), client=Client())
    clock.forward(seconds=3599)
    assert by_key(old).get("/notes/").status_code == 200
    clock.forward(seconds=2)
    refused = by_key(old).get("/notes/")
    assert (refused.status_code, refused.json()["reason"]) == (401, "expired")
    assert by_key(new).get("/notes/").status_code == 200


def test_the_last_use_is_written_after_the_answer_and_once_a_minute(make: Any, by_key: Any, clock: Any) -> None:
    made = make()
    client = by_key(made, REMOTE_ADDR="198.51.100.7")
    key = ApiKey.objects.filter(pk=made.key.pk)
    client.get("/notes/")
    first = key.get().last_used_at
    assert key.get().last_ip == "198.51.100.7"
    clock.forward(seconds=59)
    assert not [sql for sql in statements(lambda: client.get("/notes/")) if sql.startswith("UPDATE")]
    clock.forward(seconds=2)
    client.get("/notes/")
    assert key.get().last_used_at > first


def test_no_statement_log_or_repr_has_the_secret(make: Any, by_key: Any, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    made: list[Any] = []
    asked = statements(lambda: made.append(make()))
    asked += statements(lambda: by_key(made[0]).get("/notes/"))
    secret = str(made[0].text).split("_")[2]
    assert asked
    for text in (" ".join(asked), caplog.text, repr(made[0]), repr(made[0].key), repr(vars(made[0].key))):
        assert secret not in text


def test_a_key_is_of_no_use_elsewhere(make: Any, api_keys: Any) -> None:
    text = str(make().text)
    for path, body in [
        ("token/refresh/", {"refresh": text}),
        ("token/revoke/", {"token": text}),
        ("token/verify/", {"token": text}),
    ]:
        answer = APIClient().post(f"/auth/api/{path}", body, format="json")
        assert answer.status_code == (200 if path == "token/revoke/" else 401), path
    answer = APIClient(HTTP_AUTHORIZATION=f"Bearer {text}").post("/auth/api/logout/")
    assert (answer.status_code, answer.json()["code"]) == (403, "grant_not_accepted")
    with pytest.raises(TokenNotValid):
        verify_token(token=text)  # the path of simplejwt clients
    api_keys(HEADERS=["x-api-key"])
    answer = APIClient(HTTP_X_API_KEY=text).post("/auth/api/logout/")
    assert (answer.status_code, answer.json()["code"]) == (403, "grant_not_accepted")  # and no 204: the key goes on
    assert Login.objects.live().filter(kind="key").count() == 1
    assert get_user_model().objects.count() == 1
