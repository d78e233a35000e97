"""Builds the services and example apps that the documents describe, with default settings and without connections."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from shared.service import Service
from shared.settings import ServiceSettings

PACKAGES = ("services", "examples")
_ID = "00000000-0000-7000-8000-000000000000"
_NOTIFY_KEY = f"contracts-{_ID}-{_ID}"
_STAND_INS: dict[str, Any] = {
    "_url": "http://127.0.0.1",
    "_id": _ID,
    "notifications_key": _NOTIFY_KEY,
    "notify_key": _NOTIFY_KEY,
    "_key": Fernet.generate_key().decode(),
    "_secret": "stand-in " * 8,
    "_template": _ID,
    "_client": {"client_id": _ID, "client_secret": "stand-in"},
}
"""Values for settings without a default, by suffix of the setting's name; the first match counts. None reaches a document."""


@cache
def build_services() -> tuple[Service, ...]:
    """Build every service and app, in the order of packages and names; the result is cached."""
    return tuple(_build(package, name) for package in PACKAGES for name in service_names(package))


def service_names(package: str = "services") -> list[str]:
    """Return the names of a package's services: its subpackages with a `service.py`."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec and spec.submodule_search_locations else ()
    return sorted(root.parent.name for folder in folders for root in Path(folder).glob("*/service.py"))


def default_settings(settings: type[ServiceSettings]) -> ServiceSettings:
    """Return default settings, with stand-ins for fields without a default. Raises LookupError where no stand-in matches."""
    needed = [name for name, field in settings.model_fields.items() if field.is_required()]
    return settings.model_validate({name: _stand_in(name) for name in needed})


def _build(package: str, name: str) -> Service:
    settings = default_settings(import_module(f"{package}.{name}.settings").Settings)
    made: Service = import_module(f"{package}.{name}.service").build(settings)
    return made


def _stand_in(name: str) -> Any:
    for ending, value in _STAND_INS.items():
        if name.endswith(ending):
            return value
    raise LookupError(f"The setting {name} has no default: add a stand-in to {__name__}, so that its service can be described")
