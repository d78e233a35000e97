"""FastStream's log without the text of its errors, which may quote a record."""

import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)


class RedactingLogger:
    """Logs that FastStream met an error, and of which type. Give it to every broker."""

    def log(self, level: int, msg: Any, /, *, exc_info: Any = None, extra: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """FastStream's `LoggerProto`. Drops whatever is below an error: joining, batches, rebalances."""
        if level >= logging.ERROR:
            log.log(level, "FastStream: %s", type(exc_info).__name__ if exc_info else "an error", exc_info=exc_info)
