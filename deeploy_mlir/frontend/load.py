"""Reading an ONNX file: protobuf, external data, operator set, order of the nodes. Every failure is a DeeployError."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx

from deeploy_mlir.support.errors import DeeployError

OLDEST_OPSET = 7
"""Before it, arithmetic operators broadcast by an attribute of their own."""
MAX_FILE_BYTES = 2**31 - 1
"""The most that a protobuf message has."""
STANDARD = ("", "ai.onnx")
_GRAPH_KINDS = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)


def load_model(model: str | Path | bytes | onnx.ModelProto) -> tuple[onnx.ModelProto, str, str]:
    """The model, the folder of its external data ("" if there is none), and a name for it.

    Raises DeeployError for a file that is missing, truncated or no ONNX model, and for operator sets before 7."""
    base_dir, name = "", ""
    if isinstance(model, onnx.ModelProto):
        proto = model
    elif isinstance(model, bytes):
        proto = _parse(model, "model")
    else:
        path = Path(model)
        name, base_dir = path.stem, str(path.resolve().parent)
        try:
            size = path.stat().st_size
            if size > MAX_FILE_BYTES or path.is_char_device():
                raise DeeployError(f"is larger than {MAX_FILE_BYTES} bytes, which no ONNX file is", str(path))
            data = path.read_bytes()
        except OSError as error:
            raise DeeployError(f"cannot be read: {error.strerror}", str(path)) from None
        proto = _parse(data, str(path))
    if not proto.HasField("graph") or not (proto.graph.node or proto.graph.output):
        raise DeeployError("is not an ONNX model: it has no graph", name or "model")
    _check_text(proto, name or "model")
    opset = standard_opset(proto)
    if opset < OLDEST_OPSET and any(_changed_before_oldest(node, opset) for node in proto.graph.node):
        raise DeeployError(
            f"is written for operator set {opset}; {OLDEST_OPSET} or newer is needed: convert it with "
            "onnx.version_converter.convert_version",
            name or "model",
        )
    newest = onnx.defs.onnx_opset_version()
    if opset > newest:
        raise DeeployError(
            f"is written for operator set {opset}, but the installed onnx package ({onnx.__version__}) knows up to "
            f"{newest}: install a newer one, or export for an older operator set",
            name or "model",
        )
    return proto, base_dir, name or proto.graph.name


def _changed_before_oldest(node: onnx.NodeProto, opset: int) -> bool:
    """Whether a node means something else in its operator set than in the oldest one that is read."""
    if node.domain not in STANDARD or not onnx.defs.has(node.op_type, max_inclusive_version=opset, domain=""):
        return node.domain in STANDARD
    then, now = (onnx.defs.get_schema(node.op_type, version, "") for version in (opset, OLDEST_OPSET))
    return then.since_version != now.since_version


def _parse(data: bytes, what: str) -> onnx.ModelProto:
    try:
        return onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own exceptions, which differ between its implementations
        raise DeeployError(f"is not an ONNX model, or is truncated: {error}", what) from None


def _graph_texts(graph: onnx.GraphProto) -> Iterator[object]:
    yield graph.name
    for value in [*graph.input, *graph.output, *graph.value_info]:
        yield value.name
        yield from (dim.dim_param for dim in value.type.tensor_type.shape.dim)
    yield from (tensor.name for tensor in graph.initializer)
    yield from (tensor.values.name for tensor in graph.sparse_initializer)
    for node in graph.node:
        yield from _node_texts(node)


def _node_texts(node: onnx.NodeProto) -> Iterator[object]:
    yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
    for attribute in node.attribute:
        yield from (attribute.name, attribute.ref_attr_name)
    for graph in node_graphs(node):
        yield from _graph_texts(graph)


def _check_text(model: onnx.ModelProto, what: str) -> None:
    """Names have to be text: protobuf hands on bytes that are none instead of refusing them."""
    texts: list[object] = [entry.domain for entry in model.opset_import]
    for function in model.functions:
        texts += [function.name, function.domain, *function.input, *function.output]
        texts += [text for node in function.node for text in _node_texts(node)]
    for text in [*texts, *_graph_texts(model.graph)]:
        if not isinstance(text, str):
            raise DeeployError(f"is corrupt: the name {text!r} is not UTF-8 text", what)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise DeeployError(f"is corrupt: the name {text!r} is not UTF-8 text", what) from None


def standard_opset(model: onnx.ModelProto) -> int:
    """The version of the standard operator set; the newest one where the file names several, or none."""
    versions = [entry.version for entry in model.opset_import if entry.domain in STANDARD]
    return max(versions) if versions else onnx.defs.onnx_opset_version()


def node_graphs(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """The graphs among a node's attributes: bodies and branches."""
    return [g for a in node.attribute if a.type in _GRAPH_KINDS for g in [a.g, *a.graphs]]


def outer_names(graph: onnx.GraphProto) -> set[str]:
    """Names that a graph takes from outside: of nodes' inputs, and of its nodes' own graphs."""
    own = {value.name for value in graph.input} | {value.name for value in graph.initializer}
    own |= {value.values.name for value in graph.sparse_initializer}
    used: set[str] = {value.name for value in graph.output}
    for node in graph.node:
        own.update(node.output)
        used |= node_inputs(node)
    return used - own


def node_inputs(node: onnx.NodeProto) -> set[str]:
    """Names that a node needs, those of its graphs included."""
    names = {name for name in node.input if name}
    for graph in node_graphs(node):
        names |= outer_names(graph)
    return names


def node_label(node: onnx.NodeProto, index: int) -> str:
    """A name for messages: the node's, or its first output's."""
    return node.name or next((name for name in node.output if name), f"{node.op_type}_{index}")


def sorted_nodes(nodes: Iterable[onnx.NodeProto], known: set[str], what: str) -> list[onnx.NodeProto]:
    """The nodes in an order in which each comes after those it needs; the file's order where that is one.

    Raises DeeployError for a cycle, for a tensor that nothing gives, and for one that two nodes give."""
    listed = list(nodes)
    producer: dict[str, int] = {}
    for index, node in enumerate(listed):
        for name in node.output:
            if name and (name in producer or name in known):
                raise DeeployError(f"tensor '{name}' is given twice", node_label(node, index))
            producer[name] = index
    waiting: dict[int, set[int]] = {}
    users: dict[int, list[int]] = {}
    for index, node in enumerate(listed):
        needs: set[int] = set()
        for name in node_inputs(node):
            if name in known:
                continue
            if name not in producer:
                raise DeeployError(f"input '{name}' is given by no node, input or initializer", node_label(node, index))
            needs.add(producer[name])
        waiting[index] = needs
        for need in needs:
            users.setdefault(need, []).append(index)
    ready = [index for index, needs in waiting.items() if not needs]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for user in users.get(index, []):
            waiting[user].discard(index)
            if not waiting[user]:
                heapq.heappush(ready, user)
    if len(order) < len(listed):
        stuck = next(index for index in range(len(listed)) if waiting[index])
        raise DeeployError(f"{what} has a cycle through this node", node_label(listed[stuck], stuck))
    return [listed[index] for index in order]
