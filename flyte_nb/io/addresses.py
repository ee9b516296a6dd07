"""Addresses, for those who import them from here."""

from ..storage.addresses import filesystem as filesystem
from ..storage.addresses import joined as joined
from ..storage.addresses import last_step as last_step
from ..storage.addresses import local_path as local_path
from ..storage.addresses import publishes_whole as publishes_whole
from ..storage.faults import explained as explained
from ..storage.faults import retried as retried
