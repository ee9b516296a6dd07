"""Everything a function reaches, in parts that each have a digest of their own."""

from __future__ import annotations

import re
import sys
import types
from collections import deque
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from .bytecode import NamesUsed, digest_bytecode, names_used, pack, short_hash
from .classes import declared_by, is_slot, methods_behind, written_in
from .imported import Imported, SourceName
from .mutation import Changes, Name, cell_of, changed_attributes, changes_of, global_of
from .ownership import is_of_ipython, is_own, is_user_module, is_users, library_name
from .redefined import defined_now, is_of_the_notebook, known_names
from .values import ValueEncoder, is_task, named, text

MISSING: Any = type("Missing", (), {"__slots__": ()})()
MODULE_NAMES = frozenset(
    ("__name__", "__file__", "__doc__", "__spec__", "__loader__", "__package__", "__builtins__", "__cached__")
)
_WORD = re.compile(r"[^\W\d]\w*")


class Binding(NamedTuple):
    """A name that was looked up: in the globals, cells or attributes of `holder`, and what was there."""

    holder: Any
    place: Literal["globals", "cells", "attributes"]
    name: str
    value: Any

    @property
    def space(self) -> tuple[str, int]:
        """Identity of the namespace, which functions of one module share."""
        return self.place, id(self.holder.__globals__ if self.place == "globals" else self.holder)

    @property
    def variable(self) -> Name | None:
        """The variable, as `Changes` has it; None for an attribute of something else than a module."""
        if self.place == "globals":
            return global_of(self.holder.__globals__, self.name)
        if self.place == "cells":
            return cell_of(self.holder, self.name)
        return global_of(vars(self.holder), self.name) if isinstance(self.holder, types.ModuleType) else None


