"""Options and paths that mean nothing, too much, or something of the user's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from ..adversarial import model_of, node, tensor_input
from .case import MARK, Case, Cases
from .files import DIGITS

SIZES = ("0", "-1", "1", "9" * 400, "1GiB", "1e9", "nan", "inf", "64XiB", "64 KiB KiB", "", " ", "0x100", "1.5B",
         "\u0663", "1" * 24, "99999GiB", "0.0000001KiB", "64KiB\n", "$(id)")  # fmt: skip
DIMS = ("N=0", "N=-1", "N=1.5", "N=" + "9" * 400, "N=1e3", "N", "=1", "N=", "M=1", "N=2147483648", "N=999999999",
        "N=100000000", "N=0x10", "N=nan", "N=\u0661", "\x1b[31m=1", "N=1=1")  # fmt: skip
TEXTS = ("", " ", "a b", "../x", "/tmp/x", "-x", "--", "é", "int", "1", "n" * 100_000, f"\n#define {MARK}", "\x1b[31m",
         "*/", "%s%n", f"$(touch {MARK})")  # fmt: skip


def symbolic() -> onnx.ModelProto:
    """A Relu of [N, 4]."""
    return model_of([node("Relu", ["x"])], [tensor_input("x", ["N", 4])])


def _small() -> onnx.ModelProto:
    return model_of([node("MatMul", ["x", "w"])], [tensor_input("x", [2, 4])], weights={"w": np.eye(4, dtype="f")})


FILES: dict[str, Callable[[], bytes | onnx.ModelProto]] = {"net.onnx": _small, "free.onnx": symbolic}
COMPILE = ("compile", "net.onnx", "--target", "siracusa", "-o", "out")


def _options() -> Cases:
    def case(name: str, *words: str) -> Case:
        return Case(name, words, FILES)

    for text in SIZES:
        for option in ("--l1", "--l2", "--wmem"):
            yield case(f"{option} of {text[:30]!r}", *COMPILE, f"{option}={text}")
    for text in DIMS:
        target = ("--target", "generic", "-o", "out")
        yield case(f"--dim of {text[:30]!r}", "compile", "free.onnx", *target, f"--dim={text}")
    for text in TEXTS:
        for option in ("--name", "--input-type", "--types-from-data", "--requantize", "--math"):
            yield case(f"{option} of {text[:30]!r}", *COMPILE, f"{option}={text}")
        yield case(f"--target of {text[:30]!r}", "compile", "net.onnx", f"--target={text}", "-o", "out")
        yield case(f"model called {text[:30]!r}", "compile", "--target", "generic", "-o", "out", "--", text)
        yield case(f"folder called {text[:30]!r}", "report", "--", text)
    for text in ("-1", "nan", "inf", "1e400", "x", "", "9" * 400):
        data = ("--inputs", str(DIGITS / "inputs.npz"), "--expect", str(DIGITS / "expect_int8.npz"))
        model = str(DIGITS / "digits_int8.onnx")
        yield case(f"--tolerance of {text[:30]!r}", "check", model, "--target", "generic", *data, f"--tolerance={text}")
    for words in ((), ("",), ("nonsense",), ("compile",), ("compile", "net.onnx"), ("run",), ("--target",)):
        yield case(f"words {words}", *words)


def _paths() -> Cases:
    def case(name: str, *words: str) -> Case:
        return Case(name, words, {**FILES, "mine.txt": lambda: b"a thesis", "full/main.c": lambda: b"int main;"})

    compile_to = ("compile", "net.onnx", "--target", "generic", "-o")
    for where in ("mine.txt", "full", "mine.txt/below", ".", "..", "/dev/null", "/proc/x", "net.onnx", "/dev/full"):
        yield case(f"compile into {where}", *compile_to, where)
        if where != "mine.txt":  # a file that -o names is what is written
            output = where if where != "net.onnx" else "./net.onnx"
            yield case(f"import into {where}", "import", "net.onnx", "-o", output)
    for what in (".", "..", "full", "absent", "mine.txt", "/dev/null", "/", "full/main.c"):
        yield case(f"compile {what}", "compile", what, "--target", "generic", "-o", "out")
        yield case(f"run {what}", "run", what)
        yield case(f"report {what}", "report", what)
        yield case(f"types from {what}", *compile_to, "out", "--types-from-data", what)
        yield case(f"calibration from {what}", "quantize", "net.onnx", "--calibration", what, "-o", "out")


def cases() -> Cases:
    """Options, then paths."""
    yield from _options()
    yield from _paths()
