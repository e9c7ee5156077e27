"""`kernel.row`: functions of a whole row (softmax, normalisations) as loops, for the meaning see
`deeploy_mlir.interpreters.rows`.

Integer functions work in 32 bits where the element type proves that this is enough, else in 64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from xdsl.dialects.builtin import IntegerType, f32, f64, i32, i64
from xdsl.ir import Attribute, SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.ops import RowFunction, RowOp
from deeploy_mlir.kernels.generated.long_sums import LongSums, division, scalars, sum_of
from deeploy_mlir.kernels.generated.nest import Nest
from deeploy_mlir.kernels.generated.scalar_body import DOUBLE_FUNCTIONS, FUNCTIONS
from deeploy_mlir.space.iteration_space import DimKind

CALLING = (RowFunction.SOFTMAX, RowFunction.LOG_SOFTMAX, RowFunction.I_LAYER_NORM, RowFunction.I_RMS_NORM)
"""Functions that call others for each element, whose loops gain nothing from being unrolled."""

LANES = 4
"""Accumulators of a sum of floats."""
RUN = 32
"""Most terms that one of them takes."""


def emit_row(nest: Nest) -> None:
    """The whole kernel."""
    with nest.loops(nest.parallel):
        row = Row(nest)
        _EMITTERS[row.op.function.data](row)


@dataclass
class Row:
    """One row, inside the loops over rows."""

    nest: Nest

    @cached_property
    def op(self) -> RowOp:
        return cast(RowOp, self.nest.op)

    @cached_property
    def dim(self) -> int | None:
        """The dimension along the row, None if it has one element only."""
        dims = [i for i, d in enumerate(self.nest.d.dims) if d.kind != DimKind.PARALLEL]
        return dims[0] if dims else None

    @property
    def length(self) -> SSAValue:
        return self.nest.b.const(1) if self.dim is None else self.nest.size(self.dim)

    @cached_property
    def static_length(self) -> int:
        """The length, or a large number if it is not known."""
        if self.dim is None:
            return 1
        static = self.nest.d.dims[self.dim].static
        return (1 << 24) if static is None else static

    def parameter(self, name: str) -> int:
        return int(self.op.parameter(name))

    @property
    def magnitude(self) -> int:
        """The largest absolute value of an integer element."""
        low, high = c.integer_range(self.nest.d.operands[0].element_type)
        return max(-low, high)

    def work_type(self, bound: int) -> Attribute:
        """An integer type that holds values up to `bound` in magnitude."""
        return i32 if bound < 1 << 31 else i64

    # -- elements --------------------------------------------------------------------------------------------------

    def load(self, operand: int, index: SSAValue, t: Attribute) -> SSAValue:
        """Element `index` of an operand, in type `t`."""
        nest = self.nest
        step = nest.d.operands[operand].steps[self.dim] if self.dim is not None else 0
        return nest.body.convert(nest.element(operand, nest.b.mul(index, step)), t)

    def store(self, index: SSAValue, accumulator: SSAValue) -> None:
        """Runs the epilogue on an element and stores it."""
        nest, b = self.nest, self.nest.b
        extras: list[SSAValue] = []
        for number in range(nest.d.num_ins, len(nest.d.operands) - 1):
            step = nest.d.operands[number].steps[self.dim] if self.dim is not None else 0
            extras.append(nest.element(number, b.mul(index, step)))
        step = nest.d.out.steps[self.dim] if self.dim is not None else 0
        value = nest.epilogue([b.cast(accumulator, nest.op.accumulator())], extras)
        b.store(nest.pointers[-1], b.mul(index, step), value)

    def each(self, body: Callable[[SSAValue], None], *, calls: bool | None = None) -> None:
        """A loop over the row, several elements at a time if it is known to consist of such groups, unless `body` calls
        a function (by default what `CALLING` says)."""
        b, copies = self.nest.b, self.nest.tuning.elements
        if self.static_length % copies or (self.op.function.data in CALLING if calls is None else calls):
            copies = 1
        known = isinstance(c.constant_of(self.length), int)
        with b.for_("k", b.const(0), self.length, copies if known else 1) as index:
            for number in range(copies if known else 1):
                body(b.add(index, number))

    @property
    def real(self) -> Attribute:
        """The type in which a function of floats is computed."""
        return self.op.accumulator()

    def function(self, name: str, value: SSAValue) -> SSAValue:
        """A float function of the `math` dialect, in the row's float type."""
        functions = DOUBLE_FUNCTIONS if value.type == f64 else FUNCTIONS
        return self.nest.b.call_value(functions[name], [value], value.type, pure=True)

    # -- common parts ----------------------------------------------------------------------------------------------

    def total(self, name: str, t: Attribute, term: Callable[[SSAValue], SSAValue]) -> SSAValue:
        """The sum of a term over the row."""
        return self.totals([name], t, lambda k: [term(k)])[0]

    def totals(
        self, names: Sequence[str], t: Attribute, terms: Callable[[SSAValue], Sequence[SSAValue]]
    ) -> list[SSAValue]:
        """The sums of several terms over the row."""
        if t == f32:
            return self.long_sums(names, terms)
        b = self.nest.b
        places = [b.var(name, t, 0) for name in names]

        def add(k: SSAValue) -> None:
            for place, term in zip(places, terms(k), strict=True):
                b.assign(place, b.add(b.load(place), term))

        self.each(add)
        return [b.load(place) for place in places]

    def long_sums(self, names: Sequence[str], terms: Callable[[SSAValue], Sequence[SSAValue]]) -> list[SSAValue]:
        """Sums of floats over the row, one of each term, whose errors do not grow with the row's length.

        Each has several accumulators, as many on all processors."""
        b, t = self.nest.b, self.real
        places = [[b.var(f"{name}{lane}", t, 0.0) for lane in range(LANES)] for name in names]
        known = c.constant_of(self.length)
        size = known if isinstance(known, int) else None
        divided = division([size], RUN * LANES, LANES)
        if divided is None:
            self.lanes_of(places, b.const(0), self.length, terms)
            return [sum_of(b, [b.load(place) for place in lane_places]) for lane_places in places]
        sums = LongSums(b, t, divided.runs, *scalars(b, t, len(names)))
        with b.for_("run", b.const(0), self.length, divided.step) as first:
            last = b.add(first, divided.step)
            if size is None or size % divided.step:
                last = b.min(last, self.length)
            self.lanes_of(places, first, last, terms)
            sums.end_run(lambda number: places[cast(int, number)])
        return [sums.value(number, None) for number in range(len(names))]

    def lanes_of(
        self,
        places: Sequence[Sequence[SSAValue]],
        first: SSAValue,
        last: SSAValue,
        terms: Callable[[SSAValue], Sequence[SSAValue]],
    ) -> None:
        """Adds the terms of a part of the row to their accumulators in turn: in one loop, or in one for each sum where
        that is what C compilers vectorise."""
        b, known = self.nest.b, c.constant_of(self.length)
        whole = isinstance(known, int) and known % LANES == 0
        full = last if whole else b.add(first, b.mul(b.div(b.sub(last, first), LANES), LANES))
        sums = range(len(places))
        for together in [[n] for n in sums] if self.nest.tuning.vector else [list(sums)]:
            for low, high, count in ((first, full, LANES), (full, last, 1)):
                if high is low:
                    continue
                with b.for_("k", low, high, count) as k:
                    for lane in range(count):
                        values = terms(b.add(k, lane))
                        for place, value in ((places[n][lane], values[n]) for n in together):
                            b.assign(place, b.add(b.load(place), value))

    def maximum(self, t: Attribute) -> SSAValue:
        """The largest element of the row."""
        b = self.nest.b
        place = b.var("top", t, self.load(0, b.const(0), t))
        with b.for_("k", b.const(1), self.length) as k:
            b.assign(place, b.max(b.load(place), self.load(0, k, t)))
        return b.load(place)

    def square_root(self, value: SSAValue) -> SSAValue:
        """Floor of the square root of an integer >= 0, bit by bit."""
        b, t = self.nest.b, value.type
        bits = c.bit_width(t) // 2 - 1
        root = b.var("root", t, 0)
        with b.for_("bit", 0, bits + 1) as bit:
            candidate = b.add(b.load(root), b.shl(b.const(1, t), b.sub(bits, bit)))
            fits = b.cmp("le", candidate, b.div(value, candidate))
            b.assign(root, b.select(fits, candidate, b.load(root)))
        return b.load(root)

    def float_mean(self, term: Callable[[SSAValue], SSAValue], name: str) -> SSAValue:
        """The mean of a term over the row, in float."""
        b = self.nest.b
        return b.named(name, b.div(self.total(f"{name}_sum", self.real, term), b.cast(self.length, self.real)))

    def keep(self, name: str, value: SSAValue) -> SSAValue:
        """A value in a variable, so that it is computed here and once."""
        b = self.nest.b
        return b.load(b.var(name, value.type, value))


