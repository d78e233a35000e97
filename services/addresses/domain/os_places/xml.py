"""OS Places' answers as XML: what JSON says, an element for each name, and each address in a `result`."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML 1.0 document may hold, not even escaped."""


def search_response(header: Mapping[str, Any], results: Iterable[Mapping[str, Mapping[str, Any]]]) -> bytes:
    """`<SearchResponse>` with `<header>` and, where anything was found, `<results>`."""
    found = "".join(f"<result>{_elements(result)}</result>" for result in results)
    return _document("SearchResponse", f"<header>{_elements(header)}</header>{f'<results>{found}</results>' if found else ''}")


def error_response(status: int, message: str) -> bytes:
    """`<ErrorResponse>` with `<error>`."""
    return _document("ErrorResponse", f"<error>{_elements({'statuscode': status, 'message': message})}</error>")


def _document(root: str, content: str) -> bytes:
    return f"{_DECLARATION}<{root}>{content}</{root}>".encode()


def _elements(fields: Mapping[str, Any]) -> str:
    return "".join(f"<{name}>{_content(value)}</{name}>" for name, value in fields.items())


def _content(value: Any) -> str:
    if isinstance(value, Mapping):
        return _elements(value)
    return escape(_NOT_IN_XML.sub("\ufffd", str(value)), {"\r": "&#13;"})  # as it is, a parser reads it as a line feed
