"""Apache Kafka from Maven: one KRaft node, broker and controller in one process."""

import asyncio
import secrets
import shutil
import string
from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from deploy.embedded.cache import cache_directory
from deploy.embedded.disk import require_space
from deploy.embedded.engines.kafka_protocol import broker_answers
from deploy.embedded.errors import OperatorError
from deploy.embedded.file_locks import machine_lock
from deploy.embedded.files import write_whole
from deploy.embedded.ports import LOOPBACK, free_port, is_free, require_free
from deploy.embedded.process import Process
from shared.kafka_access import KafkaAccess

KAFKA_VERSION = "4.4.0"
_RECIPE = Path(__file__).parents[2] / "kafka"
_MEGABYTES_NEEDED = 400
_USER = "blocks"
_MEMORY = ("-Xmx256m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class ApacheKafka(Process):
    """One broker with a durable log in `directory`. It listens on loopback and asks for a password (SASL/PLAIN)."""

    durable = True
    recipe = _RECIPE / "server.properties"
    """Template of the broker's settings, with placeholders for ports, directory and password."""

    def __init__(self, directory: Path, port: int = 0, *, log: Path | None = None) -> None:
        super().__init__("broker", port=port or free_port(), log=log or directory.with_name(f"{directory.name}.log"))
        self.directory = directory.absolute()
        self._controller_port = free_port()
        self._classpath = ""

    @property
    def access(self) -> KafkaAccess:
        """The broker's credentials, generated once and kept in `directory`."""
        file = self.directory / "password"
        if not file.exists():
            write_whole(file, secrets.token_urlsafe(24))
        return KafkaAccess(
            security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN", username=_USER, password=SecretStr(file.read_text("utf-8"))
        )

    @property
    def address(self) -> str:
        """The bootstrap server, `host:port`."""
        return f"{LOOPBACK}:{self.port}"

    def command(self) -> Sequence[str]:
        """Return the command of a JVM with a small heap."""
        return self._java("kafka.Kafka", str(self._properties), heap=_MEMORY)

    async def prepare(self) -> None:
        """Check Java, ports and disk; fetch the jars once a machine; write the settings; format the directory once."""
        if shutil.which("java") is None:
            raise OperatorError("Apache Kafka needs Java 17 and there is none on the PATH: install it, or choose --broker tansu.")
        require_free(self.port, wanted_by="the broker", remedy="end that process or choose another port")
        require_space(self.directory, megabytes=_MEGABYTES_NEEDED)
        self._classpath = f"{_RECIPE}:{await jars()}/*"
        if not is_free(self._controller_port):
            self._controller_port = free_port()
        self._write_properties()
        if not (self._log_directory / "meta.properties").exists():
            await self._format()

    async def answers(self) -> bool:
        """Return whether the broker returns metadata that lists itself."""
        return await broker_answers(self.port, self.access)

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    @property
    def _log_directory(self) -> Path:
        return self.directory / "log"

    def _java(self, main: str, *arguments: str, heap: Sequence[str]) -> list[str]:
        log4j = f"-Dlog4j2.configurationFile={_RECIPE / 'log4j2.properties'}"
        return ["java", *heap, log4j, "-cp", self._classpath, main, *arguments]

    def _write_properties(self) -> None:
        template = string.Template(self.recipe.read_text("utf-8"))
        values = {
            "directory": self.directory,
            "port": self.port,
            "controller_port": self._controller_port,
            "log_directory": self._log_directory,
            "username": self.access.username,
            "password": self.access.password.get_secret_value(),
        }
        write_whole(self._properties, template.substitute({name: str(value) for name, value in values.items()}))

    async def _format(self) -> None:
        cluster = await _run(self._java("kafka.tools.StorageTool", "random-uuid", heap=_MEMORY), "Kafka's StorageTool")
        arguments = ("-t", cluster.strip().splitlines()[-1], "-c", str(self._properties), *self.format_options())
        await _run(self._java("kafka.tools.StorageTool", "format", *arguments, heap=_MEMORY), "Kafka's StorageTool")

    def format_options(self) -> Sequence[str]:
        """Return more arguments of `kafka-storage format`; a subclass adds users here."""
        return ()


async def jars() -> Path:
    """Return the directory of Kafka's jars (43 MB). Maven fetches them once a machine; concurrent callers wait for the first."""
    directory = cache_directory() / "kafka" / KAFKA_VERSION
    if directory.is_dir():
        return directory
    if shutil.which("mvn") is None:
        raise OperatorError("Apache Kafka is fetched by Maven and there is no `mvn` on the PATH: install it, or choose --broker tansu.")
    async with machine_lock(directory.with_name(f"{KAFKA_VERSION}.lock")):
        if not directory.is_dir():
            await _fetch(directory)
    return directory


async def _fetch(directory: Path) -> None:
    fetched = directory.with_name(f"{directory.name}.fetching")
    shutil.rmtree(fetched, ignore_errors=True)
    options = ("--batch-mode", "--quiet", "-Dstyle.color=never", "--file", str(_RECIPE / "pom.xml"))
    await _run(["mvn", *options, "dependency:copy-dependencies", f"-DoutputDirectory={fetched}"], "Maven")
    fetched.rename(directory)


async def _run(command: Sequence[str], name: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    output, _ = await process.communicate()
    text = output.decode(errors="replace")
    if process.returncode:
        raise OperatorError(
            f"{name} failed: {next((line for line in text.splitlines() if 'ERROR' in line or 'xception' in line), text.strip())}"
        )
    return text
