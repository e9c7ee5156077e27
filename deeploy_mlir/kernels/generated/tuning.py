"""How kernels are blocked for a kind of processor, free of IR."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """What suits a processor and its C compiler."""

    block_outputs: int = 4
    """Output channels (columns of a matmul) that are computed together, each in accumulators of its own."""
    block_pixels: int = 2
    """Pixels (rows of a matmul) that are computed together."""
    depthwise_outputs: int = 4
    depthwise_pixels: int = 2
    """The same where each channel has an input of its own."""
    unroll: int = 1
    """Copies of the innermost loop's body."""
    keep_loops: bool = False
    """Whether the compiler is kept from unrolling innermost loops of known length: for small instruction caches."""
    straight: int = 0
    """Most operations of an innermost loop that is written out as a whole."""
    elements: int = 1
    """Elements that the innermost loop of an elementwise kernel computes at a time."""
    vector: int = 0
    """Elements of a block of accumulators in an array, for compilers that vectorise; 0 where there is no SIMD."""
    fused: bool = False
    """Whether the processor multiplies and adds floats in one operation, which rounds once."""
    dot_run: float = 12
    """Cycles around an innermost loop of dot products."""
    run: int = 64
    """Most terms that an accumulator of a float product or reduction takes."""
    float_lanes: int = 1
    """Accumulators of a float sum, so that it is vectorised, or none is waited for. With SIMD: of each output whose
    terms are neighbours; without: of all outputs that are computed together."""


HOST = Tuning(block_outputs=4, block_pixels=2, unroll=1, vector=64, float_lanes=4)
"""A 64-bit host with SIMD and gcc -O3."""
RV32 = Tuning(
    block_outputs=4,
    block_pixels=2,
    depthwise_outputs=2,
    depthwise_pixels=2,
    unroll=2,
    keep_loops=True,
    straight=48,
    elements=4,
    fused=True,
    run=128,
    float_lanes=4,
)
"""A scalar 32-bit RISC-V with 32 registers and a small instruction cache."""


def block_factor(size: int | None, most: int) -> int:
    """How many iterations of a dimension to compute together: about `most`, few wasted if `size` is no multiple.

    One more than `most` is taken only where it leaves no remainder."""
    if size is None:
        return most
    if size <= most + 1:
        return max(size, 1)

    def cost(factor: int) -> float:
        # A block costs its computations and the loading of what its rows share, about two computations; a remainder
        # makes the distances between rows unknown to the C compiler.
        return -(-size // factor) * (factor + 2) * (1 if size % factor == 0 else 1.1)

    return min((f for f in range(most + 1, 0, -1) if f <= most or size % f == 0), key=cost)
