"""C functions for kernels on memrefs, generated from their iteration space."""

from deeploy_mlir.lowering.kernel_to_c.description import DynamicArgument
from deeploy_mlir.lowering.kernel_to_c.function import dynamic_arguments, kernel_function
from deeploy_mlir.lowering.kernel_to_c.tuning import HOST, RV32, Tuning

__all__ = ["HOST", "RV32", "DynamicArgument", "Tuning", "dynamic_arguments", "kernel_function"]
