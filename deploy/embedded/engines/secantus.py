"""SecantusDB: the MongoDB wire protocol over WiredTiger, as a replica set of one.

There are two servers with one format on disk: `python`, from its wheel, and `fast`, which `make engine` builds.
"""

import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from deploy.embedded.cache import cache_directory
from deploy.embedded.disk import require_space
from deploy.embedded.engines.mongodb_protocol import serves_rows, takes_writes
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
    """A SecantusDB server whose data lives in `directory`; an acknowledged commit survives SIGKILL."""

    def __init__(
        self, engine: EngineChoice, directory: Path, port: int = 0, *, log: Path | None = None, cache_size: str = CACHE_SIZE
    ) -> None:
        super().__init__("database", port=port or free_port(), log=log or directory.with_name(f"{directory.name}.log"))
        self.engine = engine
        self.directory = directory
        self._cache_size = cache_size

    @property
    def address(self) -> str:
        """The connection string. It names the one server, so that drivers need no discovery to come back after a restart."""
        return f"mongodb://{LOOPBACK}:{self.port}/?directConnection=true"

    def command(self) -> Sequence[str]:
        """Without `--sync-on-commit` a kill loses the last commits, acknowledged with `j: true` or not."""
        return [
            str(self._program()),
            *("--config", str(_NO_OTHER_SETTINGS)),
            *("--host", LOOPBACK, "--port", str(self.port)),
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

    async def answers(self) -> bool:
        """Whether it says that it takes writes."""
        return await takes_writes(self.port)

    async def works(self) -> bool:
        """Whether it writes and reads a row: one that stands still says that it takes writes, and takes none."""
        return await serves_rows(self.port)

    def _program(self) -> Path:
        if self.engine == "fast":
            return fast_engine_binary()
        return Path(sysconfig.get_path("scripts")) / "secantusd-py"
