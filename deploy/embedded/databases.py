"""The services' databases, opened by an operator's command.

Imported where it is needed and not before: the driver would stay in the memory of `blocks up` for as long as the platform runs.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from pydantic import SecretStr

from deploy.embedded.errors import OperatorError
from shared.bus.dead_letters import AmbiguousIdError, DeadLetter, DeadLetters, NoSuchDeadLetterError
from shared.mongo import Database, DatabaseError, Transaction
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


async def with_dead_letter(mongodb: str, services: Sequence[str], id_: str, work: Callable[[DeadLetters, str, str], Awaitable[T]]) -> T:
    """Do `work` with the letters and the name of the service that has the message, and its whole id; `id_` may be a beginning of it.

    Raises OperatorError where no service has one, or several messages are named so.
    """
    try:
        found = [(name, whole) for name in services for whole in await _named(mongodb, name, id_)]
        if len(found) > 1:
            named = ", ".join(f"{whole} of {name}" for name, whole in found)
            raise OperatorError(f"{id_} names several messages: {named}. Give more of the id.")
        for name, whole in found:
            async with open_database(mongodb, name) as database:
                return await work(DeadLetters(database), name, whole)
    except DatabaseError as error:
        raise OperatorError(f"The database: {error}.") from error
    except NoSuchDeadLetterError:
        pass  # gone since it was found
    raise OperatorError(f"There is no parked message or dead letter {id_}: `blocks dead-letters list` shows those that are.")


async def _named(mongodb: str, service: str, id_: str) -> tuple[str, ...]:
    async with open_database(mongodb, service) as database:
        try:
            return (await DeadLetters(database).find(id_),)
        except NoSuchDeadLetterError:
            return ()
        except AmbiguousIdError as several:
            return several.args
