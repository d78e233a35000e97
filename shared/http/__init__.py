"""HTTP for services: routers whose functions are one unit of work, problem details, limits, paging, traced clients."""

from shared.http.client import client
from shared.http.errors import ErrorShape, HttpFailure, Problem
from shared.http.page import Cursor, InvalidCursor, Page, position
from shared.http.router import Router, provided

__all__ = ["Cursor", "ErrorShape", "HttpFailure", "InvalidCursor", "Page", "Problem", "Router", "client", "position", "provided"]
