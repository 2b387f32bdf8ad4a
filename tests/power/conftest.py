"""What is cut here is a disk of our own; the one below it need not be waited for."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="package")
def _unsynced() -> Iterator[None]:
    """Let the real disk write when it likes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield
