"""`blocks up` with everything: one platform, used as a newcomer, a tool and an operator use it."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import psutil
import pytest

from deploy.embedded.platform import ENGINES_GRACE, SERVICES_GRACE
from deploy.embedded.services import SERVICE_NAMES
from tests.deploy.platform import RunningBlocks, blocks, until

CAMDEN, HACKNEY = "E09000007", "E09000012"
BUSY_MACHINE_SECONDS = 10
"""What a busy machine may add to a stop; the grace periods bound the stop itself."""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data dir of this module's platform."""
    return tmp_path_factory.mktemp("platform") / "data"


@pytest.fixture(scope="module")
def platform(data_dir: Path) -> Iterator[RunningBlocks]:
    """A whole platform on the default engines, stopped at the end of the module."""
    with RunningBlocks(data_dir.parent / "run", "--data-dir", str(data_dir), "--engine", "python") as running:
        running.wait_until_ready()
        yield running


@pytest.fixture
def hackney(platform: RunningBlocks) -> httpx.Client:
    """A client with a token of the borough that runs move_home."""
    ready = platform.ready
    client = next(client for client in ready["identity"]["machine_clients"] if client["borough"] == HACKNEY)
    answer = httpx.post(
        f"{ready['identity']['issuer']}/token",
        data={"grant_type": "client_credentials", "scope": "move_home:move:create"},
        auth=(client["client_id"], client["client_secret"]),
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    return httpx.Client(
        base_url=ready["urls"]["move_home"], headers={"Authorization": f"Bearer {answer.json()['access_token']}"}, timeout=20
    )


def test_a_signing_key_is_rotated_while_everything_runs(platform: RunningBlocks, data_dir: Path, hackney: httpx.Client) -> None:
    jwks = f"{platform.ready['identity']['issuer']}/.well-known/jwks.json"
    before = [key["kid"] for key in httpx.get(jwks, timeout=20).json()["keys"]]
    rotated = blocks("keys", "rotate", "--now", "--data-dir", str(data_dir))
    assert rotated.returncode == 0, rotated.stderr
    until(lambda: len(httpx.get(jwks, timeout=20).json()["keys"]) == len(before) + 1, seconds=30)
    made = httpx.get(jwks, timeout=20).json()["keys"][-1]["kid"]
    assert made in rotated.stdout
    assert hackney.get("/api/moves/none").status_code == 404, "a token by the old key is good"

    def signs() -> bool:
        client = platform.ready["identity"]["machine_clients"][0]
        answer = httpx.post(
            f"{platform.ready['identity']['issuer']}/token",
            data={"grant_type": "client_credentials", "scope": "addresses:address:read"},
            auth=(client["client_id"], client["client_secret"]),
            timeout=20,
        )
        token = answer.json()["access_token"]
        found = httpx.get(
            f"{platform.ready['urls']['addresses']}/v1/addresses/search?q=E8", headers={"Authorization": f"Bearer {token}"}, timeout=20
        )
        assert found.status_code != 401, found.text
        return bool(jwt.get_unverified_header(token)["kid"] == made)

    until(signs, seconds=60)


def test_the_ready_file_names_every_service_and_only_its_owner_can_read_it(platform: RunningBlocks) -> None:
    ready = platform.ready
    assert ready["version"] == 1
    assert ready["engine"] == "python"
    assert tuple(ready["urls"]) == SERVICE_NAMES
    assert set(ready["processes"]) == {*SERVICE_NAMES, "database", "broker"}
    assert all(httpx.get(f"{url}/ready", timeout=20).json()["ready"] for url in ready["urls"].values())
    assert platform.ready_file.stat().st_mode & 0o077 == 0


def test_the_table_shows_addresses_and_demo_sign_ins(platform: RunningBlocks) -> None:
    for url in platform.ready["urls"].values():
        assert url in platform.text
    for person in platform.ready["identity"]["people"]:
        assert person["email"] in platform.text


def test_a_move_is_told_to_both_boroughs_and_the_citizen_gets_each_message_once(platform: RunningBlocks, hackney: httpx.Client) -> None:
    accepted = hackney.post("/api/moves", json=a_move("ada@example.com"), headers={"Idempotency-Key": "a move of Ada"})
    assert accepted.status_code == 201, accepted.text

    move = until(lambda: followed(hackney, accepted.json()["id"]))

    assert {step["name"]: step["status"] for step in move["steps"]} == {
        "recorded": "done",
        f"shared:{CAMDEN}:council-tax": "done",
        f"shared:{HACKNEY}:council-tax": "done",
        "email": "done",
        "sms": "done",
    }
    messages = captured(platform.ready, "ada@example.com") + captured(platform.ready, "+447700900123")
    assert sorted((message["channel"], message["deliveries"]) for message in messages) == [("email", 1), ("sms", 1)]
    assert "Dear Ada Lovelace" in next(message["body"] for message in messages if message["channel"] == "email")


def test_status_tells_every_process_with_its_memory(platform: RunningBlocks, data_dir: Path) -> None:
    reported = blocks("status", "--json", "--data-dir", str(data_dir))
    assert reported.returncode == 0, reported.stderr + reported.stdout
    states: dict[str, dict[str, Any]] = {state["name"]: state for state in json.loads(reported.stdout)}
    assert {name: state["pid"] for name, state in states.items()} == {name: pids[0] for name, pids in platform.pids.items()}
    assert all(state["ready"] and state["port"] and state["rss_mb"] for state in states.values())
    assert all(states[name]["parked"] == 0 and states[name]["dead"] == 0 for name in SERVICE_NAMES)


def test_everything_together_stays_under_900_megabytes(platform: RunningBlocks) -> None:
    family = [psutil.Process(platform.process.pid), *psutil.Process(platform.process.pid).children(recursive=True)]
    used = {process.pid: process.memory_info().rss // 1_000_000 for process in family}
    assert sum(used.values()) < 900, used


def test_a_killed_service_comes_back_at_its_address_and_the_ready_file_follows(platform: RunningBlocks) -> None:
    before = platform.ready
    victims = [before["processes"][name][0] for name in ("notifications", "broker", "database")]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)

    until(lambda: not set(victims) & {pid for pids in platform.pids.values() for pid in pids})

    after = platform.ready
    assert (after["urls"], after["kafka"], after["mongodb"]) == (before["urls"], before["kafka"], before["mongodb"])
    assert after["processes"]["portal"] == before["processes"]["portal"]
    until(lambda: all(is_ready(url) for url in after["urls"].values()))
    assert "notifications was killed (SIGKILL); starting it again" in platform.text


def test_a_move_after_all_that_still_arrives(platform: RunningBlocks, hackney: httpx.Client) -> None:
    accepted = hackney.post("/api/moves", json=a_move("ben@example.com"))
    assert accepted.status_code == 201, accepted.text
    until(lambda: followed(hackney, accepted.json()["id"]))


def test_a_second_platform_in_the_same_data_directory_is_refused(platform: RunningBlocks, data_dir: Path) -> None:
    second = blocks("up", "--data-dir", str(data_dir), "--port-base", "0")
    assert second.returncode == 1
    assert (
        second.stderr == f"A platform already uses {data_dir} (pid {platform.process.pid}): stop it, or choose another with --data-dir.\n"
    )
    assert blocks("reset", "--yes", "--data-dir", str(data_dir)).returncode == 1
    assert (data_dir / "secrets.json").exists()


def test_ctrl_c_stops_everything_within_ten_seconds_and_removes_the_ready_file(platform: RunningBlocks, data_dir: Path) -> None:
    family = psutil.Process(platform.process.pid).children(recursive=True)
    code, seconds = platform.interrupt()
    assert code == 0, platform.text
    assert SERVICES_GRACE + ENGINES_GRACE < 10
    assert seconds < 10 + BUSY_MACHINE_SECONDS
    assert not platform.ready_file.exists()
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert blocks("status", "--data-dir", str(data_dir)).returncode == 1


def test_a_later_start_keeps_secrets_and_data(data_dir: Path, platform: RunningBlocks) -> None:
    secrets = (data_dir / "secrets.json").read_text()
    with RunningBlocks(data_dir.parent / "later", "--data-dir", str(data_dir), "--engine", "python", "--only", "portal,identity") as later:
        ready = later.wait_until_ready()
        assert tuple(ready["urls"]) == ("portal", "identity")
        assert captured(ready, "ada@example.com")
    assert (data_dir / "secrets.json").read_text() == secrets


def is_ready(url: str) -> bool:
    """Return whether the service at `url` is ready."""
    try:
        return httpx.get(f"{url}/ready", timeout=20).is_success
    except httpx.TransportError:
        return False


def a_move(email: str) -> dict[str, Any]:
    """Return the body that submits a move from Camden to Hackney."""
    return {
        "subject": f"urn:test:{email.partition('@')[0]}",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "email": email,
        "phone": "07700 900123",
        "old_address": {"text": "1 Old Street", "postcode": "NW1 1AA", "borough": CAMDEN},
        "new_address": {"text": "2 New Street", "postcode": "E8 1EA", "borough": HACKNEY},
        "moved_on": "2026-11-20",
        "tell": [{"borough": CAMDEN, "purpose": "council-tax"}, {"borough": HACKNEY, "purpose": "council-tax"}],
    }


def followed(http: httpx.Client, move: str) -> dict[str, Any] | None:
    """Return the move if it is complete."""
    answer = http.get(f"/api/moves/{move}")
    content: dict[str, Any] = answer.json()
    return content if answer.is_success and content["status"] == "complete" else None


def captured(ready: dict[str, Any], to: str) -> list[dict[str, Any]]:
    """Return the captured messages to that address or number."""
    answer = httpx.get(ready["captured"], params={"to": to}, timeout=20)
    assert answer.status_code == 200, answer.text
    messages: list[dict[str, Any]] = answer.json()
    return messages
