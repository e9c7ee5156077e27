"""`deeploy-narrow-arithmetic`: scalar bodies in 32 bits where exact intervals prove that they suffice.

A requantisation is defined in 64 bits, which cost a 32-bit core several instructions each. The accumulator of a
convolution with constant weights is bounded, channel by channel, by the sum of their magnitudes times the range of the
input; from there intervals follow the body. An operation whose operands and result fit in i32 is done in i32; one that
cannot change its operand (a maximum with something smaller, adding 0) goes; what has one possible value is a constant.

    %3 = kernel.cast %acc : i32 to i64                    %3 = arith.muli %acc, %mul : i32
    %4 = kernel.cast %mul : i32 to i64           ->       %5 = arith.shrsi %3, %c8 : i32
    %5 = arith.muli %3, %4 : i64 ...
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.context import Context
from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, IntegerType, ModuleOp, i1, i32, i64
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.transforms.dead_code_elimination import region_dce
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.kernel import CastOp, KernelOp, YieldOp, element_type_of_value
from deeploy_mlir.ir.body_ranges import argument_intervals, operation_interval
from deeploy_mlir.ir.kernel_rewriting import output_of, rebuilt
from deeploy_mlir.ir.scalar_body import ScalarBody, integer_range
from deeploy_mlir.passes.shared.bias_folding import fold_added_constants
from deeploy_mlir.space.intervals import Interval

_Narrowed = (
    arith.AddiOp
    | arith.SubiOp
    | arith.MuliOp
    | arith.MaxSIOp
    | arith.MinSIOp
    | arith.DivSIOp
    | arith.FloorDivSIOp
    | arith.RemSIOp
    | arith.AndIOp
)
"""Operations whose i32 form gives the same if operands and result fit."""


@dataclass(frozen=True)
class NarrowArithmeticPass(ModulePass):
    """Rewrites every body on tensors. Results do not change."""

    name = "deeploy-narrow-arithmetic"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in list(op.walk()):
            if isinstance(inner, KernelOp) and inner.result is not None and inner.body is not None:
                current = fold_added_constants(inner)
                _replace(current, _Narrowing(current).run())


def _replace(op: KernelOp, body: Region) -> None:
    new = rebuilt(op, list(op.ins), op.out, body=body)
    Rewriter.insert_op(new, InsertPoint.before(op))
    output_of(op).replace_all_uses_with(output_of(new))
    Rewriter.erase_op(op)


@dataclass
class _Value:
    """A value of the old body: its interval, and the new values that hold it in each type asked for so far."""

    interval: Interval | None
    forms: dict[Attribute, SSAValue] = field(default_factory=dict[Attribute, SSAValue])


class _Narrowing:
    """Builds the new body of one operator."""

    def __init__(self, op: KernelOp) -> None:
        assert op.body is not None
        self.op, self.old = op, op.body
        self.new = ScalarBody([a.type for a in self.old.block.args])
        self.values: dict[SSAValue, _Value] = {}
        self.constants: dict[tuple[int, Attribute], SSAValue] = {}

    def run(self) -> Region:
        """The narrowed body."""
        intervals = argument_intervals(self.op)
        for old, new, interval in zip(self.old.block.args, self.new.arguments, intervals, strict=True):
            self.values[old] = _Value(interval, {old.type: new})
        for op in self.old.block.ops:
            if isinstance(op, YieldOp):
                region = self.new.finish(self.form(op.value, op.value.type), element_type_of_value(self.op.out))
                region_dce(region)
                return region
            self.visit(op)
        raise ValueError("a scalar region ends in kernel.yield")

    def constant(self, number: int, element: Attribute) -> SSAValue:
        """A constant of a signless type, made once."""
        key = number, element
        if key not in self.constants:
            self.constants[key] = self.new.constant(number, element)
        return self.constants[key]

    def form(self, value: SSAValue, element: Attribute) -> SSAValue:
        """The new value that holds an old one in the given type, which must be able to hold it."""
        known = self.values[value]
        if element in known.forms:
            return known.forms[element]
        single = None if known.interval is None else known.interval.single
        if single is not None and element in (i32, i64):
            form = self.constant(single, element)
        elif single is not None and not known.forms:
            low, high = integer_range(i32)
            form = self.new.cast(self.constant(single, i32 if low <= single <= high else i64), element)
        elif i32 in known.forms:
            form = self.new.cast(known.forms[i32], element)
        else:
            form = self.new.cast(next(iter(known.forms.values())), element)
        known.forms[element] = form
        return form

    def visit(self, op: Operation) -> None:
        """Adds the new form of one operation."""
        old = op.results[0]
        operands = [self.values[v].interval for v in op.operands]
        interval = operation_interval(op, operands)
        if isinstance(op, arith.ConstantOp):
            value = op.value
            number = value.value.data if isinstance(value, IntegerAttr) else None
            forms = {} if number is not None and old.type in (i32, i64) else {old.type: self.new.emit(op.clone())}
            self.values[old] = _Value(interval, forms)
            return
        if interval is not None and interval.single is not None and old.type in (i32, i64):
            self.values[old] = _Value(interval)
            return
        same = self.unchanged(op, operands)
        if same is not None:
            self.values[old] = self.values[same]
            return
        self.values[old] = _Value(interval, self.computed(op, interval))

    def unchanged(self, op: Operation, operands: list[Interval | None]) -> SSAValue | None:
        """The operand that equals the result, if one surely does."""
        if isinstance(op, CastOp):
            inside = operands[0]
            source, target = op.value.type, op.result.type
            if isa(source, IntegerType) and isa(target, IntegerType) and i1 not in (source, target):
                return op.value if inside is not None and inside.within(*integer_range(target)) else None
            return op.value if source == target else None
        if len(op.operands) != 2 or any(o is None for o in operands):
            return None
        left, right = (o for o in operands if o is not None)
        if isinstance(op, arith.MaxSIOp | arith.MinSIOp):
            first, second = (left, right) if isinstance(op, arith.MaxSIOp) else (right, left)
            if first.at_least(second):
                return op.lhs
            return op.rhs if second.at_least(first) else None
        neutral = 1 if isinstance(op, arith.MuliOp | arith.DivSIOp | arith.FloorDivSIOp) else 0
        if isinstance(op, arith.AddiOp | arith.MuliOp) and left.single == neutral:
            return op.rhs
        kept = (arith.AddiOp, arith.SubiOp, arith.MuliOp, arith.ShRSIOp, arith.DivSIOp, arith.FloorDivSIOp)
        return op.operands[0] if isinstance(op, kept) and right.single == neutral else None

    def computed(self, op: Operation, interval: Interval | None) -> dict[Attribute, SSAValue]:
        """The operation on new operands, in i32 where everything fits."""
        if self.fits(op, interval):
            types = [i32 if v.type == i64 else v.type for v in op.operands]
            result_type = i32 if op.results[0].type == i64 else op.results[0].type
        else:
            types = [v.type for v in op.operands]
            result_type = op.results[0].type
        if isinstance(op, CastOp):
            return {result_type: self.new.emit(CastOp(self.source(op), result_type))}
        new_operands = [self.form(v, t) for v, t in zip(op.operands, types, strict=True)]
        new = op.create(
            operands=new_operands, result_types=[result_type], properties=dict(op.properties), attributes=op.attributes
        )
        return {result_type: self.new.emit(new)}

    def source(self, op: CastOp) -> SSAValue:
        """What a cast converts: the value in its own type, or in i32 if it is held so."""
        interval = self.values[op.value].interval
        held = interval is not None and op.value.type == i64 and interval.within(*integer_range(i32))
        return self.form(op.value, i32 if held or i32 in self.values[op.value].forms else op.value.type)

    def fits(self, op: Operation, interval: Interval | None) -> bool:
        """Whether an operation on i64 may be done in i32."""
        low, high = integer_range(i32)
        wide = [v for v in op.operands if v.type == i64]
        intervals = [self.values[v].interval for v in wide]
        if not wide or not all(i is not None and i.within(low, high) for i in intervals):
            return False
        if isinstance(op, arith.CmpiOp):
            return True
        if isinstance(op, arith.ShRSIOp):
            amount = self.values[op.rhs].interval
            return amount is not None and amount.within(0, 31)
        narrowed = isinstance(op, arith.SelectOp | _Narrowed)
        return narrowed and interval is not None and interval.within(low, high)
