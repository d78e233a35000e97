"""An object store: an S3 bucket or a folder of a mounted volume, through one API (obstore), with errors of one line.

S3's keys, region and endpoint come from the usual `AWS_...` variables. No message contains them.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, PreconditionError, UnauthenticatedError
from obstore.store import LocalStore, S3Store

from services.addresses.gazetteer.files.atomic import sha256_of, share_file, to_disk

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import S3Config

PIECE = 8_000_000
"""Bytes per request; S3 takes parts of at least 5 MiB."""
SECONDS_A_REQUEST = 60
"""Timeout of one piece in seconds, retries included."""
AT_ONCE = 4
"""Files that are transferred concurrently."""
_TRIES_AGAIN = 3
_HASH = "sha256"
"""Metadata key of an object's SHA-256, where the store keeps metadata."""
_STATUS = re.compile(r"status code: (\d{3})")


class StoreError(Exception):
    """The store cannot be used now. The message is one line, equal for equal problems, without secrets."""


class NotThereError(StoreError):
    """The object does not exist."""


class TakenError(StoreError):
    """The object exists already and was not replaced."""


class Object(NamedTuple):
    """Size and time of change of a listed object."""

    bytes: int
    modified: datetime


def refuse_odd_url(url: str) -> None:
    """Raise ValueError for a URL that cannot name a store; the message names what is expected and omits the URL."""
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("give the place alone; keys and endpoint go into the AWS_... variables")
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError("give s3://bucket/prefix or file:///mounted/volume")


