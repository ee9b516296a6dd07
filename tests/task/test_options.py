from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, dataclass
from typing import Any

import pytest

from flyte_nb._task.environment import TaskEnvironment
from flyte_nb._task.image import Image
from flyte_nb._task.link import Link
from flyte_nb._task.options import LONGEST_DESCRIPTION, TaskOptions
from flyte_nb._task.pod_template import PodTemplate
from flyte_nb._task.resources import Resources
from flyte_nb._task.reuse import ReusePolicy


@dataclass
class Dashboard(Link):
    base: str
    name: str = "Dashboard"

    def get_link(
        self,
        run_name: str,
        project: str,
        domain: str,
        context: dict[str, str],
        parent_action_name: str,
        action_name: str,
        pod_name: str,
        **kwargs: Any,
    ) -> str:
        return f"{self.base}/{run_name}/{action_name}"


def test_defaults_describe_as_nothing() -> None:
    assert TaskOptions().describe() == {}


def test_everything_without_effect_here_is_described() -> None:
    env = TaskEnvironment(
        "described",
        image=Image.from_debian_base((3, 12), name="etl").with_pip_packages("pandas"),
        pod_template=PodTemplate(labels={"team": "a"}),
        reusable=ReusePolicy(replicas=(1, 4), concurrency=2),
        service_account="robot",
        interruptible=True,
        queue="slow",
        env_vars={"TOKEN": "hunter2", "REGION": "eu"},
        plugin_config=Dashboard("x"),
        resources=Resources(cpu=1),
    )

    @env.task(docs="Loads.\nIn detail.", entrypoint=True, triggers="daily")
    def load() -> None: ...

    assert load.options.describe() == {
        "image": "etl: debian python 3.12 + pip pandas",
        "pod_template": "container primary; labels team",
        "reusable": "replicas 1 to 4, concurrency 2",
        "service_account": "robot",
        "interruptible": "yes",
        "queue": "slow",
        "env_vars": "REGION, TOKEN",
        "plugin_config": "Dashboard",
        "triggers": "daily",
        "entrypoint": "yes",
        "docs": "Loads.",
    }


def test_a_description_is_made_once_and_anew_after_an_override() -> None:
    options = TaskOptions(queue="slow")
    assert options.describe() is options.describe()
    assert options.replaced({"queue": "fast"}).describe() == {"queue": "fast"}
    assert options.describe() == {"queue": "slow"}


def test_a_description_is_short() -> None:
    described = TaskOptions(docs="x" * 10_000).describe()
    assert len(described["docs"]) == LONGEST_DESCRIPTION


def test_options_cannot_be_changed_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        TaskOptions().queue = "other"  # type: ignore[misc]


def test_changed_options_differ_only_in_what_was_changed() -> None:
    before = TaskOptions(queue="slow", docs="d", report=True, image=Image.from_base("alpine"))
    after = before.replaced({"queue": "fast"})
    assert after == TaskOptions(queue="fast", docs="d", report=True, image=Image.from_base("alpine"))
    assert before.queue == "slow"


def test_options_survive_pickling() -> None:
    options = TaskOptions(queue="slow", links=(Dashboard("https://example.org"),))
    options.describe()
    assert pickle.loads(pickle.dumps(options)) == options


def test_a_link_is_a_dataclass_on_the_protocol_and_may_stand_alone() -> None:
    link = Dashboard("https://example.org")

    @TaskEnvironment("linked").task(links=link)
    def step() -> None: ...

    assert isinstance(link, Link)
    assert step.options.links == (link,)
    assert step.override(links=(link, link)).options.links == (link, link)


def test_the_class_of_a_link_in_place_of_a_link_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Write Dashboard\(\.\.\.\)"):
        TaskEnvironment("linked").task(_step, links=(Dashboard,))  # type: ignore[arg-type]


def test_environment_variables_are_copied() -> None:
    given = {"A": "1"}
    task = TaskEnvironment("copied", env_vars=given).task(_step)
    given["A"] = "2"
    assert task.options.env_vars == {"A": "1"}


def test_an_image_is_never_changed_only_extended() -> None:
    base = Image.from_debian_base()
    more = base.with_apt_packages("git").with_pip_packages("pandas", "numpy", index_url="https://example.org")
    assert base.layers == ()
    assert more.describe() == "debian + apt git + pip pandas, numpy"
    assert more.layers[1].settings == (("index_url", "https://example.org"),)
    assert more.clone(name="n", registry="r").describe().startswith("r/n: debian")


def test_an_image_describes_every_kind_of_step_without_values_of_variables() -> None:
    image = (
        Image.from_base("alpine:3")
        .with_requirements("requirements.txt")
        .with_env_vars({"TOKEN": "hunter2"})
        .with_commands(["make"])
        .with_source_file("a.py")
        .with_source_folder("src", "/app")
    )
    assert image.describe() == (
        "alpine:3 + requirements requirements.txt + env TOKEN + command make + file a.py + folder src"
    )


def test_images_from_files_name_them() -> None:
    assert Image.from_dockerfile("Dockerfile", name="x").describe() == "x: dockerfile Dockerfile"
    assert Image.from_uv_script("run.py", name="x").describe() == "x: uv script run.py"
    assert Image.auto() is Image.auto()


def test_an_image_by_its_address_alone_is_understood_and_nonsense_refused() -> None:
    assert TaskEnvironment("img", image="alpine:3").task(_step).options.image == Image.from_base("alpine:3")
    with pytest.raises(TypeError, match="image: expected"):
        TaskEnvironment("img", image=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Image pip: expected text, got list"):
        Image.from_debian_base().with_pip_packages(["pandas"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings",
    [{"replicas": 0}, {"replicas": (3, 1)}, {"concurrency": 0}, {"idle_ttl": -1}, {"replicas": (1,)}],
)
def test_a_reuse_that_cannot_be_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"reusable {next(iter(settings))}"):
        ReusePolicy(**settings)


def test_a_reuse_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(TypeError, match="reusable replicas"):
        ReusePolicy(replicas=1.5)  # type: ignore[arg-type]


def _step() -> None: ...
