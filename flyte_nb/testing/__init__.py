"""For those who build on flyte_nb: suites that say whether a back-end keeps its promises.

Nothing else of flyte_nb imports it. It needs pytest.
"""
