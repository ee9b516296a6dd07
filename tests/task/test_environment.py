from __future__ import annotations

import inspect
import pickle
from typing import Any

import pytest

from flyte_nb._task.cache import Cache
from flyte_nb._task.environment import TaskEnvironment, TaskSettings
from flyte_nb._task.image import Image
from flyte_nb._task.options import TaskOptions
from flyte_nb._task.pod_template import PodTemplate
from flyte_nb._task.registry import find_task, registered_tasks
from flyte_nb._task.resources import Resources
from flyte_nb._task.reuse import ReusePolicy
from flyte_nb._task.secret import Secret
from flyte_nb._task.task import Task


def test_the_decorator_works_bare_and_called() -> None:
    env = TaskEnvironment("forms")

    @env.task
    def bare() -> None: ...

    @env.task()
    def called() -> None: ...

    @env.task(short_name="said")
    async def named() -> None: ...

    assert [task.short_name for task in (bare, called, named)] == ["bare", "called", "said"]
    assert list(env.tasks) == ["forms.bare", "forms.called", "forms.named"]
    assert named.environment is env


def test_declaring_a_name_again_replaces_the_task_everywhere() -> None:
    env = TaskEnvironment("again")

    @env.task
    def step() -> int:
        return 1

    before = registered_tasks()
    first = step

    @env.task
    def step() -> int:
        return 2

    assert env.tasks == {"again.step": step}
    assert find_task("again.step") is step
    assert before["again.step"] is first
    assert step.generation > first.generation


def test_an_override_is_not_what_a_name_stands_for() -> None:
    env = TaskEnvironment("registry")

    @env.task
    def step() -> None: ...

    step.override(short_name="other")
    assert find_task("registry.step") is step
    assert find_task("registry.other") is None


def test_tasks_inherit_what_their_environment_says() -> None:
    env = TaskEnvironment(
        "parent",
        resources=Resources(memory="1Gi"),
        env_vars={"REGION": "eu"},
        secrets="token",
        queue="slow",
        pod_template=PodTemplate(labels={"team": "a"}),
        interruptible=True,
        reusable=ReusePolicy(replicas=1),
        image=Image.from_base("alpine:3"),
        service_account="robot",
        plugin_config={"workers": 3},
        cache="auto",
    )

    @env.task
    def child() -> None: ...

    options = child.options
    assert options.resources == Resources(memory="1Gi")
    assert options.env_vars == {"REGION": "eu"}
    assert options.secrets == (Secret("token"),)
    assert options.queue == "slow"
    assert options.pod_template == PodTemplate(labels={"team": "a"})
    assert options.interruptible is True
    assert options.reusable == ReusePolicy(replicas=1)
    assert options.image == Image.from_base("alpine:3")
    assert options.service_account == "robot"
    assert options.plugin_config == {"workers": 3}
    assert options.cache == Cache("auto")


def test_a_task_that_speaks_for_itself_does_not_inherit() -> None:
    env = TaskEnvironment("parent2", queue="slow", interruptible=True, cache="auto", service_account="robot")

    @env.task(queue="fast", interruptible=False, cache="override", service_account="human")
    def child() -> None: ...

    options = child.options
    assert (options.queue, options.interruptible, options.service_account) == ("fast", False, "human")
    assert options.cache == Cache("override")


def test_a_cache_nobody_speaks_of_is_left_to_the_runtime() -> None:
    silent, disabled = TaskEnvironment("silent"), TaskEnvironment("disabled", cache="disable")

    def step() -> None: ...

    assert silent.task(step).options.cache is None
    assert silent.task(step, cache="disable").options.cache == Cache("disable")
    assert disabled.task(step).options.cache == Cache("disable")


def test_the_silence_about_the_cache_survives_cloning_and_pickling() -> None:
    silent = TaskEnvironment("silent2")

    def step() -> None: ...

    for copy in (silent.clone_with("other"), pickle.loads(pickle.dumps(silent)).clone_with("third")):
        assert copy.task(step).options.cache is None


def test_the_signature_shows_the_defaults_people_know() -> None:
    shown = {name: one.default for name, one in inspect.signature(TaskEnvironment).parameters.items()}
    assert shown["cache"] == "disable"
    assert repr(shown["cache"]) == "'disable'"
    assert shown["image"] == "auto"
    assert shown["depends_on"] == []
    assert shown["interruptible"] is False


def test_the_typed_settings_of_the_decorator_are_its_parameters() -> None:
    keywords = list(inspect.signature(TaskEnvironment.task).parameters)[2:]
    assert sorted(TaskSettings.__annotations__) == sorted(keywords)


