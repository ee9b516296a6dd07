"""``python -m flyte_nb``: the command line where ``flyte-nb`` is not on the path."""

from ._cli import main

main(prog_name="flyte-nb")
