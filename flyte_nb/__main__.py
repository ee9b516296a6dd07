"""``python -m flyte_nb``: the command line where ``flyte-nb`` is not on the path."""

import sys

if not sys.flags.safe_path:
    # The current folder, which `flyte-nb` does not search: it may hold a rich.py.
    sys.path.append(sys.path.pop(0))

from ._cli import main

main(prog_name="flyte-nb")
