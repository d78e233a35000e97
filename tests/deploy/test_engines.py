"""The engines as real processes: they start, keep or lose data as documented, survive kills and report why they cannot start."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic import SecretStr
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from deploy.embedded.engines import ApacheKafka, Database, EngineChoice, OperatorError, Tansu, fast_engine_is_built
from deploy.embedded.engines.kafka_protocol import broker_answers
from deploy.embedded.ports import free_port
from shared.kafka_access import KafkaAccess

ENGINES = [
    "python",
    pytest.param("fast", marks=pytest.mark.skipif(not fast_engine_is_built(), reason="`make engine` was not run here")),
]
NEEDS_MAVEN = pytest.mark.skipif(shutil.which("mvn") is None or shutil.which("java") is None, reason="needs Java and Maven")


@pytest.fixture
async def broker() -> AsyncIterator[Tansu]:
    async with Tansu() as tansu:
        yield tansu


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_commit_survives_a_kill_of_the_database(engine: EngineChoice, tmp_path: Path) -> None:
    async with Database(engine, tmp_path / "data") as database:
        client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(database.address)
        async with client.start_session() as session, await session.start_transaction():
            await client.test.rows.insert_many([{"_id": number} for number in range(20)], session=session)
        before = database.pid
        database.kill()
        assert database.exit_code == -signal.SIGKILL

        await database.start()

        assert database.pid != before
        assert await client.test.rows.count_documents({}) == 20
        await client.close()


@pytest.mark.parametrize("engine", ENGINES)
async def test_the_database_lets_each_user_into_its_own_data_alone(engine: EngineChoice, tmp_path: Path) -> None:
    async with Database(engine, tmp_path / "data", services=("identity", "notifications")) as database:
        async with AsyncMongoClient[dict[str, object]](database.address_for("identity")) as identity:
            await identity.identity.rows.insert_one({"_id": 1})
            for forbidden in (
                identity.notifications.rows.find_one(),
                identity.notifications.rows.insert_one({"_id": 1}),
                identity.identity.command("createUser", "intruder", pwd="x", roles=[{"role": "root", "db": "admin"}]),
            ):
                with pytest.raises(OperationFailure, match="not authorized"):
                    await forbidden
        unknown = f"mongodb://127.0.0.1:{database.port}/?directConnection=true"
        async with AsyncMongoClient[dict[str, object]](unknown) as nobody:
            with pytest.raises(OperationFailure, match="requires authentication"):
                await nobody.identity.rows.find_one()
        wrong = database.address_for("identity").replace("identity:", "identity:not-", 1)
        async with AsyncMongoClient[dict[str, object]](wrong) as mistaken:
            with pytest.raises(OperationFailure, match=r"[Aa]uthentication failed"):
                await mistaken.identity.rows.find_one()
        async with AsyncMongoClient[dict[str, object]](database.address) as root:
            assert await root.identity.rows.count_documents({}) == 1


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_database_made_before_it_had_users_gets_them_and_keeps_its_data(engine: EngineChoice, tmp_path: Path) -> None:
    async with Database(engine, tmp_path / "data") as first, AsyncMongoClient[dict[str, object]](first.address) as client:
        await client.test.rows.insert_one({"_id": 1})
    users = tmp_path / "data.users.json"
    assert users.stat().st_mode & 0o077 == 0
    users.unlink()  # as after a version without users, or after the loss of the file

    async with (
        Database(engine, tmp_path / "data", services=("test",)) as again,
        AsyncMongoClient[dict[str, object]](again.address_for("test")) as client,
    ):
        assert await client.test.rows.count_documents({}) == 1


async def test_a_restarted_tansu_is_empty_and_says_so_by_its_cluster_id(broker: Tansu) -> None:
    first = await cluster_id(broker)
    await produce(broker, b"kept nowhere")
    assert await end_offset(broker) == 1
    broker.kill()

    await broker.start()

    assert await cluster_id(broker) != first
    assert await end_offset(broker) == 0


@NEEDS_MAVEN
def test_two_that_need_apache_kafka_at_once_fetch_it_once(tmp_path: Path) -> None:
    fetch = "import asyncio; from deploy.embedded.engines.apache_kafka import jars; print(asyncio.run(jars()))"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    both = [subprocess.Popen([sys.executable, "-c", fetch], env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=170)[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1]
    assert list(Path(said[0]).glob("kafka_*.jar"))


@NEEDS_MAVEN
async def test_apache_kafka_keeps_its_messages_over_a_kill(tmp_path: Path) -> None:
    async with ApacheKafka(tmp_path / "kafka") as kafka:
        await produce(kafka, b"kept")
        kafka.kill()

        await kafka.start()

        assert await end_offset(kafka) == 1


@NEEDS_MAVEN
async def test_apache_kafka_refuses_whoever_has_no_password(tmp_path: Path) -> None:
    async with ApacheKafka(tmp_path / "kafka") as kafka:
        intruder = KafkaAccess(security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN", username="blocks", password=SecretStr("guessed"))
        for access in (KafkaAccess(), intruder):
            assert not await broker_answers(kafka.port, access)
        assert await broker_answers(kafka.port, kafka.access)
        for file in ("password", "server.properties"):
            assert (tmp_path / "kafka" / file).stat().st_mode & 0o077 == 0


async def test_a_busy_port_is_named_with_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        port = squatter.getsockname()[1]
        with pytest.raises(OperatorError, match=rf"Port {port}, wanted by the database, is in use by \S+ \(pid {os.getpid()}\)"):
            await Database("python", tmp_path / "data", port).start()
        with pytest.raises(OperatorError, match=f"Port {port}, wanted by the broker, is in use"):
            await Tansu(port).start()


async def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    obstacle = tmp_path / "file"
    obstacle.write_text("not a directory")

    with pytest.raises(OperatorError, match=r"file/data cannot be written .*--data-dir"):
        await Database("python", obstacle / "data").start()


async def test_a_missing_program_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(OperatorError, match="make engine"):
        await Database("fast", tmp_path / "data").start()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OperatorError, match="needs Java"):
        await ApacheKafka(tmp_path / "kafka").start()


async def test_a_database_that_dies_while_starting_gives_its_last_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "WiredTiger.turtle").write_text("no such thing")

    with pytest.raises(OperatorError, match=r"database ended with exit code .* while starting: ."):
        await Database("python", tmp_path / "data").start()


async def test_stopping_twice_or_before_the_start_is_no_error() -> None:
    broker = Tansu()
    await broker.stop()
    await broker.start()
    pid = broker.pid
    await broker.stop()
    await broker.stop()
    assert not psutil.pid_exists(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_child_dies_with_a_parent_that_was_killed() -> None:
    port = free_port()
    program = f"""
        import asyncio, time
        from deploy.embedded.engines import Tansu
        broker = Tansu({port})
        asyncio.run(broker.start())
        print(broker.pid, flush=True)
        time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
        deadline = time.monotonic() + 30  # the parent would have slept for 60
        while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, "the broker outlived its parent"
            time.sleep(0.01)


async def cluster_id(broker: Tansu) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()


async def _make_topic(broker: ApacheKafka | Tansu) -> None:
    """Create a topic unless it exists; the broker creates none on demand."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address, **broker.access.client_options())
    await admin.start()
    await admin.create_topics([NewTopic("things", 1, 1)])
    await admin.close()


async def produce(broker: ApacheKafka | Tansu, value: bytes) -> None:
    await _make_topic(broker)
    async with AIOKafkaProducer(bootstrap_servers=broker.address, enable_idempotence=False, **broker.access.client_options()) as producer:
        await producer.send_and_wait("things", value, partition=0)


async def end_offset(broker: ApacheKafka | Tansu) -> int:
    await _make_topic(broker)
    topic = TopicPartition("things", 0)
    async with AIOKafkaConsumer(bootstrap_servers=broker.address, **broker.access.client_options()) as consumer, asyncio.timeout(10):
        return int((await consumer.end_offsets([topic]))[topic])
