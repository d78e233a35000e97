"""The services' databases, opened by an operator's command.

Imported where it is needed and not before: the driver would stay in the memory of `blocks up` for as long as the platform runs.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from pydantic import SecretStr

from deploy.embedded.errors import OperatorError
from shared.bus.dead_letters import AmbiguousIdError, DeadLetter, DeadLetters, NoSuchDeadLetterError
from shared.commands import Command, Commands, NoSuchCommandError
from shared.mongo import Database, DatabaseError, Transaction
from shared.outbox.unsent import NoSuchUnsentMessageError, UnsentMessage, UnsentMessages
from shared.settings import ServiceSettings

T = TypeVar("T")


class ServiceDatabase(Database[Transaction]):
    """Any service's database, for what the chassis keeps in it."""

    transaction_type = Transaction


@asynccontextmanager
async def open_database(mongodb: str, service: str) -> AsyncIterator[ServiceDatabase]:
    """The database of `service`, closed at the end."""
    database = ServiceDatabase(ServiceSettings(name=service, mongodb=SecretStr(mongodb), driver="pymongo"))
    try:
        yield database
    finally:
        await database.close()


async def list_dead_letters(mongodb: str, services: Sequence[str], *, state: str, limit: int) -> list[tuple[str, DeadLetter]]:
    """Those of each service with that state, the oldest first, at most `limit` of each. Raises OperatorError where the database refuses."""
    found = []
    try:
        for name in services:
            async with open_database(mongodb, name) as database:
                found += [(name, letter) for letter in await DeadLetters(database).list(state=state, limit=limit)]
    except DatabaseError as error:
        raise OperatorError(f"The database: {error}.") from error
    return found


async def list_unsent(mongodb: str, services: Sequence[str], *, limit: int) -> list[tuple[str, UnsentMessage]]:
    """Events of each service that the broker refused, or that wait behind one. Raises OperatorError where the database refuses."""
    return await _of_each(mongodb, services, lambda database: UnsentMessages(database).list(limit=limit))


async def list_commands(mongodb: str, services: Sequence[str], *, limit: int) -> list[tuple[str, Command]]:
    """Commands of each service's processes that nothing tries any more. Raises OperatorError where the database refuses."""
    return await _of_each(mongodb, services, lambda database: Commands(database).list_dead(limit=limit))


async def _of_each(mongodb: str, services: Sequence[str], ask: Callable[[ServiceDatabase], Awaitable[list[T]]]) -> list[tuple[str, T]]:
    found = []
    try:
        for name in services:
            async with open_database(mongodb, name) as database:
                found += [(name, thing) for thing in await ask(database)]
    except DatabaseError as error:
        raise OperatorError(f"The database: {error}.") from error
    return found


async def with_dead_letter(
    mongodb: str,
    services: Sequence[str],
    id_: str,
    work: Callable[[DeadLetters, str, str], Awaitable[T]],
    instead: Callable[[ServiceDatabase, str], Awaitable[T]],
) -> T:
    """Do `work` with the letters and the name of the service that has the message, and its whole id; `id_` may be a beginning of it.

    An unsent event or a dead command, named by its whole id, gets `instead`. Raises OperatorError where no service has one, or several
    messages are named so.
    """
    try:
        found = [(name, whole) for name in services for whole in await _named(mongodb, name, id_)]
        if len(found) > 1:
            named = ", ".join(f"{whole} of {name}" for name, whole in found)
            raise OperatorError(f"{id_} names several messages: {named}. Give more of the id.")
        for name, whole in found:
            async with open_database(mongodb, name) as database:
                with suppress(NoSuchDeadLetterError):  # gone since it was found
                    return await work(DeadLetters(database), name, whole)
        for name in services:
            async with open_database(mongodb, name) as database:
                with suppress(NoSuchUnsentMessageError, NoSuchCommandError):
                    return await instead(database, name)
    except DatabaseError as error:
        raise OperatorError(f"The database: {error}.") from error
    raise OperatorError(
        f"There is no parked message, dead letter, unsent event or dead command {id_}: `blocks dead-letters list` shows those that are."
    )


async def _named(mongodb: str, service: str, id_: str) -> tuple[str, ...]:
    async with open_database(mongodb, service) as database:
        try:
            return (await DeadLetters(database).find(id_),)
        except NoSuchDeadLetterError:
            return ()
        except AmbiguousIdError as several:
            return several.args
