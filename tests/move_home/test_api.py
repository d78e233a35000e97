"""The app's API for programs, with a real store and every block down: it keeps accepted moves."""

import re
from typing import Any

from shared.mongo import Document

SCOPE = "move_home:move:create"
MOVE: dict[str, Any] = {
    "given_name": "Adalbertina",
    "family_name": "Quillfeather",
    "email": "adalbertina@quillfeather.example",
    "phone": "07700 900 982",
    "old_address": {"uprn": "100021234567", "text": "1 Quaggy Mews, London", "postcode": "NW1 8AB", "borough": "E09000007"},
    "new_address": {"text": "2 Wibble Row, London", "postcode": "n165tt", "borough": "E09000012"},
    "moved_on": "2026-03-01",
    "tell": [{"borough": "E09000007", "purpose": "council-tax"}, {"borough": "E09000012", "purpose": "electoral-register"}],
}


async def test_a_move_is_accepted_and_followed_while_every_block_is_down(app, tokens, eventually):
    headers = tokens.bearer(SCOPE)
    accepted = await app.running.http.post("/api/moves", json=MOVE, headers=headers)
    assert accepted.status_code == 201
    move = accepted.json()["id"]

    async def waiting_commands() -> bool:
        rows = await app.store.collection("commands").find({"instance": move})
        return len(rows) == 2 and all(row["attempts"] >= 1 for row in rows)

    await eventually(waiting_commands)
    status = (await app.running.http.get(accepted.headers["location"], headers=headers)).json()
    assert (status["status"], status["outcome"]) == ("in progress", "under_way")
    assert re.fullmatch(r"MOV-[2-9C-Y]{3}-[2-9C-Y]{3}", status["reference"])
    assert [(step["name"], step["status"]) for step in status["steps"]] == [
        ("recorded", "done"),
        ("shared:E09000007:council-tax", "running"),
        ("shared:E09000012:electoral-register", "running"),
        ("email", "waiting"),
        ("sms", "waiting"),
    ]


async def test_the_same_key_is_the_same_move(app, tokens):
    first, second = [
        await app.running.http.post("/api/moves", json=MOVE, headers=tokens.bearer(SCOPE) | {"Idempotency-Key": "k1"}) for _ in range(2)
    ]
    assert first.json()["id"] == second.json()["id"]
    assert await app.store.collection("moves").count({}) == 1


async def test_nothing_about_the_person_is_stored_in_the_clear(app, tokens, eventually):
    move = (await app.running.http.post("/api/moves", json=MOVE, headers=tokens.bearer(SCOPE))).json()["id"]

    async def begun() -> bool:
        found: int = await app.store.collection("processes").count({"instance": move})
        return found == 1

    await eventually(begun)
    rows: list[Document] = []
    for name in ("moves", "processes", "commands", "outbox", "outbox_sent", "inbox", "idempotency", "parked"):
        rows += await app.store.collection(name).find({})
    assert rows
    stored = repr(rows)
    for secret in ("Adalbertina", "Quillfeather", "adalbertina", "900982", "900 982", "Quaggy", "Wibble", "NW1", "N16", "100021234567"):
        assert secret not in stored, secret


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"email": "nobody"}, "body.email"),
    ({"phone": "020 7946 0000"}, "body.phone"),
    ({"given_name": " "}, "body.given_name"),
    ({"family_name": "x" * 101}, "body.family_name"),
    ({"family_name": "a\nb"}, "body.family_name"),
    ({"new_address": {"text": "somewhere", "postcode": "N1"}}, "body.new_address.postcode"),
    ({"new_address": {"text": "somewhere", "postcode": "N16 5TT", "borough": "E09000099"}}, "body.new_address.borough"),
    ({"moved_on": "yesterday"}, "body.moved_on"),
    ({"tell": []}, "body.tell"),
    ({"tell": [{"borough": "E09000012", "purpose": "gossip"}]}, "body.tell.0"),
    ({"tell": [{"borough": "Hackney", "purpose": "council-tax"}]}, "body.tell.0"),
    ({"favourite_colour": "blue"}, "body.favourite_colour"),
]


async def test_bad_input_is_refused_and_names_the_field(app, tokens):
    for change, field in WRONG:
        refused = await app.running.http.post("/api/moves", json=MOVE | change, headers=tokens.bearer(SCOPE))
        assert refused.status_code == 400, change
        assert refused.json()["errors"][0]["field"] == field
    assert await app.store.collection("moves").count({}) == 0


async def test_who_may_submit_and_follow(app, tokens):
    http = app.running.http
    assert (await http.post("/api/moves", json=MOVE)).status_code == 401
    assert (await http.post("/api/moves", json=MOVE, headers=tokens.bearer("move_home:other:thing"))).status_code == 403
    assert (await http.post("/api/moves", json=MOVE, headers=tokens.bearer(SCOPE, borough="E09000007"))).status_code == 403
    citizen = tokens.bearer(SCOPE, subject="citizen-1", client_id="web")
    assert (await http.post("/api/moves", json=MOVE | {"subject": "citizen-2"}, headers=citizen)).status_code == 403
    own = (await http.post("/api/moves", json=MOVE, headers=citizen)).json()["id"]
    assert (await http.get(f"/api/moves/{own}", headers=citizen)).status_code == 200
    assert (await http.get(f"/api/moves/{own}", headers=tokens.bearer(SCOPE, subject="citizen-2", client_id="web"))).status_code == 404
    assert (await http.get(f"/api/moves/{own}", headers=tokens.bearer(SCOPE))).status_code == 404
    assert (await http.get("/api/moves/none", headers=citizen)).status_code == 404
