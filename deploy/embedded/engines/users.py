"""The database's users: a root and one for each service, with passwords generated once in a file beside the data.

`python -m deploy.embedded.engines.users PORT` reads `{"user": "password", ...}` from its standard input and creates these users on a
server without authentication. It runs as a process of its own, because an imported driver takes 30 MB.
"""

import asyncio
import json
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.embedded.errors import OperatorError
from deploy.embedded.files import write_whole
from deploy.embedded.ports import LOOPBACK

ROOT = "root"
PROBE_USER = "runner"
"""The user, and its database, with which the runner checks that the server serves rows."""


class Passwords:
    """The users of one server. The file holds the passwords and which users the server has; only its owner can read it."""

    def __init__(self, file: Path, services: Sequence[str]) -> None:
        self._file = file
        self._users = (ROOT, *services)
        self._known: dict[str, str] = {}
        self._provisioned: list[str] = []

    def load(self) -> None:
        """Read the file; generate the passwords that it lacks. Raises OperatorError for a damaged file."""
        try:
            stored = json.loads(self._file.read_text("utf-8")) if self._file.exists() else {}
            self._known, self._provisioned = dict(stored.get("passwords", {})), list(stored.get("provisioned", []))
        except (ValueError, AttributeError, TypeError) as error:
            raise OperatorError(f"{self._file} is damaged: remove it, and new passwords are made at the next start.") from error
        missing = [user for user in self._users if user not in self._known]
        if missing:
            self._known |= {user: secrets.token_urlsafe(24) for user in missing}
            self._write()

    def get(self, user: str) -> str:
        """Return the user's password."""
        if not self._known:
            self.load()
        return self._known[user]

    @property
    def missing(self) -> dict[str, str]:
        """Users that the server does not have yet, with their passwords."""
        return {user: self._known[user] for user in self._users if user not in self._provisioned}

    def mark_provisioned(self) -> None:
        """Record that the server has all users."""
        self._provisioned = sorted({*self._provisioned, *self._users})
        self._write()

    def _write(self) -> None:
        write_whole(self._file, json.dumps({"passwords": self._known, "provisioned": self._provisioned}, indent=2) + "\n")


async def provision(port: int, passwords: dict[str, str]) -> None:
    """Create these users on the server at `port`, in a process of its own. Raises OperatorError where the server refuses."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", __name__, str(port)),
        cwd=Path(__file__).parents[3],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate(json.dumps(passwords).encode())
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines()
        raise OperatorError(f"The database's users cannot be made: {lines[-1] if lines else 'no reason given'}")


def main(port: int) -> None:
    """Create the users of standard input; only this process imports the driver."""
    from deploy.compose.database import make_users  # noqa: PLC0415

    passwords: dict[str, str] = json.load(sys.stdin)
    make_users(f"{LOOPBACK}:{port}", root_password=passwords.pop(ROOT, None), services=passwords)


if __name__ == "__main__":
    main(int(sys.argv[1]))