def _exponential(row: Row, k: SSAValue, top: SSAValue) -> SSAValue:
    b = row.nest.b
    return row.function("math.exp", b.sub(row.load(0, k, row.real), top))


def _softmax(row: Row) -> None:
    """The exponentials are kept in the output if it can hold them, else computed twice."""
    nest, b = row.nest, row.nest.b
    top = row.maximum(row.real)
    keeps = nest.d.out.element_type == row.real
    step = nest.d.out.steps[row.dim] if row.dim is not None else 0

    def term(k: SSAValue) -> SSAValue:
        value = _exponential(row, k, top)
        if keeps:
            b.store(nest.pointers[-1], b.mul(k, step), value)
            return b.load(nest.pointers[-1], b.mul(k, step))
        return value

    total = row.total("sum", row.real, term)
    scale = row.keep("scale", b.div(b.const(1.0, row.real), total))

    def element(k: SSAValue) -> None:
        e = b.load(nest.pointers[-1], b.mul(k, step)) if keeps else _exponential(row, k, top)
        row.store(k, b.mul(e, scale))

    row.each(element, calls=not keeps)


def _log_softmax(row: Row) -> None:
    b = row.nest.b
    top = row.maximum(row.real)
    total = row.total("sum", row.real, lambda k: _exponential(row, k, top))
    log = row.keep("log", row.function("math.log", total))

    def element(k: SSAValue) -> None:
        row.store(k, b.sub(b.sub(row.load(0, k, row.real), top), log))

    row.each(element, calls=False)


