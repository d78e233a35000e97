"""Reads from its source the failures that a route can answer with, so that its documentation needs no list by hand.

It searches the function, its dependencies, and every function of the project that they call by name, for exceptions with an HTTP status:
`Problem(404, ..., type="not-found")`, or another exception class whose first argument is a status. It resolves calls through modules,
classes and the annotations of parameters, and follows no call through a value without an annotation.
"""

import ast
import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fastapi.dependencies.models import Dependant

from shared.http.errors import Problem
from shared.http.problems import CATALOGUE
from shared.mongo import Conflict, Database, Unavailable

_OURS = ("services", "shared", "examples", "tests")
_NOT_READ = ("shared.mongo", "shared.telemetry", "shared.outbox", "shared.bus")
"""Packages that raise no `Problem`, and that every function calls."""
_NOTHING = object()
_UNSAID = ""


@dataclass
class Failures:
    """The failures that a route can answer with."""

    by_status: dict[int, set[str]] = field(default_factory=dict)
    """Problem types by status; an empty set where the source names none."""
    transacts: bool = False
    """Whether the route opens a transaction, which may end in a conflict and takes effect once for an `Idempotency-Key`."""
    asks_database: bool = False

    def add(self, status: int, type_: str | None = None) -> None:
        """Add a failure. The type is `_UNSAID` where the source takes it from an exception of the domain."""
        self.by_status.setdefault(status, set()).update(() if type_ is None else (type_,))


@dataclass
class _Facts(Failures):
    """What one function's source shows."""

    leads_to: list[types.FunctionType] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    """Problem types that the domain's exceptions have as their first argument."""


class FailureReader:
    """Reads the failures of routes, each function once."""

    def __init__(self) -> None:
        self._trees: dict[str, Mapping[int, ast.AST]] = {}
        self._known: dict[types.CodeType, _Facts] = {}

    def of(self, dependant: Dependant) -> Failures:
        """The failures of a route's function and its dependencies."""
        found, kinds = Failures(), set[str]()
        waiting = [function for call in _calls(dependant) if (function := _function(call))]
        seen: set[types.CodeType] = set()
        while waiting:
            function = waiting.pop()
            if function.__code__ in seen:
                continue
            seen.add(function.__code__)
            facts = self._facts(function)
            for status, said in facts.by_status.items():
                found.by_status.setdefault(status, set()).update(said)
            found.transacts |= facts.transacts
            found.asks_database |= facts.asks_database
            kinds |= facts.kinds
            waiting += facts.leads_to
        found.by_status = {status: said - {_UNSAID} | (kinds if _UNSAID in said else set()) for status, said in found.by_status.items()}
        return found

    def _facts(self, function: types.FunctionType) -> _Facts:
        known = self._known.get(function.__code__)
        if known is None:
            tree = self._functions(function.__code__.co_filename).get(function.__code__.co_firstlineno)
            # no tree for functions that dataclasses and pydantic make, nor for a lambda, which the function around it contains
            known = self._known[function.__code__] = _Source(function, tree).facts() if tree else _Facts()
        return known

    def _functions(self, file: str) -> Mapping[int, ast.AST]:
        """The functions of a file by their first line as code objects count it, at the first decorator."""
        if file not in self._trees:
            nodes = [] if file.startswith("<") else list(ast.walk(ast.parse(Path(file).read_text("utf-8"))))
            functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
            self._trees[file] = {min(line.lineno for line in (node, *node.decorator_list)): node for node in functions}
        return self._trees[file]


def _calls(dependant: Dependant) -> Iterator[Any]:
    if dependant.call is not None:
        yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)


def _function(called: Any) -> types.FunctionType | None:
    if isinstance(called, type):
        called = vars(called).get("__init__")
    elif not isinstance(called, types.FunctionType | types.MethodType | staticmethod | classmethod):
        if not _is_ours(type(called)):
            return None
        called = getattr(type(called), "__call__", None)  # noqa: B004 (a dependency may be an object)
    unwrapped = inspect.unwrap(getattr(called, "__func__", called)) if called else None
    return unwrapped if isinstance(unwrapped, types.FunctionType) and _is_ours(unwrapped) else None


def _note(value: Any, facts: _Facts) -> None:
    """Add the facts that a name in the source stands for."""
    if isinstance(value, Problem):
        facts.add(value.failure.status, value.failure.type)
    elif isinstance(value, property):
        _follow(value.fget, facts)
    elif isinstance(value, type) and issubclass(value, Database):
        facts.asks_database = True
    elif not (isinstance(value, type) and issubclass(value, BaseException)):
        _follow(value, facts)


