"""Fixtures of all tests."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator

import pytest

# A make that a test starts is no part of the make that runs the tests.
for variable in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
    os.environ.pop(variable, None)


@pytest.fixture(autouse=True)
def remarks_are_as_they_were() -> Generator[None]:
    """A test that silences remarks does not silence them for the next."""
    logger = logging.getLogger("deeploy_mlir")
    level = logger.level
    yield
    logger.setLevel(level)
