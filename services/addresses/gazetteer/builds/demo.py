"""The release of the shipped postcodes and made-up premises, which is served until a supply is imported."""

from pathlib import Path

from services.addresses.domain.synthetic import generate as generation
from services.addresses.gazetteer.files.shipped_sources import Sources
from services.addresses.gazetteer.releases.local import activate, current, data_dir_lock
from services.addresses.gazetteer.releases.manifest import DEMO_BOROUGHS, DamagedReleaseError, Recipe

from .full import write_release


def ensure(data_dir: Path, sources: Sources, seed: int) -> bool:
    """Make the release of the shipped data live, building it where it is missing or damaged. True if it was built.

    Of several processes that start at once on one data dir, one builds and the others wait for it.
    """
    recipe = Recipe.of(sources, seed)
    with data_dir_lock(data_dir):
        try:
            if current(data_dir)[1].recipe == recipe:
                return False
        except (FileNotFoundError, DamagedReleaseError):
            pass
        write_release(data_dir, recipe, generation.generate(sources.sites(DEMO_BOROUGHS), seed), sources)
        activate(data_dir, recipe.release)
        return True
