"""What a release is: what it was made from, how much came out, and the SHA-256 of every file, in `manifest.json` beside the files.

A manifest of an earlier format, or of a release that is damaged otherwise, still says what the release was made from.
"""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from services.addresses.domain.addressbase.editions import Edition
from services.addresses.domain.synthetic import generate as generation
from services.addresses.gazetteer.files.shipped_sources import EDITION, Sources

FORMAT = 7
"""Raised whenever the files or the tokens change, so that an older release is not read by newer code."""
MANIFEST = "manifest.json"
BASE = "base"
"""Names, among what the premises of an updated release come from, the release that the update was applied to."""
IMPORTED = "imported "
"""What stands before the names of imported files among the sources of postcodes."""
DEMO_BOROUGHS = ("E09000007", "E09000012")
"""Camden and Hackney: the boroughs that made-up premises are generated for."""


class DamagedReleaseError(Exception):
    """A release whose files are not what its manifest says. The message names the file."""


class Recipe(BaseModel):
    """Everything that a release is made from: equal recipes make equal releases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    sources: dict[str, str]
    """SHA-256 of each file that the postcodes come from; those that were imported, and made into the others, are `imported NAME`."""
    premises: dict[str, str]
    """What the premises come from: generator, seed and boroughs, or the name and SHA-256 of each imported file (and `BASE`)."""

    @classmethod
    def of(cls, sources: Sources, seed: int) -> Self:
        """The recipe for the shipped postcodes and made-up premises of two boroughs."""
        made_up = {"generator": str(generation.VERSION), "seed": str(seed), "boroughs": " ".join(DEMO_BOROUGHS)}
        return cls(sources=sources.hashes(), premises=made_up)

    @property
    def made_up(self) -> bool:
        """Whether everything is generated or shipped, so that the release can be made again at will."""
        return "generator" in self.premises and not self.imported_postcodes

    @property
    def imported_postcodes(self) -> dict[str, str]:
        """Name in `sources` and SHA-256 of each imported file of postcodes."""
        return {name: digest for name, digest in self.sources.items() if name.startswith(IMPORTED)}

    @property
    def release(self) -> str:
        """The id of what it makes: the data's edition, and a hash that no other recipe shares."""
        return f"{EDITION}-{sha256(self.model_dump_json().encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a release holds."""

    postcodes: int
    terminated: int
    streets: int
    premises: int

    def as_dict(self) -> dict[str, int]:
        """For the manifest."""
        return asdict(self)


class File(BaseModel):
    """One file of a release."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a release is, beside its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str
    recipe: Recipe
    counts: Counts
    files: dict[str, File]
    attribution: str
    """What must stand where the data is shown."""
    editions: tuple[Edition, ...] = ()
    """What it was made from, the last applied last; empty in releases that were made before this was kept."""

    @property
    def content_hash(self) -> str:
        """SHA-256 over the names and hashes of the files."""
        return sha256("".join(f"{name}\0{file.sha256}\n" for name, file in sorted(self.files.items())).encode()).hexdigest()


def folder_of(data_dir: Path, release: str) -> Path:
    """Where a release is kept."""
    return data_dir / "releases" / release


def manifest_in(folder: Path) -> Manifest:
    """The manifest of a folder, its files not looked at. Raises `DamagedReleaseError` where this version cannot read it."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise DamagedReleaseError(f"{folder / MANIFEST} cannot be read") from error
    if manifest.recipe.format != FORMAT:
        raise DamagedReleaseError(f"{folder} is of format {manifest.recipe.format}, this version reads {FORMAT}")
    return manifest


def holds_made_up(data_dir: Path, release: str) -> bool:
    """Whether a release, of whatever format and however damaged, says that its premises are generated."""
    try:
        recipe = json.loads((folder_of(data_dir, release) / MANIFEST).read_bytes())["recipe"]
        imported = any(name.startswith(IMPORTED) for name in recipe.get("sources", {}))
        return "seed" in recipe or ("generator" in recipe.get("premises", {}) and not imported)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def recipe_again(data_dir: Path, release: str) -> Recipe:
    """The recipe of a release, of whatever format and however damaged, for building it in the format of now.

    Raises FileNotFoundError or ValueError where it does not say.
    """
    said = json.loads((folder_of(data_dir, release) / MANIFEST).read_bytes())
    try:
        return Recipe(sources=said["recipe"]["sources"], premises=said["recipe"]["premises"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder_of(data_dir, release) / MANIFEST} has no recipe") from error


def editions_again(data_dir: Path, release: str) -> tuple[Edition, ...]:
    """The editions that a release was made from, of whatever format and however damaged; none where it does not say."""
    try:
        said = json.loads((folder_of(data_dir, release) / MANIFEST).read_bytes())
        return tuple(Edition.model_validate_json(json.dumps(each)) for each in said.get("editions", ()))
    except (OSError, ValueError, TypeError, AttributeError):
        return ()
