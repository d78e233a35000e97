"""Processes for a benchmark: the embedded engines, and Python servers that count as started once they answer."""

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from deploy.embedded.engines import ApacheKafka, Database, EngineChoice, Tansu
from deploy.embedded.ports import LOOPBACK, free_port
from deploy.embedded.process import Process


@dataclass(frozen=True)
class Engines:
    """A running database and broker."""

    database: Database
    broker: ApacheKafka | Tansu
    directory: Path
    broker_durable: bool

    @property
    def kafka_environment(self) -> dict[str, str]:
        """The broker's access as environment variables, for `access_from_environment`."""
        return {name.upper(): value for name, value in self.broker.access.as_settings().items()}

    @property
    def named(self) -> dict[str, str]:
        """Names of the engines, for the report."""
        return {"engine": self.database.engine, "broker": "apache" if self.broker_durable else "tansu"}


@asynccontextmanager
async def engines(engine: EngineChoice, broker: str) -> AsyncIterator[Engines]:
    """Run a database and a broker in a temporary directory, until the block or this process ends."""
    with TemporaryDirectory(prefix="blocks-bench-") as name:
        directory = Path(name)
        server: ApacheKafka | Tansu = ApacheKafka(directory / "kafka") if broker == "apache" else Tansu(log=directory / "tansu.log")
        async with Database(engine, directory / "database") as database, server:
            yield Engines(database, server, directory, broker == "apache")


class Server(Process):
    """A Python module that serves HTTP on its port (environment variable `PORT`, or `port_in`) and answers `GET /ready` with 200."""

    def __init__(
        self, name: str, module: str, *words: str, directory: Path, environment: dict[str, str] | None = None, port_in: str = "PORT"
    ) -> None:
        super().__init__(name, port=free_port(), log=directory / f"{name}.log")
        self._words: Sequence[str] = (sys.executable, "-m", module, *words)
        self._environment = {
            port_in: str(self.port),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            **(environment or {}),
        }

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://{LOOPBACK}:{self.port}"

    def command(self) -> Sequence[str]:
        """The module's command, with this Python."""
        return self._words

    def environment(self) -> dict[str, str]:
        """The port and the caller's variables."""
        return self._environment

    async def prepare(self) -> None:
        """Check nothing: the module is part of the project."""

    async def answers(self) -> bool:
        """Whether it is ready and, as a consumer, a member of its group."""
        try:
            async with httpx.AsyncClient(timeout=2) as http:
                reply = await http.get(f"{self.url}/ready")
                return reply.status_code == 200 and reply.json().get("consuming", True) is True and reply.json().get("broker", True) is True
        except (httpx.HTTPError, ValueError):
            return False
