"""Assertions of the suite that others may use are explained as those of our own tests are."""

import pytest

pytest.register_assert_rewrite("flyte_nb.testing.backends")
