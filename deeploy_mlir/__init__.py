"""deeploy-mlir: a compiler from ONNX to static C for heterogeneous microcontrollers.

    program = deeploy_mlir.compile("network.onnx", target="siracusa", l1="64KiB")
    program.save("out")
    outputs = program.run({"image": array})

Importing the package is cheap: the compiler is loaded when one of the names below is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deeploy_mlir.api import compile
    from deeploy_mlir.program.program import Program
    from deeploy_mlir.support.errors import DeeployError

__all__ = ["DeeployError", "Program", "__version__", "compile"]

__version__ = "0.1.0"

_HOMES = {"compile": "api", "DeeployError": "support.errors", "Program": "program.program"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
