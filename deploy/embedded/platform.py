"""One run of the platform on one machine: engines, services, seed data and ready file, from start to stop."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.embedded.demo import DEMO_BOROUGHS, Demo
from deploy.embedded.engines import ApacheKafka, Database, Tansu
from deploy.embedded.engines.kafka_protocol import access_from_environment, check_kafka
from deploy.embedded.files import write_whole
from deploy.embedded.logs import LogFollower
from deploy.embedded.options import Options
from deploy.embedded.ports import LOOPBACK, free_port
from deploy.embedded.process import Process
from deploy.embedded.ready_file import READY_FILE, Ready
from deploy.embedded.screen import Screen
from deploy.embedded.secrets_file import load_secrets
from deploy.embedded.services import SERVICE_NAMES, SERVICES, ServiceDefinition, ServiceProcess, assign_ports
from deploy.embedded.supervisor import Supervisor
from shared.kafka_access import KafkaAccess

SERVICES_GRACE = 4.0
ENGINES_GRACE = 3.5
"""Seconds from SIGTERM to SIGKILL. Both together stay below the ten seconds in which `blocks up` stops."""


class Platform:
    """One run in one data directory; the caller holds the directory's lock."""

    def __init__(self, options: Options, directory: Path, screen: Screen) -> None:
        self._options = options
        self._directory = directory
        self._screen = screen
        self._began = time.monotonic()
        self._logs = LogFollower(screen.show_log)
        self._supervisor = Supervisor(say=screen.say, changed=self._write_ready)
        self._services: list[ServiceProcess] = []
        self._database: Database | None = None
        self._broker: Tansu | ApacheKafka | None = None
        self._kafka_access = KafkaAccess()
        self._ready: Ready | None = None
        self._stopping = asyncio.Event()
        ports = assign_ports(SERVICES, options.port_base)
        self._demo = Demo(
            load_secrets(directory / "secrets.json", tuple(DEMO_BOROUGHS)),
            directory,
            urls={name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()},
            smtp_port=free_port(exclude=set(ports.values())),
            demo=options.demo,
        )

    async def run(self) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP. Raises OperatorError when a process cannot start or keeps dying, after stopping all."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._request_stop)
        following = asyncio.create_task(self._logs.run())
        work = asyncio.create_task(self._work())
        asked = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([work, asked], return_when=asyncio.FIRST_COMPLETED)
        finally:
            work.cancel()
            asked.cancel()
            await asyncio.gather(work, return_exceptions=True)
            self._remove_ready()
            await self._stop()
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        if not work.cancelled() and (error := work.exception()):
            raise error

    async def _work(self) -> None:
        mongodb, kafka = await self._start_engines()
        self._services = self._service_processes(mongodb, kafka)
        # The first replica makes the indexes and loads the seed data, so it starts alone.
        await self._start([service for service in self._services if service.replica == 1], SERVICES_GRACE)
        await self._start([service for service in self._services if service.replica > 1], SERVICES_GRACE)
        self._ready = self._demo.ready(
            urls={service.name: self._demo.urls[service.name] for service in self._options.services},
            mongodb=mongodb,
            kafka=kafka,
            kafka_access=self._kafka_access,
            engine=self._database.engine if self._database else None,
        )
        self._write_ready()
        example = self._demo.example_address
        self._screen.addresses(self._ready, took=time.monotonic() - self._began, own_file=self._directory / READY_FILE, example=example)
        await self._supervisor.watch()

    async def _start_engines(self) -> tuple[str, str]:
        """Start the engines and return the addresses of database and broker; both answer by then."""
        engines: list[Process] = []
        logs = self._directory / "logs"
        if self._options.mongodb is None:
            self._database = Database(self._options.engine, self._directory / "database", services=SERVICE_NAMES, log=logs / "database.log")
            engines.append(self._database)
        else:
            from deploy.embedded.external import check_mongodb  # noqa: PLC0415  (it imports the driver: 30 MB, only where an external database needs it)

            await check_mongodb(self._options.mongodb)
        if self._options.kafka is not None:
            self._kafka_access = access_from_environment()
            await check_kafka(self._options.kafka, self._kafka_access)
        elif self._options.broker == "apache":
            self._broker = ApacheKafka(self._directory / "kafka", log=logs / "broker.log")
        else:
            self._broker = Tansu(log=logs / "broker.log")
        if self._broker is not None:
            engines.append(self._broker)
        if engines:
            self._screen.say(f"Starting {' and '.join(process.name for process in engines)} in {self._directory}")
            await self._start(engines, ENGINES_GRACE)
        if self._broker is not None:
            self._kafka_access = self._broker.access
        return (
            self._database.address if self._database else str(self._options.mongodb),
            self._broker.address if self._broker else str(self._options.kafka),
        )

    async def _start(self, stage: Sequence[Process], grace: float) -> None:
        for process in stage:
            self._logs.follow(process.name, process.log)
        if stage:
            await self._supervisor.start(stage, grace=grace)

    def _service_processes(self, mongodb: str, kafka: str) -> list[ServiceProcess]:
        common = {
            "kafka": kafka,
            **self._kafka_access.as_settings(),
            "broker_durable": str(self._options.broker_durable).lower(),
            "static_membership": str(self._options.broker_durable).lower(),
            "issuer": self._demo.urls["identity"],
        }
        if isinstance(self._broker, Tansu):
            # Tansu keeps no topics, so each start may choose. Each fetch names every partition, and one partition a replica is enough.
            common["partitions"] = str(max(self._options.replicas.values(), default=1))
        if endpoint := os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
            common["otlp_endpoint"] = endpoint
        processes: list[Any] = []
        for service in self._options.services:
            own_database = self._database.address_for(service.name) if self._database else mongodb
            settings = {**common, "mongodb": own_database, "public_url": self._demo.urls[service.name]}
            if (seed := self._demo.seed(service.name)) is not None:
                seed_file = self._directory / "seeds" / f"{service.name}.json"
                write_whole(seed_file, seed)
                settings["seed_file"] = str(seed_file)
            replicas = range(1, self._options.replicas.get(service.name, 1) + 1)
            processes.extend(self._service_process(service, replica, settings) for replica in replicas)
        self._screen.say(f"Starting {', '.join(service.name for service in self._options.services)}")
        return processes

    def _service_process(self, service: ServiceDefinition, replica: int, settings: dict[str, str]) -> ServiceProcess:
        """Return one replica's process: the first takes the service's public port, the others a free one."""
        return ServiceProcess(
            service,
            replica=replica,
            port=int(self._demo.urls[service.name].rpartition(":")[2]) if replica == 1 else free_port(),
            settings=settings | self._demo.settings(service.name, replica=replica),
            python=sys.executable,
            log=self._directory / "logs" / (f"{service.name}.log" if replica == 1 else f"{service.name}-{replica}.log"),
        )

    def _write_ready(self) -> None:
        engines = {process.name: [process.pid] for process in (self._database, self._broker) if process is not None}
        pids: dict[str, list[int]] = {**engines}
        addresses: dict[str, list[str]] = {}
        for service in self._services:
            pids.setdefault(service.definition.name, []).append(service.pid)
            addresses.setdefault(service.definition.name, []).append(service.url)
        several = {name: urls for name, urls in addresses.items() if len(urls) > 1}
        if self._ready is None:  # a process restarted before the platform was ready for the first time
            return
        ready = self._ready.model_copy(update={"processes": pids, "replicas": several or None})
        for path in self._ready_files():
            ready.write(path)

    def _remove_ready(self) -> None:
        for path in self._ready_files():
            path.unlink(missing_ok=True)

    def _ready_files(self) -> list[Path]:
        own = self._directory / READY_FILE
        return [own, self._options.ready_file] if self._options.ready_file else [own]

    def _request_stop(self) -> None:
        if self._stopping.is_set():  # a second signal ends all at once
            self._supervisor.kill()
        self._stopping.set()

    async def _stop(self) -> None:
        if self._supervisor.processes:
            self._screen.say("Stopping")
        await self._supervisor.stop()
        if self._supervisor.processes:
            self._screen.say("Stopped")
