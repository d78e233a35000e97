"""The state of a running platform: processes, memory and backlogs."""

import asyncio
import json
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlsplit

import httpx
import psutil
from rich.table import Table

from deploy.embedded.databases import open_database
from deploy.embedded.engines.kafka_protocol import broker_answers
from deploy.embedded.engines.mongodb_protocol import takes_writes
from deploy.embedded.ready_file import Ready
from shared.bus.dead_letters import DeadLetters
from shared.commands import Commands
from shared.kafka_access import KafkaAccess
from shared.mongo import DatabaseError
from shared.outbox.unsent import UnsentMessages


@dataclass(frozen=True)
class State:
    """The state of one process; None for a figure that does not apply or cannot be read now."""

    name: str
    pid: int
    port: int | None
    ready: bool
    rss_mb: int | None
    """Resident memory, in 10^6 bytes."""
    lag: int | None = None
    """Messages that its consumers have not handled yet (consumer lag)."""
    outbox: int | None = None
    """Events of its service that are committed but not published."""
    parked: int | None = None
    dead: int | None = None
    unsent: int | None = None
    """Events of its service that the broker refuses, and those that wait behind one."""
    dead_commands: int | None = None
    """Commands of its service without attempts left."""


async def collect(ready: Ready) -> list[State]:
    """Collect the state of every process in the ready file."""
    asked = []
    for name, pids in ready.processes.items():
        if name in ("database", "broker"):
            address = ready.mongodb if name == "database" else f"kafka://{ready.kafka}"
            asked.append(_engine(name, pids[0], urlsplit(address).port or 0, ready.kafka_access))
            continue
        urls = (ready.replicas or {}).get(name, [ready.urls[name]])
        asked += [_replica(name, number, pid, url, ready) for number, (pid, url) in enumerate(zip(pids, urls, strict=True), 1)]
    return list(await asyncio.gather(*asked))


async def _engine(name: str, pid: int, port: int, kafka_access: KafkaAccess) -> State:
    answers = await (broker_answers(port, kafka_access) if name == "broker" else takes_writes(port))
    return State(name, pid, port, answers, _rss(pid))


async def _replica(name: str, number: int, pid: int, url: str, ready: Ready) -> State:
    is_ready, lag = await _health(url)
    state = State(name if number == 1 else f"{name}-{number}", pid, urlsplit(url).port, is_ready, _rss(pid), lag)
    if number > 1:  # the database's counts belong to the service, so the first replica reports them
        return state
    try:
        async with asyncio.timeout(5), open_database(ready.mongodb, name) as database:
            counts = await DeadLetters(database).count()
            outbox = await database.collection("outbox").count({})
            unsent = sum((await UnsentMessages(database).count()).values())
            dead_commands = await Commands(database).count_dead()
    except (DatabaseError, TimeoutError):
        return state
    return replace(state, outbox=outbox, unsent=unsent, dead_commands=dead_commands, parked=counts["parked"], dead=counts["dead"])


async def _health(url: str) -> tuple[bool, int | None]:
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=3.0) as http:
            answer = await http.get(f"{url}/ready")
            return answer.is_success, answer.json().get("lag")
    except (httpx.HTTPError, ValueError):
        return False, None


def _rss(pid: int) -> int | None:
    try:
        return int(psutil.Process(pid).memory_info().rss // 1_000_000)
    except psutil.Error:
        return None


def as_json(states: list[State]) -> str:
    """Return a JSON list of objects with the fields of `State`."""
    return json.dumps([asdict(state) for state in states], indent=2)


def as_table(states: list[State]) -> Table:
    """Return a table for people; rows that need attention are red."""
    table = Table(caption=f"{sum(state.rss_mb or 0 for state in states)} MB in all")
    for heading in ("process", "pid", "port", "ready", "MB", "lag", "outbox", "parked", "dead", "unsent", "commands"):
        table.add_column(heading, justify="left" if heading == "process" else "right")
    for state in states:
        row = [
            state.name,
            state.pid,
            state.port,
            "yes" if state.ready else "no",
            state.rss_mb,
            state.lag,
            state.outbox,
            state.parked,
            state.dead,
            state.unsent,
            state.dead_commands,
        ]
        needs_attention = state.dead or state.unsent or state.dead_commands
        table.add_row(*("" if value is None else str(value) for value in row), style="red" if needs_attention or not state.ready else "")
    return table
