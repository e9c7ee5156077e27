"""LSTM, GRU and RNN: one product for all inputs, then the steps one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineMap

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import shape_of
from deeploy_mlir.ir.affine_maps import linear_map, select
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.ir.scalar_body import ScalarBody
from deeploy_mlir.lowering.onnx_to_kernel import activations
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.matmul import product
from deeploy_mlir.lowering.onnx_to_kernel.parts import join

MAX_STEPS = 256
"""Longest sequence: every step becomes kernels of its own."""

Activation = Callable[[ScalarBody, SSAValue], SSAValue]

_ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": activations.sigmoid,
    "tanh": lambda body, x: body.float_function("tanh", x),
    "relu": lambda body, x: body.max(x, body.constant(0.0, x.type)),
    "softplus": activations.softplus,
    "hardsigmoid": lambda body, x: activations.hard_sigmoid(body, x, 0.2, 0.5),
    "softsign": lambda body, x: body.div(x, body.add(body.constant(1.0, x.type), body.abs(x))),
}


@dataclass
class Direction:
    """One direction of a recurrent layer: tensors of this direction, `gates` of `hidden` columns each."""

    b: LayerBuilder
    index: int
    hidden: int
    batch: int
    gates: int
    activations: list[Activation]
    clip: float | None
    projected: SSAValue
    """x * W^T + Wb [steps, batch, gates * hidden]."""
    recurrence: SSAValue
    """R [gates * hidden, hidden]."""
    bias: SSAValue | None
    """Rb [gates * hidden]."""
    lengths: SSAValue | None
    """Steps of each sequence [batch]; None where all have all of them."""

    def activate(self, number: int, body: ScalarBody, x: SSAValue) -> SSAValue:
        """Activation `number` of the (clipped) value."""
        return self.activations[number](body, x if self.clip is None else body.clamp(x, -self.clip, self.clip))

    def states(self, name: str) -> SSAValue:
        """An initial state [batch, hidden]: of the operand, or zeros."""
        given = self.b.op.input(name)
        if given is None:
            return self.b.filled([self.batch, self.hidden], 0.0, self.b.result_element)
        if self.b.op.attr("layout"):
            given = self.b.transpose(given, [1, 0, 2])
        return part(self.b, given, self.index)

    def within(self, step: int, new: SSAValue, old: SSAValue | None) -> SSAValue:
        """`new` for the sequences that have this step, `old` (zeros for None) for those that are shorter."""
        b, own = self.b, select(2, [0, 1])
        if self.lengths is None:
            return new

        def chosen(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            longer = body.compare("gt", v[0], body.constant(step, v[0].type))
            return body.select(longer, v[1], v[2] if len(v) > 2 else body.constant(0.0, v[1].type))

        ins = [self.lengths, new] if old is None else [self.lengths, new, old]
        maps = [select(2, [0]), *[own] * (len(ins) - 1)]
        return b.map(ins, maps, [self.batch, self.hidden], b.result_element, chosen)

    def product(self, h: SSAValue, first: int, count: int, step: int | None, *, biased: bool = True) -> SSAValue:
        """h * R^T + Rb for `count` gates from `first` on, plus step's part of the projection unless that is None."""
        b, hidden = self.b, self.hidden
        weights = b.slice(self.recurrence, [first * hidden, 0], [1, 1], [count * hidden, hidden])
        shape = [self.batch, count * hidden]
        extras: list[SSAValue] = []
        maps: list[AffineMap] = []
        if step is not None:
            extras.append(self.projected)
            maps.append(linear_map(2, [([0, 0], step), ([1, 0], 0), ([0, 1], first * hidden)]))
        if biased and self.bias is not None:
            extras.append(self.bias)
            maps.append(linear_map(2, [([0, 1], first * hidden)]))

        def total(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            value = v[0]
            for term in v[1:]:
                value = body.add(value, term)
            return value

        return product(b, h, weights, shape, transposed=(False, True), extras=extras, extra_maps=maps, function=total)

    def gate(self, number: int) -> AffineMap:
        """The map from [batch, hidden] to the columns of a gate."""
        return linear_map(2, [([1, 0], 0), ([0, 1], number * self.hidden)])


def part(b: LayerBuilder, value: SSAValue, index: int) -> SSAValue:
    """Element `index` along the first axis."""
    shape = shape_of(value)
    sliced = b.slice(value, [index, *[0] * (len(shape) - 1)], [1] * len(shape), [1, *shape[1:]])
    return b.reshape(sliced, shape[1:])


def lstm_step(d: Direction, step: int, h: SSAValue, c: SSAValue) -> tuple[SSAValue, SSAValue]:
    """Gates in the order i, o, f, c; peepholes P [i, o, f]."""
    b, shape = d.b, [d.batch, d.hidden]
    sums = d.product(h, 0, 4, step)
    own = select(2, [0, 1])
    peephole = b.op.input("P")
    ins, maps = [sums, sums, sums, c], [d.gate(0), d.gate(2), d.gate(3), own]
    if peephole is not None:
        weights = part(b, peephole, d.index)
        ins += [weights, weights]
        maps += [linear_map(2, [([0, 1], 0)]), linear_map(2, [([0, 1], 2 * d.hidden)])]
    forget_input = bool(b.op.attr("input_forget"))

    def cell(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        entering, leaving, new, old = v[:4]
        if len(v) > 4:
            entering, leaving = body.add(entering, body.mul(v[4], old)), body.add(leaving, body.mul(v[5], old))
        i = d.activate(0, body, entering)
        f = body.sub(body.constant(1.0, i.type), i) if forget_input else d.activate(0, body, leaving)
        return body.add(body.mul(f, old), body.mul(i, d.activate(1, body, new)))

    c = b.map(ins, maps, shape, b.result_element, cell)
    ins, maps = [sums, c], [d.gate(1), own]
    if peephole is not None:
        ins.append(part(b, peephole, d.index))
        maps.append(linear_map(2, [([0, 1], d.hidden)]))

    def output(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        gate = v[0] if len(v) == 2 else body.add(v[0], body.mul(v[2], v[1]))
        return body.mul(d.activate(0, body, gate), d.activations[2](body, v[1]))

    return b.map(ins, maps, shape, b.result_element, output), c


def gru_step(d: Direction, step: int, h: SSAValue, _: SSAValue) -> tuple[SSAValue, SSAValue]:
    """Gates in the order z, r, h."""
    b, shape = d.b, [d.batch, d.hidden]
    own = select(2, [0, 1])
    gates = d.product(h, 0, 2, step)
    x_part = linear_map(2, [([0, 0], step), ([1, 0], 0), ([0, 1], 2 * d.hidden)])

    def mixed(body: ScalarBody, z: SSAValue, new: SSAValue, old: SSAValue) -> SSAValue:
        update = d.activate(0, body, z)
        rest = body.sub(body.constant(1.0, update.type), update)
        return body.add(body.mul(rest, d.activate(1, body, new)), body.mul(update, old))

    if b.op.attr("linear_before_reset"):
        inner = d.product(h, 2, 1, None)

        def late(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            reset = d.activate(0, body, v[1])
            return mixed(body, v[0], body.add(v[3], body.mul(reset, v[2])), v[4])

        ins = [gates, gates, inner, d.projected, h]
        h = b.map(ins, [d.gate(0), d.gate(1), own, x_part, own], shape, b.result_element, late)
        return h, h
    reset = b.map(
        [gates, h], [d.gate(1), own], shape, b.result_element, lambda body, v: body.mul(d.activate(0, body, v[0]), v[1])
    )
    inner = d.product(reset, 2, 1, step)
    h = b.map(
        [gates, inner, h],
        [d.gate(0), own, own],
        shape,
        b.result_element,
        lambda body, v: mixed(body, v[0], v[1], v[2]),
    )
    return h, h


def rnn_step(d: Direction, step: int, h: SSAValue, _: SSAValue) -> tuple[SSAValue, SSAValue]:
    """h = f(x W^T + h R^T + Wb + Rb)."""
    sums = d.product(h, 0, 1, step)
    h = d.b.elementwise([sums], [d.batch, d.hidden], d.b.result_element, lambda body, v: d.activate(0, body, v[0]))
    return h, h


Step = Callable[[Direction, int, SSAValue, SSAValue], tuple[SSAValue, SSAValue]]


def recurrent(gates: int, step: Step, defaults: Sequence[str]) -> Rule:
    """A rule for a recurrent operator whose W has `gates` times hidden_size rows."""

    def rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
        x = op.required("X")
        if op.attr("layout"):
            x = b.transpose(x, [1, 0, 2])
        steps, batch, _ = shape_of(x)
        if steps > MAX_STEPS:
            raise b.error(f"has {steps} steps; up to {MAX_STEPS} are supported")
        directions = shape_of(op.required("W"))[0]
        finals: list[tuple[SSAValue, SSAValue]] = []
        outputs: list[SSAValue] = []
        for index in range(directions):
            d = _direction(op, b, x, index, gates, defaults)
            h = d.states("initial_h")
            c = d.states("initial_c") if gates == 4 else h
            rows: dict[int, SSAValue] = {}
            backwards = op.attr("direction") == "reverse" or index == 1
            for t in reversed(range(steps)) if backwards else range(steps):
                new_h, new_c = step(d, t, h, c)
                rows[t] = b.reshape(d.within(t, new_h, None), [1, 1, batch, d.hidden])
                h = d.within(t, new_h, h)
                c = d.within(t, new_c, c) if gates == 4 else h
            finals.append((h, c))
            if op.output("Y") is not None:
                outputs.append(join(b, [rows[t] for t in range(steps)], 0))
        return _results(op, b, outputs, finals)

    return rule


def _lengths(op: GraphOp, steps: int) -> SSAValue | None:
    """The operand sequence_lens, unless it is known that all sequences have all steps."""
    lengths = op.input("sequence_lens")
    known = None if lengths is None else constant_of(lengths)
    return None if known is not None and bool(np.all(known == steps)) else lengths


def _direction(op: GraphOp, b: LayerBuilder, x: SSAValue, index: int, gates: int, defaults: Sequence[str]) -> Direction:
    steps, batch, inputs = shape_of(x)
    hidden = shape_of(op.required("R"))[2]
    given: list[str | bytes] = op.attr("activations") or [*defaults, *defaults]
    names = [name.decode() if isinstance(name, bytes) else name for name in given]
    own = names[index * len(defaults) : (index + 1) * len(defaults)]
    unknown = [name for name in own if name.lower() not in _ACTIVATIONS]
    if unknown or op.attr("activation_alpha") or op.attr("activation_beta"):
        raise b.error(f"has activations {own} with parameters; plain {', '.join(sorted(_ACTIVATIONS))} are supported")
    width = gates * hidden
    bias = op.input("B")
    biases = None if bias is None else part(b, bias, index)
    rows = b.reshape(x, [steps * batch, inputs])
    weights = part(b, op.required("W"), index)
    extras = [] if biases is None else [biases]
    projected = product(
        b,
        rows,
        weights,
        [steps * batch, width],
        transposed=(False, True),
        extras=extras,
        extra_maps=[select(2, [1])] * len(extras),
        function=None if biases is None else lambda body, v: body.add(v[0], v[1]),
    )
    clip = op.attr("clip")
    return Direction(
        b,
        index,
        hidden,
        batch,
        gates,
        [_ACTIVATIONS[name.lower()] for name in own],
        None if clip is None else float(clip),
        b.reshape(projected, [steps, batch, width]),
        part(b, op.required("R"), index),
        None if biases is None else b.slice(biases, [width], [1], [width]),
        _lengths(op, steps),
    )


def _results(
    op: GraphOp, b: LayerBuilder, outputs: Sequence[SSAValue], finals: Sequence[tuple[SSAValue, SSAValue]]
) -> list[SSAValue]:
    found: list[SSAValue] = []
    for name, _ in op.get_irdl_definition().results:
        if op.output(name) is None:
            continue
        if name == "Y":
            value = join(b, outputs, 1)
            found.append(b.transpose(value, [2, 0, 1, 3]) if op.attr("layout") else value)
            continue
        pieces = [pair[0 if name == "Y_h" else 1] for pair in finals]
        value = join(b, [b.reshape(p, [1, *shape_of(p)]) for p in pieces], 0)
        found.append(b.transpose(value, [1, 0, 2]) if op.attr("layout") else value)
    return found


RULES: dict[str, Rule] = {
    "onnx.LSTM": recurrent(4, lstm_step, ("Sigmoid", "Tanh", "Tanh")),
    "onnx.GRU": recurrent(3, gru_step, ("Sigmoid", "Tanh")),
    "onnx.RNN": recurrent(1, rnn_step, ("Tanh",)),
}
"""Rules of this family."""