class Reach:
    """Walks from `root` over everything it reaches.

    Parameters
    ----------
    root : callable
    changes : Changes
        What is state and no constant: it does not count.

    Attributes
    ----------
    parts : dict[str, bytes]
        What was reached, by name and kind, with its digest.
    bindings : list[Binding]
        Every look-up the result depends on.
    functions : list[types.FunctionType]
        Every function whose content counted.
    tasks : list
        Every task.
    imported : Imported
        What was reached through imports in bodies.
    leaves_out : bool
        Whether something was reached that does not count, or not all that is in it.
    """

    def __init__(self, root: Any, changes: Changes = Changes()) -> None:  # noqa: B008  (it cannot be changed)
        self.changes = changes
        self.parts: dict[str, bytes] = {}
        self.bindings: list[Binding] = []
        self.functions: list[types.FunctionType] = []
        self.tasks: list[Any] = []
        self._classes_of: dict[types.FunctionType, list[type]] = {}
        self._labels: dict[object, str] = {}
        self._alive: list[Any] = []
        self._waiting: deque[tuple[str, Any, str]] = deque()
        self._looked_up: set[tuple[tuple[str, int], str]] = set()
        self._known_by_type: set[tuple[str, type]] = set()
        self._encoder = ValueEncoder(self._refer, changes.attributes)
        self.leaves_out: bool = False
        self.imported: Imported = Imported(self)
        # What an object does is not told by annotations, and those that are text mean nothing in another process.
        self._reads_text = not isinstance(root, type)
        self.root: bytes = self._encoder.encode(root, _name_of(root))
        self.root_label: str = next(iter(self._labels.values()), "")
        while self._waiting:
            label, thing, name = self._waiting.popleft()
            try:
                content = self._content(thing, name)
            except Exception:
                content = pack("odd", text(type(thing).__qualname__))
                self.leaves_out = True
            self.parts[label] = short_hash(content)
        self.leaves_out = self.leaves_out or bool(self._encoder.by_type)

    def digest(self) -> str:
        """32 hex digits over all parts, whatever the root is called."""
        parts = sorted(("" if label == self.root_label else label, part) for label, part in self.parts.items())
        whole = [pack("part", text(label), part) for label, part in parts]
        return short_hash(pack("python", b"%d.%d" % sys.version_info[:2], self.root, *whole)).hex()

    def known_by_type(self) -> tuple[str, ...]:
        """Constants and defaults that count by their type only: names, with their types."""
        found = {f"{name} ({kind.__module__}.{kind.__qualname__})" for name, kind in self._known_by_type}
        return tuple(sorted(found))

    def meets_state(self, changes: Changes) -> bool:
        """Whether something counted that the code changes itself."""
        return any(
            not names.isdisjoint(changed_attributes(kind, changes.attributes))
            for kind, names in self._encoder.attributes.items()
        ) or any(
            not isinstance(binding.value, _CODE) and changes.is_state(binding.variable, binding.value)
            for binding in self.bindings
        )

    def classes_of(self, function: types.FunctionType) -> Iterable[type]:
        """The classes that were reached and have `function` for a method."""
        return self._classes_of.get(function, ())

    def _refer(self, thing: Any, name: str) -> bytes:
        """A reference to a function, class or task; the thing itself is looked into later."""
        if isinstance(thing, types.FunctionType):
            if not is_user_module(thing.__globals__.get("__name__")):
                return self._library_function(thing, name)
            return self._reference(thing, name, "function", id(thing))
        if isinstance(thing, type):
            if not is_users(thing):
                return named(thing)
            thing = self._as_defined_now(thing)
            called = thing.__qualname__.rpartition("<locals>.")[2]
            return self._reference(thing, called, "class", id(thing))
        return self._reference(thing, name, "task", id(thing))

    def _as_defined_now(self, cls: type) -> type:
        """What a class of the notebook is now: an annotation keeps the class of an earlier run of its cell."""
        if is_of_the_notebook(cls):
            cls = defined_now(cls)
            self._watch(Binding(sys.modules[cls.__module__], "attributes", cls.__name__, cls))
        return cls

    def _reference(self, thing: Any, name: str, kind: str, key: object) -> bytes:
        label = self._labels.get(key)
        if label is None:
            label = self._new_label(f"{name} ({kind})")
            self._labels[key] = label
            self._alive.append(thing)
            self._waiting.append((label, thing, name))
        root = next(iter(self._labels))
        return pack("ref", b"" if key == root else text(label))

    def _new_label(self, label: str) -> str:
        taken = set(self._labels.values()) | self.parts.keys()
        number = 2
        wanted = label
        while label in taken:
            label = f"{wanted} #{number}"
            number += 1
        return label

    def _library_function(self, function: types.FunctionType, name: str) -> bytes:
        """By name; what a library's decorator was given to wrap, or to call, is the user's and is followed."""
        module = function.__globals__.get("__name__")
        parts = [text(library_name(module, function.__code__.co_qualname))]
        for variable, value in _cells(function):
            if _is_code(value):
                self._watch(Binding(function, "cells", variable, value))
                parts.append(self._encoder.encode(value, _name_of(value)))
            elif type(value) is dict and value and all(map(_is_function, value.values())):
                # such as the functions that were registered with functools.singledispatch
                self._watch(Binding(function, "cells", variable, value))
                pairs = [(self._encoder.encode(key, name), self._encoder.encode(f, name)) for key, f in value.items()]
                parts.append(pack("registry", *[pack("pair", *pair) for pair in sorted(pairs)]))
        wrapped = vars(function).get("__wrapped__")
        if wrapped is not None:
            parts.append(self._encoder.encode(wrapped, _name_of(wrapped)))
        return pack("library", *parts)

    # what is imported in a body ----------------------------------------------------------------------------

    def refer_to_source(self, thing: SourceName, kind: str) -> bytes:
        """See `Walker`."""
        return self._reference(thing, f"{thing.module}.{thing.name}", kind, ("source", thing.module, thing.name))

    def live(self, module: types.ModuleType, name: str, shown: str) -> bytes:
        """See `Walker`."""
        return self._bound(Binding(module, "attributes", name, vars(module)[name]), _NOTHING, shown)

    def watch(self, module: types.ModuleType, name: str) -> None:
        """See `Walker`."""
        self._watch(Binding(module, "attributes", name, vars(module)[name]))

    def is_state(self, module: types.ModuleType, name: str) -> bool:
        """See `Walker`."""
        return self._is_state(Binding(module, "attributes", name, vars(module)[name]))

    def encoded(self, value: Any, name: str) -> bytes:
        """See `Walker`."""
        return ValueEncoder(self._refer, self.changes.attributes).encode(value, name)

    # content -----------------------------------------------------------------------------------------------

    def _content(self, thing: Any, name: str) -> bytes:
        if isinstance(thing, SourceName):
            return self.imported.content(thing)
        if isinstance(thing, types.FunctionType):
            return self._function(thing, name)
        if isinstance(thing, type):
            return self._class(thing, name)
        self.tasks.append(thing)
        function = thing.func
        return pack("task", text(str(thing.name)), self._encoder.encode(function, _name_of(function)))

    def _function(self, function: types.FunctionType, name: str) -> bytes:
        self.functions.append(function)
        used = names_used(function.__code__)
        defaults = [self._constant(value, name) for value in function.__defaults__ or ()]
        keywords = sorted((function.__kwdefaults__ or {}).items())
        found = [
            digest_bytecode(function.__code__),
            pack("defaults", *defaults),
            pack("keywords", *[pack(key, self._constant(value, key)) for key, value in keywords]),
            self._annotations(getattr(function, "__annotations__", {}), function),
            *self._names(used, function),
            *self._closure(used, function),
            *self._attributes(function, name),
            *self.imported.in_body(function.__code__, _package_of(function)),
        ]
        wrapped = vars(function).get("__wrapped__")
        if wrapped is not None:
            found.append(pack("wrapped", self._encoder.encode(wrapped, _name_of(wrapped))))
        return pack("function", *found)

    def _attributes(self, function: types.FunctionType, name: str) -> Iterable[bytes]:
        """What was set on a function, but by Python, by a decorator that wraps, and by the code itself."""
        found = sorted((key, value) for key, value in vars(function).items() if not key.startswith("__"))
        for key, value in self._encoder.constant(found, types.FunctionType, name):
            bound = self._bound(Binding(function, "attributes", key, value), _NOTHING, f"{name}.{key}")
            yield pack("attribute", text(key), bound)

    def _closure(self, used: NamesUsed, function: types.FunctionType) -> Iterable[bytes]:
        for name, value in _cells(function):
            yield pack("cell", text(name), self._bound(Binding(function, "cells", name, value), used, name))

    def _names(self, used: NamesUsed, function: types.FunctionType) -> Iterable[bytes]:
        for name in used.globals:
            if name not in MODULE_NAMES:
                value = function.__globals__.get(name, MISSING)
                token = self._bound(Binding(function, "globals", name, value), used, name)
                if token:
                    yield pack("global", text(name), token)

    def _constant(self, value: Any, name: str) -> bytes:
        """A value that the user gave a name; what cannot be looked into is noted."""
        before = len(self._encoder.by_type)
        token = self._encoder.encode(value, name)
        self._known_by_type.update(found for found in self._encoder.by_type[before:] if not is_own(found[1].__module__))
        return token

    def _is_state(self, binding: Binding) -> bool:
        return not isinstance(binding.value, _CODE) and self.changes.is_state(binding.variable, binding.value)

    def _watch(self, binding: Binding) -> None:
        if (binding.space, binding.name) not in self._looked_up:
            self._looked_up.add((binding.space, binding.name))
            self._alive.append(binding.holder)
            self.bindings.append(binding)

    def _bound(self, binding: Binding, used: NamesUsed, shown: str) -> bytes:
        """What stands for a name and its value; things with a value of their own become a part."""
        value = binding.value
        if self._is_state(binding):
            self.leaves_out = True
            return pack("state")
        self._watch(binding)
        if value is MISSING or is_of_ipython(binding.name, value):
            return b""
        if type(value) is types.ModuleType and is_user_module(value.__name__):
            return pack("module", *self._module(value, used, shown, ()))
        token = self._constant(value, shown)
        if token.startswith((b"ref(", b"library(", b"named(")):
            return token
        key = ("value", binding.space, binding.name)
        label = self._labels.get(key)
        if label is None:
            label = self._new_label(f"{shown} ({_kind_of_token(token)})")
            self._labels[key] = label
            self.parts[label] = short_hash(token)
        return pack("ref", text(label))

    def _module(self, module: types.ModuleType, used: NamesUsed, shown: str, above: tuple[int, ...]) -> Iterable[bytes]:
        """The attributes of a user's module that the code may mean."""
        space = vars(module)
        for name in sorted(used.attributes):
            if name in MODULE_NAMES:
                continue
            value = space.get(name, MISSING)
            if type(value) is types.ModuleType and is_user_module(value.__name__):
                if id(value) not in above:
                    inner = self._module(value, used, f"{shown}.{name}", (*above, id(module)))
                    yield pack("module", text(name), *inner)
            elif value is MISSING:
                self._watch(Binding(module, "attributes", name, value))
            else:
                token = self._bound(Binding(module, "attributes", name, value), used, f"{shown}.{name}")
                yield pack("attribute", text(name), token)

    def _annotations(self, annotations: dict[str, Any], owner: Any) -> bytes:
        found = []
        module = owner if isinstance(owner, types.FunctionType) else sys.modules.get(owner.__module__)
        place: Literal["globals", "attributes"] = "globals" if module is owner else "attributes"
        space = getattr(module, "__globals__" if module is owner else "__dict__", {})
        for key, value in sorted(annotations.items()):
            found.append(pack(key, self._encoder.encode(value, key)))
            if isinstance(value, str) and self._reads_text:
                for word in dict.fromkeys(_WORD.findall(value)):
                    if isinstance(space.get(word), type):
                        found.append(self._bound(Binding(module, place, word, space[word]), _NOTHING, word))
                    elif isinstance(carried := known_names().get(word), type):  # of a notebook that is not here
                        found.append(self._encoder.encode(carried, word))
        return pack("annotations", *found)

    def _class(self, cls: type, name: str) -> bytes:
        bases = [self._encoder.encode(base, base.__qualname__) for base in cls.__bases__]
        found = [text(cls.__name__), pack("bases", *bases)]
        if type(cls) is not type:
            found.append(self._encoder.encode(type(cls), type(cls).__qualname__))
        found.append(self._annotations(vars(cls).get("__annotations__") or {}, cls))
        found.append(self._encoder.encode(declared_by(cls), name))
        for key, value in written_in(cls):
            for method in methods_behind(value):
                self._classes_of.setdefault(method, []).append(cls)
            if not key.startswith("__") or isinstance(value, types.FunctionType):
                self._watch(Binding(cls, "attributes", key, value))
            encode = self._encoder.encode if key.startswith("__") or is_slot(value) else self._constant
            found.append(pack(key, encode(value, f"{name}.{key}")))
        return pack("class", *found)


