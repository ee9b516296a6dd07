"""Workflows, faults that strike them at random points, and what must hold afterwards.

`python -m tests.chaos --rounds 300 --seed 1` plays rounds and prints a table; one round is repeated by its seed.
`ledger.py` counts side effects, `strikes.py` is how faults strike, `workflows.py` what is struck and by which of them,
`lives.py` the processes of a round, `notebook.py` those that are a kernel and its page, `services.py` what they have
around them, `rounds.py` a round from its seed to its findings, `invariants.py` what is asked at its end. `soak.py`
looks for what grows.
"""
