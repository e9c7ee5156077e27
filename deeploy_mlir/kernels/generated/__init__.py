"""C functions for kernels on memrefs, generated from their iteration space."""

from deeploy_mlir.kernels.generated.costs import KernelCosts, ScalarCosts
from deeploy_mlir.kernels.generated.description import DynamicArgument
from deeploy_mlir.kernels.generated.function import dynamic_arguments, kernel_function, kernel_signature
from deeploy_mlir.kernels.generated.library import GeneratedKernels
from deeploy_mlir.kernels.generated.tuning import HOST, RV32, Tuning

__all__ = [
    "HOST",
    "RV32",
    "DynamicArgument",
    "GeneratedKernels",
    "KernelCosts",
    "ScalarCosts",
    "Tuning",
    "dynamic_arguments",
    "kernel_function",
    "kernel_signature",
]
