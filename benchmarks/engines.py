"""Networks with and without an engine of the target, on its simulator: equal outputs, and cycles side by side.

    python benchmarks/engines.py [--target siracusa] [--engine neureka] NETWORK.onnx...

Inputs come from inputs.npz beside the network if there is such a file (it also tells the input types), golden outputs
from outputs.npz; without them the inputs are zeros, and the two runs are compared with each other. Of the
multiply-accumulates of 1x1 convolutions and matrix products that the engine accepts, the table says how many run on it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

import deeploy_mlir
from deeploy_mlir import api
from deeploy_mlir.dialects.kernel import ConvOp, KernelOp, MatmulOp
from deeploy_mlir.dialects.tiled import NestOp
from deeploy_mlir.kernels.choice import bindings_of
from deeploy_mlir.machine.registry import system_of
from deeploy_mlir.pipelines import Observer
from deeploy_mlir.program.program import Program
from deeploy_mlir.support.numpy_types import Array


@dataclass
class Share:
    """Multiply-accumulates of products that an engine accepts, and of those that run on it."""

    engine: str
    accepted: int = 0
    offloaded: int = 0

    def observer(self) -> Observer:
        """Counts before and after the plan."""

        def observe(previous: ModulePass | None, module: ModuleOp, following: ModulePass | None) -> None:
            name = "" if following is None else following.name
            if name == "deeploy-plan":
                self._count_accepted(module)
            elif name == "convert-tiled-to-mem":
                self._count_offloaded(module)

        return observe

    def _count_accepted(self, module: ModuleOp) -> None:
        system = system_of(module)
        bindings = [b for b in bindings_of(system) if b.engine == self.engine]
        for nest in nests(module):
            if is_product(nest.kernel) and any(b.accepts(nest.kernel) is True for b in bindings):
                self.accepted += macs(nest.kernel)

    def _count_offloaded(self, module: ModuleOp) -> None:
        for nest in nests(module):
            engine = nest.kernel.engine
            if is_product(nest.kernel) and engine is not None and engine.root_reference.data == self.engine:
                self.offloaded += macs(nest.kernel)


def nests(module: ModuleOp) -> list[NestOp]:
    return [op for op in module.walk() if isinstance(op, NestOp)]


def is_product(kernel: KernelOp) -> bool:
    """Whether a kernel is a 1x1 convolution or a matrix product."""
    return isinstance(kernel, MatmulOp) or (
        isinstance(kernel, ConvOp) and all(n == 1 for n in kernel.window.get_values()) and kernel.groups is None
    )


def macs(kernel: KernelOp) -> int:
    space = kernel.iteration_space()
    return space.iterations(space.sizes)


def arrays_beside(network: Path, program: Program) -> tuple[dict[str, Array], dict[str, Array] | None]:
    """The inputs and, if there are any, the golden outputs."""
    inputs, golden = network.with_name("inputs.npz"), network.with_name("outputs.npz")
    if not inputs.is_file():
        return {t.name: np.zeros(t.shape, t.dtype) for t in program.network.inputs}, None
    return api.match_inputs(program.network, inputs), (
        api.match_outputs(program.network, golden) if golden.is_file() else None
    )


def row(network: Path, target: str, engine: str) -> str:
    """One line of the table."""
    types = network.with_name("inputs.npz")
    share = Share(engine)
    cycles: list[int] = []
    outputs: list[dict[str, Array]] = []
    busy = ""
    for without in ((engine,), ()):
        program = deeploy_mlir.compile(
            network,
            target,
            types_from=types if types.is_file() else None,
            without_engines=without,
            observer=None if without else share.observer(),
        )
        inputs, golden = arrays_beside(network, program)
        execution = program.execute(inputs)
        measured = execution.measured
        assert measured is not None
        assert measured.cycles is not None
        cycles.append(measured.cycles)
        outputs.append(execution.outputs)
        busy = ", ".join(f"{name} {count:,}" for name, count in {**measured.busy, **measured.overlaps}.items())
    same = all(np.array_equal(outputs[0][name], outputs[1][name]) for name in outputs[0])
    right = golden is None or all(np.array_equal(outputs[1][n], golden[n].reshape(outputs[1][n].shape)) for n in golden)
    part = f"{share.offloaded / share.accepted:.0%}" if share.accepted else "none"
    verdict = "equal" if same and right else "DIFFERENT"
    numbers = f"{cycles[0]:>14,}{cycles[1]:>14,}{cycles[0] / cycles[1]:>8.2f}"
    return f"{network.parent.name:<24}{numbers} {part:>6} {verdict} {busy}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", type=Path)
    parser.add_argument("--target", default="siracusa")
    parser.add_argument("--engine", default="neureka")
    options = parser.parse_args()
    print(f"{'network':<24}{'without':>14}{'with':>14}{'times':>8} {'MACs':>6}")
    for network in options.networks:
        print(row(network, options.target, options.engine), flush=True)


if __name__ == "__main__":
    main()
