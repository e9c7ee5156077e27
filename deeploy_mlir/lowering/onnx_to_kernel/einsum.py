"""onnx.Einsum: matrix products where two operands allow it, else a map of products and a reduction."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import Combiner, element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import select
from deeploy_mlir.ir.scalar_body import ScalarBody
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.matmul import product
from deeploy_mlir.lowering.onnx_to_kernel.pooling import reduce

MAX_PRODUCTS = 1 << 22
"""Most products that the general form may hold in memory before it sums them."""

Labels = list[str]


def parse(equation: str, ranks: Sequence[int]) -> tuple[list[Labels], Labels]:
    """The labels of each operand's axes and of the result's; the axes behind an ellipsis get labels of their own.

    Raises ValueError for an equation that does not fit the operands."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"'{equation}' names {len(terms)} operands, but there are {len(ranks)}")
    widths = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    widest = max([w for w, term in zip(widths, terms, strict=True) if "..." in term], default=0)
    operands: list[Labels] = []
    for term, width in zip(terms, widths, strict=True):
        if width < 0 or (width > 0 and "..." not in term):
            raise ValueError(f"'{term}' in '{equation}' does not fit the rank of its operand")
        before, dots, after = term.partition("...")
        extra = [f"~{i}" for i in range(widest - width, widest)] if dots else []
        operands.append([*before, *extra, *after])
    if not arrow:
        flat = [label for labels in operands for label in labels]
        single = sorted({label for label in flat if flat.count(label) == 1 and not label.startswith("~")})
        return operands, [*(f"~{i}" for i in range(widest)), *single]
    before, dots, after = right.partition("...")
    return operands, [*before, *([f"~{i}" for i in range(widest)] if dots else []), *after]


def einsum(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """Any equation; operands must have one element type."""
    ins = [v for v in op.inputs if v is not None]
    try:
        labels, result = parse(op.attr("equation"), [len(shape_of(v)) for v in ins])
    except ValueError as error:
        raise b.error(str(error)) from None
    sizes: dict[str, int] = {}
    for value, own in zip(ins, labels, strict=True):
        for label, size in zip(own, shape_of(value), strict=True):
            sizes[label] = max(sizes.get(label, 1), size)
    for value, own in zip(ins, labels, strict=True):
        if any(size not in (1, sizes[label]) for label, size in zip(own, shape_of(value), strict=True)):
            raise b.error(f"has the operand {value.type} for axes {own} of sizes {sizes}")
    if len(ins) == 2 and _is_product(ins, labels, result, sizes):
        return [_product(b, ins, labels, result, sizes)]
    return [_general(b, ins, labels, result, sizes)]


def _is_product(ins: Sequence[SSAValue], labels: list[Labels], result: Labels, sizes: dict[str, int]) -> bool:
    """Whether two operands are a batched matrix product: no diagonals or broadcasts, and sums run over both."""
    for value, own in zip(ins, labels, strict=True):
        if len(set(own)) != len(own) or any(s != sizes[x] for x, s in zip(own, shape_of(value), strict=True)):
            return False
    both = set(labels[0]) & set(labels[1])
    alone = set(labels[0]) ^ set(labels[1])
    return alone <= set(result) and bool(both - set(result)) and len(set(result)) == len(result)


def _product(
    b: LayerBuilder, ins: Sequence[SSAValue], labels: list[Labels], result: Labels, sizes: dict[str, int]
) -> SSAValue:
    batch = [x for x in result if x in labels[0] and x in labels[1]]
    rows = [x for x in result if x in labels[0] and x not in labels[1]]
    columns = [x for x in result if x in labels[1] and x not in labels[0]]
    summed = [x for x in labels[0] if x in labels[1] and x not in result]

    def count(names: Labels) -> int:
        return prod(sizes[x] for x in names)

    def arranged(value: SSAValue, own: Labels, *groups: Labels) -> SSAValue:
        order = [own.index(x) for group in groups for x in group]
        return b.reshape(b.transpose(value, order), [count(group) for group in groups])

    left = arranged(ins[0], labels[0], batch, rows, summed)
    right = arranged(ins[1], labels[1], batch, summed, columns)
    value = product(b, left, right, [count(batch), count(rows), count(columns)])
    have = [*batch, *rows, *columns]
    value = b.reshape(value, [sizes[x] for x in have])
    return b.transpose(value, [have.index(x) for x in result])


def _general(
    b: LayerBuilder, ins: Sequence[SSAValue], labels: list[Labels], result: Labels, sizes: dict[str, int]
) -> SSAValue:
    summed = [x for x in sizes if x not in result]
    dims = [*result, *summed]
    if prod(sizes[x] for x in dims) > MAX_PRODUCTS:
        raise b.error(f"needs {prod(sizes[x] for x in dims)} products; up to {MAX_PRODUCTS} are supported")
    maps = [
        select(len(dims), [dims.index(x) if s == sizes[x] else None for x, s in zip(own, shape_of(v), strict=True)])
        for v, own in zip(ins, labels, strict=True)
    ]
    element = element_type_of_value(ins[0])

    def multiply(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        value = v[0]
        for other in v[1:]:
            value = body.mul(value, other)
        return value

    value = b.map(ins, maps, [sizes[x] for x in dims], element, multiply)
    axes = list(range(len(result), len(dims)))
    return reduce(b, value, axes, Combiner.SUM, element) if axes else value


RULES: dict[str, Rule] = {"onnx.Einsum": einsum}
"""Rules of this family."""
