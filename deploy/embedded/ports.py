"""TCP ports on the loopback interface."""

import random
import socket
from collections.abc import Collection

import psutil

from deploy.embedded.errors import OperatorError

LOOPBACK = "127.0.0.1"
_CHOSEN_FROM = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Return whether a server can listen on `port` now; connections in TIME_WAIT do not count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(exclude: Collection[int] = ()) -> int:
    """Return a port that nothing listens on and that is not in `exclude`. Raises OperatorError where none is found.

    The port lies below the kernel's ephemeral range: an outgoing connection must not take the port of a restarting server.
    """
    for port in random.sample(_CHOSEN_FROM, k=200):
        if port not in exclude and is_free(port):
            return port
    raise OperatorError(f"No free port was found between {_CHOSEN_FROM.start} and {_CHOSEN_FROM.stop}.")


def require_free(port: int, *, wanted_by: str, remedy: str) -> None:
    """Raise OperatorError where `port` is in use: it names the port, the holder if visible, and the remedy."""
    if not is_free(port):
        raise OperatorError(f"Port {port}, wanted by {wanted_by}, is in use{_holder(port)}: {remedy}.")


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr[1] == port
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return ""
