"""OAuth request parameters: each at most once, and empty means absent (RFC 6749 section 3.1)."""

from collections.abc import Iterable
from dataclasses import dataclass

from .errors import OAuthError

REPEATABLE = frozenset({"resource"})
"""RFC 8707 section 2 lets a client name several resources; every other parameter stands at most once."""


@dataclass(frozen=True)
class Parameters:
    """The parameters of one request, by name."""

    values: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Parameters":
        """Gather decoded name and value pairs, in the order in which they came."""
        values: dict[str, tuple[str, ...]] = {}
        for name, value in pairs:
            values[name] = (*values.get(name, ()), value)
        return cls(values)

    def get(self, name: str) -> str | None:
        """The parameter's value; None where it is absent, empty or repeated."""
        found = self.values.get(name, ())
        return found[0] or None if len(found) == 1 else None

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter that may be repeated, empty ones left out."""
        return tuple(value for value in self.values.get(name, ()) if value)

    def require_single(self) -> None:
        """Raises invalid_request where any parameter, known or not, came more than once although it must not."""
        if any(len(values) > 1 and name not in REPEATABLE for name, values in self.values.items()):
            raise OAuthError("invalid_request", "A parameter is repeated")
