"""The tests of the API once more, on a cluster whose roles have all odd defaults at once. Each file here names one file of
tests/integration."""

import pytest

from support.defaults import make_odd
from support.postgres import Cluster

for name in ("tokens", "users", "session", "projects", "activity", "verify", "worker"):
    pytest.register_assert_rewrite(f"integration.test_{name}")


@pytest.fixture(scope="session")
def cluster():
    made = Cluster()
    make_odd(made)
    yield made
    made.remove()
