"""Type: the command line ``flyte-nb``."""

from .main import main as main
