"""Remember: the events of every run, the requests people make, and the results kept for the cache.

One SQLite database in the home folder, in WAL mode where the file system allows it, written by the process that
drives a run and read by whoever shows it. Nothing here knows tasks, loops or screens.
"""

from .home import Home as Home
from .home import default_home as default_home
from .mailbox import Mailbox as Mailbox
from .reader import JournalReader as JournalReader
from .run_log import RunLog as RunLog
from .writer import JournalWriter as JournalWriter

__all__ = ["Home", "JournalReader", "JournalWriter", "Mailbox", "RunLog", "default_home"]
