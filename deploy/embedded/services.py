"""The services that the runner starts, their ports and their processes."""

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
class ServiceDefinition:
    """One service of the platform; it runs as `python -m <module>`."""

    name: str
    module: str
    port_offset: int

    @property
    def prefix(self) -> str:
        """Prefix of its settings' environment variables."""
        return f"{self.name.upper()}_"


SERVICES = (
    ServiceDefinition("portal", "services.portal", 0),
    ServiceDefinition("identity", "services.identity", 1),
    ServiceDefinition("addresses", "services.addresses", 2),
    ServiceDefinition("notifications", "services.notifications", 3),
    ServiceDefinition("data_sharing", "services.data_sharing", 4),
    ServiceDefinition("move_home", "examples.move_home", 10),
)
SERVICE_NAMES = tuple(service.name for service in SERVICES)


def find_service(name: str) -> ServiceDefinition:
    """Return the service of that name, written with dashes or underscores. Raises OperatorError for an unknown name."""
    for service in SERVICES:
        if service.name == name.strip().replace("-", "_"):
            return service
    raise OperatorError(f"There is no service {name.strip()!r}: there are {', '.join(SERVICE_NAMES)}.")


def assign_ports(services: Sequence[ServiceDefinition], base: int) -> dict[str, int]:
    """Return the public port of each service: `base` plus its offset, or a free port where `base` is 0."""
    taken: set[int] = set()
    ports: dict[str, int] = {}
    for service in services:
        port = base + service.port_offset if base else free_port(exclude=taken)
        taken.add(port)
        ports[service.name] = port
    return ports


class ServiceProcess(Process):
    """One replica of a service."""

    start_timeout = 300.0  # a slow machine builds the first address release in minutes
    max_failures = 6

    def __init__(self, service: ServiceDefinition, *, replica: int, port: int, settings: dict[str, str], python: str, log: Path) -> None:
        name = service.name if replica == 1 else f"{service.name}-{replica}"
        super().__init__(name, port=port, log=log)
        self.definition = service
        self.replica = replica
        self._python = python
        self._settings = {"port": str(port), "host": LOOPBACK, "instance": f"{service.name}-{replica}", **settings}

    @property
    def url(self) -> str:
        """The replica's address; that of the first replica is the service's public one."""
        return f"http://{LOOPBACK}:{self.port}"

    def command(self) -> Sequence[str]:
        """Return the command that runs the service's module."""
        return [self._python, "-m", self.definition.module]

    def environment(self) -> dict[str, str]:
        """Return the settings as environment variables; other users could read a command line."""
        return {f"{self.definition.prefix}{name.upper()}": value for name, value in self._settings.items()} | {"PYTHONUNBUFFERED": "1"}

    async def prepare(self) -> None:
        """Check that the port is free and the disk has space."""
        require_free(self.port, wanted_by=self.name, remedy="choose others with --port-base N (0 takes free ports)")
        require_space(self.log.parent, megabytes=_MEGABYTES_NEEDED)

    async def answers(self) -> bool:
        """Return whether `/ready` answers 200."""
        return await asyncio.to_thread(self._answers_ok, "/ready")

    async def works(self) -> bool:
        """Return whether `/live` answers 200: the service makes progress, whatever the state of its database."""
        return await asyncio.to_thread(self._answers_ok, "/live")

    def _answers_ok(self, path: str) -> bool:
        connection = HTTPConnection(LOOPBACK, self.port, timeout=5.0)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
