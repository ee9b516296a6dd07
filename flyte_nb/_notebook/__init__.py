"""Meet: what a person has in a notebook: the live picture, the magics. Imported when a notebook asks for it."""
