"""A server of the S3 protocol on loopback, and a TCP proxy to it that can stall or drop connections.

`BLOCKS_TEST_S3=http://127.0.0.1:PORT` uses a running server; the `AWS_...` variables give its keys.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from .service_runner import free_port

KEYS = {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up-secret", "AWS_REGION": "eu-west-2"}


@dataclass(frozen=True)
class ObjectServer:
    """A running server."""

    endpoint: str
    keys: dict[str, str]

    def bucket(self, name: str) -> None:
        """Create a bucket."""
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.keys["AWS_SECRET_ACCESS_KEY"],
            region_name=self.keys["AWS_REGION"],
            config=Config(s3={"addressing_style": "path"}),
        )
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": self.keys["AWS_REGION"]})

    def environment(self, endpoint: str | None = None) -> dict[str, str]:
        """Return the variables with which a process uses the server, at `endpoint` or directly."""
        return {**self.keys, "AWS_ENDPOINT_URL": endpoint or self.endpoint}


@contextmanager
def running_object_server() -> Iterator[ObjectServer]:
    """Run a server until the end of the block."""
    if given := os.environ.get("BLOCKS_TEST_S3"):
        yield ObjectServer(given, {name: os.environ.get(name, made_up) for name, made_up in KEYS.items()})
        return
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the object server did not start")
            time.sleep(0.1)
        yield ObjectServer(f"http://127.0.0.1:{port}", KEYS)
    finally:
        process.kill()
        process.wait()


class Line:
    """A TCP proxy to a server. `hold_after` stalls it after a number of bytes, `open` resumes it, `cut` drops all connections."""

    def __init__(self, target: str) -> None:
        place = urlsplit(target)
        self._target = (place.hostname or "127.0.0.1", place.port or 80)
        self._most = 1 << 62
        self._open = threading.Event()
        self._open.set()
        self._dead = False
        self._counting = threading.Lock()
        self._connections: list[socket.socket] = []
        self.passed = 0
        """Bytes passed so far, in both directions."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def hold_after(self, most: int) -> None:
        """Stall after `most` more bytes, counted in both directions."""
        self._most = self.passed + most
        self._open.clear()

    @property
    def holds(self) -> bool:
        """Whether the proxy is stalled."""
        return not self._open.is_set() and self.passed >= self._most

    def open(self) -> None:
        """Let everything pass again."""
        self._most, self._dead = 1 << 62, False
        self._open.set()

    def cut(self) -> None:
        """Drop all connections and refuse new ones."""
        self._dead = True
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._connections.clear()

    def close(self) -> None:
        """Drop all connections and stop listening."""
        self.open()
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self._dead:
                    near.close()
                    continue
                far = socket.create_connection(self._target)
                self._connections += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError), closing(source), closing(sink):
            while got := source.recv(16_384):
                with self._counting:
                    if self.passed >= self._most:
                        self._open.wait()
                    self.passed += len(got)
                sink.sendall(got)
