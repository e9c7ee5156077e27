"""What operations of the graph level (`onnx`, `qnn`) have in common: operands and attributes by their formal name.

A graph operation takes tensors with static shapes and gives tensors; an optional operand that is absent simply is
not there, and where several operands are optional or variadic the property `operandSegmentSizes` says which.
The name of the ONNX node it came from is the attribute `onnx_node_name`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, cast

import numpy as np
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    TensorType,
    f32,
    i64,
)
from xdsl.ir import Attribute, OpResult, Region, SSAValue
from xdsl.irdl import IRDLOperation, OpDef, OptOperandDef, OptResultDef, VarOperandDef, VarResultDef
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.support.numpy_types import Array, array_of, dense

NODE_NAME = "onnx_node_name"
OPERAND_SEGMENTS = "operandSegmentSizes"
RESULT_SEGMENTS = "resultSegmentSizes"
SEGMENTS = (OPERAND_SEGMENTS, RESULT_SEGMENTS)


def to_ir(value: Any) -> Attribute:
    """A Python value as the attribute that graph operations carry.

    int, bool -> i64 IntegerAttr; float -> f32 FloatAttr; str -> StringAttr; lists of int, float, str -> array<i64>,
    array<f32>, an array of strings; an array -> dense elements. Raises TypeError for anything else."""
    if isinstance(value, Attribute):
        return value
    if isinstance(value, bool | int | np.integer):
        return IntegerAttr(int(cast(int, value)), i64)
    if isinstance(value, float | np.floating):
        return FloatAttr(float(cast(float, value)), f32)
    if isinstance(value, str):
        return StringAttr(value)
    if isinstance(value, np.ndarray):
        return dense(cast(Array, value))
    if isinstance(value, list | tuple):
        items: list[Any] = list(cast("Sequence[Any]", value))
        if all(isinstance(item, int | np.integer) for item in items):
            return DenseArrayBase.from_list(i64, [int(item) for item in items])
        if all(isinstance(item, int | float | np.integer | np.floating) for item in items):
            return DenseArrayBase.from_list(f32, [float(cast(float, item)) for item in items])
        if all(isinstance(item, str) for item in items):
            return ArrayAttr([StringAttr(item) for item in items])
    raise TypeError(f"no attribute for a {type(cast(object, value)).__name__}")


def to_python(attr: Attribute) -> Any:
    """The Python value of an attribute made by `to_ir`; dense elements become a read-only array."""
    if isinstance(attr, IntegerAttr):
        return attr.value.data
    if isinstance(attr, FloatAttr):
        return attr.value.data
    if isinstance(attr, StringAttr):
        return attr.data
    if isinstance(attr, DenseArrayBase):
        return list(cast("DenseArrayBase[Any]", attr).get_values())
    if isinstance(attr, DenseIntOrFPElementsAttr):
        return array_of(cast("DenseIntOrFPElementsAttr[Any]", attr))
    if isinstance(attr, ArrayAttr):
        return [to_python(item) for item in cast("ArrayAttr[Attribute]", attr).data]
    raise TypeError(f"attribute {attr} is not one of a graph operation")


def tensor_type(value: SSAValue) -> TensorType[Any]:
    """The type of a value of the graph level, which is always a tensor. Raises VerifyException otherwise."""
    found = value.type
    if not isinstance(found, TensorType):
        raise VerifyException(f"a value of the graph level must be a tensor, not {found}")
    return cast("TensorType[Any]", found)


class GraphOp(IRDLOperation):
    """Base of all operations on the graph level."""

    @property
    def op_type(self) -> str:
        """The operator without its dialect, such as `Conv`."""
        return self.name.split(".", 1)[1]

    @property
    def node_name(self) -> str:
        """The ONNX node this came from, for messages; the operator type if it has none."""
        name = self.attributes.get(NODE_NAME)
        return name.data if isinstance(name, StringAttr) else self.name

    def operand_segments(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The operands of each formal parameter, in the order of the definition."""
        definitions = self.get_irdl_definition().operands
        multiple = [isinstance(d, VarOperandDef) for _, d in definitions]
        return _split(tuple(self.operands), multiple, self.properties.get(OPERAND_SEGMENTS))

    def result_segments(self) -> tuple[tuple[OpResult, ...], ...]:
        """The results of each formal parameter, in the order of the definition."""
        definitions = self.get_irdl_definition().results
        multiple = [isinstance(d, VarResultDef) for _, d in definitions]
        return _split(tuple(self.results), multiple, self.properties.get(RESULT_SEGMENTS))

    @property
    def inputs(self) -> tuple[SSAValue | None, ...]:
        """The operands by position, None where an optional one is absent; trailing absent ones are left out."""
        flat: list[SSAValue | None] = []
        for segment, (_, definition) in zip(self.operand_segments(), self.get_irdl_definition().operands, strict=True):
            flat.extend(segment if segment or not isinstance(definition, OptOperandDef) else (None,))
        while flat and flat[-1] is None:
            flat.pop()
        return tuple(flat)

    @property
    def outputs(self) -> tuple[OpResult | None, ...]:
        """The results by position, None where an optional one is not computed; trailing ones are left out."""
        flat: list[OpResult | None] = []
        for segment, (_, definition) in zip(self.result_segments(), self.get_irdl_definition().results, strict=True):
            flat.extend(segment if segment or not isinstance(definition, OptResultDef) else (None,))
        while flat and flat[-1] is None:
            flat.pop()
        return tuple(flat)

    def input(self, name: str) -> SSAValue | None:
        """The operand of this formal name (the ONNX schema's), None if it is absent. Raises KeyError: no such name."""
        for segment, (formal, _) in zip(self.operand_segments(), self.get_irdl_definition().operands, strict=True):
            if formal == name:
                return segment[0] if segment else None
        raise KeyError(f"{self.name} has no operand '{name}'")

    def required(self, name: str) -> SSAValue:
        """The operand of this formal name, which must be there. Raises VerifyException if it is absent."""
        value = self.input(name)
        if value is None:
            raise VerifyException(f"{self.node_name}: operand '{name}' of {self.name} is missing")
        return value

    def output(self, name: str) -> OpResult | None:
        """The result of this formal name, None if it is not computed. Raises KeyError: no such name."""
        for segment, (formal, _) in zip(self.result_segments(), self.get_irdl_definition().results, strict=True):
            if formal == name:
                return segment[0] if segment else None
        raise KeyError(f"{self.name} has no result '{name}'")

    def default_attr(self, name: str) -> Any:
        """The value that the definition gives to an attribute that is not set; None if there is none."""
        definition = self.get_irdl_definition().properties.get(name)
        if definition is None:
            raise KeyError(f"{self.name} has no attribute '{name}'")
        return None if definition.default_value is None else to_python(definition.default_value)

    def attr(self, name: str, default: Any = None) -> Any:
        """An attribute as int, float, str, list or array; if it is not set, `default`, else the definition's default.

        Raises KeyError if the operator has no such attribute."""
        value = self.properties.get(name)
        if value is not None:
            return to_python(value)
        schema_default = self.default_attr(name)
        return schema_default if default is None else default

    def python_attrs(self) -> dict[str, Any]:
        """Every attribute that is set, as Python values (without segment sizes and the node's name)."""
        return {name: to_python(value) for name, value in self.properties.items() if name not in SEGMENTS}

    @classmethod
    def of(
        cls,
        operands: Sequence[SSAValue | None],
        result_types: Sequence[Attribute | None],
        attrs: Mapping[str, Any] | None = None,
        node_name: str | None = None,
        regions: Sequence[Region] = (),
    ) -> Self:
        """Make the operation from operands by position (None = absent), result types by position, Python attributes.

        Raises VerifyException if there are more operands or results than the operator has."""
        definition = cls.get_irdl_definition()
        multiple = [isinstance(d, VarOperandDef) and not isinstance(d, OptOperandDef) for _, d in definition.operands]
        results_multiple = [
            isinstance(d, VarResultDef) and not isinstance(d, OptResultDef) for _, d in definition.results
        ]
        grouped = _group(list(operands), multiple, f"{cls.name} operands")
        grouped_results = _group(list(result_types), results_multiple, f"{cls.name} results")
        return cls.build(
            operands=_unwrap_single(grouped, definition, operands=True),
            result_types=_unwrap_single(grouped_results, definition, operands=False),
            properties={name: cls.attribute_to_ir(name, value) for name, value in (attrs or {}).items()},
            attributes={NODE_NAME: StringAttr(node_name)} if node_name else {},
            regions=list(regions),
        )

    @classmethod
    def attribute_to_ir(cls, name: str, value: Any) -> Attribute:
        """The IR form of a Python attribute value; refined where a schema knows the kind."""
        return to_ir(value)


