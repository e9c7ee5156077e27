"""How many nodes a model has once its functions are inlined: known before any of them is imported."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import onnx

from deeploy_mlir.frontend.load import node_graphs, node_label
from deeploy_mlir.support.errors import DeeployError

MAX_NODES = 8192
"""More nodes, after functions are inlined and loops unrolled, are refused, as are more nodes, inputs and outputs of the
graph together. A node of more than `FREE_OPERANDS` operands and results counts once more for each of those beyond."""

FREE_OPERANDS = 16

MAX_OPERANDS = 1024
"""Nodes with more operands, or more results, are refused."""

SPARE_NODES = 400
BYTES_A_NODE = 64
"""Functions and loops may add `SPARE_NODES` to the nodes that a file holds, and one for so many of its bytes: the work
is in proportion to the file."""

MAX_DEPTH = 64
"""Graphs and functions that are nested deeper are refused."""


def node_cost(node: onnx.NodeProto) -> int:
    """What a node counts for."""
    return 1 + max(0, len(node.input) + len(node.output) - FREE_OPERANDS)


def _check_operands(node: onnx.NodeProto, label: str) -> None:
    for count, what in ((len(node.input), "operands"), (len(node.output), "results")):
        if count > MAX_OPERANDS:
            raise DeeployError(f"has {count} {what}; at most {MAX_OPERANDS} are compiled", label)


def _held(nodes: Iterable[onnx.NodeProto]) -> int:
    """The nodes of a list, those of their graphs included."""
    return sum(node_cost(node) + sum(_held(graph.node) for graph in node_graphs(node)) for node in nodes)


def node_limit(model: onnx.ModelProto) -> int:
    """The most nodes that a model may have once its functions are inlined and its loops unrolled."""
    held = _held(model.graph.node) + sum(_held(function.node) for function in model.functions)
    return min(MAX_NODES, held + SPARE_NODES + model.ByteSize() // BYTES_A_NODE)


def too_many(limit: int) -> str:
    """What is said where there are more."""
    small = "" if limit == MAX_NODES else ", which is the most for a file of this size"
    return f"more than {limit} nodes once functions are inlined and loops unrolled{small}"


def check_expansion(model: onnx.ModelProto, data: Collection[str] = ()) -> None:
    """Raises DeeployError for functions that call themselves, nest too deeply, or add up to too many nodes, and for too
    many inputs and outputs.

    The graphs of control flow count once; of an If on one of the inputs `data` both, else the smaller one."""
    total = _Expansion(model, data).count(model.graph.node)
    weights = {tensor.name for tensor in model.graph.initializer}
    total += sum(value.name not in weights for value in model.graph.input) + len(model.graph.output)
    if total > MAX_NODES:
        raise DeeployError(f"has {total} nodes, inputs and outputs; at most {MAX_NODES} are compiled", model.graph.name)


class _Expansion:
    def __init__(self, model: onnx.ModelProto, data: Collection[str]) -> None:
        self._data = data
        self._limit = node_limit(model)
        self._functions = {(f.domain, f.name): f for f in model.functions}
        self._counts: dict[tuple[str, str], int] = {}
        self._open: list[tuple[str, str]] = []
        self._depth = 0

    def count(self, nodes: Iterable[onnx.NodeProto]) -> int:
        """Nodes after inlining, of a list of them."""
        total = 0
        self._depth += 1
        for index, node in enumerate(nodes):
            label = node_label(node, index)
            if self._depth > MAX_DEPTH:
                raise DeeployError(f"graphs or functions are nested more than {MAX_DEPTH} deep", label)
            _check_operands(node, label)
            total += self._of_node(node, label)
            if total > self._limit:
                raise DeeployError(too_many(self._limit), label)
        self._depth -= 1
        return total

    def _of_node(self, node: onnx.NodeProto, label: str) -> int:
        key = (node.domain, node.op_type)
        if key in self._functions:
            return self._of_function(key, label)
        graphs = [self.count(graph.node) for graph in node_graphs(node)]
        either = node.op_type == "If" and not (node.input and node.input[0] in self._data)
        return node_cost(node) + (min(graphs, default=0) if either else sum(graphs))

    def _of_function(self, key: tuple[str, str], label: str) -> int:
        if key in self._open:
            raise DeeployError(f"function '{key[1]}' calls itself", label)
        if key not in self._counts:
            self._open.append(key)
            self._counts[key] = self.count(self._functions[key].node)
            self._open.pop()
        return self._counts[key]
