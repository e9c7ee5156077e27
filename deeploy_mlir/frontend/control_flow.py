"""If on a constant, Loop and Scan with a known trip count: their graphs are imported in place, once a trip."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import MutableMapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import onnx

from deeploy_mlir.frontend.graph import ControlFlow, GraphImporter
from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.node import Node
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError

MAX_TRIPS = 256
"""Loops with more trips are refused: each trip is compiled."""


def _body(node: Node, name: str) -> onnx.GraphProto:
    graph = node.attrs.get(name)
    if not isinstance(graph, onnx.GraphProto):
        raise DeeployError(f"{node.op_type} needs the graph '{name}'", node.name)
    return graph


def _run(
    importer: GraphImporter, graph: onnx.GraphProto, inputs: list[Value], env: MutableMapping[str, Value], node: Node
) -> list[Value]:
    constants = {tensor.name for tensor in graph.initializer}
    names = [value.name for value in graph.input if value.name not in constants]
    if len(names) != len(inputs):
        raise DeeployError(f"the graph of {node.op_type} takes {len(names)} values, not {len(inputs)}", node.name)
    inner: ChainMap[str, Value] = ChainMap(dict(zip(names, inputs, strict=True)), env)
    return importer.graph(graph, inner)


def _if(importer: GraphImporter, node: Node, env: MutableMapping[str, Value]) -> list[Value]:
    condition = node.required(0)
    if not condition.is_constant:
        return _both_branches(importer, node, env, condition)
    branch = "then_branch" if bool(np.asarray(condition.array()).reshape(-1)[0]) else "else_branch"
    return _run(importer, _body(node, branch), [], env, node)


def _both_branches(
    importer: GraphImporter, node: Node, env: MutableMapping[str, Value], condition: Value
) -> list[Value]:
    """An If whose condition depends on data: both branches are computed, and their values chosen from."""
    emitter = importer.emitter
    (scalar,) = emitter.onnx("Reshape", [condition, emitter.constant([], f"{node.name}_shape")], {}, node.name)
    branches = [_run(importer, _body(node, name), [], env, node) for name in ("then_branch", "else_branch")]
    results: list[Value] = []
    for first, second in zip(*branches, strict=True):
        if first.type != second.type:
            raise DeeployError(
                f"the branches of If, whose condition depends on data, give {first.type} and {second.type}; they must "
                "be of one type, as both are computed",
                node.name,
            )
        results += emitter.onnx("Where", [scalar, first, second], {}, node.name)
    return results


def _stacked(emitter: Emitter, slices: list[Value], axis: int, node: Node) -> Value:
    """Values of one shape stacked along a new axis."""
    axes = emitter.constant([axis], f"{node.name}_axis")
    expanded = [emitter.onnx("Unsqueeze", [value, axes], {}, node.name)[0] for value in slices]
    return emitter.onnx("Concat", expanded, {"axis": axis}, node.name)[0]


def _goes_on(body: onnx.GraphProto) -> bool:
    """Whether a loop's body hands its condition on as it is, so that only the trip count ends the loop."""
    if len(body.input) < 2 or not body.output:
        return False
    sources = {n.output[0]: n.input[0] for n in body.node if n.op_type == "Identity" and n.input and n.output}
    name, seen = body.output[0].name, set[str]()
    while name in sources and name not in seen:
        seen.add(name)
        name = sources[name]
    return name == body.input[1].name


