"""docker-compose.yml is valid, its references resolve, and its settings are those of the services."""

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from contracts.events import registry
from deploy.compose import secrets
from deploy.embedded import services as runner_services
from deploy.embedded.engines.apache_kafka import KAFKA_VERSION

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE = yaml.safe_load(FILE.read_text("utf-8"))
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "london-building-blocks"}
BLOCKS = {service.name: service for service in runner_services.SERVICES}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The files that the secrets job writes, by folder."""
    root = tmp_path_factory.mktemp("secrets")
    for volume in SERVICES["secrets"]["volumes"]:
        (root / Path(target(volume)).name).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name in SERVICES["secrets"]["environment"]:
            if name.endswith("_PUBLIC_URL"):
                patch.setenv(name, f"http://{name.lower()}")
        secrets.main(root)
        before = contents(root)
        secrets.main(root)
    assert contents(root) == before, "a second start must keep what the first one made"
    return root


def contents(root):
    return {file.relative_to(root): file.read_text("utf-8") for file in root.rglob("*") if file.is_file()}


def target(volume):
    return volume.split(":")[1]


def settings_of(name):
    return import_module(f"{BLOCKS[name].module}.settings").Settings


def test_the_file_satisfies_the_compose_specification():
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_refers_to_exists(name):
    service = SERVICES[name]
    assert set(service.get("networks", ())) <= COMPOSE["networks"].keys()
    assert {volume.split(":")[0] for volume in service.get("volumes", ())} <= COMPOSE["volumes"].keys()
    assert not {"secrets", "configs"} & service.keys()
    for other, wanted in service.get("depends_on", {}).items():
        assert other in SERVICES
        if wanted["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other], f"{other} never gets healthy: it has no health check"
        if wanted["condition"] == "service_completed_successfully":
            assert SERVICES[other]["restart"] in {"no", "on-failure"}, f"{other} never completes"


def test_nothing_declared_is_unused():
    assert {network for service in SERVICES.values() for network in service["networks"]} == COMPOSE["networks"].keys()
    assert {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())} == COMPOSE["volumes"].keys()


def test_no_image_is_tied_to_a_registry():
    for service in SERVICES.values():
        assert "." not in service["image"].partition("/")[0].partition(":")[0], service["image"]


@pytest.mark.parametrize("name", OURS)
def test_each_of_ours_is_the_image_with_one_command_and_no_powers(name):
    service = OURS[name]
    assert service["command"][:2] == ["python3", "-m"]
    assert find_spec(service["command"][2]) is not None
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert "user" not in service, "the image says who it runs as"


def test_every_service_of_the_platform_is_there():
    assert BLOCKS.keys() <= SERVICES.keys()
    for name, part in BLOCKS.items():
        assert SERVICES[name]["command"][2] == part.module


OF_OTHERS = {"addresses": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"}}
"""Variables that the S3 library reads, under their standard names."""


@pytest.mark.parametrize("name", BLOCKS)
def test_every_setting_that_is_given_exists(name, written):
    fields = settings_of(name).model_fields
    variables = SERVICES[name]["environment"].keys() - OF_OTHERS.get(name, set())
    given = {variable.removeprefix(BLOCKS[name].prefix).lower() for variable in variables}
    assert all(variable.startswith(BLOCKS[name].prefix) for variable in variables)
    assert given - {"secrets_dir"} <= fields.keys()
    files = {file.name for file in (written / name).iterdir()} - {"seed.json"}
    assert {file.removeprefix(f"{name}_") for file in files} <= fields.keys()


@pytest.mark.parametrize("name", BLOCKS)
def test_a_service_starts_from_its_environment_and_its_secrets_alone(name, written, monkeypatch):
    """A process with exactly the container's environment reads the settings."""
    environment = {variable: default(value) for variable, value in SERVICES[name]["environment"].items()}
    prefix = BLOCKS[name].prefix
    assert environment[f"{prefix}SECRETS_DIR"] == "/run/secrets"
    environment[f"{prefix}SECRETS_DIR"] = str(written / name)
    program = f"from {BLOCKS[name].module}.settings import Settings; s = Settings.load(); print(s.port, s.mongodb.get_secret_value())"
    done = subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    port, mongodb = done.stdout.split()
    assert mongodb == f"mongodb://{name}:{(written / 'database' / name).read_text()}@mongodb:27017/{name}?replicaSet=rs0"
    assert f"http://127.0.0.1:{port}/ready" in SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
    if f"{prefix}SEED_FILE" in environment:
        assert environment[f"{prefix}SEED_FILE"] == "/run/secrets/seed.json"
    assert (written / name / "seed.json").exists() == (f"{prefix}SEED_FILE" in environment)


def default(value):
    """Return the value of `${NAME:-default}` where NAME is not set."""
    text = str(value)
    return text[2:-1].partition(":-")[2] if text.startswith("${") else text


@pytest.mark.parametrize("name", BLOCKS)
def test_a_service_sees_no_other_service_s_secrets(name, written):
    mounted = [volume for volume in SERVICES[name]["volumes"] if volume.split(":")[0].endswith("-secrets")]
    assert mounted == [f"{name.replace('_', '-')}-secrets:/run/secrets:ro"]
    readers = [
        other for other, service in SERVICES.items() if other != "secrets" and mounted[0].split(":")[0] in str(service.get("volumes"))
    ]
    assert readers == [name]


def test_addresses_between_services_name_services_and_their_ports():
    ports = {name: str(service["ports"][0]).rpartition(":")[2] for name, service in SERVICES.items() if name in BLOCKS}
    for service in OURS.values():
        for value in service["environment"].values() if "environment" in service else ():
            for name, port in ports.items():
                if f"http://{name}:" in str(value):
                    assert str(value).startswith(f"http://{name}:{port}"), value


OLDEST = {"mongo": (8, 0), "apache/kafka": tuple(map(int, KAFKA_VERSION.split("."))), "axllent/mailpit": (1, 30, 6)}
"""The oldest version of each third-party image without known vulnerabilities; for Kafka, the version that the tests run."""


def test_no_image_has_a_known_vulnerability():
    images = dict(service["image"].split(":") for service in SERVICES.values() if ":" in service["image"])
    assert images.keys() == OLDEST.keys()
    for image, tag in images.items():
        assert tuple(int(part) for part in tag.removeprefix("v").split(".")) >= OLDEST[image], f"{image}:{tag}"


def test_the_engines_are_not_reachable_from_outside():
    for name in ("mongodb", "kafka"):
        assert "ports" not in SERVICES[name]
        assert SERVICES[name]["networks"] == ["engines"]
    assert COMPOSE["networks"]["engines"]["internal"] is True


def test_the_broker_creates_no_topic_on_demand():
    assert registry
    assert SERVICES["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
