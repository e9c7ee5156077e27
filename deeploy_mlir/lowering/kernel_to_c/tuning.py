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
    unroll: int = 1
    """Copies of the innermost loop's body."""
    vector: int = 0
    """Elements of a block of accumulators in an array, for compilers that vectorise; 0 where there is no SIMD."""
    float_lanes: int = 1
    """Partial sums of a float dot product, so that it can be vectorised without reordering by the compiler."""


HOST = Tuning(block_outputs=4, block_pixels=2, unroll=1, vector=64, float_lanes=4)
"""A 64-bit host with SIMD and gcc -O3."""
RV32 = Tuning(block_outputs=4, block_pixels=2, unroll=1)
"""A scalar 32-bit RISC-V with 32 registers and a small instruction cache."""


def block_factor(size: int | None, most: int) -> int:
    """How many iterations of a dimension to compute together: at most `most`, few wasted if `size` is no multiple."""
    if size is None:
        return most
    if size <= most:
        return max(size, 1)
    # A block costs its computations and the reloading of what its rows share, about two computations.
    return min(range(most, 0, -1), key=lambda factor: -(-size // factor) * (factor + 2))
