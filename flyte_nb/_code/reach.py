"""All that a function reaches by name: helpers, classes, tasks, constants.

Each reached thing is a part with a text of its own, in which others appear by name only; so cycles are no
trouble, and a difference between two digests can be named.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
import types
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from .bytecode import Names, read_code
from .ownership import is_users, library_version
from .values import MUTABLE, value_text

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_SKIPPED_IN_CLASSES = frozenset(
    [
        "__dict__",
        "__weakref__",
        "__doc__",
        "__module__",
        "__qualname__",
        "__firstlineno__",
        "__static_attributes__",
        "__annotations__",
        "__dataclass_fields__",
        "__dataclass_params__",
        "__match_args__",
        "__abstractmethods__",
        "_abc_impl",
        "__parameters__",
    ]
)
_MISSING = object()


class Reach:
    """Walks from one function to everything it reaches.

    Attributes
    ----------
    parts : dict of str to str
        Text of each part.
    bindings : list
        (namespace, name, reference to what it named): while all still hold, nothing was rebound.
    mutable : list
        (object, text): containers counted by value, to be compared again.
    """

    def __init__(self, func: Callable[..., Any]) -> None:
        self.parts: dict[str, str] = {}
        self.bindings: list[tuple[Mapping[str, Any], str, Callable[[], Any]]] = []
        self.mutable: list[tuple[Any, str]] = []
        self._names: dict[int, str] = {}
        self._kept: list[Any] = []
        self._changed: set[str] = set()
        self._pending: list[Callable[[], None]] = []
        self._candidates: dict[str, Any] = {}
        self._refer("", func)
        while self._pending:
            self._pending.pop()()
        for name, value in self._candidates.items():
            if name not in self._changed:
                text = value_text(value) or ""
                self.mutable.append((value, text))
                self.parts[f"{name} (constant)"] = text
        self._kept.clear()

    def _refer(self, name: str, value: Any) -> str:
        """How a part's text speaks of `value`; what must be looked into is queued."""
        text = value_text(value)
        if text is not None:
            if not name:
                return text
            if isinstance(value, MUTABLE):
                self._candidates[name] = value
                return f"constant {name}"
            self.parts[f"{name} (constant)"] = text
            return f"constant {name}"
        if type(value).__module__ == "flyte_nb._task.task":
            return f"task {value.name} {self._refer('', value.func)}"
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, types.ModuleType):
            return f"module {value.__name__} of {library_version(value.__name__)}"
        if isinstance(value, functools.partial):
            parts = [self._refer("", part) for part in (value.func, *value.args, *value.keywords.values())]
            return f"partial {' '.join(parts)} {' '.join(value.keywords)}"
        if isinstance(value, types.MethodType):
            return f"method {self._refer('', value.__func__)} of {_type_name(value.__self__)}"
        if isinstance(value, (staticmethod, classmethod)):
            return f"{type(value).__name__} {self._refer('', value.__func__)}"
        if isinstance(value, property):
            accessors = [accessor for accessor in (value.fget, value.fset, value.fdel) if accessor is not None]
            return f"property {' '.join(self._refer('', accessor) for accessor in accessors)}"
        if isinstance(value, (tuple, list)):
            return f"{type(value).__name__} of {' '.join(self._refer('', item) for item in value)}"
        if isinstance(value, types.BuiltinFunctionType):
            return f"builtin {value.__qualname__}"
        return self._instance(value)

    def _function(self, func: types.FunctionType) -> str:
        if str(func.__globals__.get("__name__", "")).partition(".")[0] == "flyte_nb":
            wrapped = getattr(func, "__wrapped__", None)
            if wrapped is not None:
                return f"wrapped {self._refer('', wrapped)}"
        if not is_users(func.__module__):
            return f"function {func.__module__}.{func.__qualname__} of {library_version(func.__module__ or '')}"
        return self._part(func, func.__qualname__.rpartition("<locals>.")[2], "function", self._read_function)

    def _class(self, kind: type) -> str:
        if not is_users(kind.__module__):
            return f"class {kind.__module__}.{kind.__qualname__} of {library_version(kind.__module__)}"
        return self._part(kind, kind.__qualname__.rpartition("<locals>.")[2], "class", self._read_class)

    def _instance(self, value: Any) -> str:
        kind = type(value)
        if is_users(kind.__module__) and (
            hasattr(kind, "__dataclass_fields__") or hasattr(kind, "__pydantic_fields__")
        ):
            state = getattr(value, "__dict__", {})
            fields = " ".join(f"{key}={self._refer('', state[key])}" for key in sorted(state))
            return f"instance of {self._class(kind)} {fields}"
        return f"object {_type_name(value)}"

    def _part(self, value: Any, name: str, kind: str, read: Callable[[str, Any], None]) -> str:
        label = self._names.get(id(value))
        if label is None:
            label = f"{name} ({kind})"
            number = 2
            while label in self.parts:
                label, number = f"{name} #{number} ({kind})", number + 1
            self._names[id(value)] = label
            self._kept.append(value)
            self.parts[label] = ""
            self._pending.append(lambda: read(label, value))
        return label

    def _read_function(self, label: str, func: types.FunctionType) -> None:
        text, names = read_code(func.__code__, lambda constant: self._refer("", constant))
        lines = [text]
        cells = zip(func.__code__.co_freevars, func.__closure__ or (), strict=True)
        for name, cell in cells:
            lines.append(f"closure {name} {self._cell(name, cell)}")
        for default in func.__defaults__ or ():
            lines.append(f"default {self._refer('', default)}")
        for name, default in sorted((func.__kwdefaults__ or {}).items()):
            lines.append(f"default {name} {self._refer('', default)}")
        for name, annotation in sorted(func.__annotations__.items()):
            lines.append(f"annotation {name} {self._annotation(annotation, func.__globals__)}")
        lines += self._global_names(names, func.__globals__)
        wrapped = getattr(func, "__wrapped__", None)
        if wrapped is not None:
            lines.append(f"wraps {self._refer('', wrapped)}")
        self.parts[label] = "\n".join(lines)

    def _read_class(self, label: str, kind: type) -> None:
        lines = [f"base {self._refer('', base)}" for base in kind.__bases__]
        for name, annotation in sorted(inspect.get_annotations(kind).items()):
            lines.append(f"annotation {name} {self._annotation(annotation, _globals_of(kind))}")
        for name, value in sorted(kind.__dict__.items()):
            if name in _SKIPPED_IN_CLASSES or name.startswith("__pydantic"):
                continue
            if isinstance(value, types.FunctionType) and value.__module__ != kind.__module__:
                continue
            lines.append(f"{name} {self._refer('', value)}")
        self.parts[label] = "\n".join(lines)

    def _cell(self, name: str, cell: Any) -> str:
        try:
            value = cell.cell_contents
        except ValueError:
            return "empty"
        self.bindings.append((_CellNamespace(cell), name, _reference(value)))
        return self._refer(name, value)

    def _global_names(self, names: Names, namespace: dict[str, Any]) -> list[str]:
        self._changed |= names.changed
        lines = []
        for name in names.loaded:
            value = namespace.get(name, _MISSING)
            if value is _MISSING:
                continue
            self.bindings.append((namespace, name, _reference(value)))
            lines.append(f"global {name} {self._refer(name, value)}")
            if isinstance(value, types.ModuleType):
                lines += self._module_attributes(value, names)
        for module_name in sorted(names.imported):
            module = sys.modules.get(module_name)
            if module is not None:
                lines.append(f"import {self._refer('', module)}")
                lines += self._module_attributes(module, names)
        return lines

    def _module_attributes(self, module: types.ModuleType, names: Names) -> list[str]:
        if not is_users(module.__name__):
            return []
        lines = []
        for attribute in sorted(names.attributes & module.__dict__.keys()):
            value = module.__dict__[attribute]
            self.bindings.append((module.__dict__, attribute, _reference(value)))
            lines.append(f"attribute {module.__name__}.{attribute} {self._refer(attribute, value)}")
        return lines

    def _annotation(self, annotation: Any, namespace: Mapping[str, Any]) -> str:
        if isinstance(annotation, str):
            lines = [annotation]
            for name in _IDENTIFIER.findall(annotation):
                value = namespace.get(name)
                if isinstance(value, type) and is_users(value.__module__):
                    lines.append(self._class(value))
            return " ".join(lines)
        if isinstance(annotation, type):
            return self._class(annotation)
        arguments = getattr(annotation, "__args__", ())
        inner = " ".join(self._annotation(argument, namespace) for argument in arguments)
        origin = getattr(annotation, "__origin__", None)
        head = self._refer("", origin) if origin is not None else type(annotation).__qualname__
        return f"{head}[{inner}]" if arguments else str(annotation)


class _CellNamespace(Mapping[str, Any]):
    """A closure cell in the place of a namespace, so that both are looked up alike."""

    def __init__(self, cell: Any) -> None:
        self._cell = cell

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self._cell.cell_contents
        except ValueError:
            return default

    def __getitem__(self, name: str) -> Any:
        return self._cell.cell_contents

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 1


def _reference(value: Any) -> Callable[[], Any]:
    """A reference that does not keep functions, classes and the like alive."""
    try:
        return weakref.ref(value)
    except TypeError:
        return lambda: value


def _globals_of(kind: type) -> Mapping[str, Any]:
    module = sys.modules.get(kind.__module__)
    return module.__dict__ if module is not None else {}


def _type_name(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"
