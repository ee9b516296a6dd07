"""The names, parameters and defaults that users of the field know; a change here is a change of the interface."""

from __future__ import annotations

import asyncio
import enum
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import durable, errors, extras, hitl, io, jsonl, models, remote, report, types
from flyte_nb._public import is_public
from flyte_nb._task.task import Task

ENVIRONMENT = flyte.TaskEnvironment("public")


def parameters(callable_: Any) -> str:
    """A signature as text, without annotations."""
    function = getattr(callable_, "_blocking", callable_)
    text = []
    star = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            text.append("*")
            star = True
        star = star or parameter.kind is parameter.VAR_POSITIONAL
        if parameter.name not in ("self", "cls"):
            text.append(str(parameter.replace(annotation=parameter.empty)))
    return re.sub(r"\s*=\s*", "=", ", ".join(text))


SIGNATURES: list[tuple[Any, str]] = [
    (
        flyte.TaskEnvironment,
        "name, depends_on=[], pod_template=None, description=None, secrets=None, env_vars=None, resources=None,"
        " interruptible=False, image='auto', include=(), service_account=None, cache='disable', reusable=None,"
        " plugin_config=None, queue=None",
    ),
    (
        flyte.TaskEnvironment.task,
        "func=None, *, short_name=None, cache=None, retries=0, timeout=0, docs=None, pod_template=None, report=False,"
        " interruptible=None, max_inline_io_bytes=10485760, queue=None, service_account=None, triggers=(), links=(),"
        " entrypoint=False",
    ),
    (flyte.TaskEnvironment.clone_with, "name, **changes"),
    (flyte.TaskEnvironment.from_task, "name, *tasks, depends_on=None"),
    (flyte.TaskEnvironment.add_dependency, "*environments"),
    (
        Task.override,
        "*, short_name=None, resources=None, cache=None, retries=None, timeout=None, reusable=None, env_vars=None,"
        " secrets=None, service_account=None, max_inline_io_bytes=None, pod_template=None, queue=None,"
        " interruptible=None, links=None, plugin_config=None, **unknown",
    ),
    (flyte.run, "task, *args, **kwargs"),
    (flyte.rerun, "run_name, action_name='a0', recover=False, **inputs"),
    (
        flyte.with_runcontext,
        "mode=None, *, name=None, version=None, raw_data_path=None, overwrite_cache=False, project=None, domain=None,"
        " env_vars=None, labels=None, annotations=None, disable_run_cache=False, queue=None,"
        " max_action_concurrency=None, custom_context=None, **hosted_only",
    ),
    (
        flyte.init,
        "org=None, project=None, domain=None, root_dir=None, log_level=None, endpoint=None, storage=None,"
        " load_plugin_type_transformers=True, images=None, *, home=None, queues=None, cache='disable', registry=None,"
        " **hosted_only",
    ),
    (flyte.init_from_config, "path=None, root_dir=None, log_level=None, **options"),
    (flyte.current_project, ""),
    (flyte.current_domain, ""),
    (flyte.ctx, ""),
    (flyte.get_custom_context, ""),
    (flyte.custom_context, "**values"),
    (flyte.group, "name"),
    (flyte.trace, "func"),
    (flyte.map, "func, *iterables, group_name=None, concurrency=0, return_exceptions=True"),
    (flyte.Resources, "cpu=None, memory=None, gpu=None, disk=None, shm=None, storage=None"),
    (flyte.GPU, "device, quantity=1"),
    (flyte.RetryStrategy, "count, backoff=None"),
    (flyte.Backoff, "base, factor=1.0, cap=None"),
    (flyte.Timeout, "max_runtime=None, max_queued_time=None, deadline=None"),
    (
        flyte.Cache,
        "behavior, version_override=None, serialize=False, ignored_inputs=(), salt='', policies=None, max_age=None",
    ),
    (flyte.ReusePolicy, "replicas=2, idle_ttl=30, concurrency=1, scaledown_ttl=30"),
    (flyte.Secret, "key, group=None, mount=None, as_env_var=None"),
    (flyte.PodTemplate, "pod_spec=None, primary_container_name='primary', labels=None, annotations=None"),
    (flyte.Image.from_base, "uri"),
    (flyte.Image.auto, ""),
    (
        flyte.Link.get_link,
        "run_name, project, domain, context, parent_action_name, action_name, pod_name, **kwargs",
    ),
    (durable.sleep, "seconds"),
    (durable.time, ""),
    (durable.now, ""),
    (report.log, "content, do_flush=False"),
    (report.replace, "content, do_flush=False"),
    (report.flush, ""),
    (report.get_tab, "name, create_if_missing=True"),
    (report.current_report, ""),
    (report.Tab.log, "content"),
    (report.Tab.replace, "content"),
    (remote.Run.get, "name"),
    (remote.Run.listall, "in_phase=None, task_name=None, limit=100, sort_by=None"),
    (remote.Action.get, "run_name, name"),
    (remote.Action.listall, "for_run_name, in_phase=None, parent_name=None, task_name=None"),
    (remote.Action.abort, "reason='It was aborted.'"),
    (remote.Run.abort, "reason='It was aborted.'"),
    (remote.Secret.create, "name, value"),
    (remote.Secret.get, "name"),
    (remote.Secret.listall, "limit=100"),
    (remote.Secret.delete, "name"),
    (remote.Task.get, "name, project=None, domain=None, version=None, auto_version=None"),
    (flyte.deploy, "*envs, dry_run=False, version=None, **hosted_only"),
    (types.TypeTransformer, "name, t, enable_type_assertions=True"),
    (types.TypeTransformer.get_literal_type, "t"),
    (types.TypeTransformer.to_literal, "python_val, python_type, expected"),
    (types.TypeTransformer.to_python_value, "lv, expected_python_type"),
    (types.TypeTransformer.guess_python_type, "literal_type"),
    (types.TypeTransformer.assert_type, "t, v"),
    (types.Renderable.to_html, "value"),
    (errors.BaseRuntimeError, "code, kind, root_cause_message"),
    (errors.RuntimeSystemError, "code, message"),
    (errors.RuntimeUserError, "code, message"),
]


