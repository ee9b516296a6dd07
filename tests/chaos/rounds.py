"""A round: from its seed to what was struck and what was found.

The seed chooses the workflow, how many lives are struck, by what and where. The moment of a fault is a share of what
an undisturbed run of the same workflow does, so a round is repeated by its seed up to what the system's scheduler
decides.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from . import invariants, ledger, lives, notebook, services
from .strikes import LINE, Strike, struck_in, write_plan
from .workflows import DISK, WORKFLOWS, Workflow

ANYWHERE = ("kill driver", "full disk", "clock ahead", "clock back", "cut network")
"""Faults that may strike the driver at its write points too; the others strike whoever has a side effect."""

RARE = {"kill server": 0.2, "clock ahead": 0.5, "clock back": 0.5}
"""How likely a fault is, where the others are 1: a server takes long to start, and a clock harms little."""

SLOW = {"processes": 0.5, "stored on S3": 0.3, "dask": 0.3, "notebook": 0.5, "notebook, code kept": 0.3}
"""How likely a workflow is, where the others are 1."""

MOST_LIVES = 3
OURS = "flyte_nb.errors."


@dataclass(frozen=True)
class Undisturbed:
    """What a run does to which nothing happens."""

    output: str
    effects: int
    reached: dict[str, int]


@dataclass
class Outcome:
    """What became of a round.

    Attributes
    ----------
    struck : list of str
        The faults, where they struck.
    ends : list of str
        How each struck process ended: ``"killed"``, ``"failed"`` or ``"done"``.
    skipped : list of str
        Faults that cannot be produced here, and why.
    found : list of str
        What does not hold.
    folder : str
        What the round has left, where something was found.
    """

    seed: int
    workflow: str
    struck: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    folder: str = ""
    took_s: float = 0.0


class Runner:
    """Plays rounds.

    Parameters
    ----------
    workflows : names of `WORKFLOWS`
        Among which a seed chooses.
    large : bool
        Of which size they are.
    s3 : str
        Address of an S3 server.
    """

    def __init__(self, workflows: list[str], *, large: bool, s3: str = "") -> None:
        self._workflows = workflows
        self._large = large
        self._s3 = s3
        self._undisturbed: dict[str, Undisturbed] = {}

    def play(self, seed: int) -> Outcome:
        """One round."""
        dice = random.Random(f"round {seed}")
        [name] = dice.choices(self._workflows, [SLOW.get(name, 1.0) for name in self._workflows])
        outcome = Outcome(seed, name)
        undisturbed = self._undisturbed_run(name)
        began_at = time.monotonic()
        with self._folder(outcome) as folder:
            Round(self, outcome, folder, dice, undisturbed).play()
        outcome.took_s = time.monotonic() - began_at
        return outcome

    def arguments_of(self, workflow: Workflow) -> tuple[int, ...]:
        """Of its main task."""
        return workflow.large if self._large else workflow.small

    def storage_of(self, workflow: Workflow, folder: Path) -> str:
        """Where its values are; empty for the home."""
        return f"s3://{services.BUCKET}{folder}/store" if workflow.on_s3 else ""

    def drive(self, folder: Path, name: str) -> lives.End:
        """Let a process begin the run or go on with it."""
        workflow = WORKFLOWS[name]
        arguments = self.arguments_of(workflow)
        live = partial(lives.drive, folder, name, arguments, self.storage_of(workflow, folder))
        if workflow.in_kernel:
            live = partial(notebook.drive, folder, arguments, keeps_code=workflow.keeps_code)
        return lives.end_of(lives.begin(folder, "driver", live, self._environment(workflow)))

    def read(self, folder: Path, name: str) -> str:
        """The output, as another process reads it."""
        workflow = WORKFLOWS[name]
        live = partial(lives.read_output, folder, self.storage_of(workflow, folder))
        lives.end_of(lives.begin(folder, "reader", live, self._environment(workflow)))
        path = folder / "output_read"
        return path.read_text() if path.exists() else ""

    def _environment(self, workflow: Workflow) -> dict[str, str]:
        return services.s3_environment(self._s3) if workflow.on_s3 else {}

    def _undisturbed_run(self, name: str) -> Undisturbed:
        if name not in self._undisturbed:
            outcome = Outcome(0, name)
            with self._folder(outcome) as folder, answered(folder, WORKFLOWS[name]):
                write_plan(folder, [])
                if self.drive(folder, name) != lives.End(0):
                    raise RuntimeError(f"{name} fails undisturbed:\n{(folder / 'driver.log').read_text()}")
                self._undisturbed[name] = Undisturbed(
                    (folder / "output").read_text(),
                    ledger.effects_in(folder).total(),
                    json.loads((folder / "reached").read_text()),
                )
        return self._undisturbed[name]

    @contextlib.contextmanager
    def _folder(self, outcome: Outcome) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        (folder / "disk").mkdir()
        try:
            yield folder
        finally:
            if outcome.found:
                outcome.folder = str(folder)
            else:
                shutil.rmtree(folder)


@contextlib.contextmanager
def answered(folder: Path, workflow: Workflow) -> Iterator[None]:
    """With somebody who answers questions, where the workflow asks some."""
    if not workflow.asks:
        yield
        return
    person = lives.begin(folder, "person", partial(lives.answer, folder))
    try:
        yield
    finally:
        os.kill(person, signal.SIGKILL)
        os.waitpid(person, 0)


class Round:
    """One of them: struck lives, then one in peace, then the questions."""

    def __init__(
        self, runner: Runner, outcome: Outcome, folder: Path, dice: random.Random, undisturbed: Undisturbed
    ) -> None:
        self._runner = runner
        self._outcome = outcome
        self._folder = folder
        self._dice = dice
        self._undisturbed = undisturbed
        self._workflow = WORKFLOWS[outcome.workflow]
        self._deaths: list[invariants.Snapshot] = []
        self._ended = False

    def play(self) -> None:
        """All of it."""
        plans = [self._faults() for _ in range(self._dice.randint(1, MOST_LIVES))]
        used = {fault for plan in plans for fault in plan}
        with contextlib.ExitStack() as surroundings:
            if used & {*DISK}:
                surroundings.enter_context(services.disk(self._folder, "24m"))
            serves_again = surroundings.enter_context(services.page(self._folder)) if "kill server" in used else None
            surroundings.enter_context(answered(self._folder, self._workflow))
            for plan in plans:
                if not self._ended:
                    self._struck_life(plan)
            write_plan(self._folder, [])
            if not self._ended:
                self._peaceful_life()
            if serves_again is not None and not serves_again():
                self._found("a server that was killed does not start again")
            self._ask()
        self._outcome.struck = struck_in(self._folder)

    def _faults(self) -> list[str]:
        faults = self._workflow.faults
        weights = [RARE.get(fault, 1.0) for fault in faults]
        chosen = [*dict.fromkeys(self._dice.choices(faults, weights, k=self._dice.choice((1, 1, 2))))]
        if "kill driver" not in chosen and self._dice.random() < 0.5:
            chosen.append("kill driver")
        why = services.why_no_disk()
        if why:
            self._outcome.skipped += [f"{fault}: {why}" for fault in chosen if fault in DISK]
            chosen = [fault for fault in chosen if fault not in DISK]
        return chosen

    def _strike(self, fault: str) -> Strike:
        share = self._dice.random()
        places = [LINE]
        if fault in ANYWHERE and self._dice.random() < 0.5:
            places = [
                *self._undisturbed.reached,
                *(["before_take_over_run", "after_take_over_run"] * bool(self._deaths)),
            ]
        place = self._dice.choice(places)
        if place == LINE:
            before = ledger.effects_in(self._folder).total()
            done = len(self._deaths[-1].completed) if self._deaths else 0
            return Strike(fault, LINE, before + 1 + int(share * max(1, self._undisturbed.effects - done)))
        return Strike(fault, place, 1 + int(share * self._undisturbed.reached.get(place, 1)))

    def _struck_life(self, faults: list[str]) -> None:
        struck_before = len(struck_in(self._folder))
        write_plan(self._folder, [self._strike(fault) for fault in faults])
        end = self._live()
        struck = len(struck_in(self._folder)) > struck_before
        services.heal(self._folder)
        if end.status == -signal.SIGKILL and struck and not end.hung:
            self._outcome.ends.append("killed")
        elif end.status == lives.FAILED and struck:
            self._outcome.ends.append("failed")
            error = (self._folder / "error").read_text()
            if not error.startswith(OURS):
                self._found(f"a process failed with an error that is not ours: {error}")
        elif end.status == 0:
            self._outcome.ends.append("done")
            self._ended = True
            return
        else:
            self._outcome.ends.append("astray")
            self._found(f"a process ended with {end}: {self._log()}")
        self._deaths.append(invariants.snapshot(self._folder))

    def _peaceful_life(self) -> None:
        end = self._live()
        if end != lives.End(0):
            self._found(f"the run cannot be gone on with, {end}: {self._log()}")

    def _live(self) -> lives.End:
        end = self._runner.drive(self._folder, self._outcome.workflow)
        server = self._folder / "server"
        others = [int(server.read_text())] if server.exists() else []
        for orphan in invariants.orphans(self._folder, but=others):
            self._found(orphan)
        return end

    def _ask(self) -> None:
        path = self._folder / "output"
        outputs = {path.read_text() if path.exists() else "", self._runner.read(self._folder, self._outcome.workflow)}
        for output in outputs - {self._undisturbed.output}:
            self._found(f"the output is {output[:200]!r}, undisturbed {self._undisturbed.output[:200]!r}")
        # On a cluster the kernel may hear of an attempt's begin when its process is dead already.
        lost = sum("worker" in strike for strike in struck_in(self._folder)) if self._workflow.mode == "dask" else 0
        for violation in invariants.violations(self._folder, self._deaths, lost):
            self._found(violation)

    def _found(self, what: str) -> None:
        self._outcome.found.append(what)

    def _log(self) -> str:
        return (self._folder / "driver.log").read_text()[-3000:]


def tally(outcomes: list[Outcome]) -> dict[str, Counter[str]]:
    """How often each fault has struck each workflow."""
    found: dict[str, Counter[str]] = {name: Counter() for name in WORKFLOWS}
    for outcome in outcomes:
        found[outcome.workflow].update(strike.partition(" at ")[0] for strike in outcome.struck)
    return found
