"""An operator of the domain com.microsoft: what of it is taken, and how it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.node import Node
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError

Formula = Callable[[Calculation], "Sequence[Value | None]"]
"""Builds a node and gives its outputs by position (None: not computed)."""


@dataclass(frozen=True)
class Operator:
    """Names of inputs and outputs by position, and of attributes, as onnxruntime documents them.

    `without`: those of the inputs and outputs that have to be absent. `only`: attributes that have to be absent or
    have this value. `repeats`: the inputs go on after the last name."""

    formula: Formula
    inputs: Sequence[str]
    outputs: Sequence[str] = ("Y",)
    attributes: Sequence[str] = ()
    without: Sequence[str] = ()
    only: Mapping[str, Any] = field(default_factory=dict[str, Any])
    repeats: bool = False

    def build(self, emitter: Emitter, node: Node) -> list[Value]:
        """The outputs that the node has. Raises DeeployError for what is not supported, by its name."""
        self._check(node)
        values = [*self.formula(Calculation(emitter, node))]
        values += [None] * (len(node.outputs) - len(values))
        found: list[Value] = []
        for index, name in enumerate(node.outputs):
            value = values[index]
            if name and value is None:
                raise DeeployError(f"output '{self._output(index)}' of {node.op_type} is not supported", node.name)
            if name and value is not None:
                found.append(value)
        return found

    def _output(self, index: int) -> str:
        return self.outputs[index] if index < len(self.outputs) else str(index)

    def _check(self, node: Node) -> None:
        for name, value in node.attrs.items():
            if name in self.only and value != self.only[name]:
                raise DeeployError(f"attribute '{name}' = {value} of {node.op_type} is not supported", node.name)
            if name not in self.attributes and name not in self.only:
                raise DeeployError(f"{node.op_type} has no attribute '{name}' that is known", node.name)
        if len(node.inputs) > len(self.inputs) and not self.repeats:
            raise DeeployError(f"{node.op_type} has {len(node.inputs)} inputs; {len(self.inputs)} are known", node.name)
        present = [name for name, value in zip(self.inputs, node.inputs, strict=False) if value is not None]
        present += [name for name, wanted in zip(self.outputs, node.outputs, strict=False) if wanted]
        for name in present:
            if name in self.without:
                raise DeeployError(f"'{name}' of {node.op_type} is not supported", node.name)


def by_rule(rule: Callable[[Emitter, Node], Sequence[Value | None]]) -> Formula:
    """A formula that is written on the emitter and the node."""
    return lambda c: rule(c.emitter, c.node)
