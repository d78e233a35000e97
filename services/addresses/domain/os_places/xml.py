"""Writes OS Places' answers as XML: an element for each name of the JSON form, and a `result` for each address."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 (section 2.2) forbids even in escaped form."""


def search_response(header: Mapping[str, Any], results: Iterable[Mapping[str, Mapping[str, Any]]]) -> bytes:
    """Returns `<SearchResponse>` with `<header>`, and `<results>` unless there are none."""
    found = "".join(f"<result>{_elements(result)}</result>" for result in results)
    return _document("SearchResponse", f"<header>{_elements(header)}</header>{f'<results>{found}</results>' if found else ''}")


def error_response(status: int, message: str) -> bytes:
    """Returns `<ErrorResponse>` with `<error>`."""
    return _document("ErrorResponse", f"<error>{_elements({'statuscode': status, 'message': message})}</error>")


def _document(root: str, content: str) -> bytes:
    return f"{_DECLARATION}<{root}>{content}</{root}>".encode()


def _elements(fields: Mapping[str, Any]) -> str:
    return "".join(f"<{name}>{_content(value)}</{name}>" for name, value in fields.items())


def _content(value: Any) -> str:
    if isinstance(value, Mapping):
        return _elements(value)
    return escape(_NOT_IN_XML.sub("\ufffd", str(value)), {"\r": "&#13;"})  # a parser turns a bare carriage return into a line feed
