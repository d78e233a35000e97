"""Settings and seed data of each service: the demo boroughs, clients, people and templates."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from deploy.embedded.ready_file import (
    Addresses,
    Identity,
    KafkaAuth,
    MachineClient,
    NotificationKeys,
    Notifications,
    Person,
    Ready,
    WebClient,
)
from deploy.embedded.secrets_file import NotifyService, Secrets
from examples.move_home import messages
from shared.kafka_access import KafkaAccess

CAMDEN = "E09000007"
HACKNEY = "E09000012"
DEMO_BOROUGHS = {CAMDEN: "Camden", HACKNEY: "Hackney"}
_DEMO_AGREEMENTS = Path(__file__).parents[2] / "services" / "data_sharing" / "demo_seed.json"
MAIL_HOST = "blocks.localhost"

MACHINE_SCOPES = (
    "addresses:address:read",
    "addresses:provisional:decide",
    "addresses:provisional:read",
    "addresses:provisional:write",
    "addresses:report:decide",
    "addresses:report:read",
    "addresses:report:write",
    "data_sharing:agreement:read",
    "data_sharing:agreement:sign",
    "data_sharing:agreement:write",
    "data_sharing:inbox:read",
    "data_sharing:share:create",
    "notifications:message:send",
    "notifications:template:write",
)
PEOPLE = (
    Person(email="ada@example.com", name="Ada Lovelace", borough=CAMDEN),
    Person(email="ben@example.com", name="Ben Okri", borough=HACKNEY),
    Person(email="chitra@example.com", name="Chitra Ramaswamy", borough=HACKNEY),
)
STAFF = tuple(
    Person(email=f"staff@{name.lower()}.example.com", name=f"{name} council tax team", borough=code) for code, name in DEMO_BOROUGHS.items()
)
EXAMPLE_ADDRESS = "Flat A, 9 Winterfield Close, London, NW1 8AB"
"""An address of the release that is built from the shipped, made-up addresses."""
DEMO_CALLBACK = "http://127.0.0.1:8099/callback"
"""Redirect URI for a developer's first application. OAuth matches it exactly, so the demo registers this address."""


