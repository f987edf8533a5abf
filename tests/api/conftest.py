"""Tools from PyPI for the tests of this folder, in a virtual environment of their own."""

import pytest

from support.environment import Environment


@pytest.fixture(scope="session")
def tools():
    """The folder of the environment's programs."""
    return Environment("api").programs
