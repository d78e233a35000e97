"""The service as a process of its own, for tests that kill it."""

import os

from pydantic import SecretStr

from services.addresses.settings import Settings


def environment(settings: Settings) -> dict[str, str]:
    """The environment that gives a process of this service these settings."""
    values = {name: getattr(settings, name) for name in Settings.model_fields if name != "api_keys"}
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in values.items()}
    return {**os.environ, **{f"ADDRESSES_{name.upper()}": str(value) for name, value in plain.items()}}