def _follow(called: Any, facts: _Facts) -> None:
    function = _function(called)
    if function is not None:
        facts.leads_to.append(function)


def _is_ours(thing: Any) -> bool:
    module = str(getattr(thing, "__module__", ""))
    return module.partition(".")[0] in _OURS and not module.startswith(_NOT_READ)


def _is_exception(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Exception) and _is_ours(value)


def _status(node: ast.Call) -> int | None:
    first = node.args[0] if node.args else None
    status = first.value if isinstance(first, ast.Constant) else None
    return status if isinstance(status, int) and not isinstance(status, bool) and 400 <= status < 600 else None


def _kind(node: ast.Call) -> set[str]:
    """The problem type that is the first argument of a domain's exception."""
    first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
    return {first} if isinstance(first, str) and first in CATALOGUE else set()


def _type(node: ast.Call) -> str | None:
    given = next((keyword.value for keyword in node.keywords if keyword.arg == "type"), None)
    if given is None:
        return None
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else _UNSAID


class _Source:
    """One function's source, with the objects that its names stand for."""

    def __init__(self, function: types.FunctionType, tree: ast.AST) -> None:
        self._function, self.tree = function, tree

    def facts(self) -> _Facts:
        """The exceptions that the function raises, and the functions that it names."""
        facts = _Facts()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                self._call(node, facts)
            elif isinstance(node, ast.Raise) and node.exc is not None and _is_exception(raised := self.value(node.exc)):
                _follow(raised, facts)
            elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                _note(self.value(node), facts)
            if isinstance(node, ast.Attribute) and node.attr == "transaction":
                facts.transacts = True
        return facts

    def _call(self, node: ast.Call, facts: _Facts) -> None:
        status, called = _status(node), self.value(node.func)
        if called in (Conflict, Unavailable):
            facts.add(*((409, "conflict") if called is Conflict else (503, "unavailable")))
        elif status is None and _is_exception(called):
            _follow(called, facts)
            facts.kinds |= _kind(node)
        elif status is not None and (_is_exception(called) or self._makes_exception(node.func)):
            facts.add(status, _type(node))

    def value(self, node: ast.expr) -> Any:
        """The object that an expression stands for, or the class of a parameter; `_NOTHING` where the source does not show it."""
        match node:
            case ast.Name():
                return self._names.get(node.id, _NOTHING)
            case ast.Attribute():
                return _attribute(self.value(node.value), node.attr)
            case ast.Call():
                called = self.value(node.func)
                return called if isinstance(called, type) else _NOTHING
            case _:
                return _NOTHING

    def _makes_exception(self, node: ast.expr) -> bool:
        """Whether a call makes an exception of the project: `cls(...)`, `super().__init__(...)` or `SomeError.named(...)`."""
        if isinstance(node, ast.Attribute):
            is_super = isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name) and node.value.func.id == "super"
            return _is_exception(self._owner) if is_super else _is_exception(self.value(node.value))
        return isinstance(node, ast.Name) and node.id == "cls" and _is_exception(self._owner)

    @cached_property
    def _owner(self) -> Any:
        """The class whose method the function is."""
        name = self._function.__qualname__.rpartition(".")[0]
        return self._function.__globals__.get(name, _NOTHING)

    @cached_property
    def _names(self) -> Mapping[str, Any]:
        """Globals, the closure's variables, and the classes of parameters and annotated variables."""
        cells = zip(self._function.__code__.co_freevars, self._function.__closure__ or (), strict=True)
        annotated = {argument: _class(annotation) for argument, annotation in self._annotations().items()}
        local: dict[str, Any] = {name: _content(cell) for name, cell in cells} | annotated
        if isinstance(self._owner, type):
            local |= {"self": self._owner, "cls": self._owner}
        return {**self._function.__globals__, **local}

    def _annotations(self) -> dict[str, Any]:
        try:
            found = typing.get_type_hints(self._function)
        except (NameError, TypeError):
            found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.annotation, ast.Name):
                found[node.target.id] = self._function.__globals__.get(node.annotation.id)
        return found


def _class(annotation: Any) -> Any:
    if isinstance(annotation, type):
        return annotation
    options = [option for option in typing.get_args(annotation) if isinstance(option, type) and option is not type(None)]
    return options[0] if options else _NOTHING


def _attribute(of: Any, name: str) -> Any:
    if of is _NOTHING:
        return _NOTHING
    if isinstance(of, types.ModuleType):
        return getattr(of, name, _NOTHING)
    return inspect.getattr_static(of, name, _NOTHING) if isinstance(of, type) and _is_ours(of) else _NOTHING


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return _NOTHING
