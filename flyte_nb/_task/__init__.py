"""Declaring tasks: environments, tasks, and everything that can be said about how one runs.

Nothing here runs a task. A running one is reached through the port in `invocation`, which the engine fills.
"""
