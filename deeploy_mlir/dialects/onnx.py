"""The `onnx` dialect: one operation for every operator of the ONNX schema registry, in its newest version.

The classes are generated from the registry of the installed `onnx` package: `onnx.Conv` has the operands X, W and B?
of the schema, its attributes as properties and its type constraints as verifier.

    %y = "onnx.Conv"(%x, %w) <{strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>}>
           {onnx_node_name = "Conv_0"} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x4x4xf32>

Conventions
- Values are tensors of static shape. Weights are `ml_program.global` symbols read by `ml_program.global_load_const`.
- INT is an i64 IntegerAttr, FLOAT an f32 FloatAttr, STRING a string, INTS `array<i64>`, FLOATS `array<f32>`,
  STRINGS an array of strings, TENSOR dense elements, GRAPH a region that ends with `onnx.Yield`.
- An attribute that is absent has the schema's default: `op.attr("axis")` gives it.
- Meaning is that of the newest operator set; the importer rewrites older forms (`frontend/legacy.py`).
- Integer networks: ConvInteger, MatMulInteger, MaxPool, ReduceMax and ReduceMin take any integer element type here (the
  first three stop at 8 bits in ONNX's schemas, the others leave out 16); sums are exact in the result's type (i32).
- Conv, ConvInteger, QLinearConv and the pools come from the importer with kernel_shape, strides, dilations and pads
  (and group) written out, never with `auto_pad`. ConvInteger pads with x's zero point (padding adds nothing to a sum),
  its bias is an `onnx.Add` of [C, 1, ...] behind it; MatMulInteger's an `onnx.Add` of [N], alpha, beta an `onnx.Mul`.
- A network is one `func.func` in a module of the same symbol, with the ONNX names in `arg_names` and `result_names`.
- `op.input("W")`, `op.inputs`, `op.attr("strides", [1, 1])`, `op.op_type`, `op.node_name`: see `graph_op.GraphOp`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, cast

import numpy as np
import onnx
from onnx.defs import OpSchema, get_all_schemas
from xdsl.dialects.builtin import (
    ArrayAttr,
    BFloat16Type,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    Float4E2M1FNType,
    Float8E4M3FNType,
    Float8E4M3FNUZType,
    Float8E5M2FNUZType,
    Float8E5M2Type,
    Float16Type,
    Float32Type,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    Signedness,
    StringAttr,
    TensorType,
    f32,
    i64,
)
from xdsl.ir import Attribute, Dialect, Operation, OpTraits, Region, SSAValue
from xdsl.irdl import (
    AnyAttr,
    AttrSizedOperandSegments,
    AttrSizedResultSegments,
    IRDLOption,
    OpDef,
    OperandDef,
    OptOperandDef,
    OptPropertyDef,
    OptResultDef,
    PropertyDef,
    RegionDef,
    ResultDef,
    VarOperandDef,
    VarResultDef,
    irdl_op_definition,
    traits_def,
    var_operand_def,
)
from xdsl.irdl import (
    IRDLOperation as _IRDLOperation,
)
from xdsl.traits import IsTerminator, Pure
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.graph_op import (
    NODE_NAME,
    OPERAND_SEGMENTS,
    RESULT_SEGMENTS,
    SEGMENTS,
    GraphOp,
    tensor_type,
    to_ir,
)
from deeploy_mlir.support.numpy_types import dense

_AttrType = OpSchema.AttrType
_Optional = OpSchema.FormalParameterOption.Optional
_Variadic = OpSchema.FormalParameterOption.Variadic

_ELEMENT_TYPES: dict[str, Attribute] = {
    "tensor(float)": Float32Type(),
    "tensor(float16)": Float16Type(),
    "tensor(bfloat16)": BFloat16Type(),
    "tensor(double)": Float64Type(),
    "tensor(bool)": IntegerType(1),
    "tensor(float8e4m3fn)": Float8E4M3FNType(),
    "tensor(float8e4m3fnuz)": Float8E4M3FNUZType(),
    "tensor(float8e5m2)": Float8E5M2Type(),
    "tensor(float8e5m2fnuz)": Float8E5M2FNUZType(),
    "tensor(float4e2m1)": Float4E2M1FNType(),
    **{f"tensor(int{n})": IntegerType(n) for n in (2, 4, 8, 16, 32, 64)},
    **{f"tensor(uint{n})": IntegerType(n, Signedness.UNSIGNED) for n in (2, 4, 8, 16, 32, 64)},
}

ANY_INTEGER = frozenset({"ConvInteger", "MatMulInteger", "MaxPool", "ReduceMax", "ReduceMin"})
"""Operators that take integers of every width here although their schema does not; see the module's docstring."""

RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)

_ATTRIBUTE_CLASSES: dict[str, tuple[type[Attribute], str]] = {
    "INT": (IntegerAttr, "an integer (i64)"),
    "FLOAT": (FloatAttr, "a float (f32)"),
    "STRING": (StringAttr, "a string"),
    "INTS": (DenseArrayBase, "array<i64>"),
    "FLOATS": (DenseArrayBase, "array<f32>"),
    "STRINGS": (ArrayAttr, "an array of strings"),
    "TENSOR": (DenseIntOrFPElementsAttr, "dense elements"),
}


def attribute_kind(schema: OpSchema, name: str) -> str | None:
    """The kind of a schema's attribute, such as `INTS`; None if it has no such attribute."""
    found = schema.attributes.get(name)
    return None if found is None else str(cast(Any, found.type).name)


class OnnxOp(GraphOp):
    """An operator of the ONNX standard; `schema` is its definition."""

    schema: ClassVar[OpSchema]

    @classmethod
    def attribute_to_ir(cls, name: str, value: Any) -> Attribute:
        kind = attribute_kind(cls.schema, name)
        if kind == "FLOAT":
            return FloatAttr(float(value), f32)
        if kind in ("INTS", "FLOATS"):
            item_type, number = (i64, int) if kind == "INTS" else (f32, float)
            return DenseArrayBase.from_list(cast(Any, item_type), [number(item) for item in value])
        if kind == "STRINGS":
            return ArrayAttr([StringAttr(item) for item in value])
        if kind == "TENSOR":
            return dense(np.asarray(value))
        return to_ir(value)

    def default_attr(self, name: str) -> Any:
        attribute = self.schema.attributes.get(name)
        if attribute is None:
            raise KeyError(f"{self.name} has no attribute '{name}'")
        proto = attribute.default_value
        if proto.type == onnx.AttributeProto.UNDEFINED:
            return None
        value: Any = onnx.helper.get_attribute_value(proto)
        return value.decode() if isinstance(value, bytes) else value

    def verify_(self) -> None:
        """Arity, attributes and element types against the schema."""
        _verify_arity(self, "operand", self.schema.inputs, len(self.operands), OPERAND_SEGMENTS)
        _verify_arity(self, "result", self.schema.outputs, len(self.results), RESULT_SEGMENTS)
        _verify_attributes(self)
        _verify_types(self)
        for trait in type(self).get_irdl_definition().traits:
            trait.verify(self)


