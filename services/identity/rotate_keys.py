"""`python -m services.identity.rotate_keys [--now | --leaked]` makes the next signing key of a running identity, without a restart.

It reads the service's settings from the environment. `blocks keys rotate` does the same for an embedded platform.
"""

import argparse
import asyncio
import json
import sys
from typing import Literal

from shared.crypto import SealError
from shared.service import StartError
from shared.settings import SettingsError

from .settings import Settings
from .signing_keys import PUBLISHED_LEAD, SHORTEST_LEAD, SigningKey, SigningKeys
from .store import Store
from .vault import Vault

When = Literal["later", "now", "leaked"]
"""When the key begins to sign: in 65 minutes, when every cache has it; in 30 seconds; at once, and the old keys are withdrawn."""


async def rotate(settings: Settings, when: When) -> SigningKey:
    """Make the next key. Raises StartError if the configured key does not open the stored keys."""
    store = Store(settings)
    try:
        keys = SigningKeys(store, Vault(settings.encryption_key, settings.hashing_key))
        if when == "leaked":
            return await keys.replace_leaked()
        return await keys.rotate(lead=SHORTEST_LEAD if when == "now" else PUBLISHED_LEAD)
    except SealError:
        raise StartError("The signing keys were sealed with another key than IDENTITY_ENCRYPTION_KEY.") from None
    finally:
        await store.close()


def main() -> None:
    """Run the command. Prints the key's id and the start of its use, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m services.identity.rotate_keys", description="Make the next signing key.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--now", dest="when", action="store_const", const="now", help="sign with it in half a minute, not in an hour")
    choice.add_argument(
        "--leaked",
        dest="when",
        action="store_const",
        const="leaked",
        help="sign with it at once, and withdraw the old keys and their tokens",
    )
    arguments = parser.parse_args()
    try:
        made = asyncio.run(rotate(Settings.load(), arguments.when or "later"))
    except (SettingsError, StartError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    sys.stdout.write(json.dumps({"kid": made.key.kid, "generation": made.generation, "signs_from": made.signs_from.isoformat()}) + "\n")


if __name__ == "__main__":
    main()
