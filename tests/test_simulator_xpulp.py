"""Xpulpv2 arithmetic on the simulator against its definition in Python, lane by lane.

Instruction words are written to memory directly, since no assembler at hand knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from deeploy_mlir.simulators.siracusa.result import Result
from deeploy_mlir.simulators.siracusa.simulator import Simulator

from .siracusa_images import PROGRAMS

MASK = 0xFFFFFFFF
A0, A1, A2, T0, T1 = 10, 11, 12, 5, 6
CODE, DATA = 0x1C000000, 0x1C100000


@dataclass(frozen=True)
class Case:
    """An instruction with rd = a0, rs1 = a1, rs2 = a2, and what it makes of (rs1, rs2, old rd)."""

    name: str
    word: int
    meaning: Callable[[int, int, int], int]


def r_type(opcode: int, f3: int, f7: int, rs2: int = A2) -> int:
    return f7 << 25 | rs2 << 20 | A1 << 15 | f3 << 12 | A0 << 7 | opcode


def signed(v: int, bits: int = 32) -> int:
    v &= (1 << bits) - 1
    return v - (1 << bits) if v >> (bits - 1) else v


def lanes(v: int, bits: int, is_signed: bool) -> list[int]:
    parts = [v >> i & ((1 << bits) - 1) for i in range(0, 32, bits)]
    return [signed(p, bits) for p in parts] if is_signed else parts


def joined(parts: Sequence[int], bits: int) -> int:
    return sum((p & ((1 << bits) - 1)) << i * bits for i, p in enumerate(parts))


def clip(v: int, low: int, high: int) -> int:
    return max(low, min(high, v))


LaneOperation = Callable[[int, int, int], int]
"""On two lanes and their width in bits."""


LANE_OPERATIONS: dict[str, tuple[int, bool, LaneOperation]] = {
    "add": (0, True, lambda x, y, n: x + y),
    "sub": (2, True, lambda x, y, n: x - y),
    "avg": (4, True, lambda x, y, n: signed(x + y, n) >> 1),
    "avgu": (6, False, lambda x, y, n: (x + y & (1 << n) - 1) >> 1),
    "min": (8, True, lambda x, y, n: min(x, y)),
    "minu": (10, False, lambda x, y, n: min(x, y)),
    "max": (12, True, lambda x, y, n: max(x, y)),
    "maxu": (14, False, lambda x, y, n: max(x, y)),
    "srl": (16, False, lambda x, y, n: x >> (y & n - 1)),
    "sra": (18, True, lambda x, y, n: x >> (y & n - 1)),
    "sll": (20, False, lambda x, y, n: x << (y & n - 1)),
    "or": (22, True, lambda x, y, n: x | y),
    "xor": (24, True, lambda x, y, n: x ^ y),
    "and": (26, True, lambda x, y, n: x & y),
    "cmpeq": (1, True, lambda x, y, n: -(x == y)),
    "cmpne": (3, True, lambda x, y, n: -(x != y)),
    "cmpgt": (5, True, lambda x, y, n: -(x > y)),
    "cmpge": (7, True, lambda x, y, n: -(x >= y)),
    "cmplt": (9, True, lambda x, y, n: -(x < y)),
    "cmple": (11, True, lambda x, y, n: -(x <= y)),
    "cmpgtu": (13, False, lambda x, y, n: -(x > y)),
    "cmpgeu": (15, False, lambda x, y, n: -(x >= y)),
    "cmpltu": (17, False, lambda x, y, n: -(x < y)),
    "cmpleu": (19, False, lambda x, y, n: -(x <= y)),
}
DOT_PRODUCTS = {"dotup": (0x20, False, False), "dotusp": (0x22, False, True), "dotsp": (0x26, True, True)}
UNSIGNED_IMMEDIATE = {"avgu", "minu", "maxu", "srl", "sll", "cmpgtu", "cmpgeu", "cmpltu", "cmpleu", "dotup"}


def second_operand(f3: int, b: int, immediate: int, is_unsigned: bool) -> int:
    """rs2 as a vector, its lowest lane in all lanes, or an immediate in all lanes."""
    bits = 8 if f3 & 1 else 16
    if f3 < 4:
        return b
    scalar = b if f3 < 6 else immediate if is_unsigned else signed(immediate, 6)
    return joined([scalar] * (32 // bits), bits)


def simd_cases() -> list[Case]:
    cases: list[Case] = []
    for f3 in (0, 1, 4, 5, 6, 7):
        bits, immediate = 8 if f3 & 1 else 16, 39
        rs2 = A2 if f3 < 6 else immediate >> 1
        low = 0 if f3 < 6 else immediate & 1
        for name, (f, is_signed, operation) in LANE_OPERATIONS.items():

            def meaning(
                a: int,
                b: int,
                d: int,
                f3: int = f3,
                name: str = name,
                s: bool = is_signed,
                op: LaneOperation = operation,
            ) -> int:
                n = 8 if f3 & 1 else 16
                v = second_operand(f3, b, 39, name in UNSIGNED_IMMEDIATE)
                return joined([op(x, y, n) for x, y in zip(lanes(a, n, s), lanes(v, n, s), strict=True)], n)

            cases.append(Case(f"pv.{name}.{f3}", r_type(0x57, f3, f << 1 | low, rs2), meaning))
        for name, (f, left, right) in DOT_PRODUCTS.items():
            for accumulates in (False, True):

                def dot(
                    a: int,
                    b: int,
                    d: int,
                    f3: int = f3,
                    name: str = name,
                    acc: bool = accumulates,
                    signs: int = 2 * left + right,
                ) -> int:
                    n = 8 if f3 & 1 else 16
                    v = second_operand(f3, b, 39, name == "dotup")
                    pairs = zip(lanes(a, n, signs >= 2), lanes(v, n, bool(signs & 1)), strict=True)
                    return (d if acc else 0) + sum(x * y for x, y in pairs)

                word = r_type(0x57, f3, (f | 8 * accumulates) << 1 | low, rs2)
                cases.append(Case(f"pv.{'s' * accumulates}{name}.{f3}", word, dot))
        if f3 < 2:
            absolute = 0x1C << 1
            cases.append(
                Case(
                    f"pv.abs.{f3}",
                    r_type(0x57, f3, absolute, 0),
                    lambda a, b, d, n=bits: joined([abs(x) for x in lanes(a, n, True)], n),
                )
            )
    return cases


def shuffled(a: int, b: int, d: int, bits: int, two: bool) -> int:
    n = 32 // bits
    sources = [lanes(d, bits, False), lanes(a, bits, False)]
    picks = [p & (2 * n - 1) for p in lanes(b, bits, False)]
    return joined([sources[p // n if two else 1][p % n] for p in picks], bits)


def replaced(d: int, index: int, v: int, bits: int) -> int:
    parts = lanes(d, bits, False)
    parts[index] = v
    return joined(parts, bits)


def lane_move_cases() -> list[Case]:
    cases: list[Case] = []
    for f3, bits in ((0, 16), (1, 8)):
        cases.append(
            Case(f"pv.shuffle.{f3}", r_type(0x57, f3, 0x60), lambda a, b, d, n=bits: shuffled(a, b, d, n, False))
        )
        cases.append(
            Case(f"pv.shuffle2.{f3}", r_type(0x57, f3, 0x64), lambda a, b, d, n=bits: shuffled(a, b, d, n, True))
        )
        for i in range(32 // bits):

            def word(f: int, f3: int = f3, i: int = i) -> int:
                return r_type(0x57, f3 + 6, f << 1 | (i & 1), i >> 1)

            cases += [
                Case(f"pv.extract.{bits}.{i}", word(0x1E), lambda a, b, d, i=i, n=bits: lanes(a, n, True)[i]),
                Case(f"pv.extractu.{bits}.{i}", word(0x24), lambda a, b, d, i=i, n=bits: lanes(a, n, False)[i]),
                Case(f"pv.insert.{bits}.{i}", word(0x2C), lambda a, b, d, i=i, n=bits: replaced(d, i, a, n)),
            ]
    cases += [
        Case("pv.pack.h", r_type(0x57, 0, 0x68), lambda a, b, d: (a & 0xFFFF) << 16 | b & 0xFFFF),
        Case("pv.packhi.b", r_type(0x57, 1, 0x6C), lambda a, b, d: d & 0xFFFF | (a & 255) << 24 | (b & 255) << 16),
        Case("pv.packlo.b", r_type(0x57, 1, 0x70), lambda a, b, d: d & 0xFFFF0000 | (a & 255) << 8 | b & 255),
    ]
    return cases


def leading_sign_copies(a: int) -> int:
    text = f"{a:032b}"
    return 32 - len(text.lstrip(text[0])) - 1 if a else 0


def scalar_cases() -> list[Case]:
    cases = [
        Case("p.abs", r_type(0x33, 0, 2, 0), lambda a, b, d: abs(signed(a))),
        Case("p.avgu", r_type(0x33, 1, 2), lambda a, b, d: (a + b & MASK) >> 1),
        Case("p.slet", r_type(0x33, 2, 2), lambda a, b, d: signed(a) <= signed(b)),
        Case("p.sletu", r_type(0x33, 3, 2), lambda a, b, d: a <= b),
        Case("p.min", r_type(0x33, 4, 2), lambda a, b, d: min(signed(a), signed(b))),
        Case("p.minu", r_type(0x33, 5, 2), lambda a, b, d: min(a, b)),
        Case("p.max", r_type(0x33, 6, 2), lambda a, b, d: max(signed(a), signed(b))),
        Case("p.maxu", r_type(0x33, 7, 2), lambda a, b, d: max(a, b)),
        Case("p.ror", r_type(0x33, 5, 4), lambda a, b, d: a >> (b & 31) | a << 32 - (b & 31)),
        Case("p.ff1", r_type(0x33, 0, 8, 0), lambda a, b, d: (a & -a).bit_length() - 1 if a else 32),
        Case("p.fl1", r_type(0x33, 1, 8, 0), lambda a, b, d: a.bit_length() - 1 if a else 32),
        Case("p.clb", r_type(0x33, 2, 8, 0), lambda a, b, d: leading_sign_copies(a)),
        Case("p.cnt", r_type(0x33, 3, 8, 0), lambda a, b, d: a.bit_count()),
        Case("p.exths", r_type(0x33, 4, 8, 0), lambda a, b, d: signed(a, 16)),
        Case("p.exthz", r_type(0x33, 5, 8, 0), lambda a, b, d: a & 0xFFFF),
        Case("p.extbs", r_type(0x33, 6, 8, 0), lambda a, b, d: signed(a, 8)),
        Case("p.extbz", r_type(0x33, 7, 8, 0), lambda a, b, d: a & 0xFF),
        Case("p.mac", r_type(0x33, 0, 0x21), lambda a, b, d: d + a * b),
        Case("p.msu", r_type(0x33, 1, 0x21), lambda a, b, d: d - a * b),
    ]
    for k in (1, 5, 8, 31):
        half = 1 << (k - 1)
        cases.append(Case(f"p.clip{k}", r_type(0x33, 1, 10, k), lambda a, b, d, h=half: clip(signed(a), -h, h - 1)))
        cases.append(Case(f"p.clipu{k}", r_type(0x33, 2, 10, k), lambda a, b, d, h=half: clip(signed(a), 0, h - 1)))
    for length, at in ((1, 0), (8, 8), (16, 16), (5, 27), (32, 0)):
        mask = (1 << length) - 1

        def word(f3: int, length: int = length, at: int = at) -> int:
            return r_type(0x33, f3, 0x60 | length - 1, at)

        cases += [
            Case(f"p.extract{length},{at}", word(0), lambda a, b, d, n=length, p=at: signed(a >> p, n)),
            Case(f"p.extractu{length},{at}", word(1), lambda a, b, d, m=mask, p=at: a >> p & m),
            Case(f"p.insert{length},{at}", word(2), lambda a, b, d, m=mask, p=at: d & ~(m << p) | (a & m) << p),
            Case(f"p.bclr{length},{at}", word(3), lambda a, b, d, m=mask, p=at: a & ~(m << p)),
            Case(f"p.bset{length},{at}", word(4), lambda a, b, d, m=mask, p=at: a | m << p),
        ]
    return cases


def half_word(v: int, is_signed: bool, high: bool) -> int:
    return lanes(v, 16, is_signed)[int(high)]


def shifted(total: int, amount: int, is_signed: bool, rounds: bool) -> int:
    """A 32-bit sum shifted right, after adding half of the last place that stays."""
    if rounds and amount:
        total += 1 << (amount - 1)
    return (signed(total) if is_signed else total & MASK) >> amount


def multiply_cases() -> list[Case]:
    cases: list[Case] = []
    for kind in range(4):
        is_signed, high = kind >= 2, bool(kind & 1)
        for f3 in (0, 1, 4, 5):

            def product(
                a: int, b: int, d: int, s: bool = is_signed, h: bool = high, acc: bool = bool(f3 & 1), r: bool = f3 >= 4
            ) -> int:
                return shifted(half_word(a, s, h) * half_word(b, s, h) + (d if acc else 0), 5, s, r)

            cases.append(Case(f"mul{kind}.{f3}", r_type(0x5B, f3, kind << 5 | 5), product))
        if high:
            continue
        for f3 in (2, 3, 6, 7):

            def add(a: int, b: int, d: int, s: bool = kind == 0, sub: bool = bool(f3 & 1), r: bool = f3 >= 4) -> int:
                return shifted(a - b if sub else a + b, 5, s, r)

            cases.append(Case(f"add{kind}.{f3}", r_type(0x5B, f3, kind << 5 | 5), add))
    return cases


CASES = [*scalar_cases(), *multiply_cases(), *simd_cases(), *lane_move_cases()]


def operands() -> list[tuple[int, int, int]]:
    rng = np.random.default_rng(11)
    random = [tuple(int(v) for v in row) for row in rng.integers(0, 2**32, (8, 3), dtype=np.uint32)]
    edges = [0, 1, MASK, 0x80000000, 0x7FFFFFFF, 0x80807F7F, 0x8000FFFF]
    return [(a, b, c) for a, b, c in random] + [(a, b, 0x13579BDF) for a in edges for b in edges]


def ended(words: Sequence[int], data: Sequence[int]) -> tuple[Simulator, Result]:
    """A simulator that has run words on the host core with t0 at the data, and what became of it."""
    simulator = Simulator(1)
    simulator.write(DATA, np.array(data, dtype=np.uint32).tobytes())
    exit_address = 0x1A104000
    prologue = [DATA | T0 << 7 | 0x37]
    epilogue = [exit_address | T1 << 7 | 0x37, 0x800003B7, 7 << 20 | T1 << 15 | 2 << 12 | 0x23]  # sw t2, 0xa0(t1)
    epilogue[2] |= (0xA0 & 31) << 7 | (0xA0 >> 5) << 25
    simulator.write(CODE, np.array([*prologue, *words, *epilogue], dtype=np.uint32).tobytes())
    header = bytearray(52)
    header[:6] = b"\x7fELF\x01\x01"
    header[24:28] = CODE.to_bytes(4, "little")
    simulator.load(bytes(header))
    return simulator, simulator.run(10_000_000)


def run_words(words: Sequence[int], data: Sequence[int]) -> bytes:
    """Runs words on the host core with t0 at the data; the data afterwards."""
    simulator, result = ended(words, data)
    assert result.fault is None, str(result.fault)
    assert result.exit_code == 0
    return simulator.read(DATA, 4 * len(data))


def load(rd: int, offset: int) -> int:
    return offset << 20 | T0 << 15 | 2 << 12 | rd << 7 | 0x03


@pytest.mark.parametrize("part", range(8))
def test_arithmetic(part: int) -> None:
    store = A0 << 20 | T0 << 15 | 2 << 12 | 12 << 7 | 0x23
    step = 16 << 20 | T0 << 15 | T0 << 7 | 0x13
    cases = CASES[part::8]
    assert len({c.word for c in CASES}) == len(CASES)
    words, data, wanted = list[int](), list[int](), list[tuple[str, int]]()
    for case in cases:
        for a, b, d in operands():
            words += [load(A1, 0), load(A2, 4), load(A0, 8), case.word, store, step]
            data += [a, b, d, 0]
            wanted.append((f"{case.name} {a:08x} {b:08x} {d:08x}", case.meaning(a, b, d) & MASK))
    got = np.frombuffer(run_words(words, data), dtype=np.uint32)[3::4]
    different = [f"{text}: got {g:08x}, want {w:08x}" for (text, w), g in zip(wanted, got, strict=True) if int(g) != w]
    assert not different, "\n".join(different[:20])


def recorded_encodings() -> tuple[list[tuple[int, ...]], dict[int, list[int]], list[int]]:
    """Operand sets, results of a word for each, and illegal words, as recorded on the public simulator."""
    operand_sets, results, illegal = list[tuple[int, ...]](), dict[int, list[int]](), list[int]()
    for line in (PROGRAMS / "xpulp_encodings.txt").read_text().splitlines():
        head, *rest = line.split()
        if head == "operands":
            operand_sets = [tuple(int(v, 16) for v in text.split("/")) for text in rest]
        elif head == "illegal":
            illegal += [int(v, 16) for v in rest]
        elif head != "#":
            results[int(head, 16)] = [int(v, 16) for v in rest]
    return operand_sets, results, illegal


def test_encodings_as_on_the_public_simulator() -> None:
    """rd = a2, rs1 = a0, rs2 = a1: all that it executes gives its results."""
    operand_sets, results, _ = recorded_encodings()
    assert len(results) == 397
    store = A2 << 20 | T0 << 15 | 2 << 12 | 12 << 7 | 0x23
    step = 16 << 20 | T0 << 15 | T0 << 7 | 0x13
    words, data, wanted = list[int](), list[int](), list[tuple[str, int]]()
    for word, values in results.items():
        for (a, b, d), value in zip(operand_sets, values, strict=True):
            words += [load(A0, 0), load(A1, 4), load(A2, 8), word, store, step]
            data += [a, b, d, 0]
            wanted.append((f"{word:08x} {a:08x} {b:08x} {d:08x}", value))
    got = np.frombuffer(run_words(words, data), dtype=np.uint32)[3::4]
    different = [f"{text}: got {g:08x}, want {w:08x}" for (text, w), g in zip(wanted, got, strict=True) if int(g) != w]
    assert not different, "\n".join(different[:20])


def test_encodings_that_the_public_simulator_refuses() -> None:
    """Each is an illegal instruction that the message names."""
    _, _, illegal = recorded_encodings()
    assert len(illegal) == 429
    for word in illegal:
        fault = ended([word], [0])[1].fault
        assert fault is not None, f"{word:08x} is executed"
        assert (fault.kind, fault.message) == ("illegal", f"illegal instruction 0x{word:08x}")


def float_register(rd: int, value: int) -> list[int]:
    """Loads 32 bits into a float register, by way of t1."""
    high, low = (value + 0x800) & 0xFFFFF000, value & 0xFFF
    return [high | T1 << 7 | 0x37, low << 20 | T1 << 15 | T1 << 7 | 0x13, 0x78 << 25 | T1 << 15 | rd << 7 | 0x53]


@pytest.mark.parametrize(("f3", "kind"), [(2, "half"), (1, "bfloat16"), (6, "half, scalar"), (5, "bfloat16, scalar")])
def test_vectors_of_small_floats(f3: int, kind: str) -> None:
    """vfadd and vfmin on float registers, by numpy's halfs and by sums of floats cut to 16 bits."""
    rng = np.random.default_rng(7)
    values = rng.standard_normal((20, 2, 2)).astype(np.float16 if "half" in kind else np.float32)
    values[0, 0, 0] = 0
    if "half" in kind:
        words = values.view(np.uint16)
    else:
        values = (values.view(np.uint32) & 0xFFFF0000).view(np.float32)
        words = (values.view(np.uint32) >> 16).astype(np.uint16)
    other = values[:, 1, :1].repeat(2, axis=1) if "scalar" in kind else values[:, 1]
    sums, least = values[:, 0] + other, np.minimum(values[:, 0], other)
    if "half" not in kind:  # to the nearest, ties to even
        bits = sums.view(np.uint32).astype(np.uint64)
        sums = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
        least = (least.view(np.uint32) >> 16).astype(np.uint16)
    code = list[int]()
    for i, (a, b) in enumerate(words.view(np.uint32).reshape(20, 2).tolist()):
        code += [*float_register(1, a), *float_register(2, b)]
        for j, f7 in enumerate((0x41, 0x45)):
            code += [f7 << 25 | 2 << 20 | 1 << 15 | f3 << 12 | 3 << 7 | 0x33, 0x70 << 25 | 3 << 15 | A0 << 7 | 0x53]
            offset = 8 * i + 4 * j
            code.append((offset >> 5) << 25 | A0 << 20 | T0 << 15 | 2 << 12 | (offset & 31) << 7 | 0x23)
    after = np.frombuffer(run_words(code, [0] * 40), dtype=np.uint16).reshape(20, 2, 2)
    assert (after[:, 0] == sums.view(np.uint16)).all()
    assert (after[:, 1] == least.view(np.uint16)).all()


