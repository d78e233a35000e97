"""The markdown of emails, as HTML and as plain text.

Notify's subset: `#`, `##`, bullets, numbered lists, `^` inset text, `---`, `[text](address)` and bare web addresses. The parser sees a
template with one opaque mark for each value. The renderer replaces the marks by the values, escaped for their place. So no value can become
markup or a link. A template's author writes a link made of a value as `[text](((address)))`.
"""

import re
from collections.abc import Iterator
from html import escape
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from .placeholders import Personalisation, Value, fill, items_of
from .sanitisation import Sanitised

_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_PRIVATE = str.maketrans("", "", _OPEN + _CLOSE)
_BARE_ADDRESS = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,:;!?')\]]")
_SCHEMES = ("https://", "http://", "mailto:", "tel:")
_ADDRESS_CHARACTERS = ":/?#=&;%@!$'()*+,~[]"
_STYLE = "font-size: 19px; line-height: 25px; color: #0b0c0c;"
_RULE = "=" * 65


class _Parser(MarkdownIt):
    """Leaves links unchanged: `EmailBody` checks them with their values."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802
        return True


_parser = _Parser("zero", {"breaks": True}).enable(["heading", "list", "hr", "link", "newline", "escape", "blockquote"])


class EmailBody:
    """One email's body, parsed once, with its HTML and its plain text."""

    def __init__(self, template: str, values: Personalisation) -> None:
        self._held: list[str] = []
        source = fill(template.translate(_PRIVATE), values, self._hold)
        self._tokens = _parser.parse(_in_common_mark(source))

    def html(self) -> str:
        """Return the body as HTML elements, without a document around them."""
        return "".join(self._blocks(as_html=True)).strip()

    def text(self) -> str:
        """Return the body for readers without HTML, its markup in words and lines."""
        return re.sub(r"\n{3,}", "\n\n", "".join(self._blocks(as_html=False))).strip() + "\n"

    def _hold(self, value: Value) -> str:
        if isinstance(value, list):
            return "\n\n" + "\n".join(f"* {self._mark(item)}" for item in items_of(value)) + "\n\n"
        return self._mark(value.as_read if isinstance(value, Sanitised) else str(value))

    def _mark(self, text: str) -> str:
        self._held.append(text)
        return f"{_OPEN}{len(self._held) - 1}{_CLOSE}"

    def _blocks(self, *, as_html: bool) -> Iterator[str]:
        numbers: list[int | None] = []
        for token in self._tokens:
            if token.type == "inline":
                yield self._inline(token.children or [], as_html=as_html)
            elif as_html:
                yield _HTML_BLOCKS.get((token.type, token.tag), "")
            elif token.type == "list_item_open":
                number = numbers[-1]
                yield "* " if number is None else f"{number}. "
                numbers[-1] = None if number is None else number + 1
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                numbers.append(int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None)
            elif token.type in ("bullet_list_close", "ordered_list_close"):
                numbers.pop()
                yield "\n"
            else:
                yield _text_block(token)

    def _inline(self, tokens: list[Token], *, as_html: bool) -> str:
        written: list[str] = []
        links: list[tuple[str | None, int]] = []
        for token in tokens:
            if token.type in ("softbreak", "hardbreak"):
                written.append("<br>" if as_html else "\n")
            elif token.type == "link_open":
                links.append((self._address(str(token.attrs.get("href", ""))), len(written)))
            elif token.type == "link_close":
                address, start = links.pop()
                label = "".join(written[start:])
                written[start:] = [_link(address, label, as_html=as_html) if address else label]
            elif links:
                written.append(self._words(token.content, as_html=as_html))
            else:
                written.append(self._words_with_addresses(token.content, as_html=as_html))
        return "".join(written)

    def _words_with_addresses(self, content: str, *, as_html: bool) -> str:
        written, end = [], 0
        for match in _BARE_ADDRESS.finditer(content):
            written.append(self._words(content[end : match.start()], as_html=as_html))
            address = self._address(match.group())
            words = self._words(match.group(), as_html=as_html)
            written.append(_link(address, words, as_html=True) if as_html and address else words)
            end = match.end()
        written.append(self._words(content[end:], as_html=as_html))
        return "".join(written)

    def _words(self, content: str, *, as_html: bool) -> str:
        if not as_html:
            return _MARK.sub(lambda match: self._held[int(match.group(1))], content)
        return _MARK.sub(lambda match: _lines(escape(self._held[int(match.group(1))])), escape(content))

    def _address(self, written: str) -> str | None:
        """Return the link's target with its values. A value at the start may be a whole address; elsewhere it is quoted.

        None if the result is not a web, mail or telephone address.
        """

        def quoted(match: re.Match[str]) -> str:
            value = self._held[int(match.group(1))].strip()
            return quote(value, safe=_ADDRESS_CHARACTERS) if match.start() == 0 else quote(value, safe="")

        address = _MARK.sub(quoted, written)
        return quote(address, safe=_ADDRESS_CHARACTERS) if address.lower().startswith(_SCHEMES) else None