def _inverse_root(row: Row, mean: SSAValue) -> SSAValue:
    b = row.nest.b
    shifted = b.add(mean, b.const(float(row.op.parameter("epsilon")), row.real))
    root = row.function("math.sqrt", shifted)
    return row.keep("scale", b.div(b.const(1.0, row.real), root))


def _layer_norm(row: Row) -> None:
    """Elements less their mean, in two floats: `shift` is what the rounded mean lacks, which is as much as a float of
    the mean's size can be wrong, and may be more than the deviation's last places."""
    b, real = row.nest.b, row.real
    length = b.cast(row.length, real)
    total = row.total("mean_sum", real, lambda k: row.load(0, k, real))
    mean = row.keep("mean", b.div(total, length))

    def centred(k: SSAValue) -> SSAValue:
        return b.named("centred", b.sub(row.load(0, k, real), mean))

    def moments(k: SSAValue) -> list[SSAValue]:
        x = centred(k)
        return [x, b.mul(x, x)]

    sums = row.totals(["shift_sum", "variance_sum"], real, moments)
    shift = row.keep("shift", b.div(sums[0], length))
    variance = b.sub(b.div(sums[1], length), b.mul(shift, shift))
    scale = _inverse_root(row, b.max(0.0, variance))
    row.each(lambda k: row.store(k, b.mul(b.sub(centred(k), shift), scale)))


