"""Tasks on a Dask cluster: on other machines, with the same answers.

>>> flyte.init(queues={"big": DaskBackend("tcp://scheduler:8786")}, storage="s3://bucket/runs")
>>> flyte.with_runcontext(mode="dask").run(main)
"""

from .backend import DaskBackend as DaskBackend
