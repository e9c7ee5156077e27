"""Mutated model files: an error message within two seconds, or a network in the time of one; never another exception,
a hang or a crash.

Bytes are flipped, cut and repeated; fields of the protobuf are changed so that the file stays readable: dimensions
become huge or negative, attributes arbitrary, names are swapped so that graphs get cycles and dangling inputs.
"""

from __future__ import annotations

import logging
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest

from deeploy_mlir import api
from deeploy_mlir.support.errors import DeeployError

from .operator_cases import FAMILIES, random_model

DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits"
SECONDS = 2.0
WHOLE_SECONDS = 8.0
"""What is still a network may take as long as the shipped ones."""
FEW = 60
MANY = int(os.environ.get("DEEPLOY_FUZZ", "400")) * 5
NUMBERS = (0, -1, 1, 2, 3, 127, 2**15, 2**31 - 1, 2**31, 2**62, -(2**63))


def mutated_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes changed, a piece cut out, repeated or moved."""
    text = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        at, length = int(rng.integers(len(text))), int(rng.integers(1, 40))
        kind = int(rng.integers(5))
        if kind == 0:
            text[at] = int(rng.integers(256))
        elif kind == 1:
            text[at] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            del text[at : at + length]
        elif kind == 3:
            text[at:at] = text[at : at + length]
        else:
            del text[at:]
        if not text:
            return b""
    return bytes(text)


def _number(rng: np.random.Generator) -> int:
    return NUMBERS[int(rng.integers(len(NUMBERS)))]


def mutated_fields(data: bytes, rng: np.random.Generator) -> bytes:
    """Up to three fields changed."""
    model = onnx.load_model_from_string(data)
    graph = model.graph
    names = [n for node in graph.node for n in (*node.input, *node.output)]
    for _ in range(int(rng.integers(1, 4))):
        node = graph.node[int(rng.integers(len(graph.node)))]
        kind = int(rng.integers(9))
        if kind == 0 and node.input:
            node.input[int(rng.integers(len(node.input)))] = names[int(rng.integers(len(names)))]
        elif kind == 1 and node.output:
            node.output[0] = names[int(rng.integers(len(names)))]
        elif kind == 2 and node.attribute:
            _mutate_attribute(node.attribute[int(rng.integers(len(node.attribute)))], rng)
        elif kind == 3:
            node.op_type = ["Conv", "Reshape", "Loop", "If", "NoSuch", "", "Concat", "Gemm"][int(rng.integers(8))]
        elif kind == 4 and graph.initializer:
            tensor = graph.initializer[int(rng.integers(len(graph.initializer)))]
            if tensor.dims:
                tensor.dims[int(rng.integers(len(tensor.dims)))] = _number(rng)
        elif kind == 5 and graph.initializer:
            graph.initializer[int(rng.integers(len(graph.initializer)))].data_type = int(rng.integers(0, 30))
        elif kind == 6:
            value = graph.input[int(rng.integers(len(graph.input)))].type.tensor_type
            if value.shape.dim:
                value.shape.dim[int(rng.integers(len(value.shape.dim)))].dim_value = _number(rng)
        elif kind == 7:
            del graph.node[int(rng.integers(len(graph.node)))]
            if not graph.node:
                break
        elif kind == 8 and node.input:
            del node.input[int(rng.integers(len(node.input))) :]
    return model.SerializeToString()


def _mutate_attribute(attribute: onnx.AttributeProto, rng: np.random.Generator) -> None:
    if attribute.ints:
        attribute.ints[int(rng.integers(len(attribute.ints)))] = _number(rng)
        if rng.integers(3) == 0:
            attribute.ints.append(_number(rng))
    elif attribute.type == onnx.AttributeProto.INT:
        attribute.i = _number(rng)
    elif attribute.type == onnx.AttributeProto.FLOAT:
        attribute.f = float(rng.choice([np.nan, np.inf, -1e30, 0]))
    else:
        attribute.s = b"\xff\xfe"


GENERATED = [family for family in FAMILIES if family != "sequence"]
"""No recurrent operators, whose steps are unrolled: those that are in order take longer than refusing may."""


def sources() -> dict[str, bytes]:
    """The models to mutate: the shipped ones and small generated ones."""
    found = {name: (DIGITS / f"{name}.onnx").read_bytes() for name in ("digits", "digits_int8")}
    for family in GENERATED:
        found[family] = random_model(family, 7, 3).model().SerializeToString()
    return found


def check(data: bytes, what: str, whole: bool) -> bool:
    """Imports the file, or compiles it; whether it still is a network."""
    started = time.process_time()
    try:
        if whole:
            api.compile(data, "generic", name="mutant")
        else:
            api.import_network(data, api.ImportOptions(name="mutant"))
        good = True
    except DeeployError:
        good = False
    except Exception as error:
        pytest.fail(f"{what}: {type(error).__name__}: {error}")
    assert time.process_time() - started < (WHOLE_SECONDS if good else SECONDS), what
    return good


def run(name: str, count: int, first: int = 0) -> None:
    data, good = sources()[name], 0
    logging.getLogger("deeploy_mlir").setLevel(logging.ERROR)
    for seed in range(first, first + count):
        rng = np.random.default_rng(seed)
        change = mutated_fields if seed % 3 else mutated_bytes
        good += check(change(data, rng), f"{name} with seed {seed}", whole=seed % 4 == 2)
    assert good < count


@pytest.mark.parametrize("name", ["digits", "digits_int8", *GENERATED])
def test_mutated_files(name: str) -> None:
    run(name, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "digits_int8", *GENERATED])
def test_many_mutated_files(name: str) -> None:
    run(name, MANY, FEW)


def test_huge_dimensions_take_neither_time_nor_memory(tmp_path: Path) -> None:
    """In a process of its own that may not have more than 1 GiB beyond what Python and its libraries map."""
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 2**31, 2**20])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    fill = onnx.numpy_helper.from_array(np.array([2**31, 2**20]), "shape")
    node = onnx.helper.make_node("ConstantOfShape", ["shape"], ["big"], "fill")
    total = onnx.helper.make_node("Add", ["x", "big"], ["y"], "add")
    graph = onnx.helper.make_graph([node, total], "huge", [x], [y], [fill])
    path = tmp_path / "huge.onnx"
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))

    command = [sys.executable, "-m", "deeploy_mlir.cli", "compile", str(path), "--target", "generic", "-o", "out"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, preexec_fn=limit, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "deeploy: error:" in done.stderr
    assert "fault in deeploy" not in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
