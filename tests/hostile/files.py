"""Files beside the model: external data, and archives of arrays."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from ..adversarial import FLOAT, model_of, node, tensor_input
from .case import Case, Cases, compiled

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"
LOCATIONS = (
    *("../outside.bin", "../../../../../../etc/passwd", "/etc/passwd", "/dev/zero", "/dev/stdin", "/proc/self/environ"),
    *("sub/../../outside.bin", "./../outside.bin", "", ".", "..", "absent.bin", "net.onnx", "out", "a" * 5000),
    *("C:\\windows\\win.ini", "..\\outside.bin", "http://localhost/x", "file:///etc/passwd", "~/.profile", "a\x00b"),
)
RANGES: tuple[dict[str, str], ...] = (
    {"offset": "-5"}, {"offset": str(2**40)}, {"offset": str(2**63)}, {"offset": "9" * 5000}, {"offset": "x"},
    {"length": "-1"}, {"length": str(2**40)}, {"length": str(2**63)}, {"length": "x"}, {"length": "0"},
    {"length": "8"}, {"length": "64"}, {"offset": "1e3"}, {"checksum": "x" * 100_000},
)  # fmt: skip


def external(location: str, dims: Sequence[int] = (4,), more: Mapping[str, str] | None = None) -> onnx.ModelProto:
    """A model with one weight whose data lie elsewhere."""
    proto = TensorProto(name="w", data_type=FLOAT, data_location=TensorProto.EXTERNAL)
    proto.dims.extend(dims)
    for key, value in {"location": location, **(more or {})}.items():
        proto.external_data.add(key=key, value=value)
    return model_of([node("Add", ["x", "w"])], [tensor_input("x", list(dims))], weights={"w": proto})


def _external_cases() -> Cases:
    for location in LOCATIONS:
        yield compiled(f"external data at {location[:40]!r}", lambda at=location: external(at))
    for more in RANGES:
        case = compiled(f"external data with {str(more)[:40]}", lambda m=more: external("data.bin", more=m))
        yield Case(case.name, case.words, {**case.files, "data.bin": lambda: bytes(16)})
    for dims in ((2**20,), (2**28,), (2**40,), (-1,), (0,), (2**31, 2**31)):
        case = compiled(f"external data of {dims}", lambda d=dims: external("data.bin", d))
        yield Case(case.name, case.words, {**case.files, "data.bin": lambda: bytes(16)})


def _saved(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=True, **{name: np.asarray(a) for name, a in arrays.items()})
    return file.getvalue()


def _archive(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def _header(shape: object, descr: object = "<f4", version: int = 1) -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    size = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + text


def _repeated(count: int) -> bytes:
    """An archive of many members that are each a tensor of 64 MiB of zeros."""
    data = _header((2**24,)) + bytes(2**26)
    return _archive(*((f"a{i}.npy", data) for i in range(count)))


IMAGE = (1, 1, 8, 8)
ARRAYS: dict[str, Callable[[], bytes]] = {
    "bomb of one array": lambda: _archive(("image.npy", _header((2**27,)) + bytes(2**29))),
    "many arrays of zeros": lambda: _repeated(3),
    "many members": lambda: _archive(*((f"a{i}.npy", _header(()) + bytes(4)) for i in range(5000))),
    "header of 2^40": lambda: _archive(("image.npy", _header((2**40,)) + bytes(16))),
    "header of 2^62 twice": lambda: _archive(("image.npy", _header((2**62, 2**62)) + bytes(16))),
    "header of negative sizes": lambda: _archive(("image.npy", _header((-1, -64)) + bytes(256))),
    "header of True": lambda: _archive(("image.npy", _header((True,)) + bytes(16))),
    "header of rank 1000": lambda: _archive(("image.npy", _header((1,) * 1000) + bytes(4))),
    "header of code": lambda: _archive(("image.npy", _header("__import__('os').abort()") + bytes(4))),
    "header nested": lambda: _archive(("image.npy", b"\x93NUMPY\x01\x00\x60\xea" + b"(" * 60_000)),
    "header of no version": lambda: _archive(("image.npy", b"\x93NUMPY\x09\x09" + bytes(200))),
    "header longer than the file": lambda: _archive(("image.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{")),
    "fields": lambda: _archive(("image.npy", _header((4,), [("a", "<f4"), ("b", "<i4")]) + bytes(32))),
    "objects": lambda: _saved(image=np.array([{1: 2}], object)),
    "texts": lambda: _saved(image=np.full(IMAGE, "1")),
    "bytes": lambda: _saved(image=np.full(IMAGE, b"1")),
    "complex": lambda: _saved(image=np.ones(IMAGE, complex)),
    "dates": lambda: _saved(image=np.zeros(IMAGE, "datetime64[s]")),
    "NaN": lambda: _saved(image=np.full(IMAGE, np.nan)),
    "channels last": lambda: _saved(image=np.ones((1, 8, 8, 1))),
    "flat": lambda: _saved(image=np.ones(64)),
    "empty": lambda: _saved(image=np.ones((0, 1, 8, 8))),
    "a scalar": lambda: _saved(image=np.float32(1)),
    "no array": lambda: _archive(),
    "a member that is none": lambda: _archive(("image.npy", b"text")),
    "names of paths": lambda: _archive(("../../image.npy", _header(IMAGE) + bytes(256))),
    "a name twice": lambda: _archive(*[("image.npy", _header(IMAGE) + bytes(256))] * 2),
    "half an archive": lambda: _saved(image=np.ones(IMAGE))[:-30],
    "no archive": lambda: b"PK\x03\x04" + bytes(1000),
    "nothing": lambda: b"",
}


def _array_cases() -> Cases:
    model, good = str(DIGITS / "digits_int8.onnx"), str(DIGITS / "inputs.npz")
    for what, make in ARRAYS.items():
        files = {"bad.npz": make}
        check = ("check", model, "--target", "generic")
        yield Case(f"inputs: {what}", (*check, "--inputs", "bad.npz", "--expect", good), files)
        yield Case(f"golden outputs: {what}", (*check, "--inputs", good, "--expect", "bad.npz"), files)
        types = ("import", model, "--types-from-data", "bad.npz", "-o", "out")
        yield Case(f"types: {what}", types, files)


def cases() -> Cases:
    """External data, then arrays."""
    yield from _external_cases()
    yield from _array_cases()
