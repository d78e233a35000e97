"""Sorts the tests into lanes, so that each `make` target runs those of one cost.

A *platform* test starts whole platforms, kills processes, or builds the shipped addresses: it lies in one of the folders below, or its
module sets `pytestmark = pytest.mark.platform`. A *unit* test needs no engine, no process of its own and no file. It carries no mark:
its fixtures and the imports of its module show it.
"""

import pytest

PLATFORM_FOLDERS = ("tests/deploy/", "tests/faults/", "tests/fuzz/", "tests/telemetry/")
ENGINES_AND_FILES = {"engines", "in_memory", "demo_addresses", "platform", "travelled", "tmp_path_factory"}
"""Fixtures that need a database, a broker, a platform, a build of the shipped addresses or a folder."""
STARTERS = {"subprocess", "multiprocessing", "RunningBlocks", "blocks"}
"""Names that a module imports to start processes."""


def mark_platform_tests(items: list[pytest.Item]) -> None:
    """Mark the tests that lie in the folders of platform tests."""
    for item in items:
        if item.nodeid.startswith(PLATFORM_FOLDERS):
            item.add_marker(pytest.mark.platform)


def is_unit_test(item: pytest.Item) -> bool:
    """Return whether the test needs nothing but this process. `fixturenames` includes indirect fixtures."""
    if ENGINES_AND_FILES & set(getattr(item, "fixturenames", ())):
        return False
    return not STARTERS & set(vars(getattr(item, "module", None) or object))


def keep_unit_tests(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect all but the unit tests."""
    others = [item for item in items if not is_unit_test(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if is_unit_test(item)]
