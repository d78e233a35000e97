"""Searches text for a person's data, in any spelling or encoding."""

import base64
import hashlib
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote_plus

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True)
class Found:
    """One item of personal data, and the place where it was found."""

    what: str
    where: str


class Search:
    """Finds a person's data in the forms that programs write: any case, with or without spaces, marks and accents; escaped for URLs, JSON
    or HTML; in Base64; or hashed without a key, which a list of all phone numbers reverses.
    """

    def __init__(self, known: Mapping[str, str], *, phones: Iterable[str] = ()) -> None:
        """`known` maps names to personal data; those named in `phones` are UK phone numbers in any form."""
        self._plain: dict[str, set[str]] = {}
        self._encoded: dict[str, set[str]] = {}
        for what, text in known.items():
            spellings = _spellings(text) if what not in phones else _numbers(text)
            self._plain[what] = {_squashed(spelling) for spelling in spellings}
            self._encoded[what] = {form.casefold() for spelling in spellings for form in _encodings(spelling)}

    def in_text(self, text: str) -> set[str]:
        """Return the names of the data that the text reveals."""
        folded, squashed = text.casefold(), _squashed(text)
        plain = {what for what, forms in self._plain.items() if any(form in squashed for form in forms)}
        return plain | {what for what, forms in self._encoded.items() if any(form in folded for form in forms)}

    def in_texts(self, texts: Iterable[tuple[str, str]]) -> list[Found]:
        """Return the data that the texts reveal; each text comes with the name of its place."""
        return [Found(what, where) for where, text in texts for what in sorted(self.in_text(text))]


def _spellings(text: str) -> set[str]:
    compact = re.sub(r"\s", "", text)
    spelled = {text, compact, text.strip().replace(" ", "-"), _without_accents(text)}
    return {form for one in spelled for form in (one, one.lower(), one.upper())}


def _numbers(text: str) -> set[str]:
    """Return the forms of a UK phone number; all contain the national number."""
    digits = re.sub(r"\D", "", text)
    national = digits.removeprefix("0044").removeprefix("44").removeprefix("0")
    return {national, f"0{national}", f"44{national}", f"+44{national}", f"+44 {national}", f"0044{national}", text}


def _encodings(text: str) -> set[str]:
    raw = text.encode()
    escaped = {quote(text, safe=""), quote_plus(text), html.escape(text), json.dumps(text).strip('"')}
    hashed = {hashlib.new(name, raw, usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256")}
    hashed |= {base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")}
    return escaped | hashed | _inside_base64(raw)


def _inside_base64(raw: bytes) -> set[str]:
    """Return the characters that any Base64 text contains if its bytes contain these, for each of the three alignments."""
    found = set()
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        first, last = (0, 2, 3)[shift], len(text) - (1 if (shift + len(raw)) % 3 else 0)
        found |= {text[first:last], text[first:last].replace("+", "-").replace("/", "_")}
    return found


def _without_accents(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def _squashed(text: str) -> str:
    """Return letters and digits in lower case, after undoing escapes of JSON, URLs and HTML."""
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    plain = html.unescape(unquote_plus(plain))
    return "".join(letter for letter in _without_accents(plain.casefold()) if letter.isalnum())
