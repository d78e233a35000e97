"""Releases of made-up premises for benchmarks, in a temporary folder, or in a named one that stays."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.synthetic.generate import generate
from services.addresses.gazetteer.builds.full import build
from services.addresses.gazetteer.files.shipped_sources import Sources

DEMO_BOROUGHS = ("E09000007", "E09000012")
LONDON = 4_500_000


def premises(count: int, seed: int = 1) -> Iterator[Blpu]:
    """`count` made-up premises: in Camden and Hackney up to 200,000, else all over London."""
    sites = Sources().sites(DEMO_BOROUGHS if count <= 200_000 else None)
    return generate(sites, seed, premises=count)


@contextmanager
def release_of(count: int, seed: int = 1, folder: Path | None = None) -> Iterator[Path]:
    """A release of `count` premises; the existing one if `folder` has one."""
    if folder is not None:
        if not (folder / "records").exists():
            folder.mkdir(parents=True, exist_ok=True)
            build(folder, premises(count, seed), Sources())
        yield folder
        return
    with TemporaryDirectory() as directory:
        build(Path(directory), premises(count, seed), Sources())
        yield Path(directory)
