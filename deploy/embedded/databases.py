"""Opens the services' databases for an operator's command.

Commands import this module when they run: at the top it would keep the driver in the memory of `blocks up`.
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
    """Any service's database, limited to the collections of the chassis."""

    transaction_type = Transaction


@asynccontextmanager
async def open_database(mongodb: str, service: str) -> AsyncIterator[ServiceDatabase]:
    """Open the database of `service` and close it at the end of the block."""
    database = ServiceDatabase(ServiceSettings(name=service, mongodb=SecretStr(mongodb), driver="pymongo"))
    try:
        yield database
    finally:
        await database.close()


async def list_dead_letters(mongodb: str, services: Sequence[str], *, state: str, limit: int) -> list[tuple[str, DeadLetter]]:
    """List the dead letters of each service with that state, the oldest first, at most `limit` a service.

    Raises OperatorError where the database refuses.
    """
    found = []
    try:
        for name in services:
            async with open_database(mongodb, name) as database:
                found += [(name, letter) for letter in await DeadLetters(database).list(state=state, limit=limit)]
    except DatabaseError as error:
        raise OperatorError(f"The database: {error}.") from error
    return found


async def list_unsent(mongodb: str, services: Sequence[str], *, limit: int) -> list[tuple[str, UnsentMessage]]:
    """List the events of each service that the broker refused, or that wait behind one. Raises OperatorError where the database refuses."""
    return await _list_in_each(mongodb, services, lambda database: UnsentMessages(database).list(limit=limit))


async def list_commands(mongodb: str, services: Sequence[str], *, limit: int) -> list[tuple[str, Command]]:
    """List the commands of each service that have used up their attempts. Raises OperatorError where the database refuses."""
    return await _list_in_each(mongodb, services, lambda database: Commands(database).list_dead(limit=limit))


async def _list_in_each(mongodb: str, services: Sequence[str], ask: Callable[[ServiceDatabase], Awaitable[list[T]]]) -> list[tuple[str, T]]:
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
    fallback: Callable[[ServiceDatabase, str], Awaitable[T]],
) -> T:
    """Call `work` with the dead letters, the service's name and the whole id of the message; `id_` may be a prefix of that id.

    Call `fallback` for an unsent event or a dead command, which need their whole id. Raises OperatorError where no message has the id,
    or several do.
    """
    try:
        found = [(name, whole) for name in services for whole in await _find_ids(mongodb, name, id_)]
        if len(found) > 1:
            named = ", ".join(f"{whole} of {name}" for name, whole in found)
            raise OperatorError(f"{id_} names several messages: {named}. Give more of the id.")
        for name, whole in found:
            async with open_database(mongodb, name) as database:
                with suppress(NoSuchDeadLetterError):  # another command removed it meanwhile
                    return await work(DeadLetters(database), name, whole)
        for name in services:
            async with open_database(mongodb, name) as database:
                with suppress(NoSuchUnsentMessageError, NoSuchCommandError):
                    return await fallback(database, name)
    except DatabaseError as error:
        raise OperatorError(f"The database: {error}.") from error
    raise OperatorError(
        f"There is no parked message, dead letter, unsent event or dead command {id_}: `blocks dead-letters list` shows those that are."
    )


async def _find_ids(mongodb: str, service: str, id_: str) -> tuple[str, ...]:
    async with open_database(mongodb, service) as database:
        try:
            return (await DeadLetters(database).find(id_),)
        except NoSuchDeadLetterError:
            return ()
        except AmbiguousIdError as several:
            return several.args
