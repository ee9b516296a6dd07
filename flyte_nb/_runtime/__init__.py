"""The composition root: picks the parts, puts them together, and starts runs."""
