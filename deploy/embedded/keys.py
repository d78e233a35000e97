"""`blocks keys`: rotates the signing keys of a running platform."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.embedded.demo import DEMO_BOROUGHS, Demo
from deploy.embedded.errors import OperatorError
from deploy.embedded.ready_file import READY_FILE, Ready
from deploy.embedded.secrets_file import load_secrets
from deploy.embedded.services import SERVICE_NAMES
from shared.command_line import DEFAULT_DATA_DIR

app = typer.Typer(name="keys", help="The keys that tokens are signed with.", no_args_is_help=True)
DataDir = Annotated[Path, typer.Option("--data-dir", help="Of the running platform.", envvar="BLOCKS_DATA_DIR")]


@app.callback()
def keys() -> None:
    """The keys that tokens are signed with."""


@app.command()
def rotate(
    *,
    now: Annotated[bool, typer.Option("--now", help="Sign with the new key in half a minute, not in an hour.")] = False,
    leaked: Annotated[bool, typer.Option("--leaked", help="Sign with it at once, and withdraw the old keys and their tokens.")] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Make identity's next signing key and publish it at once; nothing restarts, and issued tokens stay valid."""
    try:
        made = _rotate(data_dir, ["--leaked"] if leaked else ["--now"] if now else [])
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from None
    sys.stdout.write(f"Key {made['kid']} is published, and signs from {made['signs_from']}.\n")


def _rotate(data_dir: Path, options: list[str]) -> dict[str, str]:
    """Run identity's own command with the settings of the running platform. Raises OperatorError."""
    ready = Ready.read(data_dir / READY_FILE)
    if "identity" not in ready.urls:
        raise OperatorError("This platform does not run identity.")
    secrets = load_secrets(data_dir / "secrets.json", tuple(DEMO_BOROUGHS))
    demo = Demo(secrets, data_dir, urls=dict.fromkeys(SERVICE_NAMES, "") | ready.urls, smtp_port=25)
    engines = {"mongodb": ready.mongodb, "kafka": ready.kafka, **ready.kafka_access.as_settings()}
    settings = {**demo.settings("identity"), **engines, "public_url": ready.urls["identity"]}
    ran = subprocess.run(
        [sys.executable, "-m", "services.identity.rotate_keys", *options],
        env={**os.environ, **{f"IDENTITY_{name.upper()}": value for name, value in settings.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise OperatorError(f"The key was not rotated: {(ran.stderr.strip().splitlines() or ['no reason was given'])[-1]}")
    made: dict[str, str] = json.loads(ran.stdout)
    return made