class ObjectStore:
    """The objects under one URL. Their names are paths below it, of letters, digits and `._-`."""

    def __init__(self, url: str) -> None:
        refuse_odd_url(url)
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self._volume = Path(unquote(parts.path) or "/") if parts.scheme == "file" else None
        self._opened: S3Store | LocalStore | None = None

    async def get(self, name: str, most: int) -> bytes:
        """Return a small object. Raises `NotThereError`, or `StoreError`, also for more than `most` bytes."""
        with self._plain_errors(name):
            found = await obstore.get_async(self._store, name)
            if found.meta["size"] > most:
                raise StoreError(f"{self.url}: {name} has {found.meta['size']:,} bytes, which it cannot have")
            return bytes(await found.bytes_async())

    async def piece(self, name: str, start: int, length: int) -> obstore.Bytes:
        """Return `length` bytes of an object from `start`. Raises `NotThereError`, or `StoreError`, also if the object is shorter."""
        with self._plain_errors(name):
            found = await obstore.get_range_async(self._store, name, start=start, length=length)
        if len(found) != length:
            raise StoreError(f"{self.url}: {name} is shorter than it should be")
        return found

    async def create(self, name: str, content: bytes) -> None:
        """Create an object that does not exist. Raises `TakenError`, or `StoreError`, after which it may exist or not."""
        with self._plain_errors(name):
            await obstore.put_async(self._store, name, content, mode="create", use_multipart=False)
            await self._to_disk(name)

    async def send(self, name: str, path: Path, digest: str, sent: Callable[[int], None] = lambda _: None) -> None:
        """Upload a file with the SHA-256 `digest` atomically. Calls `sent` with the number of bytes of each piece."""
        with self._plain_errors(name):
            attributes: Attributes | None = None if self._volume else {_HASH: digest}
            content = await asyncio.to_thread(_whole_if_small, path)
            if content is not None:
                await obstore.put_async(self._store, name, content, attributes=attributes, use_multipart=False)
                sent(len(content))
            else:
                pieces = _pieces(path, sent)
                await obstore.put_async(self._store, name, pieces, attributes=attributes, chunk_size=PIECE, max_concurrency=2)
            await self._to_disk(name)

    async def copy(self, name: str, to: str) -> None:
        """Copy an object within the store; a volume links it where it can.

        Raises `NotThereError`, or `StoreError`, also if the store cannot copy objects or one of this size.
        """
        with self._plain_errors(name):
            store = self._store  # this property checks that the volume is mounted
            if self._volume:
                await asyncio.to_thread(_share, self._volume / to, self._volume / name)
            else:
                await obstore.copy_async(store, name, to)
            await self._to_disk(to)

    async def holds(self, name: str, digest: str) -> bool:
        """Return whether an existing object has this SHA-256: from a bucket's metadata, or by reading a volume's file."""
        with self._plain_errors(name):
            if self._volume:
                return await asyncio.to_thread(sha256_of, self._volume / name) == digest
            found = await obstore.get_async(self._store, name, options={"head": True})
            return found.attributes.get(_HASH) == digest

    async def list(self, folder: str) -> dict[str, Object]:
        """Return the objects below a folder by name."""
        with self._plain_errors(folder):
            found = {}
            async for batch in obstore.list(self._store, f"{folder}/"):
                found.update({each["path"]: Object(each["size"], each["last_modified"]) for each in batch})
            return found

    async def delete(self, names: Iterable[str]) -> None:
        """Delete objects; missing ones are no error."""
        for name in names:
            try:
                with self._plain_errors(name):
                    await obstore.delete_async(self._store, name)
            except NotThereError:
                continue
            if self._volume:
                _remove_empty(self._volume, name)

    @property
    def _store(self) -> "S3Store | LocalStore":
        if self._volume and not self._volume.is_dir():
            raise StoreError(f"{self.url} is not there: the volume is not mounted")
        if self._opened is None:
            self._opened = LocalStore(self._volume) if self._volume else _bucket(self.url)
        return self._opened

    async def _to_disk(self, name: str) -> None:
        if self._volume:
            await asyncio.to_thread(_fsync, self._volume / name)

    @contextmanager
    def _plain_errors(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise StoreError(f"{self.url}: there is no such bucket") from None
            raise NotThereError(f"{self.url} holds no {name}") from None
        except (AlreadyExistsError, PreconditionError):
            raise TakenError(f"{self.url} holds {name} already") from None
        except (PermissionDeniedError, UnauthenticatedError):
            raise StoreError(f"{self.url} refuses the credentials of this process, or does not let it do this") from None
        except BaseError as error:  # its text has times, addresses and attempts, which differ each time
            status = _STATUS.search(str(error))
            raise StoreError(f"{self.url} {f'answers {status[1]}' if status else 'does not answer'}") from None
        except OSError as error:
            raise StoreError(f"{self.url}: {error.strerror or 'it cannot be read or written'}") from None


async def several_at_once(steps: Iterable[Coroutine[None, None, None]]) -> None:
    """Run coroutines, `AT_ONCE` at a time. The first failure cancels the others and is raised."""
    places = asyncio.Semaphore(AT_ONCE)

    async def in_turn(step: Coroutine[None, None, None]) -> None:
        try:
            async with places:
                await step
        finally:
            step.close()  # only matters for a coroutine that never started

    try:
        async with asyncio.TaskGroup() as tasks:
            for step in steps:
                tasks.create_task(in_turn(step))
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


def _bucket(url: str) -> S3Store:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or ""
    config: S3Config = {"endpoint": endpoint} if endpoint else {}
    return S3Store.from_url(
        url,
        config=config,
        client_options={"connect_timeout": "5s", "timeout": f"{SECONDS_A_REQUEST}s", "allow_http": endpoint.startswith("http://")},
        retry_config={"max_retries": _TRIES_AGAIN, "retry_timeout": timedelta(seconds=SECONDS_A_REQUEST)},
    )


def _whole_if_small(path: Path) -> bytes | None:
    return path.read_bytes() if path.stat().st_size <= PIECE else None


async def _pieces(path: Path, sent: Callable[[int], None]) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
            sent(len(piece))


def _share(path: Path, other: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    share_file(path, other)
    os.utime(path)  # as new: `upload.prune` removes unnamed folders that are old


def _fsync(path: Path) -> None:
    for each in (path, path.parent):
        to_disk(each)


def _remove_empty(volume: Path, name: str) -> None:
    """Remove empty parent folders in a volume; a bucket has none."""
    for folder in PurePosixPath(name).parents[:-1]:
        try:
            (volume / folder).rmdir()
        except OSError:
            return
