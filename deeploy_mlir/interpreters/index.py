"""Index arithmetic that xDSL's own interpreter of `arith` lacks."""

from __future__ import annotations

from xdsl.dialects import arith
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from deeploy_mlir.support.errors import DeeployError


@register_impls
class IndexFunctions(InterpreterFunctions):
    """Quotients and remainders of non-negative indices, minimum and maximum."""

    @impl(arith.DivUIOp)
    def divide(self, interpreter: Interpreter, op: arith.DivUIOp, args: PythonValues) -> PythonValues:
        return (_natural(op, args[0]) // _natural(op, args[1]),)

    @impl(arith.RemUIOp)
    def remainder(self, interpreter: Interpreter, op: arith.RemUIOp, args: PythonValues) -> PythonValues:
        return (_natural(op, args[0]) % _natural(op, args[1]),)

    @impl(arith.MinSIOp)
    def minimum(self, interpreter: Interpreter, op: arith.MinSIOp, args: PythonValues) -> PythonValues:
        return (min(args[0], args[1]),)

    @impl(arith.MaxSIOp)
    def maximum(self, interpreter: Interpreter, op: arith.MaxSIOp, args: PythonValues) -> PythonValues:
        return (max(args[0], args[1]),)


def _natural(op: arith.DivUIOp | arith.RemUIOp, value: int) -> int:
    if value < 0:
        raise DeeployError(f"{op.name} of the negative index {value}")
    return value
