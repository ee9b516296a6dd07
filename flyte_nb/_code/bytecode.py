"""What a code object does, freed of how it was written down.

The compiler lets line numbers decide small things: which jumps are threaded, which tails are copied, which
loads are fused. So instructions are read as a graph, equal nodes are merged, and the smallest graph counts.
"""

from __future__ import annotations

import dis
from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from inspect import CO_OPTIMIZED
from types import CodeType
from typing import NamedTuple

# How a call makes room for `self` depends on whether the same cell imports what it is called on.
_NOISE = frozenset({"NOP", "CACHE", "RESUME", "EXTENDED_ARG", "PRECALL", "PUSH_NULL"})
_JUMPS = frozenset({"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"})
_LAST = frozenset({"RETURN_VALUE", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"})
_GLOBAL_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_FUSED = {
    "LOAD_FAST_LOAD_FAST": ("LOAD_FAST", "LOAD_FAST"),
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": ("LOAD_FAST_BORROW", "LOAD_FAST_BORROW"),
    "STORE_FAST_LOAD_FAST": ("STORE_FAST", "LOAD_FAST"),
    "STORE_FAST_STORE_FAST": ("STORE_FAST", "STORE_FAST"),
}
_CLASS_NOISE = frozenset(("__doc__", "__module__", "__qualname__", "__firstlineno__", "__static_attributes__"))
# var-args, var-keywords, generator, coroutine, iterable coroutine, async generator
_FLAGS = 0x04 | 0x08 | 0x20 | 0x80 | 0x100 | 0x200
_ROUNDS = 64
_JUMPING = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
_NAMED = frozenset(dis.hasname)
_CONSTANT = frozenset(dis.hasconst)
_VARIABLE = frozenset(dis.haslocal) | frozenset(dis.hasfree)


class NamesUsed(NamedTuple):
    """The names a code object asks for, its nested code included."""

    globals: tuple[str, ...]
    attributes: frozenset[str]


def pack(tag: str, *items: bytes) -> bytes:
    """One byte string that no other tag and items have."""
    return b"".join((tag.encode(), b"(", *(b"%d:%b" % (len(item), item) for item in items), b")"))


def short_hash(data: bytes) -> bytes:
    """16 bytes of blake2b."""
    return blake2b(data, digest_size=16).digest()


@lru_cache(maxsize=1024)
def names_used(code: CodeType) -> NamesUsed:
    """Global names loaded by `code`, sorted, and every name it uses as an attribute."""
    loaded: set[str] = set()
    attributes: set[str] = set()
    for instruction in _instructions(code):
        if instruction.opname in _GLOBAL_LOADS:
            loaded.add(instruction.argval)
        elif instruction.opcode in _NAMED:
            attributes.add(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = names_used(constant)
            loaded.update(inner.globals)
            attributes.update(inner.attributes)
    return NamesUsed(tuple(sorted(loaded)), frozenset(attributes))


@lru_cache(maxsize=1024)
def digest_bytecode(code: CodeType) -> bytes:
    """16 bytes that change when `code` does something else, not when it is laid out differently."""
    arguments = code.co_argcount + code.co_kwonlyargcount
    arguments += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)
    shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _FLAGS)
    head = repr((shape, code.co_varnames[:arguments], code.co_freevars)).encode()
    return short_hash(pack("code", head, *_Graph(code).canonical()))


def split(instruction: dis.Instruction) -> list[dis.Instruction]:
    """An instruction that Python 3.13 made of two, as these two; any other as it is."""
    parts = _FUSED.get(instruction.opname)
    if parts is None:
        return [instruction]
    return [instruction._replace(opname=name, argval=of) for name, of in zip(parts, instruction.argval, strict=True)]


def _instructions(code: CodeType) -> list[dis.Instruction]:
    """The instructions of `code` without those that only describe the source of a class."""
    found = [i for i in dis.get_instructions(code) if i.opname not in ("CACHE", "EXTENDED_ARG")]
    if code.co_flags & CO_OPTIMIZED:
        return found
    kept: list[dis.Instruction] = []
    for instruction in found:
        if (
            kept
            and instruction.opname == "STORE_NAME"
            and instruction.argval in _CLASS_NOISE
            and kept[-1].opname in ("LOAD_CONST", "LOAD_NAME")
        ):
            kept.pop()
        else:
            kept.append(instruction)
    return kept


class _Graph:
    """Instructions as nodes: a label, the nodes that may follow, and the handler of its exceptions."""

    def __init__(self, code: CodeType) -> None:
        self.labels: list[bytes | None] = []  # None: an unconditional jump, which is only an edge
        self.following: list[list[int]] = []
        self.handlers: list[tuple[int, int]] = []
        self._offsets: list[int] = []  # of the instructions kept, rising
        self._starts: list[int] = []  # the first node of each
        handlers = _handlers(code)
        for instruction in _instructions(code):
            if instruction.opname not in _NOISE:
                self._offsets.append(instruction.offset)
                self._starts.append(len(self.labels))
                self._append(instruction)
                added = len(self.labels) - len(self.handlers)
                self.handlers.extend([handlers.get(instruction.offset, (0, 0))] * added)
        self._starts.append(len(self.labels))
        self._node(b"end", [])
        self.handlers.append((0, 0))
        self._settle()

    def _node(self, label: bytes | None, following: list[int]) -> None:
        self.labels.append(label)
        self.following.append(following)

    def _append(self, instruction: dis.Instruction) -> None:
        here = len(self.labels)
        name = instruction.opname.replace("_FORWARD_IF", "_IF").replace("_BACKWARD_IF", "_IF")
        target = ~instruction.argval if instruction.opcode in _JUMPING else 0
        if name in _JUMPS:
            self._node(None, [target])
        elif name.startswith("POP_JUMP_IF_"):
            about_none = name.endswith("NONE")
            taken_on_second = name in ("POP_JUMP_IF_TRUE", "POP_JUMP_IF_NOT_NONE")
            edges = [here + 2, here + 1] if taken_on_second else [here + 1, here + 2]
            self._node(b"is-none?" if about_none else b"truth?", edges)
            self._node(b"POP_TOP", [target])
            self._node(b"POP_TOP", [here + 3])
        elif name in ("JUMP_IF_TRUE_OR_POP", "JUMP_IF_FALSE_OR_POP"):
            self._node(b"truth?", [here + 1, target] if "TRUE" in name else [target, here + 1])
            self._node(b"POP_TOP", [here + 2])
        elif name in _FUSED:
            for step, (part, variable) in enumerate(zip(_FUSED[name], instruction.argval, strict=True), 1):
                self._node(pack(part, variable.encode()), [here + step])
        elif name == "RETURN_CONST":
            self._node(pack("LOAD_CONST", encode_constant(instruction.argval)), [here + 1])
            self._node(b"RETURN_VALUE()", [])
        else:
            following = [] if name in _LAST else [here + 1]
            if instruction.opcode in _JUMPING:
                following.append(target)
            self._node(_label(name, instruction), following)

    def _settle(self) -> None:
        """Turn offsets into nodes, follow jumps to where they lead, and skip tests whose answer is known."""
        for node, following in enumerate(self.following):
            if self.labels[node] is not None:
                self.following[node] = [self._goal(edge) for edge in following]
        self.handlers = [(self._goal(~target), how) if how else (0, 0) for target, how in self.handlers]
        for node, label in enumerate(self.labels):
            if label in (b"truth?", b"is-none?"):
                edges = self.following[node]
                for answer in (0, 1):
                    for _ in range(len(self.labels)):
                        if self.labels[edges[answer]] != label:
                            break
                        edges[answer] = self.following[edges[answer]][answer]

    def _goal(self, edge: int) -> int:
        seen: set[int] = set()
        while True:
            if edge < 0:
                # A target that was noise stands for the next instruction that was kept.
                edge = self._starts[bisect_left(self._offsets, ~edge)]
            if self.labels[edge] is not None:
                return edge
            if edge in seen:
                self.labels[edge] = b"forever"
                self.following[edge] = []
                return edge
            seen.add(edge)
            edge = self.following[edge][0]

    def canonical(self) -> Iterable[bytes]:
        """The reachable nodes in the order a walk from the start meets them, equal ones merged."""
        start = self._goal(0)
        group = self._groups(start)
        number = {group[start]: 0}
        order = [start]
        for node in order:  # grows while it is walked
            edges = self._edges(node)
            for edge in edges:
                if group[edge] not in number:
                    number[group[edge]] = len(order)
                    order.append(edge)
            numbers = [number[group[edge]] for edge in edges]
            yield pack("node", self.labels[node] or b"", repr((numbers, self.handlers[node][1])).encode())

    def _edges(self, node: int) -> list[int]:
        target, how = self.handlers[node]
        return [*self.following[node], target] if how else self.following[node]

    def _groups(self, start: int) -> dict[int, int]:
        """Reachable node -> number of its group of nodes that nothing can tell apart."""
        reachable = [start]
        seen = {start}
        for node in reachable:  # grows while it is walked
            for edge in self._edges(node):
                if edge not in seen:
                    seen.add(edge)
                    reachable.append(edge)
        first: dict[object, int] = {}
        group = {n: first.setdefault((self.labels[n], self.handlers[n][1]), len(first)) for n in reachable}
        for _ in range(_ROUNDS):
            known: dict[object, int] = {}
            finer = {
                n: known.setdefault((group[n], *[group[edge] for edge in self._edges(n)]), len(known))
                for n in reachable
            }
            if len(known) == len(set(group.values())):
                return group
            group = finer
        return {node: node for node in reachable}


def _label(name: str, instruction: dis.Instruction) -> bytes:
    opcode = instruction.opcode
    if opcode in _JUMPING or instruction.arg is None:
        return pack(name)
    if opcode in _CONSTANT:
        return pack(name, encode_constant(instruction.argval))
    if opcode in _NAMED:
        # The low bits of the argument say how the name is looked up; the rest is its place in a table.
        bits = 2 if name == "LOAD_SUPER_ATTR" else 0
        name = "LOAD_ATTR" if name == "LOAD_METHOD" else name
        return pack(name, instruction.argval.encode(), b"%d" % (instruction.arg & bits))
    if opcode in _VARIABLE:
        return pack(name, str(instruction.argval).encode())
    return pack(name, b"%d" % instruction.arg)


def encode_constant(value: object) -> bytes:
    """A constant of a code object as bytes: its type and value, the order of sets aside."""
    if isinstance(value, CodeType):
        return pack("code", digest_bytecode(value))
    if isinstance(value, tuple):
        return pack("tuple", *[encode_constant(item) for item in value])
    if isinstance(value, frozenset):
        return pack("frozenset", *sorted(encode_constant(item) for item in value))
    if isinstance(value, slice):
        return pack("slice", *[encode_constant(item) for item in (value.start, value.stop, value.step)])
    if isinstance(value, bytes):
        return pack("bytes", value)
    return pack(type(value).__name__, repr(value).encode("utf-8", "surrogatepass"))


def _handlers(code: CodeType) -> dict[int, tuple[int, int]]:
    """Offset of an instruction -> (offset of its exception handler, depth and kind as a number above 0)."""
    found: dict[int, tuple[int, int]] = {}
    numbers = _varints(code.co_exceptiontable)
    for start, length, target, how in zip(*[iter(numbers)] * 4, strict=True):
        for offset in range(start * 2, (start + length) * 2, 2):
            found[offset] = (target * 2, how + 1)
    return found


def _varints(table: bytes) -> list[int]:
    numbers: list[int] = []
    value = 0
    for byte in table:
        value = value << 6 | byte & 0x3F
        if not byte & 0x40:
            numbers.append(value)
            value = 0
    return numbers
