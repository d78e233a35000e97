"""Generates OpenAPI documents from the routes of services and apps."""

from typing import Any

from shared.service import Service

from .apps import build_services
from .documents import Documents


def openapi() -> Documents:
    """Return one OpenAPI document for each service or app with an API."""
    documents = {f"openapi/{service.name}.json": _document(service) for service in build_services()}
    return {path: document for path, document in documents.items() if document["paths"]}


def _document(service: Service) -> dict[str, Any]:
    document: dict[str, Any] = service.app.openapi()
    document.pop("servers", None)
    return document
