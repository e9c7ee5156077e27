"""The C names of a network's files: made here, each once."""

from __future__ import annotations

from collections.abc import Mapping

from deeploy_mlir.dialects.mem import ArenaOp, StepOp, role_of
from deeploy_mlir.ir.symbols import NetworkArrays
from deeploy_mlir.support.names import Identifiers, identifier, input_symbol, output_symbol, prefix_of, run_symbol


class NetworkNames:
    """Names of everything that C sees of a network; all begin with the network's own.

    Behind it stands a word of ours (`input`, `weight`, a kernel's kind) or a number, so what comes from a model can be
    neither a name of the public interface, nor of a library, nor a macro."""

    def __init__(self, network: str, arrays: NetworkArrays) -> None:
        self.prefix = prefix_of(network)
        self._given = Identifiers()
        self._kernels: dict[str, int] = {}
        self.run = self._given.take(run_symbol(self.prefix))
        self.cluster = self._given.take(f"{self.prefix}_cluster")
        symbols: dict[str, str] = {}
        for make, own in ((input_symbol, arrays.inputs), (output_symbol, arrays.outputs)):
            for number, array in enumerate(own):
                symbols[array.sym_name.data] = self._given.take(make(self.prefix, number))
                self._given.take(elements_macro(symbols[array.sym_name.data]))
        for array in arrays.constants:
            role = role_of(array)
            name = array.sym_name.data if role is None else role.known_as.data
            symbols[array.sym_name.data] = self._given.fresh(f"{self.prefix}_weight_{identifier(name, 'constant')}")
        for arena in arrays.arenas:
            symbols[arena.sym_name.data] = self._arena(arena)
        self.symbols: Mapping[str, str] = symbols
        """Symbols of arrays and arenas in the IR, and what they are called in C."""

    def _arena(self, arena: ArenaOp) -> str:
        return self._given.fresh(f"{self.prefix}_{identifier(arena.memory.root_reference.data, 'memory')}")

    def step(self, number: int, step: StepOp) -> str:
        """The function of a step."""
        layer = identifier(step.layer.data, "layer").lower()
        return self._given.fresh(f"{self.prefix}_{number:02d}_{layer}")

    def kernel(self, kind: str) -> str:
        """The next function of a kind of kernel, such as "conv"."""
        number = self._kernels[kind] = self._kernels.get(kind, 0) + 1
        return self._given.take(f"{self.prefix}_{kind}_{number}")


def elements_macro(array: str) -> str:
    """The macro for the number of elements of an input's or output's array."""
    return f"{array.upper()}_ELEMENTS"
