"""The kernels of a host: generated for a C compiler that vectorises. Costs are in instructions of gcc -O3 on x86-64."""

from __future__ import annotations

from deeploy_mlir.kernels.generated import HOST, GeneratedKernels, KernelCosts, ScalarCosts

COSTS = KernelCosts(
    multiply_accumulate=1.5,
    float_multiply_accumulate=1.0,
    depthwise=3.0,
    float_depthwise=2.0,
    combine=1.0,
    run=20,
    kernel=50,
    scalar=ScalarCosts(
        wide=1.0,
        multiply=1.0,
        multiply_wide=1.0,
        divide_wide=30.0,
        select=2.0,
        float_plain=1.0,
        access=1.0,
        function=40.0,
    ),
)

BINDINGS = (GeneratedKernels("generated_host", "core", HOST, COSTS),)
