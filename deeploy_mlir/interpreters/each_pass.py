"""Runs a module before the first pass and after each one, and compares the outputs.

Integers must be equal, floats within 1e-5 of the largest value. On memory a module runs twice, with both orders of
cores and both moments at which a transfer may copy (see `run.RunOptions`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt
from xdsl.dialects import memref
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from deeploy_mlir.dialects.mem import role_of
from deeploy_mlir.interpreters.run import Level, RunOptions, level_of, run_module, the_function
from deeploy_mlir.ir.symbols import arrays_of
from deeploy_mlir.program.comparison import DEFAULT_TOLERANCE
from deeploy_mlir.program.network import Network, TensorInfo, bind_inputs, network_of
from deeploy_mlir.program.npz import load_arrays, match_arrays
from deeploy_mlir.support.errors import DeeployError, OutputsDifferError
from deeploy_mlir.support.names import prefix_of
from deeploy_mlir.support.numpy_types import Array, numpy_dtype


def interface_of(module: ModuleOp) -> Network:
    """Name, inputs and outputs of a module that runs, on any level. Raises DeeployError if it holds no network."""
    if level_of(module) != Level.MEMORY:
        return network_of(module)
    function = the_function(module)
    arrays = arrays_of(module, function)

    def tensors(globals_: Sequence[memref.GlobalOp]) -> tuple[TensorInfo, ...]:
        return tuple(
            TensorInfo(role.known_as.data, numpy_dtype(array.type.element_type).name, array.type.get_shape())
            for array in globals_
            if (role := role_of(array)) is not None
        )

    return Network(prefix_of(function.sym_name.data), tensors(arrays.inputs), tensors(arrays.outputs))


def differing(output: Array, expected: Array) -> npt.NDArray[np.bool_]:
    """Which elements are not as expected (see the module's description), of arrays of one shape and type."""
    if output.dtype.kind in "iub":
        return output != expected
    got, want = output.astype(np.float64), expected.astype(np.float64)
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    allowed = DEFAULT_TOLERANCE * float(np.abs(want[np.isfinite(want)]).max(initial=0.0))
    with np.errstate(invalid="ignore"):
        return ~(same | (np.abs(got - want) <= allowed))


class EachPass:
    """A callback of a pass pipeline; `inputs` is an .npz file or arrays by input name.

    Raises DeeployError if the inputs do not fit the module, OutputsDifferError naming the pass after which the outputs
    are others than before the first pass."""

    def __init__(self, inputs: str | Path | Mapping[str, Array]) -> None:
        self._given = inputs if isinstance(inputs, Mapping) else load_arrays(inputs)
        self._names: tuple[str, ...] = ()
        self._inputs: tuple[Array, ...] = ()
        self._expected: list[Array] | None = None

    def __call__(self, previous: ModulePass | None, module: ModuleOp, following: ModulePass | None) -> None:
        if previous is None:
            self._expected = None
        where = f"after {previous.name}" if previous is not None else "before the first pass"
        if level_of(module) == Level.C:
            print(f"{where}: on the C level, which is not interpreted: it runs by being compiled", file=sys.stderr)
            return
        if self._expected is None:
            network = interface_of(module)
            self._names = tuple(t.name for t in network.outputs)
            self._inputs = bind_inputs(network, match_arrays(self._given, [t.name for t in network.inputs]))
        for options in _modes(module):
            outputs = self._run(module, options, where)
            if self._expected is None:
                self._expected = outputs
            self._compare(outputs, self._expected, where)

    def _run(self, module: ModuleOp, options: RunOptions, where: str) -> list[Array]:
        try:
            outputs = run_module(module, self._inputs, options=options)
        except DeeployError as error:
            raise OutputsDifferError(f"{where} the program does not run: {error}") from error
        if level_of(module) != Level.MEMORY or self._expected is None:
            return outputs
        # On memory an output is an array of bytes; a reshape before the return has left its shape behind.
        shapes = [e.shape if o.size == e.size else o.shape for o, e in zip(outputs, self._expected, strict=False)]
        return [o.reshape(shape) for o, shape in zip(outputs, shapes, strict=False)] + outputs[len(shapes) :]

    def _compare(self, outputs: Sequence[Array], expected: Sequence[Array], where: str) -> None:
        if len(outputs) != len(expected):
            raise OutputsDifferError(f"{where} there are {len(outputs)} outputs instead of {len(expected)}")
        for number, (output, want) in enumerate(zip(outputs, expected, strict=True)):
            name = self._names[number] if number < len(self._names) else str(number)
            if output.shape != want.shape or output.dtype != want.dtype:
                raise OutputsDifferError(
                    f"{where} output {name} is {output.dtype}{list(output.shape)}, "
                    f"it was {want.dtype}{list(want.shape)}"
                )
            wrong = differing(output, want)
            if wrong.any():
                index = tuple(int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))
                raise OutputsDifferError(
                    f"{where} output {name} differs first at index {list(index)}: {output[index]} instead of "
                    f"{want[index]}; {int(wrong.sum())} of {prod(want.shape)} elements differ"
                )


def _modes(module: ModuleOp) -> tuple[RunOptions, ...]:
    if level_of(module) != Level.MEMORY:
        return (RunOptions(),)
    return RunOptions(), RunOptions(copy_at_start=True, reverse_cores=True)
