"""Float functions of rows as the reductions and elementwise functions that they consist of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.kernel import (
    Combiner,
    CombinerAttr,
    ReduceOp,
    RowFunction,
    RowOp,
    accumulator_type,
    element_type_of_value,
    extremum_type,
    ints,
    map_op,
    shape_of,
)
from deeploy_mlir.ir.affine_maps import select
from deeploy_mlir.ir.kernel_rewriting import empty_like, extra_maps_of, inline, output_of
from deeploy_mlir.ir.scalar_body import ScalarBody

Body = Callable[[ScalarBody, Sequence[SSAValue]], SSAValue]


@dataclass
class RowParts:
    """Writes the parts of one row operator before it. Tensors are of its shape, [.., k], or one a row, [..]."""

    op: RowOp
    reductions: list[ReduceOp] = field(default_factory=list[ReduceOp])

    @property
    def columns(self) -> int:
        """Elements of a row."""
        return shape_of(self.op.out)[-1]

    def reduce(self, x: SSAValue, combiner: Combiner) -> SSAValue:
        """One element per row."""
        shape = shape_of(x)
        element = element_type_of_value(x)
        maximum = combiner == Combiner.MAX
        out = empty_like(shape[:-1], extremum_type(element) if maximum else accumulator_type(element))
        properties: dict[str, Attribute | None] = {"combiner": CombinerAttr(combiner), "axes": ints([len(shape) - 1])}
        reduction = ReduceOp([x], out.tensor, layer=self.op.layer.data, properties=properties)
        Rewriter.insert_op([out, reduction], InsertPoint.before(self.op))
        self.reductions.append(reduction)
        return output_of(reduction)

    def map(
        self, ins: Sequence[SSAValue], function: Body, element: Attribute | None = None, maps: Sequence[AffineMap] = ()
    ) -> SSAValue:
        """An elementwise function of tensors of the operator's shape, of ones of one element per row, and of operands
        that `maps` gives the maps of, in the accumulator's type."""
        shape = shape_of(self.op.out)
        rank, body = len(shape), ScalarBody([element_type_of_value(v) for v in ins])
        region = body.finish(function(body, [body.widen(a) for a in body.arguments]), element or self.op.accumulator())
        own = [select(rank, list(range(len(shape_of(v))))) for v in ins[: len(ins) - len(maps)]]
        out = empty_like(shape, element or self.op.accumulator())
        kernel = map_op(ins, [*own, *maps], out.tensor, region, layer=self.op.layer.data)
        Rewriter.insert_op([out, kernel], InsertPoint.before(self.op))
        return output_of(kernel)

    def finish(self, ins: Sequence[SSAValue], function: Body) -> SSAValue:
        """The operator's result: its epilogue on `function` of `ins`."""
        extras, count = list(self.op.extras), len(ins)

        def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            value = function(body, v[:count])
            if self.op.body is None:
                return value
            return inline(body, self.op.body, [value, *body.arguments[count:]])

        return self.map([*ins, *extras], build, element_type_of_value(self.op.out), extra_maps_of(self.op))


def _exponentials(parts: RowParts, x: SSAValue) -> tuple[SSAValue, SSAValue]:
    """The maximum of each row, and the sum of exp(x - maximum)."""
    top = parts.reduce(x, Combiner.MAX)
    powers = parts.map([x, top], lambda body, v: body.float_function("exp", body.sub(v[0], v[1])))
    return top, parts.reduce(powers, Combiner.SUM)


def _softmax(parts: RowParts, x: SSAValue) -> SSAValue:
    top, total = _exponentials(parts, x)
    return parts.finish(
        [x, top, total], lambda body, v: body.div(body.float_function("exp", body.sub(v[0], v[1])), v[2])
    )


def _log_softmax(parts: RowParts, x: SSAValue) -> SSAValue:
    top, total = _exponentials(parts, x)
    return parts.finish(
        [x, top, total], lambda body, v: body.sub(body.sub(v[0], v[1]), body.float_function("log", v[2]))
    )


def _normalised(parts: RowParts, x: SSAValue, total: SSAValue | None) -> SSAValue:
    """(x - total / n) over the root of its mean square and epsilon; total is 0 for None."""
    count, epsilon = parts.columns, parts.op.parameter("epsilon")

    def centred(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        return v[0] if total is None else body.sub(v[0], body.div(v[1], body.constant(count, v[1].type)))

    def squared(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        value = centred(body, v)
        return body.mul(value, value)

    def scaled(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        mean = body.div(v[-1], body.constant(count, v[-1].type))
        root = body.float_function("sqrt", body.add(mean, body.constant(epsilon, mean.type)))
        return body.div(centred(body, v), root)

    ins = [x] if total is None else [x, total]
    squares = parts.reduce(parts.map(ins, squared), Combiner.SUM)
    return parts.finish([*ins, squares], scaled)


def _layer_norm(parts: RowParts, x: SSAValue) -> SSAValue:
    return _normalised(parts, x, parts.reduce(x, Combiner.SUM))


def _rms_norm(parts: RowParts, x: SSAValue) -> SSAValue:
    return _normalised(parts, x, None)


ROW_PARTS: Mapping[RowFunction, Callable[[RowParts, SSAValue], SSAValue]] = {
    RowFunction.SOFTMAX: _softmax,
    RowFunction.LOG_SOFTMAX: _log_softmax,
    RowFunction.LAYER_NORM: _layer_norm,
    RowFunction.RMS_NORM: _rms_norm,
}
"""The functions that can be done in parts."""


def in_parts(op: RowOp) -> list[ReduceOp]:
    """Replaces a row operator by its parts, and returns the reductions among them."""
    parts = RowParts(op)
    value = ROW_PARTS[op.function.data](parts, op.ins[0])
    Rewriter.replace_op(op, [], [value])
    return parts.reductions
