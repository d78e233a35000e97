"""Queries about templates: the current version in one collection, every version in another."""

from collections.abc import Sequence
from typing import Any

from services.notifications.domain.templates import Template
from shared.mongo import Scope

MOST_TEMPLATES = 1000
"""The most templates of one service in a list."""


class Templates:
    """Templates of a service. Ids of other services' templates are not found."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("templates")
        self._versions = scope.collection("template_versions")

    async def get(self, template: str, *, service: str) -> Template | None:
        """Return the current version."""
        row = await self._rows.find_one({"_id": template, "service": service})
        return _template(row) if row else None

    async def exists(self, template: str) -> bool:
        """Return whether the template exists, whoever owns it. For the record of refused requests, never for an answer."""
        return await self._rows.find_one({"_id": template}, projection={"_id": 1}) is not None

    async def version(self, template: str, version: int, *, service: str) -> Template | None:
        """Return a given version."""
        row = await self._versions.find_one({"template": template, "version": version, "service": service})
        return _template({**row, "_id": template}) if row else None

    async def versions(self, template: str, *, service: str) -> list[Template]:
        """Return every version, newest first."""
        rows = await self._versions.find({"template": template, "service": service}, sort=[("version", -1)], limit=MOST_TEMPLATES)
        return [_template({**row, "_id": template}) for row in rows]

    async def of_services(self, services: Sequence[str], *, type_: str | None = None) -> list[Template]:
        """Return the current templates, in the order of their names."""
        wanted: dict[str, Any] = {"service": {"$in": list(services)}, "archived": False}
        if type_:
            wanted["type"] = type_
        return [_template(row) for row in await self._rows.find(wanted, sort=[("name", 1)], limit=MOST_TEMPLATES)]

    async def add(self, template: Template) -> None:
        """Write a new template's first version. Raises `Duplicate` where the id is taken."""
        await self._rows.insert_one(_row(template))
        await self._versions.insert_one(_version_row(template))

    async def revise(self, template: Template) -> None:
        """Write the next version of a template. Raises `Duplicate` where another writer made that version first."""
        await self._versions.insert_one(_version_row(template))
        await self._rows.replace_one({"_id": template.id, "version": template.version - 1}, _row(template))


def _row(template: Template) -> dict[str, Any]:
    row = dict(vars(template))
    row["_id"] = row.pop("id")
    return row


def _version_row(template: Template) -> dict[str, Any]:
    row = dict(vars(template))
    row["template"] = row.pop("id")
    row["_id"] = f"{template.id}:{template.version}"
    return row


def _template(row: dict[str, Any]) -> Template:
    return Template(
        id=row["_id"],
        service=row["service"],
        type=row["type"],
        name=row["name"],
        version=row["version"],
        body=row["body"],
        subject=row["subject"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        created_by=row["created_by"],
        archived=row["archived"],
    )
