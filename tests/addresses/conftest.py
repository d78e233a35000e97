"""One release, built from the shipped data once a run; tests that harm one work on a copy."""

import gzip
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from pydantic import SecretStr

from benchmarks.addresses.releases import release_of
from services.addresses.gazetteer.files.atomic import sha256_of
from services.addresses.gazetteer.files.shipped_sources import BOROUGHS, POSTCODES, SHIPPED, TERMINATED, WARDS, Sources
from services.addresses.gazetteer.releases import integrity as checking
from services.addresses.gazetteer.releases.local import activate, current
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from services.addresses.service import build
from services.addresses.settings import Settings
from tests.support.object_servers import Line, ObjectServer, running_object_server
from tests.support.service_runner import RunningService, run_service

from . import town, villa
from .import_support import Place, supplied
from .store_support import Shop

SEED = 1


@pytest.fixture
def settings(settings: Callable[..., Any]) -> Callable[..., Any]:
    """As everywhere, with the key that replicas of this service share."""
    return partial(settings, secret_key=SecretStr(Fernet.generate_key().decode()))


@pytest.fixture(scope="session")
def data_dir(demo_addresses: Path) -> Path:
    """A data dir with the shipped data's release in it."""
    return demo_addresses


@pytest.fixture(scope="session")
def few_sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """The shipped sources of two postcode districts."""
    folder = tmp_path_factory.mktemp("sources")
    for name in (BOROUGHS, WARDS):
        (folder / name).write_bytes((SHIPPED / name).read_bytes())
    for name in (POSTCODES, TERMINATED):
        header, *lines = gzip.decompress((SHIPPED / name).read_bytes()).decode().splitlines(keepends=True)
        chosen = [line for line in lines if line.startswith(("E8 ", "NW1 "))]
        (folder / name).write_bytes(gzip.compress("".join((header, *chosen)).encode()))
    return Sources(folder)


@pytest.fixture(scope="session")
def gazetteer(data_dir) -> Iterator[Gazetteer]:
    """That release, open."""
    opened = Gazetteer.open(current(data_dir)[0])
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def hundred_thousand(in_memory: Path) -> Iterator[Gazetteer]:
    """A release of 100,000 other made-up premises, open. `BLOCKS_TEST_HUNDRED_THOUSAND` names a folder that the next run finds it in."""
    kept = os.environ.get("BLOCKS_TEST_HUNDRED_THOUSAND")
    with release_of(100_000, seed=2, folder=Path(kept) if kept else in_memory / "hundred-thousand") as folder:
        opened = Gazetteer.open(folder)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def small_town(tmp_path_factory: pytest.TempPathFactory, few_sources: Sources) -> Iterator[Gazetteer]:
    """A release of `town.RECORDS` among made-up premises, open."""
    yield from town.built(tmp_path_factory.mktemp("town"), few_sources)


@pytest.fixture(scope="session")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A data dir in which a small release took the place of another: a villa was divided, a house went. Both are kept."""
    directory = tmp_path_factory.mktemp("two")
    earlier = villa.written(directory, "earlier", villa.HOUSE, villa.VILLA, villa.GONE)
    later = villa.written(directory, "later", villa.HOUSE, villa.DIVIDED_VILLA, *villa.FLATS, villa.ACROSS)
    return directory, earlier, later


@pytest.fixture
async def before_the_division(serve, settings, two_releases, tmp_path) -> AsyncIterator[object]:
    """The service, answering from the first of the two small releases in a data dir of its own."""
    directory, earlier, _ = two_releases
    own = tmp_path / "own"
    shutil.copytree(directory, own)
    activate(own, earlier)
    async with serve(build(settings(Settings, data_dir=own))) as served:
        yield served


@pytest.fixture
async def running(serve, settings, data_dir) -> AsyncIterator[object]:
    """The service on a port, answering from that release."""
    async with serve(build(settings(Settings, data_dir=data_dir, premises_seed=SEED))) as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_running(module_settings, data_dir) -> AsyncIterator[RunningService]:
    """The same, for all tests of a module that only ask; they run in the module's event loop."""
    key = SecretStr(Fernet.generate_key().decode())
    async with run_service(build(module_settings(Settings, data_dir=data_dir, premises_seed=SEED, secret_key=key))) as served:
        yield served


@pytest.fixture
def reader(tokens) -> dict[str, str]:
    """Headers of a client that may read addresses."""
    token = tokens.token(scope="addresses:address:read", audience="urn:london-blocks:addresses")
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="session")
def full_supply(tmp_path_factory) -> Place:
    """A data dir in which a full supply of AddressBase Premium is live. Tests that change it work on a copy."""
    return supplied(tmp_path_factory.mktemp("full_supply"))


@pytest.fixture
def place(full_supply: Place, tmp_path: Path) -> Place:
    """A copy of it that may be changed."""
    return replace(full_supply, data_dir=Path(shutil.copytree(full_supply.data_dir, tmp_path / "copy")))


@pytest.fixture(scope="session")
def object_server() -> Iterator[ObjectServer]:
    """A server of S3's protocol."""
    with running_object_server() as running:
        yield running


@pytest.fixture
def bucket(object_server, monkeypatch) -> str:
    """The URL of a new bucket, which this process and its children may use."""
    name = f"bucket-{uuid4().hex[:8]}"
    object_server.bucket(name)
    for variable, value in object_server.environment().items():
        monkeypatch.setenv(variable, value)
    return f"s3://{name}/addresses/london"


@pytest.fixture
def line(object_server, bucket, monkeypatch) -> Iterator[Line]:
    """The way to the bucket."""
    made = Line(object_server.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.endpoint)
    yield made
    made.close()


@pytest.fixture
def in_bucket(bucket, place, tmp_path) -> Shop:
    return Shop(place, bucket, tmp_path)


@pytest.fixture(params=["bucket", "volume"])
def shop(request, place, tmp_path) -> Shop:
    if request.param == "bucket":
        return Shop(place, request.getfixturevalue("bucket"), tmp_path)
    (tmp_path / "volume").mkdir()
    return Shop(place, (tmp_path / "volume").as_uri(), tmp_path)


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """Names of the files that are hashed to check a release, from now on."""
    names: list[str] = []

    def noted(path: Path) -> str:
        names.append(path.name)
        return sha256_of(path)

    monkeypatch.setattr(checking, "sha256_of", noted)
    return names