def test_every_setting_of_a_task_is_one_of_its_options() -> None:
    assert set(TaskSettings.__annotations__) <= set(TaskOptions.__dataclass_fields__)


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a/b", "a\n"])
def test_a_name_that_cannot_be_part_of_a_task_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="TaskEnvironment"):
        TaskEnvironment(name)


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="got int"):
        TaskEnvironment(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", [{"cache": "sometimes"}, {"env_vars": {"": "x"}}, {"queue": ""}])
def test_an_environment_refuses_a_bad_setting_at_once(setting: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        TaskEnvironment("bad", **setting)  # type: ignore[arg-type]


def test_a_clone_keeps_the_settings_and_not_the_tasks() -> None:
    base = TaskEnvironment("base")
    env = TaskEnvironment("small", queue="q", env_vars={"A": "1"}, depends_on=[base])
    env.task(_step)
    big = env.clone_with("big", resources=Resources(memory="16Gi"), env_vars={"A": "2"})
    assert (big.name, big.tasks, big.depends_on) == ("big", {}, [base])
    options = big.task(_step).options
    assert (options.queue, options.env_vars) == ("q", {"A": "2"})
    assert options.resources == Resources(memory="16Gi")
    assert env.tasks["small._step"].options.env_vars == {"A": "1"}


def test_a_clone_can_change_every_setting_of_the_constructor() -> None:
    changed: dict[str, Any] = {
        "depends_on": [TaskEnvironment("first")],
        "pod_template": "gpu",
        "description": "Other.",
        "secrets": "token",
        "env_vars": {"A": "1"},
        "resources": Resources(memory="1Gi"),
        "interruptible": True,
        "image": "other:1",
        "include": ("data.csv",),
        "service_account": "robot",
        "cache": Cache("auto"),
        "reusable": ReusePolicy(replicas=2),
        "plugin_config": object(),
        "queue": "slow",
    }
    env = TaskEnvironment("all")
    assert list(changed) == list(inspect.signature(TaskEnvironment).parameters)[1:]
    for setting, value in changed.items():
        copy = env.clone_with("copy", **{setting: value})
        assert getattr(copy, setting) == value, setting
        others = [other for other in changed if other != setting]
        assert [getattr(copy, other) for other in others] == [getattr(env, other) for other in others]


def test_a_clone_refuses_a_setting_that_nobody_knows() -> None:
    with pytest.raises(TypeError, match="'memory'.*resources"):
        TaskEnvironment("env").clone_with("other", memory="1Gi")


def test_dependencies_are_kept_once_in_order() -> None:
    first, second = TaskEnvironment("first"), TaskEnvironment("second")
    env = TaskEnvironment("env", depends_on=[first])
    env.add_dependency(second, first)
    assert env.depends_on == [first, second]
    assert TaskEnvironment("other").depends_on == []


def test_an_environment_depends_on_environments_only_and_not_on_itself() -> None:
    env = TaskEnvironment("env")
    with pytest.raises(TypeError, match="Give its environment"):
        env.add_dependency(env.task(_step))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'env' cannot depend on itself"):
        env.add_dependency(env)


def test_from_task_adopts_tasks_without_an_environment_and_only_lists_the_others() -> None:
    owner = TaskEnvironment("owner")
    owned = owner.task(_step)
    free: Task[[], None] = Task(_step, name="free", options=TaskOptions())
    env = TaskEnvironment.from_task("around", free, owned, depends_on=[owner])
    assert env.tasks == {"free": free, "owner._step": owned}
    assert free.environment is env
    assert owned.environment is owner
    assert env.depends_on == [owner]


def test_from_task_refuses_nothing_and_functions() -> None:
    with pytest.raises(ValueError, match="at least one"):
        TaskEnvironment.from_task("around")
    with pytest.raises(TypeError, match="got function"):
        TaskEnvironment.from_task("around", _step)  # type: ignore[arg-type]


def test_the_cache_may_ignore_only_inputs_the_function_has() -> None:
    env = TaskEnvironment("ignoring", cache=Cache("auto", ignored_inputs=("verbose",)))

    def loud(x: int, verbose: bool) -> int:
        return x

    assert env.task(loud).options.cache is not None
    with pytest.raises(ValueError, match=r"_step has no input 'verbose'"):
        env.task(_step)
    with pytest.raises(ValueError, match=r"no input 'y'; it has 'x', 'verbose'"):
        env.task(loud).override(cache=Cache("auto", ignored_inputs="y"))


def _step() -> None: ...
