"""What functions import in their bodies: by source, because it may not be loaded yet.

The digest is the same before and after the import: what is loaded counts only where it is not what the source says.
What the import fills, such as a table of registered functions, counts by the statements of its module that may fill it.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple, Protocol

from .bytecode import digest_bytecode, names_used, pack
from .module_source import (
    ModuleSource,
    Place,
    Stamp,
    find_module,
    is_as_loaded,
    modules_inside,
    source_of,
    stamp_of,
)
from .ownership import is_standard_or_own, version_of
from .statements import Import, Statement, imports_in

_NOWHERE: Any = object()


class SourceName(NamedTuple):
    """A name of a module that is read by its source."""

    module: str
    source: ModuleSource
    name: str


class Looked(NamedTuple):
    """A module that was looked for, and what was found."""

    name: str
    place: Place | None
    stamp: Stamp | None
    is_loaded: bool

    def holds(self) -> bool:
        """Whether looking again would find the same."""
        if (self.name in sys.modules) is not self.is_loaded:
            return False
        if self.place is None:
            return find_module(self.name) is None
        return not self.place.file or stamp_of(self.place.file) == self.stamp


class Walker(Protocol):
    """Whoever walks over what a function reaches."""

    def refer_to_source(self, thing: SourceName, kind: str) -> bytes:
        """A reference to a part that is looked into later."""

    def live(self, module: ModuleType, name: str, shown: str) -> bytes:
        """What counts of an attribute of a module that is loaded."""

    def watch(self, module: ModuleType, name: str) -> None:
        """Take note that the result depends on that attribute."""

    def is_state(self, module: ModuleType, name: str) -> bool:
        """Whether the code changes what that attribute of a module that is loaded holds."""

    def encoded(self, value: Any, name: str) -> bytes:
        """A constant as bytes."""


class Imported:
    """Follows imports in the bodies of functions.

    Attributes
    ----------
    looked : dict of str to Looked
        The modules that were looked for.
    codes : list of (str, code object)
        What was reached by source, with the name of its module.
    unsettled : set of str
        Constants that are found out when their module is imported: only their source counts.
    """

    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self.looked: dict[str, Looked] = {}
        self.codes: list[tuple[str, CodeType]] = []
        self.unsettled: set[str] = set()

    def in_body(
        self,
        code: CodeType,
        package: str,
        further: frozenset[str] = frozenset(),
        above: tuple[object, ...] = (),
    ) -> Iterator[bytes]:
        """What stands for the imports in the body of `code`, a function of `package`.

        Parameters
        ----------
        further : frozenset of str
            Attributes that are looked up there although the code does not name them.
        """
        attributes = names_used(code).attributes | further
        for one in imports_in(code):
            yield pack("import", *self._follow(one, package, attributes, above))

    def content(self, thing: SourceName) -> bytes:
        """What a name of a module means, by its statements; what they reach is referred to."""
        parts: list[bytes] = []
        statements = thing.source.giving(thing.name)
        for statement in statements:
            if statement.is_import:
                parts += self._imported_as(statement, thing.name, thing.source, frozenset(), ())
                continue
            parts.append(statement.digest)
            attributes = names_used(statement.code).attributes
            for used in statement.uses:
                if used != thing.name:
                    parts.append(pack(used, *self._name(thing.source, used, attributes, ())))
            parts += self.in_body(statement.code, thing.source.package)
            inner = [constant for constant in statement.code.co_consts if isinstance(constant, CodeType)]
            self.codes += [(thing.module, code) for code in inner]
            if not statement.is_settled and not statement.is_call:
                self.unsettled.add(f"{thing.module}.{thing.name}")
        filling = thing.source.filling(thing.name)
        if filling:
            parts.append(pack("filled", *self._whole(thing.source, filling, frozenset(), ())))
            # What is filled may be state, in which case what is in it does not count.
            parts += self._edited_since_loaded(thing.module, self._look(thing.module), only_code=True)
        if statements and statements[0].kind == "constant":
            statements += filling
            if any(one.kind == "constant" and not one.is_settled and not one.is_call for one in filling):
                self.unsettled.add(f"{thing.module}.{thing.name}")
        return pack("source", *parts, *self._drifted(thing, statements))

    def _whole(
        self, source: ModuleSource, statements: list[Statement], further: frozenset[str], above: tuple[object, ...]
    ) -> Iterator[bytes]:
        """What `statements` do, with all of the module that is behind them.

        By source alone: they run when the module is imported, and what they change then is not state of the task.
        """
        names = source.behind(statements)
        run = [one for one in source.statements if one in statements or not names.isdisjoint(one.gives)]
        attributes = further.union(*(one.attributes for one in run))
        for one in run:
            if not one.is_import:
                yield one.digest
                yield from self.in_body(one.code, source.package, further, above)
        for name in sorted(names):
            given = source.binding(name)
            if all(one.is_import for one in given):
                yield pack(name, *self._name(source, name, attributes, above))
            for one in given:
                if one.is_import and len(given) > 1:
                    yield pack(name, *self._imported_as(one, name, source, attributes, above))

    def _made_on_demand(
        self, source: ModuleSource, place: Place, name: str, attributes: frozenset[str], above: tuple[object, ...]
    ) -> Iterator[bytes]:
        """What a module's `__getattr__` may give for `name`: that function, what it imports, and the whole package."""
        wanted = ("on demand", source.name, name)
        if wanted in above:
            return
        yield from self._whole(source, source.giving("__getattr__"), attributes | {name}, (*above, wanted))
        for module in dict.fromkeys((source.name, *modules_inside(source.name, place))):
            found = self._look(module)
            inner = source_of(module, found) if found is not None and found.file else None
            if found is not None and inner is not None:
                yield pack(module, inner.digest(), *self._edited_since_loaded(module, found))

    def _edited_since_loaded(self, module: str, place: Place | None, *, only_code: bool = False) -> Iterator[bytes]:
        """All that a loaded module holds, where that may be something else than its source says."""
        loaded = sys.modules.get(module)
        if loaded is not None and place is not None and not is_as_loaded(module, place.file, loaded):
            for name in sorted(vars(loaded)):
                if not name.startswith("__") and (callable(vars(loaded)[name]) or not only_code):
                    yield pack(name, self._walker.live(loaded, name, f"{module}.{name}"))

    def _look(self, name: str) -> Place | None:
        known = self.looked.get(name)
        if known is None:
            place = find_module(name)
            stamp = stamp_of(place.file) if place is not None and place.file else None
            known = self.looked[name] = Looked(name, place, stamp, name in sys.modules)
            if place is not None and place.file:
                is_as_loaded(name, place.file, sys.modules.get(name))
        return known.place

    def _follow(
        self, one: Import, package: str, attributes: frozenset[str], above: tuple[object, ...]
    ) -> Iterator[bytes]:
        module = one.absolute(package)
        if not one.names:
            # `import a.b` binds `a`, and the code says `a.b.c`.
            parts = module.split(".")
            for end in range(1, len(parts) + 1):
                yield from self._module(".".join(parts[:end]), attributes, above)
        for name in one.names:
            if name != "*":
                yield pack(name, *self._attribute(module, name, attributes, above))

    def _module(self, name: str, attributes: frozenset[str], above: tuple[object, ...]) -> Iterator[bytes]:
        """The attributes of a module that the code may mean."""
        if name in above:
            return
        place = self._look(name)
        if place is None:
            yield pack("missing", name.encode())
        elif place.is_library:
            yield _library(name)
        else:
            for attribute in sorted(attributes):
                found = tuple(self._attribute(name, attribute, attributes, (*above, name), or_nothing=True))
                if found:
                    yield pack(attribute, *found)

    def _attribute(
        self,
        module: str,
        name: str,
        attributes: frozenset[str],
        above: tuple[object, ...],
        *,
        or_nothing: bool = False,
    ) -> Iterator[bytes]:
        place = self._look(module)
        if place is None:
            yield pack("missing", module.encode())
            return
        if place.is_library:
            yield _library(module)
            return
        loaded = sys.modules.get(module)
        source = source_of(module, place) if place.file else None
        if source is not None:
            found = tuple(self._name(source, name, attributes, above))
            if found:
                yield from found
                return
            if source.binding("__getattr__") and not (name.startswith("__") and name.endswith("__")):
                yield pack("on demand", *self._made_on_demand(source, place, name, attributes, above))
                or_nothing = True
        elif place.file or not place.folders:
            # Its source cannot be read, or there is none: what is loaded counts.
            if loaded is not None and name in vars(loaded):
                yield self._walker.live(loaded, name, f"{module}.{name}")
            elif not or_nothing:
                yield pack("unreadable", module.encode())
            return
        if place.folders and find_module(f"{module}.{name}") is not None:
            yield from self._module(f"{module}.{name}", attributes, above)
        elif loaded is not None and vars(loaded).get(name) is not None and not or_nothing:
            yield self._walker.live(loaded, name, f"{module}.{name}")

    def _name(
        self, source: ModuleSource, name: str, attributes: frozenset[str], above: tuple[object, ...]
    ) -> Iterator[bytes]:
        """What a name of a module stands for; nothing if the module does not give it."""
        if (source.name, name) in above:
            return
        statements = source.giving(name)
        if not statements:
            if not hasattr(builtins, name):
                for module in source.stars():
                    yield from self._attribute(module, name, attributes, (*above, (source.name, name)), or_nothing=True)
        elif all(statement.is_import for statement in statements):
            for statement in statements:
                yield from self._imported_as(statement, name, source, attributes, (*above, (source.name, name)))
        else:
            yield self._walker.refer_to_source(SourceName(source.name, source, name), statements[-1].kind)

    def _imported_as(
        self,
        statement: Statement,
        name: str,
        source: ModuleSource,
        attributes: frozenset[str],
        above: tuple[object, ...],
    ) -> Iterator[bytes]:
        for one, original in statement.imported(name):
            module = one.absolute(source.package)
            if original:
                yield from self._attribute(module, original, attributes, above)
            else:
                yield from self._module(module, attributes, above)
            yield from self._rebound(source.name, name, module, original)

    def _rebound(self, importer: str, name: str, module: str, original: str) -> Iterator[bytes]:
        """What is loaded under a name, where it is not what the import that gives the name would find."""
        loaded, imported = sys.modules.get(importer), sys.modules.get(module)
        value = vars(loaded).get(name, _NOWHERE) if loaded is not None else _NOWHERE
        place = self._look(module)
        if loaded is None or value is _NOWHERE or place is None or place.is_library:
            return
        self._walker.watch(loaded, name)
        if original:
            there = vars(imported).get(original, _NOWHERE) if imported is not None else _NOWHERE
            imported = sys.modules.get(f"{module}.{original}") if there is _NOWHERE else there
        if value is not imported and not self._walker.is_state(loaded, name):
            yield pack("live", self._walker.live(loaded, name, f"{importer}.{name}"))

    def _drifted(self, thing: SourceName, statements: list[Statement]) -> Iterator[bytes]:
        """What is loaded under the name, where it is, or may be, something else than the source says."""
        loaded = sys.modules.get(thing.module)
        if loaded is None:
            return
        value = vars(loaded).get(thing.name, _NOWHERE)
        if value is _NOWHERE or self._walker.is_state(loaded, thing.name):
            return
        self._walker.watch(loaded, thing.name)
        agrees = self._agrees(value, statements, thing)
        if agrees is None:
            place = self._look(thing.module)
            agrees = place is not None and is_as_loaded(thing.module, place.file, loaded)
        if not agrees:
            yield pack("live", self._walker.live(loaded, thing.name, f"{thing.module}.{thing.name}"))

    def _agrees(self, value: Any, statements: list[Statement], thing: SourceName) -> bool | None:
        """Whether `value` is what the statements make; None if that cannot be told."""
        if len(statements) != 1:
            return None
        statement = statements[0]
        if statement.literal:
            encoded = self._walker.encoded
            return encoded(value, thing.name) == encoded(statement.literal[0], thing.name)
        if statement.kind == "constant":
            return None
        written = thing.source.codes_in(statement)
        functions = list(_functions_of(value, thing.name))
        for qualname, function in functions:
            code = written.get(qualname)
            if code is None or digest_bytecode(code) != digest_bytecode(function.__code__):
                return False
        return True if functions and statement.is_plain_function else None


def _functions_of(value: Any, name: str) -> Iterator[tuple[str, FunctionType]]:
    """The functions behind a function, a task or a class, with the names they have in the source."""
    if isinstance(value, type):
        for key, attribute in vars(value).items():
            if isinstance(attribute, FunctionType) and attribute.__code__.co_qualname == f"{name}.{key}":
                yield f"{name}.{key}", attribute
        return
    value = getattr(value, "func", value)
    while not isinstance(value, FunctionType) or hasattr(value, "__wrapped__"):
        inner = getattr(value, "__wrapped__", None)
        if inner is None:
            return
        value = inner
    yield name, value


def _library(name: str) -> bytes:
    top = name.partition(".")[0]
    version = "" if is_standard_or_own(top) else version_of(top)
    return pack("library", name.encode(), version.encode())
