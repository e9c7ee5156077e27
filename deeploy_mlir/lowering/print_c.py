"""The printer of the `c` dialect: a module of `c.file`s becomes C source files.

`c_sources` gives the text of every file; the target `c` (`deeploy-opt x.mlir -t c`) prints them one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target

from deeploy_mlir.lowering.c_printer.files import FilePrinter, Program

MARKER = "// ===== {} ====="
"""What the target `c` prints in front of each file."""


def c_sources(module: ModuleOp, *, index_type: str = "int32_t") -> dict[str, str]:
    """File name -> C11 text, in the order of the module's `c.file`s; `index_type` is the C type of `index`.

    Raises DeeployError if the module holds anything else, or what C cannot say."""
    program = Program(module)
    return {file.path.data: FilePrinter(file, program, index_type).print() for file in program.files}


@dataclass(frozen=True)
class CTarget(Target):
    """`-t c`: all files of the module, each behind a marker comment. `-t 'c{index-type=int64_t}'`: a 64-bit `index`."""

    name: ClassVar[str] = "c"
    index_type: str = "int32_t"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        """Writes the C sources of a verified module."""
        for i, (path, text) in enumerate(c_sources(module, index_type=self.index_type).items()):
            output.write(("\n" if i else "") + MARKER.format(path) + "\n" + text)
