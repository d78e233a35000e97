"""Parameters of a path or a query that have one plain value each, with FastAPI's validation and errors but without its search for
what a parameter is: FastAPI asks that of each anew for each request, which takes longer than to validate it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin
from uuid import UUID

from fastapi import params
from fastapi.dependencies.utils import request_params_to_args
from pydantic import Json

_PLAIN = (str, int, float, bool, date, datetime, UUID, Enum)
_REQUIRED = object()


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    """Of the function's argument."""
    alias: str
    """As a client writes it."""
    place: tuple[str, str]
    """Where an error is: `("query", "limit")`."""
    default: object
    field: Any
    """FastAPI's, which validates."""

    @classmethod
    def of(cls, field: Any) -> Self | None:
        """None for one that may be more than a plain value."""
        info = field.field_info
        if not isinstance(info, params.Path | params.Query) or field.config or not _is_plain(info.annotation):
            return None
        if info.validation_alias not in (None, info.alias) or info.validate_default or info.default_factory:
            return None
        if any(part is Json or type(part) is Json for part in info.metadata):
            return None
        default = _REQUIRED if info.is_required() else info.default
        if default is not _REQUIRED and not isinstance(default, (*_PLAIN, NoneType)):
            return None
        return cls(field.name, field.alias, (info.in_.value, field.alias), default, field)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Those of a path, or of a query."""

    each: Sequence[_Parameter]

    @classmethod
    def of(cls, fields: Sequence[Any]) -> Self | None:
        """None where one of FastAPI's fields may be more than a plain value."""
        each = [_Parameter.of(field) for field in fields]
        return None if None in each else cls([parameter for parameter in each if parameter])

    def read(self, received: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any]]:
        """The values by the names of arguments, and pydantic's errors: what `request_params_to_args` gives."""
        values: dict[str, Any] = {}
        errors: list[Any] = []
        for parameter in self.each:
            value = received.get(parameter.alias)
            if value is not None:
                values[parameter.name], wrong = parameter.field.validate(value, loc=parameter.place)
                errors += wrong
            elif parameter.default is _REQUIRED:
                errors += request_params_to_args([parameter.field], {})[1]
            else:
                values[parameter.name] = parameter.default
        return values, errors


def _is_plain(annotation: Any) -> bool:
    """Whether it is one type of plain values, perhaps or None."""
    if get_origin(annotation) is Literal:
        return True
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return all(kind is NoneType or (isinstance(kind, type) and issubclass(kind, _PLAIN)) for kind in kinds)
