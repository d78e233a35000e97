"""The activation log of a store: one immutable object per activation, `switches/000001.json` and so on, without gaps.

The first process to create the next number has activated its release; a later one gets `TakenError`. The numbers therefore order
activations for every machine, and number the change sets too.
"""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from services.addresses.gazetteer.releases.manifest import File

from .object_store import NotThereError, ObjectStore, StoreError

_MOST_BYTES = 100_000
"""Largest log entry that is read, in bytes; an entry has less than 2,000."""
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")]
"""A safe name of a folder."""


class CrossedError(Exception):
    """Another process has activated a release since this one read the log; this attempt changed nothing."""

    def __init__(self, theirs: str) -> None:
        super().__init__(f"Somebody else has made release {theirs} live in the store meanwhile; the same command again begins from that")


class Stored(BaseModel):
    """A release in a store."""

    model_config = ConfigDict(frozen=True)

    release: _Name
    folder: _Name
    """Folder below `releases/`, named after the release and a hash of the manifest, so that its content never changes."""
    manifest: File
    built: AwareDatetime
    """Time of the build."""

    def name(self, file: str) -> str:
        """Return the object name of a file of the release."""
        return f"releases/{self.folder}/{file}"


class StoredChanges(BaseModel):
    """A change set in a store."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(pattern=r"^changes/[0-9a-z-]{1,100}$")]
    file: File


class Activation(BaseModel):
    """An entry of the activation log."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(ge=1)
    at: AwareDatetime
    before: str
    """The release that was live on the publishing machine; empty if there was none."""
    activated: tuple[Stored, ...] = Field(min_length=1)
    """Releases that the store keeps, in order of activation; this entry activates the last."""
    changes: StoredChanges | None
    """The change set from `before`; None without changes or without a release before."""

    @property
    def live(self) -> Stored:
        """The release that this entry activates."""
        return self.activated[-1]


class ActivationLog:
    """Reads and extends the log of one store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def after(self, known: Activation | None) -> list[Activation]:
        """Return the activations after `known`, in order. Raises `StoreError`, also if the store no longer holds `known`."""
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
        """Activate for every machine. Raises `CrossedError` if the number is taken, `StoreError`."""
        content = (activation.model_dump_json(indent=2) + "\n").encode()
        try:
            await self._store.create(_name(activation.number), content)
        except StoreError:  # a lost answer makes the retry meet the first attempt
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
