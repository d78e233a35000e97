"""The demo release of shipped postcodes and made-up premises, served until an import replaces it."""

from pathlib import Path

from services.addresses.domain.synthetic import generate as generation
from services.addresses.gazetteer.files.shipped_sources import Sources
from services.addresses.gazetteer.releases.local import activate, current, data_dir_lock
from services.addresses.gazetteer.releases.manifest import DEMO_BOROUGHS, DamagedReleaseError, Recipe

from .full import write_release


def ensure(data_dir: Path, sources: Sources, seed: int) -> bool:
    """Activate the release of the shipped data; builds it if it is missing or damaged. Returns True if it built one.

    Of several processes that start at once on one data dir, one builds and the others wait.
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
