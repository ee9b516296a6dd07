"""Where attempts run: a module per place, behind `flyte_nb._engine.ports.Backend`."""
