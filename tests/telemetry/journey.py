"""One citizen with unique data, and the move through the public pages."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from shared import clock
from tests.deploy.platform import until
from tests.support.browser import Browser

CAMDEN, HACKNEY = "E09000007", "E09000012"


@dataclass(frozen=True)
class Citizen:
    """The personal data that the platform receives about one person."""

    given_name: str = "Zdenička"
    family_name: str = "Quillfeather-O’Mara"
    email: str = "Zdenicka.Quillfeather+Moving@Mail-Wobblethorpe.Example.com"
    phone: str = "07700 900 861"
    new_postcode: str = "EC2A 2AW"
    old_postcode: str = "WC1X 0AN"
    old_line: str = "Flat 9, 77 Wobblethorpe Crescent"

    @property
    def international_phone(self) -> str:
        """The number in the form in which the platform sends messages."""
        return "44" + self.phone.replace(" ", "").removeprefix("0")


class Journey:
    """The citizen's steps through the pages."""

    def __init__(self, ready: dict[str, Any], citizen: Citizen) -> None:
        self._ready, self._citizen = ready, citizen
        self._browser = Browser()
        self._app = ready["urls"]["move_home"]
        self.code = ""
        """The code of the sign-in."""

    def complete(self) -> str:
        """Sign in, answer every question, submit, wait for completion, and open the record; return the move's id."""
        self._sign_in()
        self._answer_questions()
        move = self._submit()
        until(lambda: "This page renews itself" not in self._browser.open(f"{self._app}/moves/{move}").text)
        assert "sent your details to" in self._browser.open(f"{self._app}/record").text
        self._browser.close()
        return move

    def send_refused_requests(self) -> None:
        """Send every service requests that it refuses, with all personal data of the citizen in them."""
        citizen = self._citizen
        about = [citizen.given_name, citizen.family_name, citizen.email, citizen.phone, citizen.new_postcode, citizen.old_line]
        claimed = {
            "Authorization": f"Bearer {citizen.email}",
            "User-Agent": quote(citizen.family_name),
            "baggage": f"user={quote(citizen.email)}",
        }
        details = {"email": citizen.email, "phone": citizen.email, "given_name": [citizen.given_name], citizen.family_name: citizen.phone}
        with httpx.Client(timeout=20, headers=claimed) as http:
            for url in self._ready["urls"].values():
                statuses = [http.get(f"{url}/{quote(text, safe='')}", params={"q": text}).status_code for text in about]
                assert set(statuses) == {404}, (url, statuses)
            urls = self._ready["urls"]
            refused = [
                http.get(f"{urls['addresses']}/postcodes/{quote(citizen.family_name)}"),
                http.get(f"{urls['addresses']}/v1/addresses/search", params={"q": citizen.old_line}),
                http.get(
                    f"{urls['move_home']}/moves/{quote(citizen.email)}", headers={"Cookie": f"move_home_session={quote(citizen.email)}"}
                ),
                http.post(f"{urls['move_home']}/api/moves", json=details, headers=self._machine()),
                http.post(f"{urls['data_sharing']}/v1/shares", json=details),
                http.post(f"{urls['notifications']}/v2/notifications/email", json=details),
                http.post(f"{urls['identity']}/token", data=details, auth=(citizen.email, citizen.phone)),
                http.get(f"{urls['identity']}/authorize", params=details),
            ]
            assert all(400 <= answer.status_code < 500 or answer.is_redirect for answer in refused), refused

    def captured(self, to: str) -> list[dict[str, Any]]:
        """Return the messages delivered to that address or number, newest first."""
        messages: list[dict[str, Any]] = httpx.get(self._ready["captured"], params={"to": to}, timeout=20).raise_for_status().json()
        return messages

    def _machine(self) -> dict[str, str]:
        """Return the header with a token of the borough's own system."""
        client = next(client for client in self._ready["identity"]["machine_clients"] if client["borough"] == HACKNEY)
        answer = httpx.post(
            f"{self._ready['identity']['issuer']}/token",
            data={"grant_type": "client_credentials", "scope": "move_home:move:create"},
            auth=(client["client_id"], client["client_secret"]),
            timeout=20,
        )
        return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}

    def _sign_in(self) -> None:
        self._browser.open(f"{self._app}/move")
        self._browser.send(email=self._citizen.email)
        mail = until(lambda: self.captured(self._citizen.email))[0]
        found = re.search(r"\b\d{8}\b", mail["body"])
        assert found, mail["body"]
        self.code = found[0]
        self._browser.send(code=self.code)

    def _answer_questions(self) -> None:
        citizen, browser = self._citizen, self._browser
        browser.send(given_name=citizen.given_name, family_name=citizen.family_name)
        browser.send(postcode=f"{citizen.new_postcode} {citizen.given_name}")  # refused, and shown again
        browser.send(postcode=citizen.new_postcode.lower())
        uprn = browser.offered["uprn"][0]
        browser.send(uprn=uprn)
        browser.send(postcode=citizen.old_postcode, building=citizen.old_line)
        suggested = browser.open(f"{self._app}/move/old/suggestions?{urlencode({'q': citizen.old_line})}")
        assert "suggestions" in suggested.json()
        browser.open(f"{self._app}/move/old/by-hand")
        browser.send(line1=citizen.old_line, town="London", postcode=citizen.old_postcode)
        day = clock.now().date() + timedelta(days=10)
        browser.send(**{"date-day": str(day.day), "date-month": str(day.month), "date-year": str(day.year)})
        browser.send(tell=browser.offered["tell"])
        browser.send(phone=f"{citizen.phone} {citizen.family_name}")  # refused, and shown again
        browser.send(phone=citizen.phone)
        assert citizen.family_name in browser.page.text, browser.page.text

    def _submit(self) -> str:
        self._browser.send()
        found = re.search(r"/moves/([0-9a-f-]{36})$", str(self._browser.page.url))
        assert found, self._browser.page.url
        return found[1]
