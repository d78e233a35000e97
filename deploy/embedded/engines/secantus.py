"""SecantusDB: the MongoDB wire protocol over WiredTiger, as a replica set of one.

Two servers share one format on disk: `python`, from its wheel, and `fast`, which `make engine` builds.
"""

import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from deploy.embedded.cache import cache_directory
from deploy.embedded.disk import require_space
from deploy.embedded.engines.mongodb_protocol import RowProbe, takes_writes
from deploy.embedded.engines.users import PROBE_USER, ROOT, Passwords, provision
from deploy.embedded.errors import OperatorError
from deploy.embedded.ports import LOOPBACK, free_port, require_free
from deploy.embedded.process import Process

EngineChoice = Literal["python", "fast"]

FAST_ENGINE_VERSION = "0.5.3-beta.196"
_MEGABYTES_NEEDED = 400
CACHE_SIZE = "512M"
"""The engine refuses a transaction that writes a twelfth of it, and may hang under several at once (decision 0020).
The engine allocates memory on demand, not at the start."""
_CONFIG_FILE = Path(__file__).with_name("secantusd.toml")


def fast_engine_root() -> Path:
    """Return the directory where `make engine` installs the fast server."""
    return cache_directory() / "engine" / FAST_ENGINE_VERSION


def fast_engine_binary() -> Path:
    """Return the path of the fast server's program, built or not."""
    return fast_engine_root() / "bin" / "secantusd-rs"


def fast_engine_is_built() -> bool:
    """Return whether `make engine` has built the fast server on this machine."""
    return fast_engine_binary().is_file()


class Database(Process):
    """A SecantusDB server whose data lives in `directory`; an acknowledged commit survives SIGKILL.

    Only users with a password get in: `root`, and one for each of `services`, limited to the database of its name.
    """

    def __init__(
        self,
        engine: EngineChoice,
        directory: Path,
        port: int = 0,
        *,
        services: Sequence[str] = (),
        log: Path | None = None,
        cache_size: str = CACHE_SIZE,
    ) -> None:
        super().__init__("database", port=port or free_port(), log=log or directory.with_name(f"{directory.name}.log"))
        self.engine = engine
        self.directory = directory
        self._cache_size = cache_size
        self._passwords = Passwords(directory.with_name(f"{directory.name}.users.json"), (PROBE_USER, *services))
        self._probe: RowProbe | None = None

    @property
    def address(self) -> str:
        """The connection string of `root`, who may use every database: for operators' commands and tests."""
        return self._address(ROOT, "")

    def address_for(self, service: str) -> str:
        """Return the connection string of one service."""
        return self._address(service, service)

    def _address(self, user: str, database: str) -> str:
        """Ask for a direct connection: drivers then reconnect after a restart without discovery."""
        return f"mongodb://{user}:{self._passwords.get(user)}@{LOOPBACK}:{self.port}/{database}?directConnection=true"

    def command(self) -> Sequence[str]:
        """Return the command line. Without `--sync-on-commit` a kill loses the last commits, even acknowledged with `j: true`."""
        return [*self._command(self.port), "--auth"]

    def _command(self, port: int) -> list[str]:
        return [
            str(self._program()),
            *("--config", str(_CONFIG_FILE)),
            *("--host", LOOPBACK, "--port", str(port)),
            *("--storage-path", str(self.directory.absolute())),
            *("--cache-size", self._cache_size, "--log-level", "WARNING"),
            "--sync-on-commit",
        ]

    async def prepare(self) -> None:
        """Check program, port and disk; create missing users."""
        if not self._program().is_file():
            remedy = "run `make engine`, or choose --engine python" if self.engine == "fast" else "run `make install`"
            raise OperatorError(f"The database program {self._program().name} is not installed: {remedy}.")
        require_free(self.port, wanted_by="the database", remedy="end that process or choose another port")
        require_space(self.directory, megabytes=_MEGABYTES_NEEDED)
        self._passwords.load()
        if missing := self._passwords.missing:
            async with _OpenServer(self._command, self.log) as server:
                await provision(server.port, missing)
            self._passwords.mark_provisioned()

    async def answers(self) -> bool:
        """Return whether the server reports that it takes writes."""
        return await takes_writes(self.port)

    async def works(self) -> bool:
        """Return whether the server writes and reads a row; a stalled server still reports that it takes writes."""
        if self._probe is None:
            self._probe = RowProbe(self.port, PROBE_USER, self._passwords.get(PROBE_USER))
        return await self._probe.serves_rows()

    def _program(self) -> Path:
        if self.engine == "fast":
            return fast_engine_binary()
        return Path(sysconfig.get_path("scripts")) / "secantusd-py"


class _OpenServer(Process):
    """The server without authentication on a port of its own: the protocol has no other way to create the first user."""

    def __init__(self, command: Callable[[int], list[str]], log: Path) -> None:
        super().__init__("database", port=free_port(), log=log)
        self._command = command

    def command(self) -> Sequence[str]:
        return self._command(self.port)

    async def prepare(self) -> None:
        """Do nothing: `Database.prepare` has checked program and disk."""

    async def answers(self) -> bool:
        return await takes_writes(self.port)
