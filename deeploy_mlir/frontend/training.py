"""The optimisers of ONNX's training domain, as operators of the standard. Formulas are those of their definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.node import Node
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError

DOMAIN = "ai.onnx.preview.training"


class _Step(Calculation):
    """One update: the operands grouped by what they are."""

    def __init__(self, emitter: Emitter, node: Node, groups: int) -> None:
        """`groups`: how many tensors belong to each one that is optimised."""
        super().__init__(emitter, node)
        self.rate, self.count = node.required(0), node.required(1)
        rest = [node.required(i) for i in range(2, len(node.inputs))]
        if not rest or len(rest) % groups:
            raise DeeployError(f"{node.op_type} takes {groups} tensors for each that is optimised", node.name)
        self.tensors = len(rest) // groups
        self.groups = [rest[g * self.tensors : (g + 1) * self.tensors] for g in range(groups)]

    def mixed(self, weight: float, a: Value, b: Value) -> Value:
        """weight * a + (1 - weight) * b."""
        return self.plus(self.times(a, weight), self.times(b, 1 - weight))

    @property
    def real_count(self) -> Value:
        """The number of updates so far, in the type of the rate."""
        return self.emitter.as_type(self.count, self.rate.element_type, self.node.name)

    def later(self, value: Value | float, first: Value | float) -> Value:
        """`value`, or `first` at the first update."""
        begun = self.apply("Greater", self.count, 0)
        return self.choose(begun, value, first, self.rate.element_type)

    def regularised(self, x: Value, gradient: Value) -> Value:
        """The gradient with that of the squared norm of x."""
        factor = self.node.number("norm_coefficient", 0.0)
        return gradient if factor == 0 else self.plus(self.times(factor, x), gradient)


def _adagrad(emitter: Emitter, node: Node) -> list[Value]:
    step = _Step(emitter, node, 3)
    decay, epsilon = node.number("decay_factor", 0.0), node.number("epsilon", 1e-6)
    rate = step.over(step.rate, step.plus(step.times(step.real_count, decay), 1.0))
    xs: list[Value] = []
    hs: list[Value] = []
    for x, gradient, h in zip(*step.groups, strict=True):
        g = step.regularised(x, gradient)
        hs.append(step.plus(h, step.times(g, g)))
        root = step.plus(step.apply("Sqrt", hs[-1]), epsilon)
        xs.append(step.minus(x, step.over(step.times(rate, g), root)))
    return [*xs, *hs]


def _adam(emitter: Emitter, node: Node) -> list[Value]:
    step = _Step(emitter, node, 4)
    alpha, beta = node.number("alpha", 0.9), node.number("beta", 0.999)
    epsilon, after = node.number("epsilon", 1e-6), node.number("norm_coefficient_post", 0.0)
    powers = [step.apply("Pow", step.number(v, step.rate.element_type), step.real_count) for v in (alpha, beta)]
    left_alpha, left_beta = (step.plus(step.times(power, -1.0), 1.0) for power in powers)
    rate = step.later(step.over(step.times(step.rate, step.apply("Sqrt", left_beta)), left_alpha), step.rate)
    xs: list[Value] = []
    vs: list[Value] = []
    hs: list[Value] = []
    for x, gradient, v, h in zip(*step.groups, strict=True):
        g = step.regularised(x, gradient)
        vs.append(step.mixed(alpha, v, g))
        hs.append(step.mixed(beta, h, step.times(g, g)))
        root = step.plus(step.apply("Sqrt", hs[-1]), epsilon)
        new = step.minus(x, step.over(step.times(rate, vs[-1]), root))
        xs.append(new if after == 0 else step.times(1 - after, new))
    return [*xs, *vs, *hs]


def _momentum(emitter: Emitter, node: Node) -> list[Value]:
    step = _Step(emitter, node, 3)
    alpha, beta = node.number("alpha"), node.number("beta")
    weight = step.later(beta, 1.0)
    xs: list[Value] = []
    vs: list[Value] = []
    for x, gradient, v in zip(*step.groups, strict=True):
        g = step.regularised(x, gradient)
        vs.append(step.plus(step.times(alpha, v), step.times(weight, g)))
        nesterov = node.attrs.get("mode") == "nesterov"
        move = step.plus(g, step.times(alpha, vs[-1])) if nesterov else vs[-1]
        xs.append(step.minus(x, step.times(step.rate, move)))
    return [*xs, *vs]


RULES: Mapping[str, Callable[[Emitter, Node], list[Value]]] = {
    "Adagrad": _adagrad,
    "Adam": _adam,
    "Momentum": _momentum,
}
"""Operator -> what gives its outputs."""
