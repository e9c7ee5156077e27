"""The node cases of ONNX with one attribute, small input or shape at an extreme: a network, or an error message."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import onnx
import pytest

from deeploy_mlir import api
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.testing.node_cases import node_cases

INTEGERS = (0, -1, 1, 2, 7, 2**31 - 1, 2**31, 2**62, -(2**63))
FLOATS = (0.0, -1.0, 1e-30, 3e38, float("inf"), float("nan"))
STRINGS = ("", "none", "NOTSET", "SAME_LOWER", "VALID", "linear")
SIZES = (0, 1, 2, 3, 5)
FEW = 40
MANY = 6000


def _pick(rng: np.random.Generator, values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def _integers(rng: np.random.Generator, old: list[int]) -> list[int]:
    """A list of integers at an extreme: one item, one more or less, or empty."""
    new = list(old)
    match int(rng.integers(4)):
        case 0 if new:
            new[int(rng.integers(len(new)))] = _pick(rng, INTEGERS)
        case 1:
            new.append(_pick(rng, INTEGERS))
        case 2 if new:
            new.pop()
        case _:
            new = [] if rng.random() < 0.5 else [_pick(rng, INTEGERS)] * max(len(new), 1)
    return new


def _change_attribute(node: onnx.NodeProto, rng: np.random.Generator) -> bool:
    """One attribute that the operator has, present or not, at an extreme. False if it has none of a simple kind."""
    if not onnx.defs.has(node.op_type, node.domain):
        return False
    schema: Any = onnx.defs.get_schema(node.op_type, node.domain)
    simple = [a for a in schema.attributes.values() if a.type.name in ("INT", "INTS", "FLOAT", "FLOATS", "STRING")]
    if not simple:
        return False
    attribute = _pick(rng, sorted(simple, key=lambda a: a.name))
    old = next((a for a in node.attribute if a.name == attribute.name), None)
    values: dict[str, Any] = {
        "INT": _pick(rng, INTEGERS),
        "INTS": _integers(rng, list(old.ints) if old is not None else []),
        "FLOAT": _pick(rng, FLOATS),
        "FLOATS": [_pick(rng, FLOATS)] * int(rng.integers(4)),
        "STRING": _pick(rng, STRINGS),
    }
    if old is not None:
        node.attribute.remove(old)
        if rng.random() < 0.1:
            return True
    kind: Any = getattr(onnx.AttributeProto, attribute.type.name)
    node.attribute.append(onnx.helper.make_attribute(attribute.name, values[attribute.type.name], attr_type=kind))
    return True


def _change_shape(model: onnx.ModelProto, rng: np.random.Generator) -> None:
    """One dimension of an input, or its rank."""
    value = _pick(rng, model.graph.input)
    dims = value.type.tensor_type.shape.dim
    if dims and rng.random() < 0.6:
        dims[int(rng.integers(len(dims)))].dim_value = _pick(rng, SIZES)
    elif dims and rng.random() < 0.5:
        del dims[int(rng.integers(len(dims)))]
    else:
        dims.add().dim_value = _pick(rng, SIZES)


def _fix_inputs(model: onnx.ModelProto, case: Any, rng: np.random.Generator) -> None:
    """Makes small integer inputs constants, most often with a value at an extreme; and others now and then."""
    for value, data in zip(list(model.graph.input), case.data_sets[0][0], strict=False):
        tensor = data if isinstance(data, onnx.TensorProto) else None
        if tensor is None or tensor.name == "":
            continue
        array = onnx.numpy_helper.to_array(tensor)
        small = array.dtype.kind in "iu" and array.ndim <= 1 and array.size <= 16
        if not small and rng.random() > 0.1:
            continue
        if small and rng.random() < 0.4:
            found = _integers(rng, [int(v) for v in array.reshape(-1)])
            array = np.array(found, np.float64).clip(*_limits(array.dtype)).astype(array.dtype)
        model.graph.input.remove(value)
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array), value.name))


def _limits(dtype: Any) -> tuple[float, float]:
    info = np.iinfo(dtype)
    return float(info.min), float(info.max) if info.bits < 64 else 2.0**62


def mutant(cases: list[Any], seed: int) -> tuple[str, onnx.ModelProto]:
    """A case's model with something at an extreme."""
    rng = np.random.default_rng(seed)
    case = _pick(rng, cases)
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    _fix_inputs(model, case, rng)
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    changed = rng.random() < 0.7 and _change_attribute(_pick(rng, model.graph.node), rng)
    if model.graph.input and (not changed or rng.random() < 0.1):
        _change_shape(model, rng)
    return case.name, model


def fault(model: onnx.ModelProto, target: str) -> str | None:
    """What goes wrong other than by a message."""
    try:
        api.compile(model.SerializeToString(), target=target)
    except DeeployError:
        return None
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


@pytest.fixture(scope="module")
def cases() -> list[Any]:
    return node_cases()


@pytest.mark.parametrize(
    "seeds", [range(FEW), pytest.param(range(FEW, MANY), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_extremes(seeds: range, cases: list[Any]) -> None:
    logging.getLogger("deeploy_mlir").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    found = [(seed, name, fault(model, "generic")) for seed in seeds for name, model in [mutant(cases, seed)]]
    assert not [entry for entry in found if entry[2] is not None]
