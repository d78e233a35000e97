"""`python -m services.addresses [--role api|worker|all]`."""

from services.addresses.service import build
from services.addresses.settings import Settings
from shared.service import main

if __name__ == "__main__":
    main("services.addresses", Settings, build)
