"""Unsent events and dead commands for `blocks dead-letters`: events that the broker refuses, and commands without attempts left."""

import json
from base64 import b64encode
from typing import Any

from deploy.embedded.databases import ServiceDatabase
from deploy.embedded.errors import OperatorError
from shared.commands import Command, Commands, MayRepeatError
from shared.mongo import Database
from shared.outbox.unsent import NoSuchUnsentMessageError, UnsentMessage, UnsentMessages


async def show(database: ServiceDatabase, service: str, id_: str) -> dict[str, Any]:
    """Return an unsent event or a dead command. Raises `NoSuchCommandError` where neither has the id."""
    try:
        return unsent_as_data(service, await UnsentMessages(database).show(id_), whole=True)
    except NoSuchUnsentMessageError:
        return command_as_data(service, await Commands(database).show(id_))


async def retry(database: ServiceDatabase, service: str, id_: str, *, value: bytes | None, may_repeat: bool) -> str:
    """Send a refused event again, or release a dead command; return a sentence for the operator.

    Raises `NoSuchCommandError` where neither has the id, and OperatorError where it cannot be tried again.
    """
    try:
        await UnsentMessages(database).retry(id_, value=value)
    except NoSuchUnsentMessageError:
        if await _waits(database, id_):
            raise OperatorError(f"{id_} waits behind another event of its key: replay or discard that one, which is `refused`.") from None
        return await _release(database, service, id_, value=value, may_repeat=may_repeat)
    return f"{service} sends {id_} again{' with the mended value' if value is not None else ''}."


async def discard(database: ServiceDatabase, service: str, id_: str) -> str:
    """Remove an unsent event or a dead command. Raises `NoSuchCommandError` where neither has the id."""
    try:
        await UnsentMessages(database).discard(id_)
    except NoSuchUnsentMessageError:
        await Commands(database).discard(id_)
    return f"{service} forgot {id_}."


async def _waits(database: Database[Any], id_: str) -> bool:
    try:
        await UnsentMessages(database).show(id_)
    except NoSuchUnsentMessageError:
        return False
    return True


async def _release(database: ServiceDatabase, service: str, id_: str, *, value: bytes | None, may_repeat: bool) -> str:
    if value is not None:
        await Commands(database).show(id_)
        raise OperatorError("A command cannot be mended: discard it, or replay it as it is.")
    try:
        await Commands(database).release(id_, may_repeat=may_repeat)
    except MayRepeatError:
        raise OperatorError(
            f"{id_} is so old that its call may take effect a second time. Find out whether it took effect; then discard it, "
            "or replay it with --may-repeat."
        ) from None
    return f"{service} carries {id_} out again."


def unsent_as_data(service: str, message: UnsentMessage, *, whole: bool = False) -> dict[str, Any]:
    """Return an unsent event as JSON data; `whole` adds headers and value."""
    data: dict[str, Any] = {
        "id": message.id,
        "service": service,
        "state": message.state,
        "topic": message.topic,
        "key": message.key,
        "event_type": message.event_type,
        "error": message.error,
        "attempts": message.attempts,
        "set_aside_at": message.set_aside_at.isoformat(),
        "due": message.due.isoformat(),
        "trace_id": message.trace_id,
    }
    if whole:
        data["headers"] = {name: value.decode(errors="replace") for name, value in message.headers}
        try:
            data["value"] = json.loads(message.value)
        except ValueError:
            data["value_base64"] = b64encode(message.value).decode()
    return data


def command_as_data(service: str, command: Command) -> dict[str, Any]:
    """Return a command as JSON data, without its content, which may be personal."""
    return {
        "id": command.id,
        "service": service,
        "state": command.state,
        "process": command.process,
        "instance": command.instance,
        "kind": command.kind,
        "error": command.error,
        "attempts": command.attempts,
        "created_at": command.created_at.isoformat(),
    }


def row_of(found: UnsentMessage | Command) -> tuple[str, ...]:
    """Return the columns of the table: id, event or kind, attempts, since, error."""
    if isinstance(found, Command):
        return found.id, found.kind, str(found.attempts), f"{found.created_at:%Y-%m-%d %H:%M:%S}", found.error
    error = found.error or "waits behind another of its key"
    return found.id, found.event_type, str(found.attempts), f"{found.set_aside_at:%Y-%m-%d %H:%M:%S}", error
