"""Small networks for planner tests, built without IR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from deeploy_mlir.passes.planning.problem import Dma, Implementation, Memory, Problem, Step, Tensor, TensorKind
from deeploy_mlir.space.iteration_space import Access, Axis, Dim, DimKind, IterationSpace
from deeploy_mlir.space.work_split import CoreSplit

P, R, W = DimKind.PARALLEL, DimKind.REDUCTION, DimKind.WINDOW


def axis(rank: int, terms: Sequence[tuple[int, int]], extent: int, pad: int = 0) -> Axis:
    """An axis over `rank` dimensions from (dimension, coefficient) terms."""
    coefficients = [0] * rank
    for d, c in terms:
        coefficients[d] += c
    return Axis(tuple(coefficients), -pad, extent, pad > 0)


def conv_space(h: int, w: int, c: int, m: int, k: int = 3, stride: int = 1, pad: int = 1) -> IterationSpace:
    """A channels-last int8 convolution: accesses are image, weights, bias and output."""
    oh, ow = (h + 2 * pad - k) // stride + 1, (w + 2 * pad - k) // stride + 1
    dims = (Dim("o0", P, oh), Dim("o1", P, ow), Dim("m", P, m), Dim("k0", W, k), Dim("k1", W, k), Dim("c", R, c))
    rows, columns = axis(6, [(0, stride), (3, 1)], h, pad), axis(6, [(1, stride), (4, 1)], w, pad)
    image = Access((rows, columns, axis(6, [(5, 1)], c)), 1)
    weights = Access((axis(6, [(2, 1)], m), axis(6, [(3, 1)], k), axis(6, [(4, 1)], k), axis(6, [(5, 1)], c)), 1)
    bias = Access((axis(6, [(2, 1)], m),), 4)
    out = Access((axis(6, [(0, 1)], oh), axis(6, [(1, 1)], ow), axis(6, [(2, 1)], m)), 1, True)
    return IterationSpace(dims, (image, weights, bias, out))


def matmul_space(b: int, m: int, n: int, k: int) -> IterationSpace:
    """A batched int8 product of two activations."""
    dims = (Dim("b", P, b), Dim("m", P, m), Dim("n", P, n), Dim("k", R, k))
    batch, rows, columns, inner = (axis(4, [(i, 1)], s) for i, s in enumerate((b, m, n, k)))
    left, right = Access((batch, rows, inner), 1), Access((batch, inner, columns), 1)
    return IterationSpace(dims, (left, right, Access((batch, rows, columns), 1, True)))


def add_space(*shape: int) -> IterationSpace:
    """An elementwise int8 operator on two activations."""
    dims = tuple(Dim(f"d{i}", P, s) for i, s in enumerate(shape))
    axes = tuple(axis(len(shape), [(i, 1)], s) for i, s in enumerate(shape))
    return IterationSpace(dims, (Access(axes, 1), Access(axes, 1), Access(axes, 1, True)))


@dataclass
class Network:
    """Builds a problem step by step."""

    tensors: list[Tensor] = field(default_factory=list[Tensor])
    steps: list[Step] = field(default_factory=list[Step])
    cycles_calls: int = 0

    def tensor(self, name: str, size: int, kind: TensorKind = TensorKind.ACTIVATION) -> int:
        self.tensors.append(Tensor(name, size, kind))
        return len(self.tensors) - 1

    def step(self, name: str, space: IterationSpace, tensors: Sequence[int]) -> None:
        def cycles(sizes: Sequence[int], split: CoreSplit) -> int:
            self.cycles_calls += 1
            return space.macs(sizes) // 4 + 150

        self.steps.append(Step(name, space, tuple(tensors), "l1", (Implementation("generated", cycles),), "kernel"))

    def conv(self, x: int, space: IterationSpace, kind: TensorKind = TensorKind.ACTIVATION) -> int:
        """A convolution with its own weights; returns its output."""
        n = len(self.steps)
        sizes = [access.tile_bytes(space.sizes) for access in space.accesses]
        weights = self.tensor(f"w{n}", sizes[1], TensorKind.CONSTANT)
        bias = self.tensor(f"b{n}", sizes[2], TensorKind.CONSTANT)
        out = self.tensor(f"t{n}", sizes[3], kind)
        self.step(f"conv{n}", space, (x, weights, bias, out))
        return out

    def problem(
        self, l1: int, l2: int = 1 << 20, align: int = 4, dma: Dma | None = None, wmem: int | None = None
    ) -> Problem:
        memories = (Memory("l1", l1, align), Memory("l2", l2, align))
        if wmem is not None:
            memories += (Memory("wmem", wmem, align),)
        weights = None if wmem is None else "wmem"
        return Problem(memories, "l2", {"l1": dma or Dma()}, tuple(self.tensors), tuple(self.steps), weights)


def residual_network(size: int = 12, channels: int = 8, blocks: int = 2) -> Network:
    """Convolutions with additive shortcuts."""
    net = Network()
    x = net.conv(net.tensor("input", size * size * 4, TensorKind.BOUNDARY), conv_space(size, size, 4, channels))
    for block in range(blocks):
        y = net.conv(x, conv_space(size, size, channels, channels))
        last = block == blocks - 1
        kind = TensorKind.BOUNDARY if last else TensorKind.ACTIVATION
        z = net.tensor(f"sum{block}", size * size * channels, kind)
        net.step(f"add{block}", add_space(size, size, channels), (x, y, z))
        x = z
    return net
