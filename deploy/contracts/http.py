"""OpenAPI documents from the services' routes."""

from importlib import import_module
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

import services
from shared.settings import ServiceSettings

from .documents import Documents

_ID = "00000000-0000-7000-8000-000000000000"
_STAND_INS = {
    "_url": "http://127.0.0.1",
    "_id": _ID,
    "notifications_key": f"contracts-{_ID}-{_ID}",
    "_key": Fernet.generate_key().decode(),
    "_secret": "stand-in " * 8,
}
"""Values for settings that have no default, by the end of the setting's name; the first that fits. None reaches a document."""


def service_names() -> list[str]:
    """The services there are: each package of `services` with a composition root."""
    folder = Path(services.__path__[0])
    return sorted(root.parent.name for root in folder.glob("*/service.py"))


def openapi() -> Documents:
    """One OpenAPI document a service that offers an API. The services are built with their default settings and connect to nothing."""
    documents = {f"openapi/{name}.json": _document(name) for name in service_names()}
    return {path: document for path, document in documents.items() if document["paths"]}


def _document(name: str) -> dict[str, Any]:
    settings = default_settings(import_module(f"services.{name}.settings").Settings)
    app = import_module(f"services.{name}.service").build(settings).app
    document: dict[str, Any] = app.openapi()
    document.pop("servers", None)
    return document


def default_settings(settings: type[ServiceSettings]) -> ServiceSettings:
    """Settings as their defaults are, with stand-ins where there is none. Raises LookupError for one that has no stand-in."""
    needed = [name for name, field in settings.model_fields.items() if field.is_required()]
    return settings.model_validate({name: _stand_in(name) for name in needed})


def _stand_in(name: str) -> str:
    for ending, value in _STAND_INS.items():
        if name.endswith(ending):
            return value
    raise LookupError(f"The setting {name} has no default: add a stand-in to {__name__}, so that its service can be described")
