"""What a task needs of the machine."""

from __future__ import annotations

import re
from dataclasses import InitVar, dataclass, field

from .._public import public
from .messages import got

_BYTES_OF = {
    "": 1,
    **{unit: 1000**power for power, unit in enumerate(("k", "M", "G", "T", "P", "E"), start=1)},
    **{f"{unit}i": 1024**power for power, unit in enumerate(("K", "M", "G", "T", "P", "E"), start=1)},
}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([kMGTPE]|[KMGTPE]i)?\Z")
_CPU_TEXT = re.compile(r"(\d+(?:\.\d+)?)(m?)\Z")

CpuAmount = int | float | str


@public
@dataclass(frozen=True, slots=True)
class GPU:
    """A number of accelerators of one kind.

    Parameters
    ----------
    device : str
        Its model, such as ``"A100"``.
    quantity : int

    Raises
    ------
    TypeError, ValueError
        If there is no name, or less than one.

    Specification: *Resources*.
    """

    device: str
    quantity: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.device, str) or not self.device.strip():
            raise TypeError(f"gpu: expected the name of a device such as 'A100', got {self.device!r}.")
        if isinstance(self.quantity, bool) or not isinstance(self.quantity, int):
            raise TypeError(f"gpu quantity: expected a whole number, got {self.quantity!r}.")
        if self.quantity < 1:
            raise ValueError(f"gpu quantity: expected one or more, got {self.quantity}.")

    def __str__(self) -> str:
        return f"{self.device}:{self.quantity}"


@public
@dataclass(frozen=True, slots=True)
class Resources:
    """What a task asks for: one amount, or a pair of the least and the most.

    Parameters
    ----------
    cpu : int, float, str or pair of them, optional
        Cores, ``2``, ``0.5`` or ``"500m"``.
    memory : str or pair of them, optional
        Such as ``"250Mi"`` or ``"1Gi"``. The upper one is a limit.
    gpu : int, str or GPU, optional
        ``1``, ``"A100:2"`` or ``GPU("A100", 2)``.
    disk : str, optional
        As `memory`.
    shm : str, optional
        Shared memory; as `memory`, or ``"auto"``.
    storage : str, optional
        Another word for `disk`.

    Attributes
    ----------
    memory_bytes : int or None
        The upper limit of `memory`.

    Raises
    ------
    TypeError, ValueError
        For an amount that cannot be read.

    Examples
    --------
    >>> Resources(cpu=(1, 2), memory="250Mi").memory_bytes
    262144000

    Specification: *Resources*, *Error handling*.
    """

    cpu: CpuAmount | tuple[CpuAmount, CpuAmount] | None = None
    memory: str | tuple[str, str] | None = None
    gpu: int | str | GPU | None = None
    disk: str | None = None
    shm: str | None = None
    storage: InitVar[str | None] = None
    memory_bytes: int | None = field(init=False, repr=False, compare=False)

    def __post_init__(self, storage: str | None) -> None:
        if storage is not None:
            if self.disk is not None:
                raise ValueError("storage is another word for disk: give one of them.")
            _bytes("storage", storage)
            object.__setattr__(self, "disk", storage)
        _check_order("cpu", self.cpu, [_cores(amount) for amount in _amounts("cpu", self.cpu)])
        memory = [_bytes("memory", amount) for amount in _amounts("memory", self.memory)]
        _check_order("memory", self.memory, memory)
        object.__setattr__(self, "memory_bytes", memory[-1] if memory else None)
        object.__setattr__(self, "gpu", _accelerators(self.gpu))
        if self.disk is not None:
            _bytes("disk", self.disk)
        if self.shm is not None and self.shm != "auto":
            _bytes("shm", self.shm)

    @property
    def cores(self) -> float:
        """The least that `cpu` asks for, in cores; one where it says nothing."""
        amounts = _amounts("cpu", self.cpu)
        return _cores(amounts[0]) if amounts else 1.0

    @property
    def devices(self) -> int:
        """How many accelerators `gpu` asks for."""
        return self.gpu.quantity if isinstance(self.gpu, GPU) else int(self.gpu or 0)

    def describe(self) -> dict[str, str]:
        """What was asked for, as text by kind; nothing for what was not."""
        described = {}
        for name in ("cpu", "memory", "gpu", "disk", "shm"):
            value = getattr(self, name)
            if value is not None and value != 0:
                described[name] = " to ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        return described


def cores_in(cpu: CpuAmount | tuple[CpuAmount, CpuAmount]) -> float:
    """Cores of a `cpu` that was checked; the most of a pair."""
    return _cores(_amounts("cpu", cpu)[-1])


def bytes_in(amount: str) -> int:
    """Bytes of an amount that was checked."""
    return _bytes("amount", amount)


def _amounts(what: str, value: object) -> tuple[object, ...]:
    if value is None:
        return ()
    if not isinstance(value, tuple):
        return (value,)
    if len(value) != 2:
        raise ValueError(f"{what}: expected one amount or a pair (least, most), got {value!r}.")
    return value


def _check_order(what: str, given: object, amounts: list[float] | list[int]) -> None:
    if len(amounts) == 2 and amounts[0] > amounts[1]:
        raise ValueError(f"{what}: the first of a pair is the least and cannot exceed the most, got {given!r}.")


def _cores(amount: object) -> float:
    if isinstance(amount, str):
        text = _CPU_TEXT.match(amount)
        cores = float(text[1]) / (1000 if text[2] else 1) if text else 0.0
    elif isinstance(amount, (int, float)) and not isinstance(amount, bool):
        cores = float(amount)
    else:
        raise TypeError(f"cpu: expected a number or text such as '500m', {got(amount)}.")
    if not 0 < cores < float("inf"):
        raise ValueError(f"cpu: expected an amount above zero such as 2, 0.5 or '500m', got {amount!r}.")
    return cores


def _bytes(what: str, amount: object) -> int:
    if not isinstance(amount, str):
        raise TypeError(f"{what}: expected text such as '512Mi' or '2Gi', {got(amount)}.")
    found = _QUANTITY.match(amount)
    size = int(float(found[1]) * _BYTES_OF[found[2] or ""]) if found is not None else 0
    if not size:
        raise ValueError(
            f"{what}: {amount!r} is no amount. Write one above zero with a unit, such as '512Mi' or '2Gi'."
        )
    return size


def _accelerators(value: object) -> int | GPU | None:
    if value is None or isinstance(value, GPU):
        return value
    if isinstance(value, str):
        device, _, quantity = value.partition(":")
        if not device.strip() or device.strip().lstrip("+-").isdecimal() or (":" in value and not quantity.isdecimal()):
            raise ValueError(
                f"gpu: expected a number, or a device and how many of it, such as 2 or 'A100:2', got {value!r}."
            )
        return GPU(device, int(quantity or 1))
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise ValueError(f"gpu: expected zero or more, got {value}.")
        return value
    raise TypeError(f"gpu: expected a number, text such as 'A100:2', or a GPU, {got(value)}.")
