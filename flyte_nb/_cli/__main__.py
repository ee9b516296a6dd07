"""``python -m flyte_nb._cli``."""

from .main import main

main(prog_name="flyte-nb")
