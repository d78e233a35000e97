"""Errors at the start give one clear line and a non-zero exit code."""

import asyncio
import socket
import sys

import pytest

from tests.shared.thing import Settings, environment


async def _run(env: dict[str, str], *arguments: str) -> tuple[int, str]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.shared.thing", *arguments, env=env, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        _, errors = await asyncio.wait_for(child.communicate(), 30)
    except TimeoutError:
        child.kill()
        raise
    return child.returncode or 0, errors.decode()


async def test_a_busy_port_is_named_with_the_setting_that_changes_it(settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = settings(Settings, port=taken.getsockname()[1])
        code, errors = await _run(environment(config))
    assert code != 0
    assert errors.strip().splitlines() == [f"thing: port {config.port} on 127.0.0.1: it is in use. Set THING_PORT to another port."]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("THING_DATABSE", "x", "Unknown setting THING_DATABSE: did you mean THING_DATABASE?"),
        ("THING_PORT", "many", "Setting THING_PORT: "),
        ("THING_ROLE", "boss", "Setting THING_ROLE: "),
    ],
)
async def test_a_wrong_setting_is_named(settings, variable, value, said):
    code, errors = await _run({**environment(settings(Settings)), variable: value})
    assert code != 0
    assert len(errors.strip().splitlines()) == 1
    assert errors.startswith(said)


async def test_a_database_that_is_not_there_is_named_with_its_setting(settings):
    env = {**environment(settings(Settings)), "THING_MONGODB": "mongodb://user:hunter2@127.0.0.1:1/?directConnection=true"}
    code, errors = await _run(env)
    assert code != 0
    assert len(errors.strip().splitlines()) == 1
    assert "THING_MONGODB" in errors
    assert "hunter2" not in errors


async def test_requests_that_are_no_http_leave_no_line_each(settings, eventually):
    config = settings(Settings)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.shared.thing", env=environment(config), stdout=asyncio.subprocess.PIPE
    )

    async def is_refused() -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", config.port)
        except OSError:
            return False
        writer.write(b"\x16\x03\x01 no HTTP\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer.startswith(b"HTTP/1.1 400")

    await eventually(is_refused, seconds=20)
    for _ in range(50):
        assert await is_refused()
    child.terminate()
    output, _ = await asyncio.wait_for(child.communicate(), 15)
    assert output.count(b"Invalid HTTP request") == 0


async def test_sigterm_ends_a_service_with_exit_code_0(settings, eventually):
    config = settings(Settings)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.shared.thing", env=environment(config), stdout=asyncio.subprocess.DEVNULL
    )

    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", config.port)
        except OSError:
            return False
        writer.close()
        return True

    await eventually(answers, seconds=20)
    child.terminate()
    assert await asyncio.wait_for(child.wait(), 15) == 0


async def test_sigterm_ends_a_service_that_waits_for_its_database(settings):
    reached = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        address = f"mongodb://127.0.0.1:{silent.sockets[0].getsockname()[1]}/?directConnection=true&serverSelectionTimeoutMS=60000"
        env = {**environment(settings(Settings)), "THING_MONGODB": address}
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.shared.thing", env=env)
        await asyncio.wait_for(reached.wait(), 30)
        child.terminate()
        assert await asyncio.wait_for(child.wait(), 20) == 0
