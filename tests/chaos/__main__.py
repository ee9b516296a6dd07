"""Play rounds and print what was found: `python -m tests.chaos --rounds 300 --seed 1`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections import Counter

from rich.console import Console
from rich.table import Table

from . import services
from .rounds import Outcome, Runner, tally
from .workflows import WORKFLOWS


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the next has the next")
    parser.add_argument("--workflow", action="append", choices=WORKFLOWS, help="may be repeated; by default all")
    parser.add_argument("--small", action="store_true", help="workflows of the size of the usual tests")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    workflows = given.workflow or [*WORKFLOWS]
    began_at = time.monotonic()
    outcomes = []
    with contextlib.ExitStack() as stack:
        s3 = stack.enter_context(services.s3()) if any(WORKFLOWS[name].on_s3 for name in workflows) else ""
        runner = Runner(workflows, large=not given.small, s3=s3)
        for seed in range(given.seed, given.seed + given.rounds):
            outcomes.append(runner.play(seed))
            tell(outcomes[-1], given)
    conclude(outcomes, time.monotonic() - began_at)
    return any(outcome.found for outcome in outcomes)


def tell(outcome: Outcome, given: argparse.Namespace) -> None:
    """One line, and what was found."""
    struck = "; ".join(outcome.struck) or "nothing"
    says = "FOUND" if outcome.found else "held"
    print(f"{outcome.seed:>6} {outcome.workflow:<12} {says:<5} {outcome.took_s:5.1f} s  {struck}", flush=True)
    for what in outcome.skipped:
        print(f"       skipped: {what}")
    for what in outcome.found[:20]:
        print(f"       {what}")
    if outcome.found:
        options = "".join(f" --workflow '{name}'" for name in given.workflow or ()) + " --small" * given.small
        print(
            f"       again: python -m tests.chaos --rounds 1 --seed {outcome.seed}{options}; left in {outcome.folder}"
        )


def conclude(outcomes: list[Outcome], took_s: float) -> None:
    """The table."""
    faults = tally(outcomes)
    table = Table(title=f"{len(outcomes)} rounds from seed {outcomes[0].seed} in {took_s:,.0f} s")
    for heading in (
        "workflow",
        "rounds",
        "struck",
        "processes killed",
        "failed",
        "came through",
        "rounds with findings",
    ):
        table.add_column(heading, justify="left" if heading == "workflow" else "right")
    for name in faults:
        of_it = [outcome for outcome in outcomes if outcome.workflow == name]
        if not of_it:
            continue
        ends = Counter(end for outcome in of_it for end in outcome.ends)
        broken = sum(bool(outcome.found) for outcome in of_it)
        row = (len(of_it), faults[name].total(), ends["killed"], ends["failed"], ends["done"], broken)
        table.add_row(name, *map(str, row))
    console = Console(width=120)
    console.print(table)
    by_fault = sum(faults.values(), Counter[str]())
    console.print("Struck: " + ", ".join(f"{fault} {often}" for fault, often in sorted(by_fault.items())))


if __name__ == "__main__":
    sys.exit(main())