class Demo:
    """Settings, seed data and ready file of one platform. `demo=False` leaves only what the services need of each other."""

    def __init__(
        self,
        secrets: Secrets,
        directory: Path,
        *,
        urls: Mapping[str, str],
        smtp_port: int,
        demo: bool = True,
        inside: Mapping[str, str] | None = None,
    ) -> None:
        """`urls` are the addresses for browsers; `inside` overrides them for calls between services."""
        self.urls = dict(urls)
        self._inside = dict(inside or {})
        self._directory = directory
        self._secrets = secrets
        self._smtp_port = smtp_port
        self._demo = demo

    @property
    def example_address(self) -> str | None:
        """An address that a search finds; None where other addresses were imported, or the demo is off."""
        imported = any((self._directory / "addresses" / "stages").glob("*"))
        return EXAMPLE_ADDRESS if self._demo and not imported else None

    # -- settings ----------------------------------------------------------------------------------------------------------------------

    def settings(self, service: str, *, replica: int = 1) -> dict[str, str]:
        """Return the service's own settings by field name; the runner adds ports and addresses."""
        settings = self._settings().get(service, {})
        if service == "portal" and replica > 1:  # only one process can listen on the SMTP port
            return {**settings, "capture": "false"}
        return settings

    def _settings(self) -> dict[str, dict[str, str]]:
        secrets = self._secrets
        return {
            "identity": {
                "encryption_key": secrets.identity_encryption_key,
                "hashing_key": secrets.identity_hashing_key,
                "notifications_url": self.urls["notifications"],
                "notifications_key": secrets.sign_in_codes.key("identity"),
                "notifications_template_id": secrets.sign_in_codes.email_template,
            },
            "addresses": {
                "secret_key": secrets.addresses_secret_key,
                "data_dir": str(self._directory / "addresses"),
                "api_keys": json.dumps(self._address_keys()),
            },
            "notifications": {
                "secret_key": secrets.notifications_secret_key,
                "smtp_port": str(self._smtp_port),
                "sms_url": f"{self.urls['portal']}/capture/sms",
                "mail_domain": MAIL_HOST,
            },
            "data_sharing": {"secret_key": secrets.data_sharing_secret_key},
            "portal": {
                "blocks": json.dumps({name: url for name, url in self.urls.items() if name != "portal"}),
                "capture": "true",
                "smtp_port": str(self._smtp_port),
                "pages_key": secrets.portal_pages_key,
            },
            "move_home": {
                "borough": HACKNEY,
                "secret_key": secrets.move_home_secret_key,
                "addresses_url": self.urls["addresses"],
                "notifications_url": self.urls["notifications"],
                "data_sharing_url": self.urls["data_sharing"],
                "client_id": "move-home",
                "client_secret": secrets.move_home_web,
                "addresses_client": json.dumps({"client_id": "move-home-addresses", "client_secret": secrets.move_home_addresses}),
                "shares_client": json.dumps({"client_id": "move-home-machine", "client_secret": secrets.move_home_machine}),
                "inbox_clients": json.dumps(
                    {code: {"client_id": inbox_client_id(code), "client_secret": secrets.move_home_inboxes[code]} for code in DEMO_BOROUGHS}
                ),
                "notify_key": secrets.move_home_messages.key("move_home"),
                "email_template": secrets.move_home_messages.email_template,
                "sms_template": secrets.move_home_messages.sms_template,
            },
        }

    def _address_keys(self) -> list[dict[str, str]]:
        if not self._demo:
            return []
        return [{"name": "demo", "borough": HACKNEY, "sha256": sha256(self._secrets.addresses_key.encode()).hexdigest()}]

    # -- seed data ---------------------------------------------------------------------------------------------------------------------

    def seed(self, service: str) -> str | None:
        """Return the service's seed file as its `seed.py` reads it; None where it needs none."""
        match service:
            case "identity":
                return _json({"clients": self._clients(), "people": self._people()})
            case "notifications":
                return _json({"services": self._notify_services()})
            case "data_sharing" if self._demo:
                return _DEMO_AGREEMENTS.read_text()
            case _:
                return None

    def _clients(self) -> list[dict[str, Any]]:
        secrets = self._secrets
        clients = [
            {
                "client_id": "move-home",
                "client_secret": secrets.move_home_web,
                "name": "Move home",
                "client_uri": f"{self.urls['move_home']}/",
                "borough": HACKNEY,
                "grant_types": ["authorization_code"],
                "scopes": ["openid", "email", "profile", "staff", "data_sharing:record:read"],
                "redirect_uris": [f"{self.urls['move_home']}/sign-in/callback"],
                "post_logout_redirect_uris": [f"{self.urls['move_home']}/"],
                "backchannel_logout_uri": f"{self._inside.get('move_home', self.urls['move_home'])}/back-channel-logout",
            },
            # One client a purpose limits what a leaked secret opens.
            _machine("move-home-addresses", "Move home", HACKNEY, secrets.move_home_addresses, ("addresses:address:read",)),
            _machine("move-home-machine", "Move home", HACKNEY, secrets.move_home_machine, ("data_sharing:share:create",)),
            *(
                _machine(inbox_client_id(code), "Move home", code, secrets.move_home_inboxes[code], ("data_sharing:inbox:read",))
                for code in DEMO_BOROUGHS
            ),
        ]
        if self._demo:
            clients.extend(
                _machine(machine_client_id(code), f"{name} Council", code, secrets.borough_machines[code], machine_scopes(code))
                for code, name in DEMO_BOROUGHS.items()
            )
            clients.append(
                {
                    "client_id": "demo-web",
                    "client_secret": secrets.demo_web,
                    "name": "Residents' account (demo)",
                    "borough": HACKNEY,
                    "grant_types": ["authorization_code"],
                    "scopes": ["openid", "email", "profile", "data_sharing:record:read"],
                    "redirect_uris": [DEMO_CALLBACK],
                }
            )
        return clients

    def _people(self) -> list[dict[str, Any]]:
        if not self._demo:
            return []
        citizens = [{"email": person.email, "name": person.name, "borough": person.borough} for person in PEOPLE]
        staff = [
            {"email": person.email, "name": person.name, "borough": person.borough, "kind": "staff", "roles": ["case_worker"]}
            for person in STAFF
        ]
        return [*citizens, *staff]

    def _notify_services(self) -> list[dict[str, Any]]:
        secrets = self._secrets
        services = [
            {
                **_notify_service("Sign in", secrets.sign_in_codes, "identity", borough=None),
                "templates": [
                    {
                        "id": secrets.sign_in_codes.email_template,
                        "name": "Sign-in code",
                        "type": "email",
                        "subject": "Your sign-in code",
                        "body": "Your sign-in code is:\n\n# ((code))\n\nIt works for 10 minutes. Do not give it to anyone.",
                    }
                ],
            },
            {
                **_notify_service("Move home", secrets.move_home_messages, "move_home"),
                "templates": [
                    _template(secrets.move_home_messages.email_template, messages.EMAIL),
                    _template(secrets.move_home_messages.sms_template, messages.SMS),
                ],
            },
        ]
        if self._demo:
            demo = secrets.demo_messages
            hello = {"name": "Hello", "body": "Hello ((name))"}
            services.append(
                {
                    **_notify_service("Demo", demo, "demo"),
                    "keys": [{"name": "demo", "type": type_, "secret": getattr(demo, type_)} for type_ in ("live", "team", "test")],
                    "team": [person.email for person in PEOPLE],
                    "email_reply_to": [{"id": demo.reply_to, "address": f"replies@{MAIL_HOST}", "default": True}],
                    "sms_senders": [{"id": demo.sms_sender, "sender": "HACKNEY", "default": True}],
                    "templates": [
                        {"id": demo.email_template, "type": "email", "subject": "Hello ((name))", **hello},
                        {"id": demo.sms_template, "type": "sms", **hello},
                    ],
                }
            )
        return services

    # -- the ready file ----------------------------------------------------------------------------------------------------------------

    def ready(self, *, urls: Mapping[str, str], mongodb: str, kafka: str, engine: str | None, kafka_access: KafkaAccess) -> Ready:
        """Return the ready file of a platform that runs the services of `urls`; the runner adds the process ids."""
        return Ready(
            urls=dict(urls),
            engine=engine,
            kafka=kafka,
            kafka_auth=KafkaAuth.of(kafka_access),
            mongodb=mongodb,
            processes={},
            captured=f"{urls['portal']}/captured" if "portal" in urls else None,
            identity=self._identity() if "identity" in urls else None,
            addresses=Addresses(key=self._secrets.addresses_key) if "addresses" in urls and self._demo else None,
            notifications=self._notifications() if "notifications" in urls and self._demo else None,
        )

    def _identity(self) -> Identity:
        issuer = self.urls["identity"]
        if not self._demo:
            return Identity(issuer=issuer)
        machines = tuple(
            MachineClient(
                borough=code,
                client_id=machine_client_id(code),
                client_secret=self._secrets.borough_machines[code],
                scope=" ".join(machine_scopes(code)),
            )
            for code in DEMO_BOROUGHS
        )
        web = (
            WebClient(client_id="demo-web", client_secret=self._secrets.demo_web, redirect_uris=(DEMO_CALLBACK,), profile="basic"),
            WebClient(
                client_id="move-home",
                client_secret=self._secrets.move_home_web,
                redirect_uris=(f"{self.urls['move_home']}/sign-in/callback",),
                profile="basic",
            ),
        )
        return Identity(issuer=issuer, machine_clients=machines, web_clients=web, people=(*PEOPLE, *STAFF))

    def _notifications(self) -> Notifications:
        demo = self._secrets.demo_messages
        return Notifications(
            base_url=self.urls["notifications"],
            service_id=demo.id,
            keys=NotificationKeys(live=demo.key("demo"), team=demo.key("demo", "team"), test=demo.key("demo", "test")),
            templates={"email": demo.email_template, "sms": demo.sms_template},
            email_reply_to_id=demo.reply_to,
            sms_sender_id=demo.sms_sender,
        )