@pytest.mark.parametrize(("callable_", "expected"), SIGNATURES, ids=[str(index) for index in range(len(SIGNATURES))])
def test_parameters_and_defaults_are_those_that_people_know(callable_: Any, expected: str) -> None:
    assert parameters(callable_) == expected


MEMBERS = {
    Task: "aio forward override native_interface",
    flyte.Image: "from_debian_base from_base from_dockerfile from_uv_script auto with_pip_packages with_apt_packages"
    " with_requirements with_env_vars with_commands with_source_file with_source_folder clone",
    flyte.TaskContext: "report",
    remote.Run: "url phase wait outputs inputs details watch abort done show_logs get_logs get_report sync"
    " raise_for_status first_failure resume timeline",
    remote.Action: "run_name task_name parent_name phase start_time details abort wait done get_logs get_report"
    " show_logs",
    remote.ActionDetails: "inputs outputs",
    types.TypeEngine: "register register_additional_type register_restricted_type get_transformer to_literal_type"
    " to_literal to_python_value guess_python_type dict_to_literal_map to_html",
    report: "Report Tab",
    types: "TypeTransformerFailedError FlytePickle Renderable",
    flyte: "CachePolicy SecretRequest logger",
}
FIELDS = {
    flyte.TaskContext: "action version raw_data_path run_start_time attempt_number mode custom_context",
    remote.ActionDetails: "phase attempts error_info runtime metadata abort_info links group cache task_name"
    " parent_name",
}


@pytest.mark.parametrize(("owner", "names"), MEMBERS.items(), ids=[owner.__name__ for owner in MEMBERS])  # type: ignore[attr-defined]
def test_nothing_that_people_know_is_missing(owner: Any, names: str) -> None:
    assert [name for name in names.split() if not hasattr(owner, name)] == []


@pytest.mark.parametrize(("owner", "names"), FIELDS.items(), ids=[owner.__name__ for owner in FIELDS])
def test_records_have_the_fields_that_people_know(owner: Any, names: str) -> None:
    assert set(names.split()) <= owner.__dataclass_fields__.keys()


def test_phases_are_those_that_people_know() -> None:
    assert [phase.name for phase in models.ActionPhase] == [
        "QUEUED",
        "WAITING_FOR_RESOURCES",
        "INITIALIZING",
        "RUNNING",
        "PAUSED",
        "SUCCEEDED",
        "FAILED",
        "ABORTED",
        "TIMED_OUT",
        "RECOVERED",
    ]
    assert [phase.name for phase in models.ActionPhase if not phase.is_terminal] == [
        "QUEUED",
        "WAITING_FOR_RESOURCES",
        "INITIALIZING",
        "RUNNING",
        "PAUSED",
    ]


