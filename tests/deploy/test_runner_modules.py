"""The runner's small modules: locks, secrets, files, logs, options."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.embedded.demo import DEMO_BOROUGHS, Demo
from deploy.embedded.engines import OperatorError
from deploy.embedded.file_locks import data_dir_lock
from deploy.embedded.files import write_whole
from deploy.embedded.logs import MAX_BYTES, LogFollower
from deploy.embedded.options import Options, parse_only, parse_replicas
from deploy.embedded.secrets_file import load_secrets
from deploy.embedded.services import SERVICES, assign_ports
from services.data_sharing.seed import Seed as DataSharingSeed
from services.identity.seed import Seed as IdentitySeed
from services.notifications.seed import SeedFile as NotificationsSeed

HOLDER = """
import sys, time
from pathlib import Path
from deploy.embedded.file_locks import data_dir_lock
with data_dir_lock(Path(sys.argv[1])):
    print(flush=True)
    time.sleep(60)
"""


def test_the_lock_names_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(OperatorError, match=rf"already uses .* \(pid {holder.pid}\).*--data-dir"), data_dir_lock(tmp_path):
            pytest.fail("two hold the lock")
        holder.kill()
    with data_dir_lock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = load_secrets(path, tuple(DEMO_BOROUGHS))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_secrets(path, tuple(DEMO_BOROUGHS)) == first
    assert load_secrets(tmp_path / "other.json", tuple(DEMO_BOROUGHS)) != first


def test_a_secret_that_an_older_file_lacks_is_added_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = load_secrets(path, tuple(DEMO_BOROUGHS))
    known = json.loads(path.read_text())
    del known["demo_web"]
    path.write_text(json.dumps(known))

    again = load_secrets(path, (*DEMO_BOROUGHS, "E09000001"))

    assert again.identity_encryption_key == first.identity_encryption_key
    assert again.borough_machines.items() > first.borough_machines.items()
    assert load_secrets(path, ()) == again


def test_a_damaged_secrets_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text('{"identity_enc')
    with pytest.raises(OperatorError, match=r"secrets.json is damaged"):
        load_secrets(path, ())
    assert path.read_text() == '{"identity_enc'


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "new \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_logs_are_shown_as_lines_and_emptied_when_they_are_long(tmp_path: Path) -> None:
    shown: list[tuple[str, str]] = []
    logs = LogFollower(lambda name, line: shown.append((name, line)))
    path = tmp_path / "tiny.log"
    path.write_text("of an earlier run\n")
    logs.follow("tiny", path)
    with path.open("a") as writer:
        writer.write("one\ntwo\nhal")
        writer.flush()
        logs.poll()
        assert shown == [("tiny", "one"), ("tiny", "two")]
        writer.write("f\n" + "x" * MAX_BYTES + "\nlast\n")
        writer.flush()
        logs.poll()
        assert shown[-1] == ("tiny", "last")
        assert path.stat().st_size == 0
        writer.write("goes on\n")
        writer.flush()
        logs.poll()
    assert shown[-1] == ("tiny", "goes on")
    assert path.read_text() == "goes on\n"


def test_services_are_named_with_dashes_or_underscores_and_typing_errors_are_answered() -> None:
    assert parse_only("data-sharing, identity") == ("data_sharing", "identity")
    assert parse_replicas(["move-home=2"]) == {"move_home": 2}
    with pytest.raises(OperatorError, match="no service 'identiy': there are portal, identity"):
        parse_only("identiy")
    for wrong in ("identity", "identity=", "identity=0", "identity=x", "identity=²"):
        with pytest.raises(OperatorError, match="SERVICE=N"):
            parse_replicas([wrong])
    with pytest.raises(OperatorError, match="--replicas names portal, which --only leaves out"):
        Options(only=("identity",), replicas={"portal": 2})
    with pytest.raises(OperatorError, match="--port-base is between 0"):
        Options(port_base=65_530)


def test_ports_follow_the_base() -> None:
    assert assign_ports(SERVICES, 8000) == {
        "portal": 8000,
        "identity": 8001,
        "addresses": 8002,
        "notifications": 8003,
        "data_sharing": 8004,
        "move_home": 8010,
    }
    assert len(set(assign_ports(SERVICES, 0).values())) == len(SERVICES)


@pytest.mark.parametrize("demo", [True, False])
def test_every_seed_file_is_what_its_service_reads(tmp_path: Path, demo: bool) -> None:
    urls = {name: f"http://127.0.0.1:{port}" for name, port in assign_ports(SERVICES, 8000).items()}
    made = Demo(load_secrets(tmp_path / "secrets.json", tuple(DEMO_BOROUGHS)), tmp_path, urls=urls, smtp_port=1025, demo=demo)

    identity = IdentitySeed.model_validate_json(made.seed("identity") or "")
    notifications = NotificationsSeed.model_validate_json(made.seed("notifications") or "")
    agreements = DataSharingSeed.model_validate_json(made.seed("data_sharing") or "{}").agreements

    assert bool(identity.people) == demo
    assert {"move-home", "move-home-machine"} <= {client.client_id for client in identity.clients}
    scopes = {client.client_id: client.scopes for client in identity.clients}
    used = {name: json.loads(made.settings("move_home")[name]) for name in ("addresses_client", "shares_client", "inbox_clients")}
    assert scopes[used["addresses_client"]["client_id"]] == {"addresses:address:read"}
    assert scopes[used["shares_client"]["client_id"]] == {"data_sharing:share:create"}
    assert {client["client_id"]: scopes[client["client_id"]] for client in used["inbox_clients"].values()} == {
        "move-home-inbox-camden": {"data_sharing:inbox:read"},
        "move-home-inbox-hackney": {"data_sharing:inbox:read"},
    }
    assert "systems" not in json.dumps(made.settings("move_home")), "an app holds no borough's own secret"
    assert {service.name for service in notifications.services} == {"Sign in", "Move home"} | ({"Demo"} if demo else set())
    assert bool(agreements) == demo


@pytest.mark.parametrize("demo", [True, False])
def test_what_the_platforms_services_use_belongs_to_no_borough(tmp_path: Path, demo: bool) -> None:
    urls = {name: f"http://127.0.0.1:{port}" for name, port in assign_ports(SERVICES, 8000).items()}
    made = Demo(load_secrets(tmp_path / "secrets.json", tuple(DEMO_BOROUGHS)), tmp_path, urls=urls, smtp_port=1025, demo=demo)
    boroughs = {service.id: service.borough for service in NotificationsSeed.model_validate_json(made.seed("notifications") or "").services}
    clients = {client.client_id: client for client in IdentitySeed.model_validate_json(made.seed("identity") or "").clients}
    app = "move_home"  # a borough's app, which uses that borough's own
    for part in SERVICES:
        if part.name == app:
            continue
        settings = str(made.settings(part.name))
        assert not [client for client in clients.values() if client.client_secret and client.client_secret.get_secret_value() in settings]
        for service, borough in boroughs.items():
            assert borough is None or str(service) not in settings, part.name
    used = made.settings("identity")["notifications_key"]
    assert [borough for service, borough in boroughs.items() if str(service) in used] == [None]
