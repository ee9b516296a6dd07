from __future__ import annotations

import pytest

from flyte_nb._task.resources import GPU, Resources


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        ("250Mi", 250 * 2**20),
        ("1Gi", 2**30),
        ("1.5Gi", 3 * 2**29),
        ("2G", 2_000_000_000),
        ("500k", 500_000),
        ("1024", 1024),
        (("250Mi", "1Gi"), 2**30),
        (None, None),
    ],
)
def test_memory_gives_its_upper_limit_in_bytes(memory: str | tuple[str, str] | None, expected: int | None) -> None:
    assert Resources(memory=memory).memory_bytes == expected


def test_resources_describe_only_what_was_asked_for() -> None:
    assert Resources().describe() == {}
    assert Resources(cpu=0.5, memory=("250Mi", "1Gi"), gpu="A100:2", disk="10Gi", shm="auto").describe() == {
        "cpu": "0.5",
        "memory": "250Mi to 1Gi",
        "gpu": "A100:2",
        "disk": "10Gi",
        "shm": "auto",
    }
    assert Resources(cpu=(1, "2500m"), gpu=0).describe() == {"cpu": "1 to 2500m"}


def test_ways_to_write_a_gpu_mean_the_same() -> None:
    assert Resources(gpu="A100").gpu == Resources(gpu="A100:1").gpu == GPU("A100", 1)
    assert Resources(gpu=2).gpu == 2


@pytest.mark.parametrize(
    "memory", ["", "0", "0.0001", "10Q", "lots", "1GB", "-1Gi", "0Mi", "1 Gi", "1gi", ("2Gi", "1Gi"), ("1Gi",)]
)
def test_memory_that_cannot_be_is_refused(memory: str) -> None:
    with pytest.raises(ValueError, match="memory"):
        Resources(memory=memory)


@pytest.mark.parametrize("memory", [512, -1, 1.5, ["1Gi", "2Gi"], (1, 2)])
def test_memory_without_a_unit_is_refused_with_an_example(memory: object) -> None:
    with pytest.raises(TypeError, match="'512Mi'"):
        Resources(memory=memory)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "cpu", [0, -1, "0", "10Q", "-1", "many", "", "1x", float("inf"), float("nan"), (2, 1), (1, 2, 3)]
)
def test_cpu_that_cannot_be_is_refused(cpu: object) -> None:
    with pytest.raises(ValueError, match="cpu"):
        Resources(cpu=cpu)  # type: ignore[arg-type]


@pytest.mark.parametrize("cpu", [True, [1], b"1"])
def test_cpu_that_is_no_number_is_a_type_error(cpu: object) -> None:
    with pytest.raises(TypeError, match="cpu"):
        Resources(cpu=cpu)  # type: ignore[arg-type]


@pytest.mark.parametrize("gpu", ["", ":2", "A100:", "A100:two", "A100:0", "A100:-1", "-1", "2", -1])
def test_a_gpu_that_cannot_be_is_refused(gpu: str | int) -> None:
    with pytest.raises(ValueError, match="gpu"):
        Resources(gpu=gpu)


def test_a_gpu_needs_a_name_and_a_number() -> None:
    with pytest.raises(TypeError, match="name of a device"):
        GPU("", 1)
    with pytest.raises(TypeError, match="whole number"):
        GPU("A100", 1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["disk", "shm"])
def test_disk_and_shared_memory_are_amounts_too(kind: str) -> None:
    with pytest.raises(ValueError, match=kind):
        Resources(**{kind: "much"})  # type: ignore[arg-type]
