"""`python -m services.identity.rotate_keys [--now]`: makes the next signing key of a running identity, which needs no restart.

It takes the settings of the service from its environment. `blocks keys rotate` does the same for an embedded platform.
"""

import argparse
import asyncio
import json
import sys

from shared.service import StartError
from shared.settings import SettingsError

from .settings import Settings
from .signing import AT_ONCE, PUBLISHED_BEFORE, SigningKey, SigningKeys
from .store import Store
from .vault import SealError, Vault


async def rotate(settings: Settings, *, soon: bool) -> SigningKey:
    """Make the next key. It signs in an hour, or in half a minute where `soon`. Raises StartError where the keys cannot be opened."""
    store = Store(settings)
    try:
        keys = SigningKeys(store, Vault(settings.encryption_key, settings.hashing_key))
        return await keys.rotate(lead=AT_ONCE if soon else PUBLISHED_BEFORE)
    except SealError:
        raise StartError("The signing keys were sealed with another key than IDENTITY_ENCRYPTION_KEY.") from None
    finally:
        await store.close()


def main() -> None:
    """The command: prints the key's id and when it begins to sign, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m services.identity.rotate_keys", description="Make the next signing key.")
    parser.add_argument("--now", action="store_true", help="sign with it in half a minute, not in an hour: for a key that leaked")
    arguments = parser.parse_args()
    try:
        made = asyncio.run(rotate(Settings.load(), soon=arguments.now))
    except (SettingsError, StartError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    sys.stdout.write(json.dumps({"kid": made.key.kid, "generation": made.generation, "signs_from": made.signs_from.isoformat()}) + "\n")


if __name__ == "__main__":
    main()
