"""What goes wrong in a container, and what is said of it."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb.errors import (
    BaseRuntimeError,
    ContainerEngineError,
    ContainerExitError,
    ContainerOutputError,
    DiskLimitError,
    ImagePullBackOffError,
    InlineIOMaxBytesBreached,
    OOMError,
    RuntimeDataValidationError,
    RuntimeUserError,
)
from flyte_nb.extras import ContainerTask
from flyte_nb.io import File
from tests.containers.engine import IMAGE, without_engine

pytestmark = pytest.mark.usefixtures("engine")

env = flyte.TaskEnvironment("of_failures")


def error_of(script: str, kind: type[BaseRuntimeError], **settings: Any) -> Any:
    """The error that a container ends with."""
    given: dict[str, Any] = {
        "name": "broken", "image": IMAGE, "command": ["/bin/sh", "-c", script], "network": "none", **settings
    }  # fmt: skip
    with pytest.raises(kind) as caught:
        flyte.run(ContainerTask(**given)).outputs()
    return caught.value


def test_an_exit_code_is_an_error_with_the_code_and_the_last_lines() -> None:
    error = error_of("(seq 1 100; echo gone wrong) >&2; exit 3", ContainerExitError)
    assert error.code == "ContainerExitError"
    lines = str(error).splitlines()
    assert lines[0] == "Container task 'broken' ended with exit code 3. Its last lines:"
    assert "gone wrong" in lines
    assert "100" in lines
    assert "50" not in lines


def test_a_parent_catches_the_error_with_its_exit_code() -> None:
    @env.task
    async def main() -> int | None:
        try:
            await ContainerTask("broken", IMAGE, ["/bin/sh", "-c", "exit 42"], network="none")()
        except ContainerExitError as error:
            return error.exit_code
        return None

    assert flyte.run(main).outputs() == 42


def test_death_by_a_signal_is_said() -> None:
    error = error_of("sh -c 'kill -ABRT $$'; exit $?", ContainerExitError)
    assert "exit code 134 (signal 6)" in str(error)


def test_a_program_that_is_not_in_the_image_is_named() -> None:
    error = error_of("", ContainerExitError, command=["no-such-program"])
    assert "could not be started" in str(error)
    assert "no-such-program" in str(error)
    assert f"Is its program in the image {IMAGE!r}?" in str(error)


def test_a_missing_output_says_what_is_there_instead() -> None:
    error = error_of("echo 1 > /var/outputs/reslut", ContainerOutputError, outputs={"result": int})
    assert "expected /var/outputs/result, found reslut." in str(error)


def test_an_output_of_another_type_says_what_was_expected_and_what_came() -> None:
    error = error_of("echo abc > /var/outputs/x", RuntimeDataValidationError, outputs={"x": int})
    assert error.code == "RuntimeDataValidationError"
    assert "'x' of task 'broken': expected int in /var/outputs/x, found b'abc\\n'" in str(error)


def test_an_output_too_large_to_travel_by_value_is_not_even_read() -> None:
    error = error_of(
        "head -c 2000000 /dev/zero > /var/outputs/x", InlineIOMaxBytesBreached, outputs={"x": str},
        max_inline_io_bytes=1_000_000,
    )  # fmt: skip
    assert "Declare it as a File" in str(error)


def test_a_link_that_leads_out_of_the_output_folder_is_refused() -> None:
    error = error_of("ln -s /etc/passwd /var/outputs/x", ContainerOutputError, outputs={"x": File})
    assert "/var/outputs/x is a link to '/etc/passwd', outside it" in str(error)


def test_an_output_folder_that_became_a_link_is_refused() -> None:
    error = error_of("rm -r /var/outputs; ln -s /etc /var/outputs", BaseRuntimeError, outputs={"passwd": str})
    assert error.code in ("ContainerOutputError", "ContainerEngineError")


def test_a_pipe_as_an_output_is_refused_and_never_opened() -> None:
    error = error_of("mkfifo /var/outputs/x", ContainerOutputError, outputs={"x": str})
    assert "/var/outputs/x is neither a file nor a folder" in str(error)


def test_a_container_over_its_memory_limit_is_an_oom_error_and_more_memory_helps() -> None:
    greedy = ContainerTask(
        "greedy",
        IMAGE,
        ["/bin/sh", "-c", "head -c 40000000 /dev/zero | tail -c 36000000 | wc -c > /var/outputs/n"],
        outputs={"n": int},
        resources=flyte.Resources(memory="30Mi"),
        network="none",
    )
    hungry = ContainerTask("hungry", IMAGE, ["tail", "/dev/zero"], resources=flyte.Resources(memory="30Mi"))

    @env.task
    async def main() -> int:
        with pytest.raises(OOMError, match="31,457,280 bytes of memory"):
            await hungry()
        return int(await greedy.override(resources=flyte.Resources(memory="250Mi"))())

    assert flyte.run(main).outputs() == 36_000_000


def test_a_container_that_writes_too_much_is_stopped_while_it_writes() -> None:
    error = error_of(
        "head -c 40000000 /dev/zero > /var/outputs/x; sleep 1000", DiskLimitError, outputs={"x": File},
        resources=flyte.Resources(disk="20Mi"),
    )  # fmt: skip
    assert "wrote more than the 20,971,520 bytes it may" in str(error)
    assert "Resources(disk=" in str(error)


def test_a_container_that_wrote_too_much_and_ended_is_refused() -> None:
    error_of(
        "head -c 40000000 /dev/zero > /var/outputs/x", DiskLimitError, outputs={"x": File},
        resources=flyte.Resources(disk="20Mi"),
    )  # fmt: skip


def test_an_image_that_is_not_here_and_cannot_be_pulled_is_said_at_once() -> None:
    error = error_of("true", ImagePullBackOffError, image="localhost/no-such-image:1")
    assert "'localhost/no-such-image:1' is not here" in str(error)
    error = error_of("true", ImagePullBackOffError, image="127.0.0.1:9/no-such-image:1")
    assert "connection refused" in str(error)


def test_without_an_engine_the_action_fails_and_says_so() -> None:
    with without_engine():
        error = error_of("true", ContainerEngineError)
    assert "No container engine answers here" in str(error)


def test_what_the_engine_refuses_is_said_in_its_own_words() -> None:
    error = error_of("true", ContainerEngineError, network="no-such-network")
    assert re.search("refuses to (create|start) a container", str(error))
    assert "no-such-network" in str(error)


def test_outside_a_run_the_errors_are_the_same() -> None:
    broken = ContainerTask("broken", IMAGE, ["/bin/sh", "-c", "exit 7"], network="none")
    with pytest.raises(ContainerExitError) as caught:
        asyncio.run(broken())
    assert caught.value.exit_code == 7


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\0b", "holds the character NUL, which cannot"),
        ("x" * 200_000, "is 200,000 bytes long, and more than 100,000"),
    ],
)
def test_an_input_that_no_command_can_take_is_named(value: str, text: str) -> None:
    task = ContainerTask(
        "echo", IMAGE, ["/bin/echo"], inputs={"said": str}, arguments=["{{.inputs.said}}"], network="none"
    )

    with pytest.raises(RuntimeUserError, match=f"Input 'said' {text}.* from /var/inputs/said"):
        flyte.run(task, said=value).outputs()


def test_a_command_line_that_is_too_long_for_the_machine_says_so() -> None:
    words = ["x" * 90_000] * 40
    task = ContainerTask("echo", IMAGE, ["/bin/echo"], arguments=words, network="none")

    with pytest.raises(ContainerExitError, match="argument list too long"):
        flyte.run(task).outputs()
