"""Every link of the portal's pages works, and so do links of the pages on the platform that they lead to."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from .conftest import Platform


class Links(HTMLParser):
    """The addresses that a page links to or loads."""

    def __init__(self, page: str, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._page = page
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"href", "src"} and value and not value.startswith(("#", "data:", "mailto:", "tel:")):
                self.found.add(urljoin(self._page, value).partition("#")[0])


def test_every_link_of_the_portal_leads_to_a_page(platform: Platform) -> None:
    urls = platform.ready["urls"]
    hosts = {urlsplit(url).netloc for url in urls.values()}
    waiting, seen, broken = [urls["portal"] + "/", urls["portal"] + "/captured"], set[str](), dict[str, object]()
    with httpx.Client(timeout=30, follow_redirects=True, headers={"Accept": "text/html"}) as browser:
        while waiting:
            address = waiting.pop()
            if address in seen or urlsplit(address).netloc not in hosts:  # there is no internet
                continue
            seen.add(address)
            answer = browser.get(address)
            if answer.status_code >= 400:
                broken[address] = answer.status_code
            if "/problems/" not in address and answer.headers.get("content-type", "").startswith("text/html"):
                waiting.extend(Links(str(answer.url), answer.text).found)
    assert broken == {}
    assert {url + "/docs" for name, url in urls.items() if name != "portal"} <= seen
