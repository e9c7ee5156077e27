"""How many nodes a model has once its functions are inlined: known before any of them is imported."""

from __future__ import annotations

from collections.abc import Iterable

import onnx

from deeploy_mlir.frontend.load import node_graphs, node_label
from deeploy_mlir.support.errors import DeeployError

MAX_NODES = 20_000
"""More nodes, after functions are inlined and loops unrolled, are refused."""

TOO_MANY = f"more than {MAX_NODES} nodes once functions are inlined and loops unrolled"

MAX_DEPTH = 64
"""Graphs and functions that are nested deeper are refused."""


def check_expansion(model: onnx.ModelProto) -> None:
    """Raises DeeployError for functions that call themselves, nest too deeply, or add up to too many nodes.

    The graphs of control flow count once, of If the smaller one."""
    _Expansion(model).count(model.graph.node)


class _Expansion:
    def __init__(self, model: onnx.ModelProto) -> None:
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
            total += self._of_node(node, label)
            if total > MAX_NODES:
                raise DeeployError(TOO_MANY, label)
        self._depth -= 1
        return total

    def _of_node(self, node: onnx.NodeProto, label: str) -> int:
        key = (node.domain, node.op_type)
        if key in self._functions:
            return self._of_function(key, label)
        graphs = [self.count(graph.node) for graph in node_graphs(node)]
        return 1 + (min(graphs, default=0) if node.op_type == "If" else sum(graphs))

    def _of_function(self, key: tuple[str, str], label: str) -> int:
        if key in self._open:
            raise DeeployError(f"function '{key[1]}' calls itself", label)
        if key not in self._counts:
            self._open.append(key)
            self._counts[key] = self.count(self._functions[key].node)
            self._open.pop()
        return self._counts[key]