def _rms_norm(row: Row) -> None:
    b = row.nest.b

    def square(k: SSAValue) -> SSAValue:
        x = row.load(0, k, row.real)
        return b.mul(x, x)

    scale = _inverse_root(row, row.float_mean(square, "variance"))

    def element(k: SSAValue) -> None:
        row.store(k, b.mul(row.load(0, k, row.real), scale))

    row.each(element)


def _i_softmax(row: Row) -> None:
    b, nest = row.nest.b, row.nest
    a, shift, add, log2, n = (row.parameter(p) for p in ("coeffA", "coeffB", "coeffC", "log2", "n_levels"))
    x_type = cast(IntegerType, nest.d.operands[0].element_type)
    bits = x_type.width.data
    low, high = c.integer_range(x_type)
    smallest, largest = _exponential_range(a, shift, add, log2, high - low) if bits <= 16 else (-1, 1 << 62)
    small = smallest >= 0 and largest * max(n - 1, row.static_length) < 1 << 31
    t: Attribute = i32 if bits <= 16 and -smallest < 1 << 31 and largest < 1 << 31 else i64
    top = row.maximum(t)

    def exponential(k: SSAValue) -> SSAValue:
        d = b.named("d", b.sub(row.load(0, k, t), top))
        z = b.named("z", b.min(b.div(b.neg(d), log2), 31))
        p = b.named("p", b.add(b.add(d, b.mul(z, log2)), shift))
        return b.shr(b.add(b.mul(b.mul(p, p), a), add), z)

    sums: Attribute = t if small else i64
    total = row.keep("sum", row.total("sum", sums, lambda k: b.cast(exponential(k), sums)))

    def element(k: SSAValue) -> None:
        scaled = b.mul(b.cast(exponential(k), sums), n - 1)
        quotient = b.div(scaled, total) if small else nest.body.floor_divide(scaled, total)
        row.store(k, b.cast(quotient, i32))

    row.each(element)