def test_post_increment_and_indexed_accesses() -> None:
    """p.lw rd, imm(rs1!), p.lh with a register step, p.sb post-increment, p.lbu indexed."""
    words = [
        T0 << 15 | T1 << 7 | 0x13,  # mv t1, t0
        8 << 20 | T1 << 15 | 2 << 12 | A0 << 7 | 0x0B,  # p.lw a0, 8(t1!)
        load(A2, 4),
        (0x08 << 25) | A2 << 20 | T1 << 15 | 7 << 12 | A1 << 7 | 0x0B,  # p.lh a1, a2(t1!)
        A0 << 20 | T1 << 15 | 0 << 12 | 1 << 7 | 0x2B,  # p.sb a0, 1(t1!)
        A1 << 20 | T1 << 15 | 1 << 12 | 4 << 7 | 0x2B,  # p.sh a1, 4(t1!)
        (0x20 << 25) | A2 << 20 | T0 << 15 | 7 << 12 | A1 << 7 | 0x03,  # p.lbu a1, a2(t0)
        A1 << 20 | T0 << 15 | 2 << 12 | 24 << 7 | 0x23,  # sw a1, 24(t0)
        T1 << 20 | T0 << 15 | 2 << 12 | 28 << 7 | 0x23,  # sw t1, 28(t0)
    ]
    words[8] = T1 << 20 | T0 << 15 | 2 << 12 | (28 & 31) << 7 | 0x23
    data = [0x11223344, 5, 0x8899AABB, 0, 0, 0, 0, 0]
    after = np.frombuffer(run_words(words, data), dtype=np.uint32)
    memory = np.array(data, dtype=np.uint32).tobytes()
    expected = bytearray(memory)
    expected[13] = 0x44
    expected[14:16] = (0xAABB).to_bytes(2, "little")
    assert after[:4].tolist() == np.frombuffer(bytes(expected), dtype=np.uint32)[:4].tolist()
    assert int(after[6]) == memory[5]
    assert int(after[7]) == DATA + 8 + 5 + 1 + 4


def test_hardware_loops() -> None:
    """lp.setupi around an lp.setup: 3 x 5 additions; the inner one is the last instruction of neither."""
    words = [
        A0 << 7 | 0x13,  # li a0, 0
        5 << 20 | A1 << 7 | 0x13,  # li a1, 5
        3 << 20 | 6 << 15 | 5 << 12 | 1 << 7 | 0x7B,  # lp.setupi x1, 3, +12 bytes
        A1 << 15 | 2 << 20 | 4 << 12 | 0 << 7 | 0x7B,  # lp.setup x0, a1, +4 bytes
        1 << 20 | A0 << 15 | A0 << 7 | 0x13,  # addi a0, a0, 1
        100 << 20 | A0 << 15 | A0 << 7 | 0x13,  # addi a0, a0, 100
        A0 << 20 | T0 << 15 | 2 << 12 | 0x23,  # sw a0, 0(t0)
    ]
    after = np.frombuffer(run_words(words, [0]), dtype=np.uint32)
    assert int(after[0]) == 3 * (5 + 100)
