"""Texts of all kinds in every place of a model that takes one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..adversarial import model_of, node, tensor_input
from .case import MARK, Cases, compiled

PAYLOADS = {
    "comment end": f"*/ int {MARK} = 1; /*",
    "spliced comment end": f"*\\\n/ int {MARK} = 1; /*",
    "spliced by CR": f"*\\\r\n/ int {MARK} = 1; /*",
    "line": f"x\nint {MARK} = 1;\n",
    "CR": f"x\rint {MARK} = 1;\r",
    "separators": f"x\u2028int {MARK} = 1;\u0085int {MARK};\v\f",
    "trigraph": f"x??/\nint {MARK} = 1;",
    "backslash": "x\\",
    "string end": f'" ; int {MARK} = 1; "',
    "directive": f"\n#define {MARK} 1\n",
    "escape": "\x1b[31m\x1b]0;title\x07",
    "NUL": f"a\x00{MARK}",
    "make": f"$(shell touch {MARK}) `touch {MARK}` ;touch {MARK}",
    "cmake": f'$ENV{{HOME}} ${{{MARK}}} ") execute_process(COMMAND touch {MARK})',
    "path": f"../../{MARK}",
    "absolute": f"/tmp/{MARK}",
    "format": "%s%n%1000000d",
    "long": "n" * 100_000,
    "keyword": "int",
    "number": "193",
    "bidi": f"\u202e{MARK}\u202c\ufeff",
    "empty": "",
}


def _base() -> onnx.ModelProto:
    nodes = [node("MatMul", ["x", "w"], ["h"]), node("Relu", ["h"], ["r"]), node("Add", ["r", "b"])]
    weights = {"w": np.eye(4, dtype=np.float32), "b": np.ones(4, np.float32)}
    return model_of(nodes, [tensor_input("x", [2, 4])], weights=weights)


def _renamed(old: str) -> Callable[[str], onnx.ModelProto]:
    def make(text: str) -> onnx.ModelProto:
        model = _base()
        graph = model.graph
        for value in (*graph.input, *graph.output, *graph.initializer):
            value.name = text if value.name == old else value.name
        for found in graph.node:
            for names in (found.input, found.output):
                names[:] = [text if name == old else name for name in names]
        return model

    return make


def _node_name(text: str) -> onnx.ModelProto:
    model = _base()
    for found in model.graph.node:
        found.name = text
    return model


def _described(text: str) -> onnx.ModelProto:
    model = _base()
    model.doc_string = model.graph.doc_string = model.producer_name = model.producer_version = model.domain = text
    for described in (*model.graph.node, *model.graph.input, *model.graph.initializer):
        described.doc_string = text
    model.metadata_props.add(key=text, value=text)
    return model


def _graph_name(text: str) -> onnx.ModelProto:
    model = _base()
    model.graph.name = text
    return model


def _operator(text: str) -> onnx.ModelProto:
    model = _base()
    model.graph.node[1].op_type = text
    return model


def _domain(text: str) -> onnx.ModelProto:
    model = _base()
    model.graph.node[1].domain = text
    model.opset_import.add(domain=text, version=1)
    return model


def _attribute(text: str) -> onnx.ModelProto:
    model = _base()
    model.graph.node[1].attribute.append(helper.make_attribute(text or "a", 1))
    return model


def _attribute_text(text: str) -> onnx.ModelProto:
    return model_of([node("Conv", ["x", "w"], auto_pad=text)], [tensor_input("x", [1, 1, 4, 4])],
                    weights={"w": np.ones((1, 1, 3, 3), "f")})  # fmt: skip


def _dimension(text: str) -> onnx.ModelProto:
    model = _base()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = text
    return model


def _function(text: str) -> onnx.ModelProto:
    body = [helper.make_node("Relu", [text or "a"], ["b"], text)]
    function = helper.make_function("local", text, [text or "a"], ["b"], body, [helper.make_opsetid("", 20)])
    return model_of([helper.make_node(text, ["x"], ["y"], domain="local")], functions=[function])


def _location(text: str) -> onnx.ModelProto:
    model = _base()
    proto = TensorProto(name="w", data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    proto.dims.extend([4, 4])
    proto.external_data.add(key="location", value=text)
    model.graph.initializer[0].CopyFrom(proto)
    return model


def _sparse(text: str) -> onnx.ModelProto:
    model = model_of([node("Add", ["x", text or "w"])])
    values = numpy_helper.from_array(np.ones(1, np.float32), text or "w")
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, numpy_helper.from_array(np.zeros(1, np.int64), "i"), [4])
    )
    return model


PLACES: dict[str, Callable[[str], onnx.ModelProto]] = {
    "input": _renamed("x"),
    "output": _renamed("y"),
    "weight": _renamed("w"),
    "tensor": _renamed("r"),
    "node": _node_name,
    "description": _described,
    "graph": _graph_name,
    "operator": _operator,
    "domain": _domain,
    "attribute": _attribute,
    "attribute's text": _attribute_text,
    "dimension": _dimension,
    "function": _function,
    "location": _location,
    "sparse weight": _sparse,
}


def cases() -> Cases:
    """Each text in each place."""
    for place, make in PLACES.items():
        for what, text in PAYLOADS.items():
            yield compiled(f"name of {place}: {what}", lambda m=make, t=text: m(t))
