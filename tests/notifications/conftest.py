"""Fixtures: a real notifications service, and an SMTP server and a text provider that record messages."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography.fernet import Fernet
from notifications_python_client.notifications import NotificationsAPIClient
from pydantic import SecretStr

from services.notifications.service import build
from services.notifications.settings import Settings
from tests.support.service_runner import RunningService, eventually, free_port, run_service

SERVICE = "11111111-1111-4111-8111-111111111111"
OTHER_SERVICE = "22222222-2222-4222-8222-222222222222"
EMAIL_TEMPLATE = "33333333-3333-4333-8333-333333333333"
SMS_TEMPLATE = "44444444-4444-4444-8444-444444444444"
OTHERS_TEMPLATE = "55555555-5555-4555-8555-555555555555"
REPLY_TO = "66666666-6666-4666-8666-666666666666"
SMS_SENDER = "77777777-7777-4777-8777-777777777777"
SECRETS = {kind: str(uuid4()) for kind in ("live", "team", "test", "other")}
SEED = {
    "services": [
        {
            "id": SERVICE,
            "name": "Hackney Moves",
            "borough": "E09000012",
            "from_address": "moves@hackney.example",
            "email_reply_to": [{"id": REPLY_TO, "address": "answers@hackney.example"}],
            "sms_senders": [{"id": SMS_SENDER, "sender": "HACKNEY"}],
            "keys": [{"name": kind, "type": kind, "secret": SECRETS[kind]} for kind in ("live", "team", "test")],
            "team": ["ada@hackney.example", "07900 900 123"],
            "templates": [
                {
                    "id": EMAIL_TEMPLATE,
                    "name": "A hello",
                    "type": "email",
                    "subject": "Hello ((name))",
                    "body": "# Hello ((name))\n\nWelcome.",
                },
                {"id": SMS_TEMPLATE, "name": "B hello", "type": "sms", "body": "Hello ((name))"},
            ],
        },
        {
            "id": OTHER_SERVICE,
            "name": "Camden",
            "borough": "E09000007",
            "from_address": "hello@camden.example",
            "keys": [{"name": "other", "type": "live", "secret": SECRETS["other"]}],
            "templates": [{"id": OTHERS_TEMPLATE, "name": "Theirs", "type": "sms", "body": "Camden says ((what))"}],
        },
    ]
}


def key(kind: str) -> str:
    """Return the API key in the form that developers receive."""
    return f"{kind}-{OTHER_SERVICE if kind == 'other' else SERVICE}-{SECRETS[kind]}"


@dataclass
class MailServer:
    """An SMTP server; a test can set the answer to each coming message."""

    port: int
    answers: list[str] = field(default_factory=list)
    rcpt_answers: list[str] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    connections: int = 0
    at_once: int = 0
    most_at_once: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self.gate.set()
        loop = asyncio.get_running_loop()

        def connection() -> SMTP:
            self.connections += 1
            return SMTP(self, hostname="mail.test", loop=loop)

        self._server = await loop.create_server(connection, "127.0.0.1", self.port)

    async def stop(self) -> None:
        if self._server:
            self._server.close()
            self._server = None

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if self.rcpt_answers:
            return self.rcpt_answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.gate.wait()
        finally:
            self.at_once -= 1
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer.startswith("2"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.taken.append(content)
            self.recipients += envelope.rcpt_tos
        return answer

    def message_ids(self) -> list[str]:
        return [re.search(rb"(?im)^message-id: (\S+)", mail)[1].decode() for mail in self.taken]  # type: ignore[index]


@dataclass
class TextServer:
    """An HTTP text provider; a test can set the status for each coming text."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/texts"

    async def stop(self) -> None:
        if self._server:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"(?im)^content-length: (\d+)", head)[1])  # type: ignore[index]
        self.heads.append(head)
        self.texts.append(json.loads(await reader.readexactly(length)))
        status = self.statuses.pop(0) if self.statuses else 201
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@dataclass
class Block:
    """The running service, its providers, and its clients."""

    running: RunningService
    mail: MailServer
    texts: TextServer
    settings: Settings

    def client(self, kind: str = "live") -> "Client":
        return Client(NotificationsAPIClient(key(kind), base_url=self.running.url))


class Client:
    """The unmodified official client, called in threads because it blocks."""

    def __init__(self, official: NotificationsAPIClient) -> None:
        self.official = official

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.official, name)
        return lambda *args, **kwargs: asyncio.to_thread(method, *args, **kwargs)


async def soon(check: Callable[[], Awaitable[bool]], seconds: float = 15.0) -> None:
    """Wait until an asynchronous check is true."""
    found: Callable[[], Any] = check
    await eventually(found, seconds)


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    server = MailServer(free_port())
    await server.start()
    yield server
    server.gate.set()
    await server.stop()


@pytest.fixture
async def texts() -> AsyncIterator[TextServer]:
    server = TextServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def start(settings: Callable[..., Any], mail: MailServer, texts: TextServer, tmp_path: Path) -> Callable[..., Any]:
    """`async with start() as block`: the service; a second call gives a replica on the same database."""
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps(SEED))
    secret = Fernet.generate_key().decode()

    @asynccontextmanager
    async def starting(**over: Any) -> AsyncIterator[Block]:
        values = {
            "secret_key": SecretStr(secret),
            "seed_file": str(seed),
            "smtp_port": mail.port,
            "sms_url": texts.url,
            "provider_timeout": 3.0,
        }
        chosen = settings(Settings, **{**values, **over})
        async with run_service(build(chosen)) as running:
            yield Block(running, mail, texts, chosen)

    return starting


@pytest.fixture
async def block(start: Callable[..., Any]) -> AsyncIterator[Block]:
    async with start() as running:
        yield running
