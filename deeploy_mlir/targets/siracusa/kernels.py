"""The kernels of the Siracusa cluster: generated for scalar RV32IMFC cores.

The costs are fitted to `benchmarks/kernel_cycles.py --siracusa` (one core, warm)."""

from __future__ import annotations

from deeploy_mlir.lowering.kernel_to_c import RV32
from deeploy_mlir.targets.bindings import GeneratedKernels, KernelCosts, ScalarCosts

COSTS = KernelCosts(
    multiply_accumulate=4.2,
    float_multiply_accumulate=2.0,
    depthwise=5.3,
    float_depthwise=2.8,
    combine=3.2,
    run=25,
    kernel=80,
    scalar=ScalarCosts(),
)

BINDINGS = (GeneratedKernels("cluster", RV32, COSTS),)
