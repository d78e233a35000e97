"""OpenAPI documents from the routes of services and apps."""

from typing import Any

from shared.service import Service

from .apps import built
from .documents import Documents


def openapi() -> Documents:
    """One OpenAPI document a service or app that offers an API."""
    documents = {f"openapi/{service.name}.json": _document(service) for service in built()}
    return {path: document for path, document in documents.items() if document["paths"]}


def _document(service: Service) -> dict[str, Any]:
    document: dict[str, Any] = service.app.openapi()
    document.pop("servers", None)
    return document
