"""A person with a browser that reads forms, follows redirects and keeps cookies."""

import base64
import hashlib
import re
import secrets
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx

from tests.support.service_runner import TRUST

REDIRECT = "https://move-home.test/callback"
CLIENT = "move-home"
SECRET = "move-home-secret-move-home-secret-0123456789"


class Browser:
    """Holds the cookies and the open page."""

    def __init__(self, url: str) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=20, verify=TRUST)
        self.url = url
        self._page: httpx.Response | None = None

    @property
    def page(self) -> httpx.Response:
        """The open page."""
        assert self._page is not None
        return self._page

    @page.setter
    def page(self, page: httpx.Response) -> None:
        self._page = page

    @property
    def form_token(self) -> str:
        """The page's form token."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.page.text)
        assert found
        return found[1]

    async def open(self, path: str, **parameters: str) -> httpx.Response:
        """Open an address; follow redirects within identity."""
        url = f"{path}?{urlencode(parameters)}" if parameters else path
        return await self._follow(await self.http.get(url))

    async def submit(self, **fields: str) -> httpx.Response:
        """Fill in and submit the page's form."""
        html = self.page.text
        form = re.search(r'<form method="post" action="([^"]+)"', html)
        assert form, html
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))
        return await self._follow(await self.http.post(unescape(form[1]), data={n: unescape(v) for n, v in hidden.items()} | fields))

    async def _follow(self, response: httpx.Response) -> httpx.Response:
        while response.is_redirect:
            target = urljoin(str(response.url), response.headers["location"])
            if not target.startswith(self.url):
                return response
            response = await self.http.get(target)
        self._page = response
        return response


class Pkce:
    """A verifier and its challenge (RFC 7636), independent of the code under test."""

    def __init__(self) -> None:
        self.verifier = secrets.token_urlsafe(48)
        self.challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")


def request(pkce: Pkce | None = None, **over: str | None) -> dict[str, str]:
    """Return a valid authorization request; arguments replace parameters, None removes one."""
    parameters: dict[str, str | None] = {
        "client_id": CLIENT,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "openid email profile",
        "state": "a state",
        "nonce": "a nonce",
        **({"code_challenge": pkce.challenge, "code_challenge_method": "S256"} if pkce else {}),
        **over,
    }
    return {name: value for name, value in parameters.items() if value is not None}


def answer(response: httpx.Response) -> dict[str, str]:
    """Return the parameters of a redirect; assert that it goes to the client's redirect URI."""
    assert response.is_redirect, (response.status_code, response.text)
    target = urlsplit(response.headers["location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == REDIRECT
    return dict(parse_qsl(target.query))


class Citizen:
    """A person with an email address."""

    def __init__(self, url: str, mailbox: Any, address: str = "ada@example.com") -> None:
        self.browser = Browser(url)
        self.mailbox = mailbox
        self.address = address

    async def asks_for_code(self, **parameters: str) -> str:
        """Come from a client and submit the address; return the code from the mail."""
        earlier = len([body for body in self.mailbox.sent.values() if body["email_address"] == self.address])
        await self.browser.open("/authorize", **parameters)
        await self.browser.submit(email=self.address)
        return str(await self.mailbox.code_for(self.address, earlier=earlier))

    async def signs_in(self, **parameters: str) -> dict[str, str]:
        """Complete the sign-in; return what the client receives."""
        code = await self.asks_for_code(**parameters)
        return answer(await self.browser.submit(code=code))

    async def exchange(self, code: str, pkce: Pkce | None, **over: str) -> httpx.Response:
        """Exchange the code at the token endpoint, as the client's server does."""
        async with httpx.AsyncClient(base_url=self.browser.url, verify=TRUST) as client:
            data = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
            data |= {"code_verifier": pkce.verifier} if pkce else {}
            credentials = (over.pop("client_id", CLIENT), over.pop("client_secret", SECRET))
            return await client.post("/token", data=data | over, auth=credentials)
