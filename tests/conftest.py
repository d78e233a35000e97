"""Real parts for every test: the embedded engines once a run, a database and a topic prefix of its own for each test.

`BLOCKS_TEST_BROKER` (tansu, apache), `BLOCKS_TEST_ENGINE` (python, fast) and `BLOCKS_TEST_DRIVER` (motor, pymongo) choose other engines;
the tests are the same.
"""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from xdist.scheduler import LoadFileScheduling

from deploy.embedded.engines import ApacheKafka, Database, Tansu
from services.addresses.gazetteer.builds.demo import ensure
from services.addresses.gazetteer.files.shipped_sources import Sources
from shared.kafka_access import KafkaAccess
from shared.settings import ServiceSettings
from tests.support.in_memory import folder_in_memory
from tests.support.lanes import keep_unit_tests, mark_platform_tests
from tests.support.service_runner import eventually as _eventually
from tests.support.service_runner import free_port, run_service
from tests.support.tokens import ISSUER, Tokens

BROKER = os.environ.get("BLOCKS_TEST_BROKER", "tansu")
ENGINE = os.environ.get("BLOCKS_TEST_ENGINE", "python")
DRIVER = os.environ.get("BLOCKS_TEST_DRIVER", "motor")
SHARE_A_PLATFORM = {"tests/telemetry", "tests/fuzz"}
LONGEST_FIRST = (
    *("tests/faults", "tests/deploy/test_platform.py", "tests/fuzz", "tests/deploy/test_hangs.py", "tests/shared"),
    *("tests/addresses/test_release.py", "tests/telemetry"),
)
"""What takes a minute or more: begun last, one process would end long after the other. The second builds a release of its own while the
first builds the one that most others wait for. The chassis mostly waits, beside what computes."""
NEED_A_RELEASE, WITH_A_RELEASE_SECONDS = {"demo_addresses", "platform"}, 480
"""Fixtures for which the release of the shipped addresses is built: a minute, and minutes where others use the machine."""


class FilesTogether(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """Where tests run side by side, those of a file stay together; so do those of a folder whose tests share a running platform."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        return folder if folder in SHARE_A_PLATFORM else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesTogether:
    """For `-n 2`."""
    config.option.loadscopereorder = False  # the files with the most tests first: they are not the longest
    return FilesTogether(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--unit`: the tests that need nothing but this process."""
    parser.addoption("--unit", action="store_true", help="run only the tests that need no engine, no process of their own and no file")


@pytest.hookimpl(tryfirst=True)  # before `-m` selects by the mark that is made here
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest first; and a test's time includes what is made for it, so that whichever comes first waits until the release is built."""
    mark_platform_tests(items)
    if config.getoption("--unit"):
        keep_unit_tests(config, items)
    last = len(LONGEST_FIRST)
    items.sort(key=lambda item: next((rank for rank, path in enumerate(LONGEST_FIRST) if item.nodeid.startswith(path)), last))
    for item in items:
        if item.get_closest_marker("timeout") is None and NEED_A_RELEASE & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.timeout(WITH_A_RELEASE_SECONDS))


@dataclass(frozen=True)
class Engines:
    """The running database and broker."""

    mongodb: str
    kafka: str
    broker_durable: bool
    kafka_access: KafkaAccess


@pytest.fixture(scope="session")
def in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory, for what engines write; tests make folders of their own in it."""
    with folder_in_memory(tmp_path_factory.mktemp("no-memory")) as folder:
        yield folder


@pytest.fixture(scope="session")
def engines(in_memory: Path) -> Iterator[Engines]:
    """One database and one broker for the whole run."""
    directory = in_memory / "engines"
    directory.mkdir()
    database = Database("fast" if ENGINE == "fast" else "python", directory / "database")
    broker = ApacheKafka(directory / "kafka") if BROKER == "apache" else Tansu()
    asyncio.run(database.start())
    try:
        asyncio.run(broker.start())
        yield Engines(database.address, broker.address, BROKER == "apache", broker.access)
    finally:
        asyncio.run(broker.stop())
        asyncio.run(database.stop())


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """The issuer whose tokens the services under test accept."""
    return Tokens(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="session")
def demo_addresses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data dir of addresses with the release of the shipped data, built once for all processes of a run, because it takes long.
    Not to be changed. `BLOCKS_TEST_ADDRESSES` names a folder that the next run finds it in.
    """
    base = tmp_path_factory.getbasetemp()
    of_this_run = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo-addresses"
    directory = Path(os.environ.get("BLOCKS_TEST_ADDRESSES") or of_this_run)
    ensure(directory, Sources(), 1)
    return directory


@pytest.fixture(scope="session")
def platform_data(in_memory: Path, demo_addresses: Path) -> Callable[[], Path]:
    """`platform_data()`: a new data dir for `blocks up`, in memory, which has that release already."""

    def make() -> Path:
        data = Path(tempfile.mkdtemp(prefix="platform-", dir=in_memory))
        shutil.copytree(demo_addresses, data / "addresses")
        return data

    return make


@pytest.fixture
def settings(engines: Engines, tokens: Tokens) -> Iterator[Callable[..., Any]]:
    """`settings(Settings, **over)`: settings for a service of this test alone. Two calls for one class are two replicas on one database."""
    with settings_of_their_own(engines, tokens) as make:
        yield make


@pytest.fixture(scope="module")
def module_settings(engines: Engines, tokens: Tokens) -> Iterator[Callable[..., Any]]:
    """As `settings`, for a service that serves all tests of a module."""
    with settings_of_their_own(engines, tokens) as make:
        yield make


@contextmanager
def settings_of_their_own(engines: Engines, tokens: Tokens) -> Iterator[Callable[..., Any]]:
    """What makes settings whose databases and topics nobody else has; the databases are dropped afterwards."""
    unique = uuid4().hex[:8]
    prefix = f"t{unique}."
    made: set[str] = set()

    def make(cls: type[ServiceSettings], **over: Any) -> ServiceSettings:
        name = str(cls.model_config.get("env_prefix", "")).rstrip("_").lower() or "service"
        name = str(over.get("name", name))
        database = re.sub(r"[^a-z0-9_]", "_", f"{name}_{unique}")
        made.add(database)
        values: dict[str, Any] = {
            "port": free_port(),
            "mongodb": SecretStr(engines.mongodb),
            "database": database,
            "driver": DRIVER,
            "kafka": engines.kafka,
            **engines.kafka_access.as_settings(),
            "broker_durable": engines.broker_durable,
            "topic_prefix": prefix,
            "issuer": ISSUER,
            "jwks_url": tokens.jwks_url,
        }
        return cls(**{**values, **over})

    yield make
    client: MongoClient[dict[str, Any]] = MongoClient(engines.mongodb)
    for database in made:
        client.drop_database(database)
    client.close()


@pytest.fixture
def serve() -> Callable[..., Any]:
    """`async with serve(build(settings)) as running:` runs a service on its port; gives `.url` and `.http`."""
    return run_service


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """`await eventually(check, seconds=10)`: wait for a condition, never for a time."""
    return _eventually