def machine_client_id(borough: str) -> str:
    """Return the client id of the borough's own systems."""
    return f"{DEMO_BOROUGHS[borough].lower()}-systems"


def inbox_client_id(borough: str) -> str:
    """Return the client id with which move_home reads that borough's inbox for its staff."""
    return f"move-home-inbox-{DEMO_BOROUGHS[borough].lower()}"


def machine_scopes(borough: str) -> tuple[str, ...]:
    """Return the scopes of the borough's own systems; only the borough that runs move_home may submit moves."""
    return (*MACHINE_SCOPES, "move_home:move:create") if borough == HACKNEY else MACHINE_SCOPES


def _machine(client_id: str, name: str, borough: str, secret: str, scopes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "client_secret": secret,
        "name": name,
        "borough": borough,
        "grant_types": ["client_credentials"],
        "scopes": list(scopes),
    }


def _notify_service(name: str, service: NotifyService, key: str, *, borough: str | None = HACKNEY) -> dict[str, Any]:
    """Return a service of a borough, or of the platform itself where `borough` is None."""
    return {
        "id": service.id,
        "name": name,
        "borough": borough,
        "from_address": f"{key.replace('_', '.')}@{MAIL_HOST}",
        "keys": [{"name": key, "type": "live", "secret": service.live}],
    }


def _template(id_: str, template: messages.Template) -> dict[str, Any]:
    return {"id": id_, "name": template.name, "type": template.type, "subject": template.subject, "body": template.body}


def _json(data: Any) -> str:
    return json.dumps(data, indent=2) + "\n"
