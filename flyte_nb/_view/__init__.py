"""Show: what a run looks like, as a pure fold of its events, and what pages are told of it."""