def _in_common_mark(source: str) -> str:
    """Convert Notify's marks to CommonMark's: `^` for inset text, `•` for a bullet, headings without a space after the `#`."""
    source = re.sub(r"(?m)^( *)>", r"\1\\>", source)
    source = re.sub(r"(?m)^ *\^ ?", "> ", source)
    source = re.sub(r"(?m)^( *)• *", r"\1* ", source)
    return re.sub(r"(?m)^(#{1,2})(?=[^#\s])", r"\1 ", source)


def _lines(text: str) -> str:
    return re.sub(r"\r\n|\r|\n", "<br>", text)


def _link(address: str | None, label: str, *, as_html: bool) -> str:
    if as_html:
        return f'<a href="{escape(address or "")}" style="word-wrap: break-word; color: #1d70b8;">{label}</a>'
    return label if label == address else f"{label}: {address}"


def _text_block(token: Token) -> str:
    if token.type == "heading_close" and token.tag in ("h1", "h2"):
        return "\n" + ("=" if token.tag == "h1" else "-") * 65 + "\n\n"
    if token.type == "hr":
        return _RULE + "\n\n"
    if token.type in ("paragraph_close", "heading_close"):
        return "\n" if token.hidden else "\n\n"
    return ""


_PARAGRAPH = f'<p style="margin: 0 0 20px 0; {_STYLE}">'
_HTML_BLOCKS = {
    ("paragraph_open", "p"): _PARAGRAPH,
    ("paragraph_close", "p"): "</p>\n",
    ("heading_open", "h1"): '<h2 style="margin: 0 0 15px 0; font-size: 27px; line-height: 35px; color: #0b0c0c;">',
    ("heading_close", "h1"): "</h2>\n",
    ("heading_open", "h2"): '<h3 style="margin: 0 0 15px 0; font-size: 19px; line-height: 25px; color: #0b0c0c;">',
    ("heading_close", "h2"): "</h3>\n",
    **{("heading_open", f"h{level}"): _PARAGRAPH for level in range(3, 7)},
    **{("heading_close", f"h{level}"): "</p>\n" for level in range(3, 7)},
    ("bullet_list_open", "ul"): '<ul style="margin: 0 0 20px 20px; padding: 0;">',
    ("bullet_list_close", "ul"): "</ul>\n",
    ("ordered_list_open", "ol"): '<ol style="margin: 0 0 20px 20px; padding: 0;">',
    ("ordered_list_close", "ol"): "</ol>\n",
    ("list_item_open", "li"): f'<li style="margin: 5px 0; padding: 0 0 0 5px; {_STYLE}">',
    ("list_item_close", "li"): "</li>",
    (
        "blockquote_open",
        "blockquote",
    ): '<blockquote style="margin: 0 0 20px; border-left: 10px solid #b1b4b6; padding: 15px 0 0.1px 15px;">',
    ("blockquote_close", "blockquote"): "</blockquote>\n",
    ("hr", "hr"): '<hr style="border: 0; height: 1px; background: #b1b4b6; margin: 30px 0;">\n',
}
