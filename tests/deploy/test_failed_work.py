"""`blocks dead-letters` shows refused events and dead commands, which an operator mends, repeats or discards."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from deploy.embedded import databases
from deploy.embedded.cli import app
from deploy.embedded.databases import ServiceDatabase
from shared import clock, commands
from shared.context import NO_CAUSE
from shared.mongo import outbox_rows as rows
from shared.settings import ServiceSettings
from tests.shared.thing import ThingMade


@pytest.fixture
async def database(engines, settings, monkeypatch) -> AsyncIterator[ServiceDatabase]:
    """A database of this test, with one refused event and one dead command."""
    own = settings(ServiceSettings, name="portal").database

    def of_this_test(name: str, **rest: Any) -> ServiceSettings:
        return ServiceSettings(name=name, database=own if name == "portal" else f"{own}_{name}", **rest)

    monkeypatch.setattr(databases, "ServiceSettings", of_this_test)
    database = await ServiceDatabase(of_this_test("portal", mongodb=SecretStr(engines.mongodb), driver="pymongo")).start()
    now = clock.now()
    for number, state in ((1, "refused"), (2, "waiting")):
        row = rows.row(ThingMade(thing="chair", number=number, sequence=number), service="portal", topic_prefix="", cause=NO_CAUSE)
        held = {"state": state, "whole_topic": False, "error": "MessageSizeTooLargeError", "attempts": 1, "set_aside_at": now, "due": now}
        await database.collection("outbox_unsent").insert_one({**row, **held})
    dead = commands.new_row("making", "chair", "Paint", {"secret": "words"}) | {"state": commands.DEAD, "due": None, "died_at": now}
    await database.collection("commands").insert_one({**dead, "created_at": now - timedelta(days=20)})
    yield database
    await database.close()


async def _blocks(engines, *words: str, code: int = 0) -> str:
    arguments = ["dead-letters", *words, "--mongodb", engines.mongodb]
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert done.exit_code == code, done.output
    return done.output


async def _listed(engines, state: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(await _blocks(engines, "list", "--state", state, "--json", "--service", "portal"))
    return found


@pytest.mark.usefixtures("database")
async def test_an_unsent_event_is_listed_shown_mended_and_discarded(engines, tmp_path: Path):
    refused, waiting = await _listed(engines, "unsent")
    assert (refused["state"], waiting["state"]) == ("refused", "waiting")
    shown = json.loads(await _blocks(engines, "show", refused["id"]))
    assert shown["value"]["number"] == 1
    said = await _blocks(engines, "replay", waiting["id"], code=1)
    assert "waits behind another event of its key" in said
    mended = tmp_path / "mended.json"
    mended.write_text("{}")
    assert "mended" in await _blocks(engines, "replay", refused["id"], "--value", str(mended))
    await _blocks(engines, "discard", refused["id"], "--yes")
    [left] = await _listed(engines, "unsent")
    assert (left["id"], left["state"]) == (waiting["id"], "refused")


@pytest.mark.usefixtures("database")
async def test_a_dead_command_is_listed_and_released_only_knowingly(engines):
    [dead] = await _listed(engines, "command")
    assert "words" not in json.dumps(dead)
    assert "second time" in await _blocks(engines, "replay", dead["id"], code=1)
    assert "again" in await _blocks(engines, "replay", dead["id"], "--may-repeat")
    assert await _listed(engines, "command") == []
