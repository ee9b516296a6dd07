"""Deployed tasks: code out of the registry, packages in an environment of their own, worker processes."""
