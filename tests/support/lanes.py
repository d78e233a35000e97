"""Sorts the tests into lanes, so that each `make` target runs those of one cost.

A *platform* test starts whole platforms, kills processes, or builds the shipped addresses anew: it lies in one of the folders below, or its
module says `pytestmark = pytest.mark.platform`. A *unit* test needs no engine, no process of its own and no file; nobody marks it, because
its fixtures and its module show it.
"""

import pytest

PLATFORM_FOLDERS = ("tests/deploy/", "tests/faults/", "tests/fuzz/", "tests/telemetry/")
ENGINES_AND_FILES = {"engines", "in_memory", "demo_addresses", "platform", "travelled", "tmp_path_factory"}
"""Fixtures behind which a database, a broker, a platform, a build of the shipped addresses or a folder stands."""
STARTERS = {"subprocess", "multiprocessing", "RunningBlocks", "blocks"}
"""What a module imports in order to start processes."""


def mark_platform_tests(items: list[pytest.Item]) -> None:
    """Mark the tests that lie in the folders of platform tests."""
    for item in items:
        if item.nodeid.startswith(PLATFORM_FOLDERS):
            item.add_marker(pytest.mark.platform)


def is_unit_test(item: pytest.Item) -> bool:
    """Whether the test needs nothing but this process. `fixturenames` holds the fixtures that it reaches through others too."""
    if ENGINES_AND_FILES & set(getattr(item, "fixturenames", ())):
        return False
    return not STARTERS & set(vars(getattr(item, "module", None) or object))


def keep_unit_tests(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect all but the unit tests."""
    others = [item for item in items if not is_unit_test(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if is_unit_test(item)]
