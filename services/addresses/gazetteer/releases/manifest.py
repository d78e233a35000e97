"""The manifest of a release, `manifest.json`: its recipe, counts, and the SHA-256 of every file.

The recipe stays readable in a manifest of an earlier format and in a damaged release.
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
"""Increase it whenever files or tokens change, so that newer code does not read an older release."""
MANIFEST = "manifest.json"
BASE = "base"
"""Key in `Recipe.premises` of the release that an update was applied to."""
IMPORTED = "imported "
"""Prefix of imported files' names in `Recipe.sources`."""
DEMO_BOROUGHS = ("E09000007", "E09000012")
"""Camden and Hackney, for which the demo release has made-up premises."""


class DamagedReleaseError(Exception):
    """The files of a release do not match its manifest. The message names the file."""


class Recipe(BaseModel):
    """All inputs of a release: equal recipes make equal releases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    sources: dict[str, str]
    """SHA-256 of each file of postcodes. Imported originals, from which the others were written, are `imported NAME`."""
    premises: dict[str, str]
    """Inputs of the premises: generator, seed and boroughs, or name and SHA-256 of each imported file (and `BASE`)."""

    @classmethod
    def of(cls, sources: Sources, seed: int) -> Self:
        """Return the recipe of the shipped postcodes and made-up premises in two boroughs."""
        made_up = {"generator": str(generation.VERSION), "seed": str(seed), "boroughs": " ".join(DEMO_BOROUGHS)}
        return cls(sources=sources.hashes(), premises=made_up)

    @property
    def made_up(self) -> bool:
        """Whether all data is generated or shipped, so that the release can be built again."""
        return "generator" in self.premises and not self.imported_postcodes

    @property
    def imported_postcodes(self) -> dict[str, str]:
        """SHA-256 of each imported file of postcodes, by its name in `sources`."""
        return {name: digest for name, digest in self.sources.items() if name.startswith(IMPORTED)}

    @property
    def release(self) -> str:
        """The release's id: the edition of the shipped data, and a hash of the recipe."""
        return f"{EDITION}-{sha256(self.model_dump_json().encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of what a release holds."""

    postcodes: int
    terminated: int
    streets: int
    premises: int

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


class File(BaseModel):
    """Size in bytes and SHA-256 of one file of a release."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """Describes a release, beside its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str
    recipe: Recipe
    counts: Counts
    files: dict[str, File]
    attribution: str
    """The attribution that every display of the data must show."""
    editions: tuple[Edition, ...] = ()
    """Editions of the supplies, in order of application; empty in releases that predate this field."""

    @property
    def content_hash(self) -> str:
        """SHA-256 of the names and hashes of all files."""
        return sha256("".join(f"{name}\0{file.sha256}\n" for name, file in sorted(self.files.items())).encode()).hexdigest()


def folder_of(data_dir: Path, release: str) -> Path:
    """Return the folder of a release."""
    return data_dir / "releases" / release


def manifest_in(folder: Path) -> Manifest:
    """Read the manifest of a folder without checking files. Raises `DamagedReleaseError` if this version cannot read it."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise DamagedReleaseError(f"{folder / MANIFEST} cannot be read") from error
    if manifest.recipe.format != FORMAT:
        raise DamagedReleaseError(f"{folder} is of format {manifest.recipe.format}, this version reads {FORMAT}")
    return manifest


def holds_made_up(data_dir: Path, release: str) -> bool:
    """Return whether the recipe says that the premises are generated; reads damaged releases and every format."""
    try:
        recipe = json.loads((folder_of(data_dir, release) / MANIFEST).read_bytes())["recipe"]
        imported = any(name.startswith(IMPORTED) for name in recipe.get("sources", {}))
        return "seed" in recipe or ("generator" in recipe.get("premises", {}) and not imported)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def recipe_again(data_dir: Path, release: str) -> Recipe:
    """Return the recipe of a release in today's format, to build it again; reads damaged releases and every format.

    Raises FileNotFoundError or ValueError if the manifest has none.
    """
    said = json.loads((folder_of(data_dir, release) / MANIFEST).read_bytes())
    try:
        return Recipe(sources=said["recipe"]["sources"], premises=said["recipe"]["premises"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder_of(data_dir, release) / MANIFEST} has no recipe") from error


def editions_again(data_dir: Path, release: str) -> tuple[Edition, ...]:
    """Return the editions of a release, or none if the manifest names none; reads damaged releases and every format."""
    try:
        said = json.loads((folder_of(data_dir, release) / MANIFEST).read_bytes())
        return tuple(Edition.model_validate_json(json.dumps(each)) for each in said.get("editions", ()))
    except (OSError, ValueError, TypeError, AttributeError):
        return ()
