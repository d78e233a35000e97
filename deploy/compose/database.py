"""Initiates a replica set of one and creates a user for each service, limited to its own database."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, NotPrimaryError, OperationFailure

ALREADY_INITIALIZED = 23
USER_ALREADY_EXISTS = 51003
Client = MongoClient[dict[str, Any]]


def main(address: str, folder: Path) -> None:
    """Prepare the database at `address` (`host:port`); `folder` holds the root password and one password a service. Idempotent."""
    passwords = {file.name: file.read_text("utf-8") for file in folder.iterdir() if not file.name.startswith(".")}
    root_password = passwords.pop("root_password")
    with MongoClient[dict[str, Any]](address, username="root", password=root_password, directConnection=True) as client:
        _initiate(client, address)
        _wait_for_primary(client)
        for service, password in sorted(passwords.items()):
            grant(client, service, password)


def grant(client: Client, user: str, password: str, *, database: str | None = None, role: str = "readWrite") -> None:
    """Create or update `user` with `role` on `database`, by default the one of the user's name."""
    home = client[database or user]
    account: dict[str, Any] = {"pwd": password, "roles": [{"role": role, "db": home.name}]}
    try:
        home.command("createUser", user, **account)
    except OperationFailure as error:
        if error.code != USER_ALREADY_EXISTS:
            raise
        home.command("updateUser", user, **account)


def make_users(address: str, *, root_password: str | None, services: Mapping[str, str]) -> None:
    """Create the users of a server without authentication: root where `root_password` is given, and each service."""
    with MongoClient[dict[str, Any]](address, directConnection=True, serverSelectionTimeoutMS=20_000) as client:
        if root_password is not None:
            grant(client, "root", root_password, database="admin", role="root")
        for service, password in services.items():
            grant(client, service, password)


def _initiate(client: Client, address: str) -> None:
    try:
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": address}]})
    except OperationFailure as error:
        if error.code != ALREADY_INITIALIZED:
            raise


def _wait_for_primary(client: Client, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if client.admin.command("hello").get("isWritablePrimary"):
                return
        except (AutoReconnect, NotPrimaryError):
            pass
        time.sleep(0.5)
    raise SystemExit(f"The database did not become a primary within {seconds:.0f} seconds.")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "mongodb:27017", Path(sys.argv[2] if len(sys.argv) > 2 else "/run/secrets"))
