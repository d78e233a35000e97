"""`python -m examples.move_home [--role api|worker|all]`."""

from shared.service import main

from .service import build
from .settings import Settings

main("examples.move_home", Settings, build)