def _loop(importer: GraphImporter, node: Node, env: MutableMapping[str, Value]) -> list[Value]:
    body = _body(node, "body")
    trips, condition = node.input(0), node.input(1)
    for value, what in ((trips, "trip count"), (condition, "first condition")):
        if value is not None and not value.is_constant:
            raise DeeployError(f"the {what} of Loop depends on data; only a known one can be compiled", node.name)
    carried: list[Value] = [value for value in node.inputs[2:] if value is not None]
    going = condition is None or bool(condition.array().reshape(-1)[0])
    limit = None if trips is None else int(trips.array().reshape(-1)[0])
    scanned: list[list[Value]] = [[] for _ in range(len(body.output) - 1 - len(carried))]
    endless = _goes_on(body)
    if going and endless and (limit is None or limit > MAX_TRIPS):
        count = "that never ends" if limit is None else f"of {limit} trips"
        raise DeeployError(f"Loop {count}; at most {MAX_TRIPS} trips can be compiled", node.name)
    trip = 0
    while going and (limit is None or trip < limit):
        if trip >= MAX_TRIPS:
            raise DeeployError(f"Loop of more than {MAX_TRIPS} trips", node.name)
        emitter = importer.emitter
        inputs = [
            emitter.constant(np.asarray(trip, np.int64), f"{node.name}_trip"),
            emitter.constant(np.asarray(True), f"{node.name}_condition"),
            *carried,
        ]
        known = limit if endless else None
        with importer.first_trip(known, node) if known is not None and trip == 0 else nullcontext():
            outputs = _run(importer, body, inputs, env, node)
        if not outputs[0].is_constant:
            raise DeeployError(
                "the condition of Loop depends on data; only a known trip count can be compiled", node.name
            )
        going = endless or bool(outputs[0].array().reshape(-1)[0])
        carried = outputs[1 : 1 + len(carried)]
        for collected, value in zip(scanned, outputs[1 + len(carried) :], strict=True):
            collected.append(value)
        trip += 1
    if any(not collected for collected in scanned):
        raise DeeployError("Loop without a trip has scan outputs of unknown shape", node.name)
    results = [*carried, *(_stacked(importer.emitter, collected, 0, node) for collected in scanned)]
    return [value for value, name in zip(results, node.outputs, strict=False) if name]


def _ints(node: Node, name: str, count: int) -> list[int]:
    found: Any = node.attrs.get(name)
    return [int(v) for v in found] if found else [0] * count


def _scan(importer: GraphImporter, node: Node, env: MutableMapping[str, Value]) -> list[Value]:
    body, emitter = _body(node, "body"), importer.emitter
    if node.opset < 9:
        raise DeeployError("Scan before operator set 9 has a batch axis, which is not supported", node.name)
    inputs = [value for value in node.inputs if value is not None]
    count = node.integer("num_scan_inputs")
    carried, sequences = inputs[: len(inputs) - count], inputs[len(inputs) - count :]
    outputs_count = len(body.output) - len(carried)
    axes, directions = _ints(node, "scan_input_axes", count), _ints(node, "scan_input_directions", count)
    out_axes = _ints(node, "scan_output_axes", outputs_count)
    out_directions = _ints(node, "scan_output_directions", outputs_count)
    if not sequences:
        raise DeeployError("Scan needs a scanned input", node.name)
    trips = sequences[0].shape[axes[0]]
    if not 0 < trips <= MAX_TRIPS:
        raise DeeployError(f"Scan of {trips} trips; 1 to {MAX_TRIPS} can be compiled", node.name)
    scanned: list[list[Value]] = [[] for _ in range(outputs_count)]
    for trip in range(trips):
        slices: list[Value] = []
        for value, axis, direction in zip(sequences, axes, directions, strict=True):
            index = emitter.constant(
                np.asarray(trips - 1 - trip if direction else trip, np.int64), f"{node.name}_index"
            )
            slices.append(emitter.onnx("Gather", [value, index], {"axis": axis}, node.name)[0])
        with importer.first_trip(trips, node) if trip == 0 else nullcontext():
            outputs = _run(importer, body, [*carried, *slices], env, node)
        carried = outputs[: len(carried)]
        for collected, value in zip(scanned, outputs[len(carried) :], strict=True):
            collected.append(value)
    stacked: list[Value] = []
    for collected, axis, direction in zip(scanned, out_axes, out_directions, strict=True):
        axis += len(collected[0].shape) + 1 if axis < 0 else 0
        stacked.append(_stacked(emitter, collected[::-1] if direction else collected, axis, node))
    return [value for value, name in zip([*carried, *stacked], node.outputs, strict=False) if name]


CONTROL_FLOW: ControlFlow = {"If": _if, "Loop": _loop, "Scan": _scan}
