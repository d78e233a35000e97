"""Queries about the services that send."""

from typing import Any

from services.notifications.domain.senders import RETENTION_DAYS, ApiKey, KeyType, Sender, Service
from shared.mongo import Scope


class Services:
    """Services with their keys. The keys' secrets and the team are encrypted, as stored."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("services")

    async def get(self, service: str) -> Service | None:
        """Return the service of that id, of any borough: its own key authenticates the caller."""
        row = await self._rows.find_one({"_id": service})
        return _service(row) if row else None

    async def of_borough(self, service: str, borough: str) -> Service | None:
        """Return the service if it belongs to that borough."""
        row = await self._rows.find_one({"_id": service, "borough": borough})
        return _service(row) if row else None

    async def ids_of_borough(self, borough: str) -> list[str]:
        """Return the ids of a borough's services, which never include the platform's own."""
        return [row["_id"] for row in await self._rows.find({"borough": borough}, projection={"_id": 1})]

    async def all(self) -> list[Service]:
        """Return every service, for the worker that reseals them."""
        return [_service(row) for row in await self._rows.find({})]

    async def put(self, service: Service) -> None:
        """Write the service. The caller must have encrypted its keys' secrets and its team."""
        row = _row(service)
        await self._rows.replace_one({"_id": service.id}, row, upsert=True)


def _row(service: Service) -> dict[str, Any]:
    return {
        "_id": service.id,
        "name": service.name,
        "borough": service.borough,
        "from_address": service.from_address,
        "reply_to": [vars(sender) for sender in service.reply_to],
        "sms_senders": [vars(sender) for sender in service.sms_senders],
        "keys": [vars(key) | {"type": key.type.value} for key in service.keys],
        "team": sorted(service.team),
        "active": service.active,
        "retention_days": service.retention_days,
        "international_sms": service.international_sms,
        "sms_to_landlines": service.sms_to_landlines,
    }


def _service(row: dict[str, Any]) -> Service:
    return Service(
        id=row["_id"],
        name=row["name"],
        borough=row["borough"],
        from_address=row["from_address"],
        reply_to=tuple(Sender(**sender) for sender in row["reply_to"]),
        sms_senders=tuple(Sender(**sender) for sender in row["sms_senders"]),
        keys=tuple(ApiKey(**{**key, "type": KeyType(key["type"])}) for key in row["keys"]),
        team=frozenset(row["team"]),
        active=row["active"],
        retention_days=row.get("retention_days", RETENTION_DAYS),
        international_sms=row["international_sms"],
        sms_to_landlines=row["sms_to_landlines"],
    )
