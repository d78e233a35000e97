"""The image, run by podman as docker-compose.yml runs it, against the embedded engines. `make image` builds it first."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from uuid import uuid4

import pytest

from tests.containers.test_compose import COMPOSE, default
from tests.support.service_runner import free_port

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300)]
IMAGE = "localhost/london-building-blocks"
PODMAN = ["podman", "--runtime", "runc"]
# The restrictions of docker-compose.yml; ulimits, because podman's defaults may exceed the machine's.
CONFINED = [
    "--network=host", "--read-only", "--tmpfs=/tmp:size=64m", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pull=never",
    "--ulimit=nofile=10000:10000", "--ulimit=nproc=10000:10000",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def image():
    if not shutil.which("podman"):
        pytest.fail("podman is missing")
    if podman("image", "exists", IMAGE, check=False).returncode:
        pytest.fail("the image is missing: make image")


@pytest.fixture(scope="module")
def volumes():
    """A new named volume for each folder that the secrets job writes."""
    unique = uuid4().hex[:8]
    names = {volume.split(":")[0]: f"test-{unique}-{volume.split(':')[0]}" for volume in COMPOSE["services"]["secrets"]["volumes"]}
    yield names
    for name in names.values():
        podman("volume", "rm", "--force", name, check=False)


def podman(*arguments, check=True):
    return subprocess.run([*PODMAN, *arguments], check=check, capture_output=True, text=True)


def run_secrets(volumes):
    service = COMPOSE["services"]["secrets"]
    mounts = [f"--volume={volumes[volume.split(':')[0]]}:{volume.split(':')[1]}" for volume in service["volumes"]]
    environment = [f"--env={name}={default(value)}" for name, value in service["environment"].items()]
    return podman("run", "--rm", *CONFINED, *mounts, *environment, IMAGE, *service["command"])


def test_the_secrets_job_writes_into_new_volumes_without_root(volumes):
    run_secrets(volumes)
    run_secrets(volumes)
    seen = podman(
        "run", "--rm", *CONFINED, f"--volume={volumes['identity-secrets']}:/run/secrets:ro", IMAGE, "ls", "/run/secrets"
    ).stdout.split()
    assert {"identity_mongodb", "identity_encryption_key", "seed.json"} <= set(seen)


def test_the_image_runs_as_nobody_and_cannot_write_to_itself():
    assert podman("run", "--rm", *CONFINED, IMAGE, "id", "-u").stdout.strip() == "10001"
    assert podman("run", "--rm", *CONFINED, IMAGE, "touch", "/app/x", check=False).returncode != 0


def test_the_image_holds_no_tests_secrets_or_tools_for_building():
    listed = podman("run", "--rm", *CONFINED, IMAGE, "ls", "-A", "/app").stdout.split()
    assert set(listed) == {"contracts", "deploy", "examples", "services", "shared", "node_modules", "package.json", "package-lock.json"}


@pytest.mark.parametrize("name", ["notifications", "identity", "addresses", "data_sharing"])
def test_a_service_becomes_ready_answers_and_stops_cleanly(name, volumes, engines):
    """Run as in the compose file, apart from the engines' addresses and the port."""
    run_secrets(volumes)
    service, port, prefix = COMPOSE["services"][name], free_port(), f"{name.upper()}_"
    environment = {variable: default(value) for variable, value in service["environment"].items()}
    environment |= {
        f"{prefix}PORT": str(port),
        f"{prefix}HOST": "127.0.0.1",
        f"{prefix}MONGODB": engines.mongodb,
        f"{prefix}KAFKA": engines.kafka,
        **{f"{prefix}{name.upper()}": value for name, value in engines.kafka_access.as_settings().items()},
        f"{prefix}DATABASE": f"container_{name}_{uuid4().hex[:6]}",
        f"{prefix}TOPIC_PREFIX": f"container{uuid4().hex[:6]}.",
    }
    mounts = [f"--volume={volumes[volume.split(':')[0]]}:/run/secrets:ro" for volume in service["volumes"] if "-secrets" in volume]
    data = f"test-{uuid4().hex[:8]}-data"
    mounts += [f"--volume={data}:{volume.split(':')[1]}" for volume in service["volumes"] if volume.split(":")[0].endswith("-data")]
    container = podman(
        "run", "--detach", *CONFINED, *mounts, *[f"--env={key}={value}" for key, value in environment.items()], IMAGE, *service["command"]
    ).stdout.strip()
    try:
        assert wait_for(f"http://127.0.0.1:{port}/ready"), podman("logs", container).stderr[-2000:]
        health = podman("exec", container, *service["healthcheck"]["test"][1:-1], f"http://127.0.0.1:{port}/ready", check=False)
        assert health.returncode == 0, health.stderr
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json") as answer:
            assert json.load(answer)["paths"]
        podman("stop", "--time", "12", container)  # after 12 seconds podman kills it, which gives another exit code
        assert podman("inspect", "--format", "{{.State.ExitCode}}", container).stdout.strip() == "0"
    finally:
        podman("rm", "--force", container, check=False)
        podman("volume", "rm", "--force", data, check=False)


def test_a_service_without_its_secrets_says_which_setting_is_missing():
    done = podman("run", "--rm", *CONFINED, IMAGE, "python3", "-m", "services.identity", check=False)
    assert done.returncode != 0
    assert "IDENTITY_ENCRYPTION_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def wait_for(url, seconds=90):
    """Return whether `url` answers 200 within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    return False
