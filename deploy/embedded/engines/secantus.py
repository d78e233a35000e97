"""SecantusDB: the MongoDB wire protocol over WiredTiger, as a replica set of one.

There are two servers with one format on disk: `python`, from its wheel, and `fast`, which `make engine` builds.
"""

import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from deploy.embedded.cache import cache_directory
from deploy.embedded.disk import require_space
from deploy.embedded.engines.mongodb_protocol import RowProbe, takes_writes
from deploy.embedded.engines.users import ROOT, WATCHER, Passwords, provision
from deploy.embedded.errors import OperatorError
from deploy.embedded.ports import LOOPBACK, free_port, require_free
from deploy.embedded.process import Process

EngineChoice = Literal["python", "fast"]

FAST_ENGINE_VERSION = "0.5.3-beta.196"
_MEGABYTES_NEEDED = 400
CACHE_SIZE = "512M"
"""A transaction that writes a twelfth of it is refused, and under several at once the engine may stop answering (decision 0020).
Memory is taken as it is needed, not at the start."""
_NO_OTHER_SETTINGS = Path(__file__).with_name("secantusd.toml")


def fast_engine_root() -> Path:
    """Where `make engine` installs the fast server."""
    return cache_directory() / "engine" / FAST_ENGINE_VERSION


def fast_engine_binary() -> Path:
    """The fast server's program, whether it was built or not."""
    return fast_engine_root() / "bin" / "secantusd-rs"


def fast_engine_is_built() -> bool:
    """Whether `make engine` was run on this machine."""
    return fast_engine_binary().is_file()


class Database(Process):
    """A SecantusDB server whose data lives in `directory`; an acknowledged commit survives SIGKILL.

    It answers only users with a password: `root`, and one for each of `services`, who may use the database of that name and no other.
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
        self._passwords = Passwords(directory.with_name(f"{directory.name}.users.json"), (WATCHER, *services))
        self._probe: RowProbe | None = None

    @property
    def address(self) -> str:
        """The connection string of `root`, who may use every database: for operators' commands and tests."""
        return self._address(ROOT, "")

    def address_for(self, service: str) -> str:
        """The connection string of one service."""
        return self._address(service, service)

    def _address(self, user: str, database: str) -> str:
        """It names the one server, so that drivers need no discovery to come back after a restart."""
        return f"mongodb://{user}:{self._passwords.of(user)}@{LOOPBACK}:{self.port}/{database}?directConnection=true"

    def command(self) -> Sequence[str]:
        """Without `--sync-on-commit` a kill loses the last commits, acknowledged with `j: true` or not."""
        return [*self._command(self.port), "--auth"]

    def _command(self, port: int) -> list[str]:
        return [
            str(self._program()),
            *("--config", str(_NO_OTHER_SETTINGS)),
            *("--host", LOOPBACK, "--port", str(port)),
            *("--storage-path", str(self.directory.absolute())),
            *("--cache-size", self._cache_size, "--log-level", "WARNING"),
            "--sync-on-commit",
        ]

    async def prepare(self) -> None:
        """Check program, port and disk."""
        if not self._program().is_file():
            remedy = "run `make engine`, or choose --engine python" if self.engine == "fast" else "run `make install`"
            raise OperatorError(f"The database program {self._program().name} is not installed: {remedy}.")
        require_free(self.port, wanted_by="the database", remedy="end that process or choose another port")
        require_space(self.directory, megabytes=_MEGABYTES_NEEDED)
        self._passwords.load()
        if missing := self._passwords.missing:
            async with _WithoutPasswords(self._command, self.log) as server:
                await provision(server.port, missing)
            self._passwords.provisioned()

    async def answers(self) -> bool:
        """Whether it says that it takes writes."""
        return await takes_writes(self.port)

    async def works(self) -> bool:
        """Whether it writes and reads a row: one that stands still says that it takes writes, and takes none."""
        if self._probe is None:
            self._probe = RowProbe(self.port, WATCHER, self._passwords.of(WATCHER))
        return await self._probe.serves_rows()

    def _program(self) -> Path:
        if self.engine == "fast":
            return fast_engine_binary()
        return Path(sysconfig.get_path("scripts")) / "secantusd-py"


class _WithoutPasswords(Process):
    """The same server on a port of its own for the moment in which it gets its users; the protocol has no other way to the first one."""

    def __init__(self, command: Callable[[int], list[str]], log: Path) -> None:
        super().__init__("database", port=free_port(), log=log)
        self._command = command

    def command(self) -> Sequence[str]:
        return self._command(self.port)

    async def prepare(self) -> None:
        """Nothing: the server itself has checked program and disk."""

    async def answers(self) -> bool:
        return await takes_writes(self.port)
