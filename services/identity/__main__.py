"""`python -m services.identity [--role api|worker|all]`."""

from services.identity.service import build
from services.identity.settings import Settings
from shared.service import main

main("services.identity", Settings, build)