_NOTHING = NamesUsed((), frozenset())
_CODE = (types.FunctionType, type, types.ModuleType)


def reach_of(root: Any) -> Reach:
    """Everything `root` reaches; what the reached code rebinds or changes in place itself is state."""
    reach = Reach(root)
    changes = changes_of(reach.functions, reach.classes_of, reach.imported.codes)
    return Reach(root, changes) if reach.meets_state(changes) else reach


def _cells(function: types.FunctionType) -> list[tuple[str, Any]]:
    found = []
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            found.append((name, cell.cell_contents))
        except ValueError:
            found.append((name, MISSING))
    return found


def _package_of(function: types.FunctionType) -> str:
    space = function.__globals__
    name = space.get("__package__")
    return name if isinstance(name, str) else str(space.get("__name__", "")).rpartition(".")[0]


def _is_code(value: Any) -> bool:
    return isinstance(value, (*_CODE[:2], types.MethodType)) or is_task(value)


def _is_function(value: Any) -> bool:
    return _is_code(value) or isinstance(value, types.BuiltinFunctionType)


def _name_of(thing: Any) -> str:
    name = getattr(thing, "__name__", None)
    return name if isinstance(name, str) else type(thing).__name__


def _kind_of_token(token: bytes) -> str:
    if token.startswith(b"object(") or token.startswith(b"opaque("):
        return "object"
    return "library" if token.startswith((b"module(", b"builtin(")) else "constant"