def _verify_arity(
    op: OnnxOp, what: str, formals: Sequence[OpSchema.FormalParameter], count: int, segments: str
) -> None:
    names = ", ".join(f.name + {_Optional: "?", _Variadic: "..."}.get(f.option, "") for f in formals)
    single = [f for f in formals if f.option not in (_Optional, _Variadic)]
    sizes = op.properties.get(segments)
    if isinstance(sizes, DenseArrayBase):
        counts = [int(n) for n in sizes.get_values()]
        if len(counts) != len(formals) or sum(counts) != count:
            raise VerifyException(
                f"{op.node_name}: {segments} {counts} do not describe the {count} {what}s of {op.name} ({names})"
            )
    elif len(formals) - len(single) > 1:
        raise VerifyException(f"{op.node_name}: {op.name} ({names}) needs {segments}")
    else:
        counts = [1 if f in single else count - len(single) for f in formals]
    for formal, number in zip(formals, counts, strict=True):
        optional = formal.option == _Optional
        variadic = formal.option == _Variadic
        if number < 0 or (number == 0 and not optional and not variadic):
            raise VerifyException(f"{op.node_name}: {op.name} ({names}) has {count} {what}s; one is missing")
        if number > 1 and not variadic:
            raise VerifyException(f"{op.node_name}: {op.name} takes one {what} '{formal.name}', not {number}")
        if variadic and number < formal.min_arity:
            raise VerifyException(
                f"{op.node_name}: {op.name} takes at least {formal.min_arity} of {what} '{formal.name}', not {number}"
            )
    if sum(counts) != count:
        raise VerifyException(f"{op.node_name}: {op.name} takes the {what}s ({names}), but has {count}")


def _verify_attributes(op: OnnxOp) -> None:
    known = op.schema.attributes
    for name, value in op.properties.items():
        if name in SEGMENTS:
            continue
        if name not in known or known[name].type == _AttrType.GRAPH:
            raise VerifyException(f"{op.node_name}: {op.name} has no attribute '{name}'; it has {sorted(known)}")
        cls, text = _ATTRIBUTE_CLASSES.get(attribute_kind(op.schema, name) or "", (Attribute, "any attribute"))
        if not isinstance(value, cls):
            raise VerifyException(f"{op.node_name}: attribute '{name}' of {op.name} must be {text}, not {value}")
    for name in op.attributes:
        if name != NODE_NAME and "." not in name:
            raise VerifyException(f"{op.node_name}: {op.name} has no attribute '{name}'; it has {sorted(known)}")
    for name, attribute in known.items():
        if attribute.required and attribute.type != _AttrType.GRAPH and name not in op.properties:
            raise VerifyException(f"{op.node_name}: {op.name} needs the attribute '{name}'")


@cache
def allowed_types(op_type: str) -> Mapping[str, frozenset[Attribute]]:
    """Element types that each type parameter (`T`) of an operator may have."""
    constraints: dict[str, frozenset[Attribute]] = {}
    for constraint in OPERATORS[op_type].schema.type_constraints:
        allowed = {_ELEMENT_TYPES[t] for t in constraint.allowed_type_strs if t in _ELEMENT_TYPES}
        if op_type in ANY_INTEGER and any(isinstance(t, IntegerType) for t in allowed):
            allowed |= {t for t in _ELEMENT_TYPES.values() if isa(t, IntegerType) and t.bitwidth not in (2, 4)}
        constraints[constraint.type_param_str] = frozenset(allowed)
    return constraints


def _verify_types(op: OnnxOp) -> None:
    allowed = allowed_types(op.op_type)
    bound: dict[str, tuple[Attribute, str]] = {}
    groups = [
        *(("operand", f, s) for f, s in zip(op.schema.inputs, op.operand_segments(), strict=True)),
        *(("result", f, s) for f, s in zip(op.schema.outputs, op.result_segments(), strict=True)),
    ]
    for what, formal, values in groups:
        for value in values:
            found = value.type
            if not isinstance(found, TensorType) or not cast("TensorType[Any]", found).has_static_shape():
                raise VerifyException(
                    f"{op.node_name}: {what} '{formal.name}' of {op.name} must be a tensor of static shape, not {found}"
                )
            element = tensor_type(value).element_type
            choices = allowed.get(formal.type_str, frozenset({_ELEMENT_TYPES.get(formal.type_str, element)}))
            if element not in choices:
                raise VerifyException(
                    f"{op.node_name}: {what} '{formal.name}' of {op.name} is {tensor_type(value)}, but its element "
                    f"type must be one of {', '.join(sorted(map(str, choices)))}"
                )
            if formal.option == _Variadic and not formal.is_homogeneous:
                continue
            first, name = bound.setdefault(formal.type_str, (element, formal.name))
            if first != element:
                raise VerifyException(
                    f"{op.node_name}: '{name}' and '{formal.name}' of {op.name} must have one element type, "
                    f"but have {first} and {element}"
                )


