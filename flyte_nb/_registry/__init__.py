"""Deployed tasks as plain objects in a folder or bucket: published whole, never changed, found by name."""