USER_ERRORS = (
    "OOMError TaskTimeoutError RetriesExhaustedError TaskInterruptedError CustomError NotInTaskContextError"
    " ActionAbortedError RestrictedTypeError RuntimeDataValidationError InlineIOMaxBytesBreached"
    " RemoteTaskNotFoundError RemoteTaskUsageError DeploymentError ModuleLoadError CodeBundleError"
    " ImagePullBackOffError NonRecoverableError TraceDoesNotAllowNestedTasksError OnlyAsyncIOSupportedError"
)


def test_errors_hang_in_the_tree_that_people_know() -> None:
    for name in USER_ERRORS.split():
        assert issubclass(getattr(errors, name), errors.RuntimeUserError), name
    for name in ("InitializationError", "RuntimeSystemError", "RuntimeUserError", "RuntimeUnknownError"):
        assert issubclass(getattr(errors, name), errors.BaseRuntimeError), name
    assert issubclass(errors.ActionNotFoundError, RuntimeError)
    assert issubclass(types.TypeTransformerFailedError, (TypeError, AssertionError, ValueError))
    found = errors.CustomError.from_exception(KeyError("k"))
    assert found.code == "KeyError"


def test_a_task_has_the_attributes_that_people_know() -> None:
    @ENVIRONMENT.task
    async def work(x: int) -> int:
        return x

    assert work.name == "public.work"
    assert asyncio.run(work.func(1)) == 1
    assert list(work.native_interface.inputs) == ["x"]
    assert ENVIRONMENT.tasks["public.work"] is work


def test_what_blocks_has_an_awaitable_twin_and_what_it_gives_may_be_awaited_too() -> None:
    @ENVIRONMENT.task
    async def answer() -> int:
        return 42

    async def all_ways() -> None:
        run = await flyte.run(answer)
        assert await run.outputs() == await run.outputs.aio() == 42
        name = run.name
        for found in (await remote.Run.get(name), await remote.Run.get.aio(name), await run.sync()):
            assert found.name == name
        assert [one.name for one in await remote.Run.listall()] == [name]
        assert [one.name async for one in remote.Run.listall.aio()] == [name]
        [action] = await remote.Action.listall(name)
        for same in (await remote.Action.get(name, action.name), await remote.Action.get.aio(name, action.name)):
            assert (await same.details()).phase == (await same.details.aio()).phase == "succeeded"
        assert await action.get_logs() == await run.get_logs() == []
        assert await action.get_report() == await run.get_report() == ""
        assert await run.inputs() == {}
        for nothing in (run.wait, run.raise_for_status, run.show_logs, run.abort, action.wait, action.show_logs):
            assert await nothing() is None and not await nothing.aio()
        assert await run.first_failure.aio() is None
        assert len(await run.timeline()) == 1
        assert await durable.time() <= await durable.time.aio()
        assert await durable.now() <= await durable.now.aio()
        await durable.sleep(0)
        await durable.sleep.aio(0)

    asyncio.run(all_ways())
    asyncio.run(initialised_twice())


async def initialised_twice() -> None:
    await flyte.init(project="one")
    assert flyte.current_project() == "one"
    await flyte.init.aio(project="two")
    assert flyte.current_project() == "two"


def public_calls() -> Iterator[tuple[str, Any]]:
    """All functions and methods that users call by a public name."""
    for module in (flyte, durable, extras, hitl, io, io.extend, jsonl, remote, report, types):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value):
                yield f"{module.__name__}.{name}", value
            if not inspect.isclass(value) or issubclass(value, (BaseException, enum.Enum)):
                continue
            if not value.__module__.startswith("flyte_nb") or getattr(value, "_is_protocol", False):
                continue
            for key, member in vars(value).items():
                function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                if inspect.isfunction(function) and (key == "__init__" or not key.startswith("_")):
                    yield f"{module.__name__}.{name}.{key}", function


def test_tracebacks_of_wrong_uses_end_at_every_public_call() -> None:
    calls = dict(public_calls())
    assert len(calls) > 100
    assert [name for name, call in calls.items() if not is_public(call)] == []


@pytest.mark.parametrize("name", ["task", "workflow"])
def test_what_another_sdk_has_instead_of_environments_leads_to_them(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"has no attribute '{name}'. .*flyte_nb.TaskEnvironment\(.*@env.task"):
        getattr(flyte, name)
