"""Checks an external database before the platform starts on it."""

from urllib.parse import urlsplit

from deploy.embedded.errors import OperatorError
from shared.mongo import DatabaseError, Unavailable, driver

_AUTHENTICATION_FAILED = 18


async def check_mongodb(url: str) -> None:
    """Raise OperatorError unless a replica set answers at `url` and accepts its credentials. The message holds no password."""
    where = urlsplit(url).netloc.rpartition("@")[2]
    try:
        with driver.translated():
            client = driver.connect(url, "pymongo")
    except DatabaseError as error:
        raise OperatorError(f"--mongodb is no MongoDB connection string: {error}.") from error
    try:
        with driver.translated():
            hello = await client.admin.command("hello")
            await client.admin.command("listDatabases", nameOnly=True)
    except Unavailable as error:
        raise OperatorError(f"MongoDB at {where} does not answer: is it running, and is the address of --mongodb right?") from error
    except DatabaseError as error:
        if getattr(error.__cause__, "code", None) == _AUTHENTICATION_FAILED:
            raise OperatorError(f"MongoDB at {where} refuses the user name or the password in --mongodb.") from error
        raise OperatorError(f"MongoDB at {where} refuses: {error}.") from error
    finally:
        await client.close()
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise OperatorError(
            f"MongoDB at {where} is no replica set, which transactions need: start it with --replSet and run rs.initiate()."
        )
