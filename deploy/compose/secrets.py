"""Writes every service's secrets into a volume of its own; generates them at the first start and keeps them."""

import base64
import os
import secrets
import sys
from pathlib import Path

from deploy.embedded.demo import DEMO_BOROUGHS, Demo
from deploy.embedded.secrets_file import load_secrets

SERVICES = ("portal", "identity", "addresses", "notifications", "data_sharing", "move_home")
INSIDE_MOVE_HOME = "http://move_home:8010"
"""Where identity sends move_home's back-channel logout: the containers' own network."""
ROOT_PASSWORD = "root_password"  # noqa: S105 (a file's name)
KEY_FILE = "replica_set.key"


def main(root: Path) -> None:
    """Write `root/<service>/<prefix>_<setting>`, one file a setting, and `root/<service>/seed.json`. Idempotent."""
    platform = root / "platform"
    urls = {name: os.environ[f"{name.upper()}_PUBLIC_URL"] for name in SERVICES}
    demo = Demo(
        load_secrets(platform / "secrets.json", tuple(DEMO_BOROUGHS)),
        platform,
        urls=urls,
        smtp_port=25,
        demo=os.environ.get("DEMO") != "no",
        inside={"move_home": INSIDE_MOVE_HOME},
    )
    root_password = _read_or_create(platform / ROOT_PASSWORD, secrets.token_urlsafe(32))
    for folder in ("mongodb", "database"):
        _write(root / folder / ROOT_PASSWORD, root_password)
    # mongod authenticates members of a replica set by a key of 6 to 1024 base64 characters.
    _write(root / "mongodb" / KEY_FILE, _read_or_create(platform / KEY_FILE, base64.b64encode(os.urandom(756)).decode()))
    for service in SERVICES:
        password = _read_or_create(platform / f"{service}_password", secrets.token_urlsafe(32))
        _write(root / "database" / service, password)
        url = f"mongodb://{service}:{password}@mongodb:27017/{service}?replicaSet=rs0"
        for setting, value in {**demo.settings(service), "mongodb": url}.items():
            _write(root / service / f"{service}_{setting}", value)
        if (seed := demo.seed(service)) is not None:
            _write(root / service / "seed.json", seed)


def _read_or_create(path: Path, fresh: str) -> str:
    """Return the content of `path`; write `fresh` there first where it does not exist."""
    if not path.exists():
        _write(path, fresh)
    return path.read_text("utf-8")


def _write(path: Path, text: str) -> None:
    """Write a file that every user can read: only this job and one service, perhaps of another user id, mount the volume."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(text, "utf-8")
    unfinished.chmod(0o444)
    unfinished.replace(path)
    path.parent.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "/secrets"))
