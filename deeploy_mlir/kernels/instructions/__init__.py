"""Instruction sets as tables, from which generated kernels take what scalar C does not say."""

from deeploy_mlir.kernels.instructions.inner_loop import InnerLoop, inner_loop
from deeploy_mlir.kernels.instructions.table import (
    Assembly,
    HardwareLoop,
    Instruction,
    InstructionTable,
    Intrinsic,
    Register,
)

__all__ = [
    "Assembly",
    "HardwareLoop",
    "InnerLoop",
    "Instruction",
    "InstructionTable",
    "Intrinsic",
    "Register",
    "inner_loop",
]
