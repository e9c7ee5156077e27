"""Fixtures of all tests."""

from __future__ import annotations

import logging
from collections.abc import Generator

import pytest


@pytest.fixture(autouse=True)
def remarks_are_as_they_were() -> Generator[None]:
    """A test that silences remarks does not silence them for the next."""
    logger = logging.getLogger("deeploy_mlir")
    level = logger.level
    yield
    logger.setLevel(level)
