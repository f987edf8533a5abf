import pytest


def test_passes():
    """[48271]"""


@pytest.mark.parametrize("value", [1, 2], ids=["one [48272]", "two [48272]"])
def test_values(value):
    assert value == 1


@pytest.mark.skip(reason="no printer")
def test_skipped():
    pass


@pytest.mark.xfail
def test_expected_failure():
    assert False


@pytest.fixture
def broken():
    raise RuntimeError("no database")


def test_set_up(broken):
    pass
