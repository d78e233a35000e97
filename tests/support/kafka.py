"""How a test's own Kafka client connects to the broker of a running platform."""

from typing import Any

from deploy.embedded.ready_file import Ready


def kafka_options(ready: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an aiokafka client for the platform with that ready file."""
    found = Ready.model_validate(ready)
    return {"bootstrap_servers": found.kafka, **found.kafka_access.client_options()}
