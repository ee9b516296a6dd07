"""``python -m flyte_nb``: the command line where ``flyte-nb`` is not on the path."""

import sys

if not sys.flags.safe_path:
    sys.path.append(
        sys.path.pop(0)
    )  # the current folder, which `flyte-nb` does not search; a file there may be rich.py

from ._cli import main

main(prog_name="flyte-nb")
