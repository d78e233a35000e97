"""The options of `blocks up`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from deploy.embedded.engines import EngineChoice, OperatorError, fast_engine_is_built
from deploy.embedded.services import SERVICE_NAMES, SERVICES, ServiceDefinition, find_service
from shared.command_line import DEFAULT_DATA_DIR

BrokerChoice = Literal["tansu", "apache"]
HIGHEST_BASE = 65_535 - max(service.port_offset for service in SERVICES)


@dataclass(frozen=True)
class Options:
    """Validated options; the defaults are those of the command."""

    data_dir: Path = DEFAULT_DATA_DIR
    ephemeral: bool = False
    port_base: int = 8000
    ready_file: Path | None = None
    only: tuple[str, ...] = SERVICE_NAMES
    kafka: str | None = None
    mongodb: str | None = None
    engine: EngineChoice = field(default_factory=lambda: "fast" if fast_engine_is_built() else "python")
    broker: BrokerChoice = "tansu"
    replicas: dict[str, int] = field(default_factory=dict)
    demo: bool = True

    def __post_init__(self) -> None:
        """Raise OperatorError for values that contradict each other or lie out of range."""
        if not 0 <= self.port_base <= HIGHEST_BASE:
            raise OperatorError(f"--port-base is between 0 (free ports) and {HIGHEST_BASE}, not {self.port_base}.")
        if self.ready_file is not None and self.ready_file.is_dir():
            raise OperatorError(f"--ready-file names a directory, {self.ready_file}: name a file.")
        for name in self.replicas:
            if name not in self.only:
                raise OperatorError(f"--replicas names {name}, which --only leaves out.")

    @property
    def services(self) -> tuple[ServiceDefinition, ...]:
        """The services to start."""
        return tuple(service for service in SERVICES if service.name in self.only)

    @property
    def broker_durable(self) -> bool:
        """Whether the broker keeps its messages over a restart."""
        return self.kafka is not None or self.broker == "apache"


def parse_only(text: str | None) -> tuple[str, ...]:
    """Parse `identity,notifications` into service names; no text means all. Raises OperatorError for an unknown name."""
    return tuple(find_service(name).name for name in text.split(",") if name.strip()) if text else SERVICE_NAMES


def parse_replicas(items: list[str]) -> dict[str, int]:
    """Parse `SERVICE=N` items. Raises OperatorError for an unknown service or an N outside 1 to 20."""
    replicas = {}
    for item in items:
        name, _, number = item.partition("=")
        if not (number.isascii() and number.isdigit() and 1 <= int(number) <= 20):
            raise OperatorError(f"--replicas takes SERVICE=N with N from 1 to 20, not {item!r}.")
        replicas[find_service(name).name] = int(number)
    return replicas
