"""Remarks: what the compiler wants a user to know that is no error, such as an operator left in float.

They go to the logger `deeploy_mlir` as warnings; without any logging set up, Python prints them to stderr.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.ir import Operation

from deeploy_mlir.support.names import label, message

LOGGER = logging.getLogger("deeploy_mlir")


def remark(where: Operation | str, text: str) -> None:
    """Say `text` about an operation (by its ONNX node's name) or a named thing."""
    name = where if isinstance(where, str) else getattr(where, "node_name", where.name)
    LOGGER.warning("remark: %s: %s", label(name), message(text))
