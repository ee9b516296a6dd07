"""How long things take, beside the peers, measured in one run. `make bench` prints the table."""
