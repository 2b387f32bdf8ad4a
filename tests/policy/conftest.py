"""The option that writes the expected messages of bad documents anew."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--accept`, for `pytest tests/policy --accept`; read the difference before a commit."""
    parser.addoption(
        "--accept",
        action="store_true",
        help="write today's messages as the expected ones instead of comparing",
    )
