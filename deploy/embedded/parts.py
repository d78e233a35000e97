"""The services that the runner starts, and where each listens."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from deploy.embedded.disk import require_space
from deploy.embedded.errors import OperatorError
from deploy.embedded.ports import LOOPBACK, free_port, require_free
from deploy.embedded.process import Process

_MEGABYTES_NEEDED = 50


@dataclass(frozen=True)
class Part:
    """One service of the platform: `python -m <module>`, settings prefixed by its name."""

    name: str
    module: str
    port_offset: int

    @property
    def prefix(self) -> str:
        """What its settings' names start with in the environment."""
        return f"{self.name.upper()}_"


PARTS = (
    Part("portal", "services.portal", 0),
    Part("identity", "services.identity", 1),
    Part("addresses", "services.addresses", 2),
    Part("notifications", "services.notifications", 3),
    Part("data_sharing", "services.data_sharing", 4),
    Part("move_home", "examples.move_home", 10),
)
PART_NAMES = tuple(part.name for part in PARTS)


def part_named(name: str) -> Part:
    """The part of that name, with dashes or underscores; raises OperatorError for one that does not exist."""
    for part in PARTS:
        if part.name == name.strip().replace("-", "_"):
            return part
    raise OperatorError(f"There is no service {name.strip()!r}: there are {', '.join(PART_NAMES)}.")


def assign_ports(parts: Sequence[Part], base: int) -> dict[str, int]:
    """The public port of each part: `base` plus its offset, or a free one each where `base` is 0."""
    taken: set[int] = set()
    ports: dict[str, int] = {}
    for part in parts:
        port = base + part.port_offset if base else free_port(besides=taken)
        taken.add(port)
        ports[part.name] = port
    return ports


class ServiceProcess(Process):
    """One replica of a service."""

    start_timeout = 300.0  # a slow machine builds the first address release in minutes
    most_failures = 6

    def __init__(self, part: Part, *, replica: int, port: int, settings: dict[str, str], python: str, log: Path) -> None:
        name = part.name if replica == 1 else f"{part.name}-{replica}"
        super().__init__(name, port=port, log=log)
        self.part = part
        self.replica = replica
        self._python = python
        self._settings = {"port": str(port), "host": LOOPBACK, "instance": f"{part.name}-{replica}", **settings}

    @property
    def url(self) -> str:
        """Its own address; the first replica's is the service's public one."""
        return f"http://{LOOPBACK}:{self.port}"

    def command(self) -> Sequence[str]:
        """The service as its own module."""
        return [self._python, "-m", self.part.module]

    def environment(self) -> dict[str, str]:
        """Its settings; nothing of them is on the command line, where others could read it."""
        return {f"{self.part.prefix}{name.upper()}": value for name, value in self._settings.items()} | {"PYTHONUNBUFFERED": "1"}

    async def prepare(self) -> None:
        """Check port and disk."""
        require_free(self.port, wanted_by=self.name, remedy="choose others with --port-base N (0 takes free ports)")
        require_space(self.log.parent, megabytes=_MEGABYTES_NEEDED)

    async def answers(self) -> bool:
        """Whether it says that it is ready."""
        return await asyncio.to_thread(self._says_yes, "/ready")

    async def works(self) -> bool:
        """Whether it says that it makes progress, whatever its database does."""
        return await asyncio.to_thread(self._says_yes, "/live")

    def _says_yes(self, path: str) -> bool:
        connection = HTTPConnection(LOOPBACK, self.port, timeout=5.0)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