def _split(values: tuple[Any, ...], multiple: list[bool], sizes: Attribute | None) -> tuple[tuple[Any, ...], ...]:
    if isinstance(sizes, DenseArrayBase):
        counts = [int(n) for n in sizes.get_values()]
    else:
        spare = len(values) - multiple.count(False)
        counts = [spare if many else 1 for many in multiple]
    segments: list[tuple[Any, ...]] = []
    start = 0
    for count in counts:
        segments.append(values[start : start + count])
        start += count
    return tuple(segments)


def _group(values: list[Any], multiple: list[bool], what: str) -> list[list[Any]]:
    groups: list[list[Any]] = []
    rest = values
    for many in multiple:
        taken, rest = (rest, []) if many else (rest[:1], rest[1:])
        groups.append([value for value in taken if value is not None])
    if any(value is not None for value in rest):
        raise VerifyException(f"{what}: {len(values)} given, at most {len(multiple)} taken")
    return groups


def _unwrap_single(groups: list[list[Any]], definition: OpDef, *, operands: bool) -> list[Any]:
    definitions = definition.operands if operands else definition.results
    out: list[Any] = []
    for group, (name, kind) in zip(groups, definitions, strict=True):
        if isinstance(kind, VarOperandDef | VarResultDef):
            out.append(group)
            continue
        if not group:
            raise VerifyException(f"{definition.name}: {'operand' if operands else 'result'} '{name}' is missing")
        out.append(group[0])
    return out