def _exponential_range(a: int, shift: int, add: int, log2: int, span: int) -> tuple[int, int]:
    """Smallest and largest value of the quadratic of I_SOFTMAX, before its shift, for differences down to -span."""
    squares = [a * (d + min(-d // log2, 31) * log2 + shift) ** 2 for d in range(-span, 1)]
    return min(squares) + add, max(max(squares), max(squares) + add, span)


def _ita_shift(row: Row, x: SSAValue, top: SSAValue) -> SSAValue:
    b = row.nest.b
    return b.min(b.shr(b.add(b.sub(top, x), 16), 5), 31)


def _ita_max(row: Row) -> None:
    b, t = row.nest.b, row.work_type(2 * row.magnitude + 16)
    top = row.maximum(t)

    def power(k: SSAValue) -> SSAValue:
        return b.cast(b.shr(b.const(256, t), _ita_shift(row, row.load(0, k, t), top)), i32)

    total = b.max(row.total("sum", i32, power), 1)
    scale = row.keep("scale", b.div(b.const((row.parameter("n_levels") - 1) * 256, i32), total))

    def element(k: SSAValue) -> None:
        row.store(k, b.shr(scale, _ita_shift(row, row.load(0, k, t), top)))

    row.each(element)


def _ita_partial_max(row: Row) -> None:
    b, t, width = row.nest.b, row.work_type(2 * row.magnitude + 16), row.parameter("group_width")
    top, total = b.var("top", t, -128), b.var("sum", i32, 0)
    with b.for_("group", b.const(0), row.length, width) as start:
        end = b.min(b.add(start, width), row.length)
        new = b.var("new_top", t, b.load(top))
        with b.for_("k", start, end) as k:
            b.assign(new, b.max(b.load(new), row.load(0, k, t)))
        shift = _ita_shift(row, b.load(top), b.load(new))
        b.assign(total, b.shr(b.load(total), shift))
        b.assign(top, b.load(new))
        with b.for_("k", start, end) as k:
            power = b.shr(b.const(256, t), _ita_shift(row, row.load(0, k, t), b.load(top)))
            b.assign(total, b.add(b.load(total), b.cast(power, i32)))
    levels = (row.parameter("n_levels") // 2 - 1) * 256
    scale = row.keep("scale", b.div(b.const(levels, i32), b.max(b.load(total), 1)))

    def element(k: SSAValue) -> None:
        row.store(k, b.shr(scale, _ita_shift(row, row.load(0, k, t), b.load(top))))

    row.each(element)


def _product_type(row: Row, largest: int) -> Attribute:
    """A type for an element of at most `largest` times a weight, plus a bias."""
    low, high = c.integer_range(row.nest.d.operands[1].element_type)
    return row.work_type(largest * max(-low, high) + (1 << 30))


def _i_layer_norm(row: Row) -> None:
    b, n = row.nest.b, row.static_length
    sums = row.work_type(row.magnitude * n)
    squares = row.work_type((2 * row.magnitude + 1) ** 2 * n)
    products = _product_type(row, 2 * row.magnitude)
    total = row.total("sum", sums, lambda k: row.load(0, k, sums))
    mean = row.keep("mean", b.div(total, b.cast(row.length, sums)))

    def square(k: SSAValue) -> SSAValue:
        centred = b.sub(row.load(0, k, squares), b.cast(mean, squares))
        return b.mul(centred, centred)

    variance = row.total("squares", squares, square)
    value = row.keep("variance", b.add(b.div(variance, b.cast(row.length, squares)), 1))
    deviation = row.keep("deviation", b.cast(row.square_root(value), products))
    shift = row.parameter("D").bit_length() - 1

    def element(k: SSAValue) -> None:
        centred = b.sub(row.load(0, k, products), b.cast(mean, products))
        scaled = b.div(b.mul(centred, row.load(1, k, products)), deviation)
        moved = b.add(scaled, row.load(2, k, products), wrap=True)
        row.store(k, b.cast(b.shr(moved, shift), i32))

    row.each(element)


def _i_rms_norm(row: Row) -> None:
    b, n = row.nest.b, row.static_length
    squares = row.work_type(row.magnitude**2 * n)
    products = _product_type(row, row.magnitude)

    def square(k: SSAValue) -> SSAValue:
        x = row.load(0, k, squares)
        return b.mul(x, x)

    total = row.total("squares", squares, square)
    value = row.keep("variance", b.add(b.div(total, b.cast(row.length, squares)), 1))
    deviation = row.keep("deviation", b.cast(row.square_root(value), products))
    shift = row.parameter("D").bit_length() - 1

    def element(k: SSAValue) -> None:
        scaled = b.div(b.mul(row.load(0, k, products), row.load(1, k, products)), deviation)
        row.store(k, b.cast(b.shr(scaled, shift), i32))

    row.each(element)


_EMITTERS: dict[RowFunction, Callable[[Row], None]] = {
    RowFunction.SOFTMAX: _softmax,
    RowFunction.LOG_SOFTMAX: _log_softmax,
    RowFunction.LAYER_NORM: _layer_norm,
    RowFunction.RMS_NORM: _rms_norm,
    RowFunction.I_SOFTMAX: _i_softmax,
    RowFunction.ITA_MAX: _ita_max,
    RowFunction.ITA_PARTIAL_MAX: _ita_partial_max,
    RowFunction.I_LAYER_NORM: _i_layer_norm,
    RowFunction.I_RMS_NORM: _i_rms_norm,
}
