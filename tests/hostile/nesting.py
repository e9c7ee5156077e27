"""Functions, branches and loops in each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import onnx
from onnx import helper

from ..adversarial import BOOL, INT64, Node, graph_of, model_of, node, tensor_input
from .case import Cases, compiled


def _function(name: str, nodes: Sequence[Node]) -> onnx.FunctionProto:
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("local", 1)]
    return helper.make_function("local", name, ["a"], ["b"], list(nodes), opsets)


def _call(name: str, source: str, target: str) -> Node:
    return helper.make_node(name, [source], [target], domain="local")


def _levels(levels: int, calls: int, leaf: str = "Relu") -> onnx.ModelProto:
    """Functions that each call the next one this often, in a row."""
    functions = [_function(f"f{levels}", [node(leaf, ["a"], ["b"])])]
    for level in range(levels):
        names = ["a", *(f"t{k}" for k in range(calls - 1)), "b"]
        functions.append(_function(f"f{level}", [_call(f"f{level + 1}", s, t) for s, t in pairwise(names)]))
    return model_of([_call("f0", "x", "y")], functions=functions)


def _cycle(length: int) -> onnx.ModelProto:
    functions = [_function(f"f{i}", [_call(f"f{(i + 1) % length}", "a", "b")]) for i in range(length)]
    return model_of([_call("f0", "x", "y")], functions=functions)


def _doubling(levels: int) -> onnx.ModelProto:
    """Functions that return the double of what the next one does, by Concat."""
    functions = [_function(f"f{levels}", [node("Relu", ["a"], ["b"])])]
    for level in range(levels):
        nodes = [_call(f"f{level + 1}", "a", "t"), node("Concat", ["t", "t"], ["b"], axis=0)]
        functions.append(_function(f"f{level}", nodes))
    return model_of([_call("f0", "x", "z"), node("ReduceSum", ["z"])], functions=functions)


def _called(count: int) -> onnx.ModelProto:
    nodes = [_call("f", f"v{i}", f"v{i + 1}") for i in range(count)]
    functions = [_function("f", [node("Relu", ["a"], ["t"]), node("Neg", ["t"], ["b"])])]
    return model_of(nodes, [tensor_input("v0", [4])], [f"v{count}"], functions=functions)


def _branches(depth: int, known: bool) -> onnx.ModelProto:
    graph = graph_of([node("Relu", ["x"])], [])
    for _ in range(depth):
        other = graph_of([node("Neg", ["x"])], [])
        graph = graph_of([node("If", ["c"], then_branch=graph, else_branch=other)], [])
    inputs = [tensor_input("x", [4])] + ([] if known else [tensor_input("c", [], BOOL)])
    return model_of(list(graph.node), inputs, weights={"c": np.array(True)} if known else None)


def _bushy(depth: int) -> onnx.ModelProto:
    """Branches in both branches, which double at each level, in a file that grows with them."""
    graph = graph_of([node("Relu", ["x"])], [])
    for _ in range(depth):
        graph = graph_of([node("If", ["c"], then_branch=graph, else_branch=graph)], [])
    return model_of(list(graph.node), [tensor_input("x", [4]), tensor_input("c", [], BOOL)])


def _body(level: int, inner: list[Node], source: str, target: str) -> onnx.GraphProto:
    inputs = [tensor_input(f"t{level}", [], INT64), tensor_input(f"c{level}", [], BOOL), tensor_input(source, [4])]
    same = node("Identity", [f"c{level}"], [f"d{level}"])
    return graph_of([*inner, same], inputs, [f"d{level}", target])


def _loops(trips: int, depth: int, work: int = 1) -> onnx.ModelProto:
    """Loops in loops around a row of nodes."""
    names = ["v0", *(f"u{i}" for i in range(work - 1)), "w0"]
    inner = [node("Add", [s, "x"], [t]) for s, t in pairwise(names)]
    for level in range(depth):
        body = _body(level, inner, f"v{level}", f"w{level}")
        source = "x" if level == depth - 1 else f"v{level + 1}"
        inner = [node("Loop", ["trips", "", source], [f"w{level + 1}"], body=body)]
    inner[0].output[0] = "y"
    return model_of(inner, weights={"trips": np.int64(trips)})


def _growing(trips: int) -> onnx.ModelProto:
    inputs = [tensor_input("t", [], INT64), tensor_input("c", [], BOOL), tensor_input("v", None)]
    body = graph_of([node("Concat", ["v", "v"], ["w"], axis=0), node("Identity", ["c"], ["d"])], inputs, ["d", "w"])
    return model_of([node("Loop", ["n", "", "x"], ["z"], body=body), node("ReduceSum", ["z"])],
                    weights={"n": np.int64(trips)})  # fmt: skip


def _scan(trips: int) -> onnx.ModelProto:
    body = graph_of([node("Add", ["s", "e"], ["t"]), node("Relu", ["t"], ["o"])],
                    [tensor_input("s", [1]), tensor_input("e", [1])], ["t", "o"], name="body")  # fmt: skip
    scan = node("Scan", ["s0", "x"], ["last", "y"], body=body, num_scan_inputs=1)
    return model_of([scan], [tensor_input("x", [trips, 1])], weights={"s0": np.zeros(1, np.float32)})


def _recurrent(op_type: str, steps: int, gates: int) -> onnx.ModelProto:
    weights = {"w": np.ones((1, 4 * gates, 3), "f"), "r": np.ones((1, 4 * gates, 4), "f")}
    return model_of([node(op_type, ["x", "w", "r"], ["y"], hidden_size=4)], [tensor_input("x", [steps, 1, 3])],
                    weights=weights)  # fmt: skip


KINDS: dict[str, tuple[Callable[[int], onnx.ModelProto], tuple[int, ...]]] = {
    "functions of one call, nested": (lambda n: _levels(n, 1), (60, 70, 1000, 10_000)),
    "functions of two calls, nested": (lambda n: _levels(n, 2), (15, 30, 60, 1000)),
    "functions of ten calls, nested": (lambda n: _levels(n, 10), (4, 10, 100)),
    "functions of no meaning, nested": (lambda n: _levels(n, 2, "NoSuch"), (3, 30)),
    "functions in a cycle": (_cycle, (1, 2, 50, 5000)),
    "functions that double a tensor": (_doubling, (20, 40, 62)),
    "calls of a function": (_called, (5000, 50_000)),
    "branches on a constant, nested": (lambda n: _branches(n, True), (10, 20, 30)),
    "branches on data, nested": (lambda n: _branches(n, False), (10, 30)),
    "branches in both branches": (_bushy, (4, 14)),
    "trips of a loop": (lambda n: _loops(n, 1), (1024, 1025, 2**31, 2**62)),
    "trips of a loop of a hundred nodes": (lambda n: _loops(n, 1, 100), (199, 1024)),
    "trips of two loops": (lambda n: _loops(n, 2), (140, 1000)),
    "trips of nine loops": (lambda n: _loops(n, 9), (3, 1000)),
    "loops in loops of one trip": (lambda n: _loops(1, n), (10, 30)),
    "trips of a loop that doubles": (_growing, (20, 30, 62, 1024)),
    "trips of a scan": (_scan, (1024, 2**20)),
    "steps of an RNN": (lambda n: _recurrent("RNN", n, 1), (4096, 2**20)),
    "steps of an LSTM": (lambda n: _recurrent("LSTM", n, 4), (1024, 2**24)),
}


def cases() -> Cases:
    """Each kind, so deep or so often."""
    for what, (make, numbers) in KINDS.items():
        for number in numbers:
            yield compiled(f"{number} {what}", lambda m=make, n=number: m(n))