def _operand(formal: OpSchema.FormalParameter) -> OperandDef:
    if formal.option == _Optional:
        return OptOperandDef(AnyAttr())
    return VarOperandDef(AnyAttr()) if formal.option == _Variadic else OperandDef(AnyAttr())


def _result(formal: OpSchema.FormalParameter) -> ResultDef:
    if formal.option == _Optional:
        return OptResultDef(AnyAttr())
    return VarResultDef(AnyAttr()) if formal.option == _Variadic else ResultDef(AnyAttr())


def _define(schema: OpSchema) -> type[OnnxOp]:
    """The operation class of one schema."""
    operands = [(f.name, _operand(f)) for f in schema.inputs]
    results = [(f.name, _result(f)) for f in schema.outputs]
    properties: dict[str, PropertyDef] = {}
    options: list[IRDLOption] = []
    if sum(isinstance(d, VarOperandDef) for _, d in operands) > 1:
        options.append(AttrSizedOperandSegments(as_property=True))
        properties[OPERAND_SEGMENTS] = PropertyDef(AnyAttr())
    if sum(isinstance(d, VarResultDef) for _, d in results) > 1:
        options.append(AttrSizedResultSegments(as_property=True))
        properties[RESULT_SEGMENTS] = PropertyDef(AnyAttr())
    graphs = [name for name, a in schema.attributes.items() if a.type == _AttrType.GRAPH]
    for name in schema.attributes:
        if name not in graphs:
            properties[name] = OptPropertyDef(AnyAttr())
    pure = () if schema.name in RANDOM else (Pure(),)
    op_def = OpDef(
        f"onnx.{schema.name}",
        operands=operands,
        results=results,
        properties=properties,
        regions=[(name, RegionDef()) for name in sorted(graphs, reverse=True)],
        options=options,
        traits=OpTraits(lambda: pure),
    )
    namespace: dict[str, Any] = {
        "name": op_def.name,
        "schema": schema,
        "traits": op_def.traits,
        "get_irdl_definition": classmethod(lambda cls: op_def),
        "__doc__": f"ONNX operator {schema.name}, version {schema.since_version}.",
        "__module__": __name__,
    }
    return cast(type[OnnxOp], type(f"{schema.name}Op", (OnnxOp,), namespace))


@irdl_op_definition
class YieldOp(_IRDLOperation):
    """Ends the region of a control-flow operator and gives the values of its graph's outputs."""

    name = "onnx.Yield"
    values = var_operand_def()
    traits = traits_def(IsTerminator())

    def __init__(self, values: Sequence[SSAValue]) -> None:
        super().__init__(operands=[list(values)])


OPERATORS: Mapping[str, type[OnnxOp]] = {
    schema.name: _define(schema) for schema in get_all_schemas() if schema.domain == "" and not schema.deprecated
}
"""Operator name -> class, such as `OPERATORS["Conv"]`."""


def is_op(op: Operation | None, *op_types: str) -> bool:
    """Whether the operation is one of these ONNX operators."""
    return isinstance(op, OnnxOp) and op.op_type in op_types


def make(
    op_type: str,
    operands: Sequence[SSAValue | None],
    result_types: Sequence[Attribute | None],
    attrs: Mapping[str, Any] | None = None,
    node_name: str | None = None,
    regions: Sequence[Region] = (),
) -> OnnxOp:
    """An ONNX operation from Python values; see `GraphOp.of`. Raises KeyError for an operator that ONNX lacks."""
    return OPERATORS[op_type].of(operands, result_types, attrs, node_name, regions)


Onnx = Dialect("onnx", [*OPERATORS.values(), YieldOp], [])
