"""`python -m services.data_sharing [--role api|worker|all]`."""

from services.data_sharing.service import build
from services.data_sharing.settings import Settings
from shared.service import main

main("services.data_sharing", Settings, build)
