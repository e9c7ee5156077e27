"""`deeploy-opt`: xDSL's optimisation driver over every dialect and pass of this environment, ours included."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import sys
from typing import NoReturn

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.utils.exceptions import ArgSpecParseError
from xdsl.xdsl_opt_main import xDSLOptMain

from deeploy_mlir.support.errors import DeeployError, OutputsDifferError
from deeploy_mlir.support.interruption import quietly
from deeploy_mlir.support.names import printable
from deeploy_mlir.universe import UNIVERSE


class DeeployOptMain(xDSLOptMain):
    """`xdsl-opt` that knows our universe even where the package is not installed (a bare checkout)."""

    def register_all_dialects(self) -> None:
        super().register_all_dialects()
        known = set(self.ctx.registered_dialect_names)
        for name, factory in UNIVERSE.all_dialects.items():
            if name not in known:
                self.ctx.register_dialect(name, factory)

    def register_all_passes(self) -> None:
        super().register_all_passes()
        for name, factory in UNIVERSE.all_passes.items():
            if name not in self.available_passes:
                self.register_pass(name, factory)

    def register_all_targets(self) -> None:
        super().register_all_targets()
        for name, factory in UNIVERSE.all_targets.items():
            if name not in self.available_targets:
                self.available_targets[name] = factory

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        super().register_all_arguments(arg_parser)
        arg_parser.add_argument(
            "--verify-each-by-running",
            metavar="F.npz",
            help="run the module on these inputs before the first pass and after each one; status 1 if a pass changes "
            "the outputs",
        )

    def setup_pipeline(self) -> None:
        super().setup_pipeline()
        if self.args.verify_each_by_running is None:
            return
        from deeploy_mlir.interpreters.each_pass import EachPass

        own, check = self.pipeline.callback, EachPass(self.args.verify_each_by_running)

        def both(previous: ModulePass | None, module: ModuleOp, following: ModulePass | None) -> None:
            if own is not None:
                own(previous, module, following)
            check(previous, module, following)

        self.pipeline = PassPipeline(self.pipeline.passes, both)


def main() -> None:
    """Entry point of the `deeploy-opt` command: what it cannot do is one message, with status 2.

    Status 1 is a pass that changed the outputs, with `--verify-each-by-running`."""
    status = quietly(_command)
    if status:
        sys.exit(status)


def _command() -> int:
    try:
        _main().run()
        return 0
    except BrokenPipeError:
        raise
    except OutputsDifferError as error:
        print(f"deeploy-opt: error: {error}", file=sys.stderr)
        sys.exit(1)
    except RecursionError:
        _refuse(DeeployError("is nested too deeply"))
    except MemoryError:
        _refuse(DeeployError("this machine has not enough memory for it"))
    except (
        Exception,
        ArgSpecParseError,
    ) as error:  # xDSL's errors have no base
        if os.environ.get("DEEPLOY_DEBUG"):
            raise
        _refuse(error if isinstance(error, DeeployError) else _as_deeploy_error(error))


def _marked_place(printed: str, context: int = 3) -> str:
    """Of a printed module in which an operation is underlined with a message below it: the operation, the message, and
    `context` lines before and after. Without a mark, the first lines."""
    lines = printed.rstrip().splitlines()
    marks = [i for i, line in enumerate(lines) if re.fullmatch(r"\s*\^+-*", line)]
    first, last = (marks[0] - 1, marks[-1]) if marks else (0, 0)
    while last + 1 < len(lines) and re.match(r"\s*(\||-+$)", lines[last + 1]):  # the message and the rule below it
        last += 1
    start, end = max(0, first - context), last + context + 1
    return "\n".join([*(["..."] if start else []), *lines[start:end], *(["..."] if end < len(lines) else [])])


def _narrowed(text: str, width: int = 200) -> str:
    """The text with lines of at most about `width` characters: of a long line above a mark, what is around the mark."""
    lines = text.splitlines()
    for number in range(1, len(lines)):
        mark = re.match(r"\s*\^", lines[number])
        if mark is not None and len(lines[number - 1]) > width:
            start = max(0, mark.end() - width // 2)
            # The message stands below the mark, as far in.
            for near in range(number - 1, min(number + 2, len(lines))):
                lines[near] = lines[near][start:]
    return "\n".join(line if len(line) <= width else f"{line[:width]} ..." for line in map(str.rstrip, lines))


def _main() -> DeeployOptMain:
    """The driver with its arguments; what it says of wrong ones quotes them, so it is made printable."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return DeeployOptMain(description="deeploy-mlir modular optimiser driver")
    finally:
        sys.stderr.write(printable(complaint.getvalue()))


def _as_deeploy_error(error: BaseException) -> DeeployError:
    """xDSL's message: its first line, and as details the lines that mark where in the IR it is."""
    first, _, rest = str(error).strip().partition("\n")
    # In its notes xDSL's verifier prints the IR with the place marked.
    marked = [rest, *(_marked_place(note) for note in getattr(error, "__notes__", ()))]
    return DeeployError(first or type(error).__name__, details=_narrowed("\n".join(filter(None, marked))))


def _refuse(error: DeeployError) -> NoReturn:
    print(f"deeploy-opt: error: {error}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
