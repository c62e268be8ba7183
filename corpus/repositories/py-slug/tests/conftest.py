import pytest

from slug.registry import Registry


@pytest.fixture
def registry():
    return Registry()
