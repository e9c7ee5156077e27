"""The simulator's shared object, loaded."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

from deeploy_mlir.machine import shared_object

SOURCES = Path(__file__).resolve().parent / "src"


class DmsimFault(ctypes.Structure):
    """`DmsimFault` of dmsim.h."""

    _fields_ = [
        ("kind", ctypes.c_int32),
        ("core", ctypes.c_int32),
        ("pc", ctypes.c_uint32),
        ("address", ctypes.c_uint32),
        ("message", ctypes.c_char * 200),
    ]


class DmsimMachine(ctypes.Structure):
    """`DmsimMachine` of dmsim.h."""

    _fields_ = [
        (name, ctypes.c_uint32) for name in ("cores", "l1_bytes", "l2_bytes", "wmem_bytes", "l3_bytes", "flags")
    ]


def build(folder: Path | None = None) -> Path:
    """The path of the shared object, compiled if it is not there. Errors as in `shared_object.build`."""
    return shared_object.build("siracusa", "the simulator", SOURCES, folder)


@functools.cache
def library() -> ctypes.CDLL:
    """The loaded shared object with its functions' types set."""
    lib = ctypes.CDLL(str(build()))
    sim, u32, u64, i32 = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int32
    counters = ctypes.POINTER(u64)
    signatures: dict[str, tuple[object, tuple[object, ...]]] = {
        "dmsim_new": (sim, (ctypes.POINTER(DmsimMachine),)),
        "dmsim_free": (None, (sim,)),
        "dmsim_write": (ctypes.c_int, (sim, u32, ctypes.c_char_p, u32)),
        "dmsim_read": (ctypes.c_int, (sim, u32, ctypes.c_void_p, u32)),
        "dmsim_start": (None, (sim, u32)),
        "dmsim_run": (ctypes.c_int, (sim, u64)),
        "dmsim_exit_code": (i32, (sim,)),
        "dmsim_fault": (ctypes.POINTER(DmsimFault), (sim,)),
        "dmsim_output": (ctypes.c_void_p, (sim, ctypes.POINTER(u64))),
        "dmsim_flush": (None, (sim,)),
        "dmsim_report": (None, (sim, ctypes.c_char_p, u32)),
        "dmsim_core": (None, (sim, u32, counters)),
        "dmsim_region": (u64, (sim, u32, u32, counters)),
        "dmsim_next_region": (u32, (sim, u32)),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
    return lib
