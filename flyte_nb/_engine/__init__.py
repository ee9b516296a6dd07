"""Run: tasks become actions that are named, recorded, placed, stopped, and found again.

What decides is pure (`machine`, `naming`); what awaits is a thin runner around it (`submission`, `live_run`).
The engine knows protocols (`ports`) for the journal and for the places where attempts run.
"""
