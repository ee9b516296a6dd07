"""Tasks in worker processes of this machine, with limits that hold.

>>> flyte.with_runcontext(mode="process").run(main)
>>> flyte.init(queues={"two": ProcessBackend(cpus=2)})
"""

from .backend import ProcessBackend as ProcessBackend
