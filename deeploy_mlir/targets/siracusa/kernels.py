"""The kernels of the Siracusa cluster: generated for scalar RV32IMFC cores.

The costs are fitted to `benchmarks/kernel_cycles.py --siracusa` (one core, warm)."""

from __future__ import annotations

from deeploy_mlir.kernels.generated import RV32, GeneratedKernels, KernelCosts, ScalarCosts
from deeploy_mlir.targets.siracusa.neureka import Neureka1x1, Neureka3x3, NeurekaSums

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

GENERATED = GeneratedKernels("generated_rv32", "cluster", RV32, COSTS)
PRODUCTS = (Neureka1x1("neureka_1x1", "neureka"), Neureka3x3("neureka_3x3", "neureka"))

BINDINGS = (
    GENERATED,
    *PRODUCTS,
    *(NeurekaSums(f"{binding.name}_sums", binding, GENERATED) for binding in PRODUCTS),
)
