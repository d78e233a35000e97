"""`python -m services.portal [--role api|worker|all]`."""

from services.portal.service import build
from services.portal.settings import Settings
from shared.service import main

main("services.portal", Settings, build)
