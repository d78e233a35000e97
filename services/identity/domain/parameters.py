"""OAuth request parameters: each at most once, and empty means absent (RFC 6749 section 3.1)."""

from collections.abc import Iterable
from dataclasses import dataclass

from .errors import OAuthError

REPEATABLE = frozenset({"resource"})
"""RFC 8707 section 2 allows several resources. Every other parameter occurs at most once."""


@dataclass(frozen=True)
class Parameters:
    """The parameters of one request, by name."""

    values: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Parameters":
        """Collect decoded name and value pairs in their order."""
        values: dict[str, tuple[str, ...]] = {}
        for name, value in pairs:
            values[name] = (*values.get(name, ()), value)
        return cls(values)

    def get(self, name: str) -> str | None:
        """Return the parameter's value; None if it is absent, empty or repeated."""
        found = self.values.get(name, ())
        return found[0] or None if len(found) == 1 else None

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a repeatable parameter, without empty ones."""
        return tuple(value for value in self.values.get(name, ()) if value)

    def require_single(self) -> None:
        """Raise invalid_request if a parameter occurs more often than it may, known or not."""
        if any(len(values) > 1 and name not in REPEATABLE for name, values in self.values.items()):
            raise OAuthError("invalid_request", "A parameter is repeated")
