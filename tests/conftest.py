"""Fixtures of all tests: the embedded engines once a run, and a database and a topic prefix for each test.

`BLOCKS_TEST_BROKER` (tansu, apache), `BLOCKS_TEST_ENGINE` (python, fast) and `BLOCKS_TEST_DRIVER` (motor, pymongo) choose the engines.
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
LONGEST_FIRST = (
    *("tests/faults", "tests/deploy/test_platform.py", "tests/fuzz", "tests/deploy/test_hangs.py", "tests/shared"),
    *("tests/addresses/test_release.py", "tests/telemetry"),
)
"""Files that take a minute or more start first, so that all workers end at about the same time. `test_platform.py` builds its own
release while the other worker builds the shared one. The chassis's tests mostly wait, so they run well beside tests that compute."""
RELEASE_FIXTURES, RELEASE_TIMEOUT_SECONDS = {"demo_addresses", "platform"}, 480
"""Fixtures that may build the release of the shipped addresses, and the timeout of their tests: a build takes minutes on a busy machine."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--unit`, which selects the tests that need nothing but this process."""
    parser.addoption("--unit", action="store_true", help="run only the tests that need no engine, no process of their own and no file")


@pytest.hookimpl(tryfirst=True)  # before `-m` selects by the marks that this hook sets
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the longest first, and extend the timeout of tests that may wait for the build of the release."""
    mark_platform_tests(items)
    if config.getoption("--unit"):
        keep_unit_tests(config, items)
    last = len(LONGEST_FIRST)
    items.sort(key=lambda item: next((rank for rank, path in enumerate(LONGEST_FIRST) if item.nodeid.startswith(path)), last))
    for item in items:
        if item.get_closest_marker("timeout") is None and RELEASE_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.timeout(RELEASE_TIMEOUT_SECONDS))


@dataclass(frozen=True)
class Engines:
    """The running database and broker."""

    mongodb: str
    kafka: str
    broker_durable: bool
    kafka_access: KafkaAccess


@pytest.fixture(scope="session")
def in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on a RAM disk for the engines' files; tests make subfolders."""
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
    """A read-only addresses data dir with the release of the shipped data, built once for all processes of a run.

    `BLOCKS_TEST_ADDRESSES` names a folder that keeps it for the next run.

    """
    base = tmp_path_factory.getbasetemp()
    of_this_run = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo-addresses"
    directory = Path(os.environ.get("BLOCKS_TEST_ADDRESSES") or of_this_run)
    ensure(directory, Sources(), 1)
    return directory


@pytest.fixture(scope="session")
def platform_data(in_memory: Path, demo_addresses: Path) -> Callable[[], Path]:
    """`platform_data()`: a new data dir for `blocks up` in memory, with a copy of that release."""

    def make() -> Path:
        data = Path(tempfile.mkdtemp(prefix="platform-", dir=in_memory))
        shutil.copytree(demo_addresses, data / "addresses")
        return data

    return make


@pytest.fixture
def settings(engines: Engines, tokens: Tokens) -> Iterator[Callable[..., Any]]:
    """`settings(Settings, **over)`: settings of a service for this test. Two calls for one class give two replicas on one database."""
    with isolated_settings(engines, tokens) as make:
        yield make


@pytest.fixture(scope="module")
def module_settings(engines: Engines, tokens: Tokens) -> Iterator[Callable[..., Any]]:
    """The same as `settings`, for a service that serves all tests of a module."""
    with isolated_settings(engines, tokens) as make:
        yield make


@contextmanager
def isolated_settings(engines: Engines, tokens: Tokens) -> Iterator[Callable[..., Any]]:
    """Yield a factory of settings with unique databases and topics; drop the databases afterwards."""
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
    """`await eventually(check, seconds=10)`: wait until a condition holds, with a deadline."""
    return _eventually
