"""Connection options of a test's own Kafka client."""

from typing import Any

from deploy.embedded.ready_file import Ready
from shared.settings import ServiceSettings


def kafka_options(ready: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of an aiokafka client for the platform of that ready file."""
    found = Ready.model_validate(ready)
    return {"bootstrap_servers": found.kafka, **found.kafka_access.client_options()}


def client_options(settings: ServiceSettings) -> dict[str, Any]:
    """Return the arguments of an aiokafka client for the broker of a service with these settings."""
    return {"bootstrap_servers": settings.kafka, **settings.kafka_access.client_options()}
