"""`python -m services.notifications`."""

from shared.service import main

from .service import build
from .settings import Settings

main("services.notifications", Settings, build)
