"""The kernels of a Cortex-M4: generated for one scalar core with an FPU for single precision.

The costs are instructions that unicorn counts, of kernels that zig's clang compiled at -O3."""

from __future__ import annotations

from deeploy_mlir.kernels.generated import GeneratedKernels, KernelCosts, ScalarCosts, Tuning

TUNING = Tuning(
    block_outputs=2,
    block_pixels=2,
    depthwise_outputs=2,
    depthwise_pixels=2,
    unroll=2,
    keep_loops=True,
    straight=48,
    elements=2,
    fused=True,
    run=128,
    float_lanes=4,
)
"""Thirteen registers hold four accumulators, two operands of each side and the pointers."""

COSTS = KernelCosts(
    multiply_accumulate=3.0,
    float_multiply_accumulate=3.0,
    depthwise=5.0,
    float_depthwise=5.0,
    combine=4.0,
    run=25,
    kernel=60,
    scalar=ScalarCosts(multiply=1.0, multiply_wide=6.0, divide=3.0, divide_wide=120.0, select=2.0, float_plain=1.0),
)

BINDINGS = (GeneratedKernels("generated_cortex_m4", "core", TUNING, COSTS),)
