"""`blocks dead-letters` on a terminal of 80 columns: the other commands accept the ids that it prints."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from deploy.embedded.databases import open_database
from shared.bus import EventRouter, PermanentError
from shared.bus.delivery import Delivery
from shared.bus.parking import Parking
from shared.events import Envelope, new_id
from tests.deploy.platform import ROOT, blocks

SERVICE = "notifications"
EVENT = "london.blocks.data_sharing.share.delivered.v1"


@pytest.fixture
async def parked(engines):
    """Two dead letters in a service's database, and the options that name the database."""
    async with open_database(engines.mongodb, SERVICE) as database:
        await database.start()
        try:
            for number in range(2):
                headers = Envelope(id=new_id(), type=EVENT, source="urn:test").headers()
                delivery = Delivery.read("data_sharing.shares", b"key %d" % number, b'{"n": 1}', headers)
                await Parking(database, EventRouter(SERVICE)).park(
                    delivery, PermanentError("the payload does not fit ShareDelivered: " + "x, " * 150)
                )
            yield database, ("--service", SERVICE, "--mongodb", engines.mongodb)
        finally:
            await database.drop()


def _at_a_terminal(*arguments: str, columns: int = 80) -> list[str]:
    """Run a command on a terminal of this width and return its lines."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")} | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-m", "deploy.embedded.cli", *arguments], stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written = b""
    try:
        while part := os.read(ours, 65536):
            written += part
    except OSError:  # Linux reports a closed terminal this way
        pass
    finally:
        os.close(ours)
    assert process.wait(60) == 0, written.decode()
    return re.sub(r"\x1b\[[0-9;]*m", "", written.decode()).splitlines()


async def test_a_listed_id_fits_a_line_and_is_taken_by_show_replay_and_discard(parked):
    database, options = parked
    lines = _at_a_terminal("dead-letters", "list", *options)
    assert all(len(line) <= 80 for line in lines), lines
    first, second = (line.split()[0] for line in lines if re.match(r"[0-9a-f]{12} ", line))
    assert any("data_sharing.share.delivered.v1: PermanentError: the payload does not fit" in line for line in lines)

    shown = json.loads(blocks("dead-letters", "show", first, *options).stdout)
    assert shown["id"].startswith(f"{SERVICE}:{first}")
    assert shown["event_type"] == EVENT

    mended = ("--header", "ce_type=mended.v1", "--header", "note=a=b", "--without-header", "content-type")
    answer = blocks("dead-letters", "replay", first, *mended, *options)
    assert answer.stdout == f"{SERVICE} tries {shown['id']} again with the mended headers.\n", answer.stderr
    row = await database.collection("parked").find_one({"_id": shown["id"]})
    headers = {name: bytes(value) for name, value in row["headers"]}
    assert (row["state"], headers["ce_type"], headers["note"]) == ("parked", b"mended.v1", b"a=b")
    assert "content-type" not in headers

    assert blocks("dead-letters", "discard", second, "--yes", *options).returncode == 0
    assert await database.collection("inbox").count({}) == 1
    assert "No dead messages." in blocks("dead-letters", "list", *options).stdout


async def test_an_id_that_names_none_or_several_is_refused_in_a_line(parked):
    database, options = parked
    none = blocks("dead-letters", "discard", "--yes", "ffffffffffff", *options)
    assert (none.returncode, none.stderr.count("\n")) == (1, 1)
    [row, _] = await database.collection("parked").find({})
    await database.collection("parked").insert_one({**row, "_id": row["_id"][:-4] + "zzzz", "place": 9})
    several = blocks("dead-letters", "discard", "--yes", row["_id"].rpartition(":")[2][:8], *options)
    assert (several.returncode, several.stderr.count("\n")) == (1, 1)
    assert "names several messages" in several.stderr
    assert await database.collection("parked").count({}) == 3


async def test_a_header_without_a_value_is_a_usage_error(parked):
    _, options = parked
    answer = blocks("dead-letters", "replay", "ffffffffffff", "--header", "ce_type", *options)
    assert answer.returncode == 2
    assert "NAME=VALUE" in answer.stderr
