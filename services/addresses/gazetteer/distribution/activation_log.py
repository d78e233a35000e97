"""The log of a store: which release went live, one immutable object a switch, `switches/000001.json` and so on without gaps.

Whoever puts the next number first has switched; another who tries the same number is told that it is taken. So the numbers are one order
for everybody, and they number the change sets too.
"""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from services.addresses.gazetteer.releases.manifest import File

from .object_store import NotThereError, ObjectStore, StoreError

_MOST_BYTES = 100_000
"""Of a switch's object; one has less than 2,000."""
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")]
"""Safe as the name of a folder."""


class CrossedError(Exception):
    """Somebody else has switched since one looked; nothing has changed by this try."""

    def __init__(self, theirs: str) -> None:
        super().__init__(f"Somebody else has made release {theirs} live in the store meanwhile; the same command again begins from that")


class Stored(BaseModel):
    """A release in a store."""

    model_config = ConfigDict(frozen=True)

    release: _Name
    folder: _Name
    """Below `releases/`; its name is the release and a hash of the manifest, so that what lies in it never changes."""
    manifest: File
    built: AwareDatetime
    """When it was made."""

    def name(self, file: str) -> str:
        """The object of one of its files."""
        return f"releases/{self.folder}/{file}"


class StoredChanges(BaseModel):
    """A change set in a store."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(pattern=r"^changes/[0-9a-z-]{1,100}$")]
    file: File


class Activation(BaseModel):
    """What a switch made live."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(ge=1)
    at: AwareDatetime
    before: str
    """The release that was live where it was made; empty where there was none."""
    activated: tuple[Stored, ...] = Field(min_length=1)
    """What has been live and is kept, the latest last: that is the one it made live."""
    changes: StoredChanges | None
    """What differs between the two; None where nothing does, or there was no release before."""

    @property
    def live(self) -> Stored:
        """The release that it made live."""
        return self.activated[-1]


class ActivationLog:
    """The log of one store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def after(self, known: Activation | None) -> list[Activation]:
        """The switches since, in their order. Raises `StoreError`: also where the store does not hold the known one any more."""
        found: list[Activation] = []
        number = known.number if known else 0
        while activation := await self._read(number + len(found) + 1):
            found.append(activation)
        if known and not found and await self._read(known.number) != known:
            raise StoreError(
                f"{self._store.url} does not hold the switch {known.number} that was followed last: it was emptied, or is another"
            )
        return found

    async def commit(self, activation: Activation) -> None:
        """Switch for everybody. Raises `CrossedError` where that number is taken, `StoreError`."""
        content = (activation.model_dump_json(indent=2) + "\n").encode()
        try:
            await self._store.create(_name(activation.number), content)
        except StoreError:  # an answer may be lost after the store has taken it, and a second try then meets the first
            if (there := await self._read(activation.number)) == activation:
                return
            if there:
                raise CrossedError(there.live.release) from None
            raise

    async def _read(self, number: int) -> Activation | None:
        try:
            said = await self._store.get(_name(number), _MOST_BYTES)
        except NotThereError:
            return None
        try:
            activation = Activation.model_validate_json(said)
        except ValidationError as error:
            raise StoreError(f"{self._store.url}: {_name(number)} cannot be read") from error
        if activation.number != number:
            raise StoreError(f"{self._store.url}: {_name(number)} says that it is number {activation.number}")
        return activation


def _name(number: int) -> str:
    return f"switches/{number:06d}.json"
