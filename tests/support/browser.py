"""A browser without JavaScript: it opens pages, fills in their forms and submits them."""

from collections.abc import Sequence
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx


class MainForm(HTMLParser):
    """The form in the page's `main`: its action, hidden fields, and the values of its radios and checkboxes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._inside = False
        self.action: str | None = None
        self.hidden: dict[str, str] = {}
        self.offered: dict[str, list[str]] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Record the form and its fields."""
        attributes = {name: value or "" for name, value in attrs}
        if tag == "main":
            self._inside = True
        elif self._inside and tag == "form":
            self.action = attributes.get("action", "")
        elif self._inside and tag == "input":
            kind, name = attributes.get("type", "text"), attributes.get("name", "")
            if kind == "hidden":
                self.hidden[name] = attributes.get("value", "")
            elif kind in {"radio", "checkbox"}:
                self.offered.setdefault(name, []).append(attributes.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave `main`: forms in the footer do not count."""
        if tag == "main":
            self._inside = False


class Browser:
    """Holds the cookies and the open page. It follows redirects, except to addresses that begin with `stops_at`."""

    def __init__(self, *, stops_at: str | None = None) -> None:
        self._http = httpx.Client(timeout=20)
        self._stops_at = stops_at
        self._page: httpx.Response | None = None

    @property
    def page(self) -> httpx.Response:
        """The open page."""
        assert self._page is not None, "no page was opened"
        return self._page

    @property
    def offered(self) -> dict[str, list[str]]:
        """The values of the page's radios and checkboxes, by name."""
        return MainForm(self.page.text).offered

    def open(self, url: str) -> httpx.Response:
        """Open an address and follow its redirects."""
        return self._follow(self._http.get(url))

    def send(self, **fields: str | list[str]) -> httpx.Response:
        """Fill in and submit the page's form; a rejected form returns with status 400."""
        form = MainForm(self.page.text)
        assert form.action is not None, f"{self.page.url} has no form: {self.page.text[:3000]}"
        target = urljoin(str(self.page.url), form.action or str(self.page.url))
        return self._follow(self._http.post(target, data={**form.hidden, **fields}))

    def _follow(self, answer: httpx.Response) -> httpx.Response:
        while answer.next_request is not None and not (self._stops_at and answer.headers["location"].startswith(self._stops_at)):
            answer = self._http.send(answer.next_request)
        assert answer.status_code in {200, 302, 303, 400}, f"{answer.url}: {answer.status_code}"
        self._page = answer
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
