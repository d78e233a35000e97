"""The data_sharing service: shares with councils, their inboxes, and the citizen's record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from examples.move_home.domain.move import Reason

PROBLEMS = {reason.value: reason for reason in Reason if reason is not Reason.NOT_ACCEPTED}
NEVER_TAKEN = {400, 404, 413, 422}
MADE_BEFORE = {"idempotency-key-reused", "reference-reused"}
"""An older version of this app made the same share with other content."""


@dataclass(frozen=True)
class Delivered:
    """The council has it in its inbox."""

    share: str | None
    """The share's id; None where data_sharing only says that it exists."""


@dataclass(frozen=True)
class Refused:
    """A refusal, which no repetition changes."""

    reason: Reason


class DataSharing:
    """A client of data_sharing for this app's borough, for other boroughs' staff, and for a citizen."""

    def __init__(self, http: httpx.AsyncClient, inboxes: Mapping[str, httpx.AsyncClient]) -> None:
        self._http = http
        self._inboxes = inboxes

    async def share(
        self,
        purpose: str,
        recipient: str,
        *,
        parties: Sequence[str],
        subject: str,
        reference: str,
        items: Mapping[str, str],
        key: str,
    ) -> Delivered | Refused:
        """Put the items into the recipient's inbox: once for a reference, recipient and purpose, however often it is called.

        Data_sharing finds the agreement, which must bind `parties` too, or refuses and puts the refusal on record.
        Raises httpx.HTTPError where it should be tried again.
        """
        body = {
            "purpose": purpose,
            "subject": subject,
            "recipient": recipient,
            "parties": list(parties),
            "reference": reference,
            "items": dict(items),
        }
        response = await self._http.post("/v1/shares", json=body, headers={"Idempotency-Key": key})
        if _problem(response) in MADE_BEFORE:
            return Delivered(None)
        if response.status_code == 403 and (reason := PROBLEMS.get(_problem(response))):
            return Refused(reason)
        if response.status_code in NEVER_TAKEN:
            return Refused(Reason.NOT_ACCEPTED)
        return Delivered(str(response.raise_for_status().json()["id"]))

    async def inbox(self, borough: str) -> list[dict[str, Any]]:
        """Return the borough's shares, newest first, without their content."""
        return _rows((await self._inboxes[borough].get("/v1/inbox", params={"limit": 100})).raise_for_status())

    async def received(self, borough: str, share: str) -> dict[str, Any] | None:
        """Return one share with its content, which records the reading; None where the borough has no such share.

        Raises `PermissionError` when the agreement no longer lets the borough read it.
        """
        response = await self._inboxes[borough].get(f"/v1/inbox/{share}")
        if response.status_code == 404:
            return None
        if response.status_code == 403:
            raise PermissionError(str(response.json().get("detail", "")))
        found: dict[str, Any] = response.raise_for_status().json()
        return found

    def serves(self, borough: str) -> bool:
        """Whether that borough's staff can read their inbox here."""
        return borough in self._inboxes

    async def record(self, access_token: str) -> list[dict[str, Any]] | None:
        """Return the record of the token's citizen, newest first; None when the token has expired."""
        response = await self._http.get("/v1/record", headers={"Authorization": f"Bearer {access_token}"}, auth=None)
        if response.status_code == 401:
            return None
        return _rows(response.raise_for_status())

    async def close(self) -> None:
        """Close the connections."""
        for http in (self._http, *self._inboxes.values()):
            await http.aclose()


def _rows(response: httpx.Response) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = response.json()["items"]
    return rows


def _problem(response: httpx.Response) -> str:
    """Return the last segment of a problem's type (RFC 9457)."""
    try:
        return str(response.json().get("type", "")).rsplit("/", 1)[-1]
    except ValueError:
        return ""
