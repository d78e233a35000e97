"""Every relative link in a Markdown file of the repository leads to a file or folder, and to a heading where it names one."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
_BUILT = {"node_modules", "build", "dist"}
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def _pages() -> list[Path]:
    """Markdown files of the working tree, without installed packages, build output and hidden folders but `.github`."""
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
    return sorted(path for path in paths if not any(part in _BUILT or (part[0] == "." and part != ".github") for part in path.parts))


def _anchors(page: Path) -> set[str]:
    """The ids that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", _pages(), ids=str)
def test_every_relative_link_leads_somewhere(page):
    broken = []
    for link in _LINK.findall(_CODE.sub("", (ROOT / page).read_text())):
        url = urlsplit(link)
        if url.scheme or url.netloc:
            continue
        target = (ROOT / page).parent / unquote(url.path) if url.path else ROOT / page
        if not target.exists() or (url.fragment and target.suffix == ".md" and url.fragment not in _anchors(target)):
            broken.append(link)
    assert not broken
