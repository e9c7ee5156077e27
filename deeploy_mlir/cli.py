"""The `deeploy` command.

Exit status: 0 done (`run --expect` and `check`: the outputs match), 1 they do not match (`compile
--verify-each-by-running`: a pass changed them), 2 an error that the message on stderr explains,
130 interrupted by Ctrl-C, 141 the output was not read to its end.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from deeploy_mlir import __version__
from deeploy_mlir.support import names
from deeploy_mlir.support.errors import DeeployError, OutputsDifferError
from deeploy_mlir.support.interruption import quietly
from deeploy_mlir.support.progress import doing, shown

if TYPE_CHECKING:
    from deeploy_mlir.program.network import Network

MATCH, MISMATCH, ERROR = 0, 1, 2


REPEATED = ("memory", "input_type", "dim", "input_value", "exclude", "without_engine")
"""Options that may be given several times."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the `deeploy` command; returns the exit status."""
    return quietly(lambda: _command(arguments))


def _command(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    for name, value in vars(options).items():
        # What argparse makes of `--option --`: an empty list instead of a text.
        if (value == [] and name not in REPEATED) or (name in REPEATED and [] in value):
            parser.error(f"argument --{name.replace('_', '-')}: expected one argument")
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        with shown(sys.stderr):
            return run(options)
    except BrokenPipeError:
        raise
    except DeeployError as error:
        print(f"deeploy: error: {error}", file=sys.stderr)
        return MISMATCH if isinstance(error, OutputsDifferError) else ERROR
    except OSError as error:
        print(f"deeploy: error: {names.message(str(error))}", file=sys.stderr)
        return ERROR
    except MemoryError:
        print("deeploy: error: this machine has not enough memory for it", file=sys.stderr)
        return ERROR
    except Exception as error:
        if os.environ.get("DEEPLOY_DEBUG"):
            raise
        what = names.message(f"{type(error).__name__}: {error}")
        print(f"deeploy: error: a fault in deeploy itself ({what[:500]}); DEEPLOY_DEBUG=1 shows where", file=sys.stderr)
        return ERROR


class _Parser(argparse.ArgumentParser):
    """An argument parser that quotes wrong arguments in printable text only."""

    def error(self, message: str) -> NoReturn:
        super().error(names.message(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="deeploy", description="ONNX networks as C for microcontrollers")
    parser.add_argument("--version", action="version", version=f"deeploy-mlir {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("compile", help="compile a network into a folder of C")
    command.set_defaults(run=_compile)
    _add_model(command)
    _add_lowering(command)
    command.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder to write")
    command.add_argument(
        "--force", action="store_true", help="overwrite files of the folder that were changed or are not deeploy's"
    )
    command.add_argument("--print-pipeline", action="store_true", help="print the passes, as deeploy-opt -p takes them")
    command.add_argument(
        "--verify-each-by-running",
        metavar="F.npz",
        help="run the IR on these inputs before the first pass and after each; status 1 if a pass changes the outputs",
    )

    command = commands.add_parser("run", help="build and run a folder that compile wrote")
    command.set_defaults(run=_run)
    command.add_argument("folder", type=Path, metavar="DIR")
    command.add_argument("--inputs", metavar="F.npz", help="inputs; by default a fixed pattern")
    command.add_argument("--expect", metavar="F.npz", help="golden outputs to compare with")
    command.add_argument("--outputs", type=Path, metavar="F.npz", help="write the outputs here")
    _add_running(command)

    command = commands.add_parser("check", help="compile, build, run and compare; status 0 only on a match")
    command.set_defaults(run=_check)
    _add_model(command)
    _add_lowering(command)
    command.add_argument("--inputs", metavar="F.npz", required=True)
    command.add_argument("--expect", metavar="F.npz", required=True, help="golden outputs")
    _add_running(command)

    command = commands.add_parser("report", help="print the plan of a folder that compile wrote")
    command.set_defaults(run=_show)
    command.add_argument("folder", type=Path, metavar="DIR")

    command = commands.add_parser("import", help="print a network as IR of the graph level, the input of the pipeline")
    command.set_defaults(run=_import)
    _add_model(command)
    command.add_argument("-o", "--output", type=Path, metavar="F.mlir", help="file to write instead of stdout")

    command = commands.add_parser("quantize", help="make an int8 network of a float one (needs onnxruntime)")
    command.set_defaults(run=_quantize)
    _add_quantization(command)

    command = commands.add_parser("targets", help="list the targets")
    command.set_defaults(run=_targets)
    return parser


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="NET.onnx")
    command.add_argument("--name", metavar="PREFIX", help="prefix of all C names, by default from the file name")
    command.add_argument(
        "--input-type", action="append", default=[], metavar="NAME=TYPE", help="element type of an input, such as x=ui8"
    )
    command.add_argument(
        "--types-from-data",
        metavar="F.npz",
        help="take the input types from sample inputs: integers where all values are",
    )
    command.add_argument("--dim", action="append", default=[], metavar="N=1", help="value of a symbolic dimension")
    command.add_argument(
        "--input-value",
        action="append",
        default=[],
        metavar="NAME=V",
        help="value of an input, which is then no input any more: sr=16000, or several as lengths=1,2,3",
    )


def _add_lowering(command: argparse.ArgumentParser) -> None:
    command.add_argument("--target", required=True, metavar="T", help="see `deeploy targets`")
    command.add_argument("--l1", metavar="SIZE", help="L1 to use at most, such as 64KiB; by default all")
    command.add_argument("--l2", metavar="SIZE", help="L2 to use at most")
    command.add_argument("--wmem", metavar="SIZE", help="weight memory to use at most; 0 for none")
    command.add_argument("--ram", metavar="SIZE", help="RAM for activations, inputs and outputs at most")
    command.add_argument(
        "--memory",
        action="append",
        default=[],
        metavar="NAME=SIZE",
        help="of any memory of the target, by its name, at most that much",
    )
    command.add_argument(
        "--without-engine", action="append", default=[], metavar="NAME", help="an engine of the target not to use"
    )
    command.add_argument("--no-double-buffer", action="store_true", help="do not overlap transfers with computing")
    command.add_argument(
        "--requantize",
        default="exact",
        metavar="HOW",
        help="QDQ networks: exact (default: float scales, as in ONNX) or fixed-point (integers, off by at most 1)",
    )
    command.add_argument(
        "--math", default="exact", metavar="HOW", help="exp, tanh and erf: exact (default) or fast (errors of 1e-5)"
    )


def _add_quantization(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="NET.onnx")
    command.add_argument("--calibration", metavar="F.npz", required=True, help="samples of each input")
    command.add_argument(
        "--evaluate", metavar="F.npz", help="judge the result on these samples instead of the calibration's"
    )
    command.add_argument("-o", "--output", type=Path, metavar="Q.onnx", required=True, help="file to write")
    command.add_argument("--per-channel", action="store_true", help="a scale for each channel of weights")
    command.add_argument(
        "--activations",
        default="int8",
        metavar="TYPE",
        help="type of activations: int8 (default), uint8, int16, uint16",
    )
    command.add_argument("--symmetric", action="store_true", help="activations with zero point 0")
    command.add_argument(
        "--method", default="minmax", metavar="M", help="how data give ranges: minmax (default), entropy, percentile"
    )
    command.add_argument("--exclude", action="append", default=[], metavar="NODE", help="leave this node in float")
    command.add_argument("--dim", action="append", default=[], metavar="N=1", help="value of a symbolic dimension")
    command.add_argument("--labels", metavar="NAME", help="array of the data with the right classes, for the accuracy")
    command.add_argument("--json", action="store_true", help="print the report as one JSON object")


def _add_running(command: argparse.ArgumentParser) -> None:
    command.add_argument("--platform", metavar="P", help="run on another platform of the target")
    command.add_argument(
        "--sanitize", metavar="S", default="", help="host platforms: build with address, undefined or thread (commas)"
    )
    command.add_argument(
        "--tolerance",
        type=_tolerance,
        metavar="X",
        help="allowed error as a part of the largest golden magnitude (default: integers exact, floats 1e-5)",
    )
    command.add_argument("--json", action="store_true", help="print the report as one JSON object")


def _tolerance(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("a tolerance is a number of at least 0")
    return value


def _pairs(words: Sequence[str], option: str) -> dict[str, str]:
    """NAME=VALUE words; the last `=` separates, since ONNX names may hold one."""
    pairs: dict[str, str] = {}
    for word in words:
        name, separator, value = word.rpartition("=")
        if not separator or not name or not value:
            raise DeeployError(f"{option} takes NAME=VALUE, not '{word}'")
        pairs[name] = value
    return pairs


def _dims(words: Sequence[str]) -> dict[str, int]:
    dims: dict[str, int] = {}
    for name, value in _pairs(words, "--dim").items():
        if not value.isdecimal() or len(value) > 18:
            raise DeeployError(f"--dim {name}={value}: a dimension is a number")
        dims[name] = int(value)
    return dims


def _model_options(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "name": options.name,
        "input_types": _pairs(options.input_type, "--input-type"),
        "types_from": options.types_from_data,
        "dims": _dims(options.dim),
        "input_values": _pairs(options.input_value, "--input-value"),
    }


def _lowering_options(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "target": options.target,
        "l1": options.l1,
        "l2": options.l2,
        "wmem": options.wmem,
        "ram": options.ram,
        "memories": _pairs(options.memory, "--memory"),
        "without_engines": options.without_engine,
        "double_buffer": not options.no_double_buffer,
        "requantize": options.requantize,
        "math": options.math,
    }


def _compile(options: argparse.Namespace) -> int:
    from deeploy_mlir import api
    from deeploy_mlir.program.folder_update import check_folder
    from deeploy_mlir.program.presentation import plan_text

    if options.print_pipeline:
        _say(api.pipeline_for(api.pipeline_options(**_lowering_options(options))))
        if options.output is None:
            return MATCH
    if options.output is None:
        raise DeeployError("missing output folder: pass -o DIR")
    check_folder(options.output, force=options.force)  # before the compiler's work
    observer = _each_pass(options.verify_each_by_running) if options.verify_each_by_running else None
    program = api.compile(options.model, **_lowering_options(options), **_model_options(options), observer=observer)
    program = program.with_footprint()
    samples = None
    if options.types_from_data:
        samples = api.match_inputs(program.network, options.types_from_data)
    program.save(options.output, samples, force=options.force)
    if not options.print_pipeline:
        _say(plan_text(program.manifest))
        _say(f"written to {options.output}")
    return MATCH


def _each_pass(inputs: str) -> Any:
    from deeploy_mlir.interpreters.each_pass import EachPass

    return EachPass(inputs)


def _check(options: argparse.Namespace) -> int:
    from deeploy_mlir import api
    from deeploy_mlir.program.npz import load_arrays

    for path in (options.inputs, options.expect):
        load_arrays(path)  # what cannot be read is refused before the compiler's work, as is what does not fit

    def matched(network: Network) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        return api.match_inputs(network, options.inputs), api.match_outputs(network, options.expect)

    program = api.compile(options.model, **_lowering_options(options), **_model_options(options), check=matched)
    inputs, golden = matched(program.network)
    program = program.with_footprint()
    execution = program.execute(inputs, **_running_options(options))
    return _report(options, program.manifest, execution, golden)


def _run(options: argparse.Namespace) -> int:
    from deeploy_mlir import api
    from deeploy_mlir.program.network import save_arrays
    from deeploy_mlir.program.output_folder import default_inputs, read_manifest
    from deeploy_mlir.program.program import run_folder

    manifest = read_manifest(options.folder)
    network = manifest.network
    if options.outputs:
        _check_overwriting(options.outputs, options.inputs, options.expect)
    if options.inputs:
        inputs = api.match_inputs(network, options.inputs)
    else:
        inputs = {t.name: a for t, a in zip(network.inputs, default_inputs(network), strict=True)}
    golden = api.match_outputs(network, options.expect) if options.expect else None
    execution = run_folder(options.folder, inputs, **_running_options(options))
    if options.outputs:
        save_arrays(options.outputs, execution.outputs)
    return _report(options, manifest, execution, golden)


def _running_options(options: argparse.Namespace) -> dict[str, Any]:
    sanitize = tuple(word for word in options.sanitize.split(",") if word)
    return {"platform": options.platform, "sanitize": sanitize}


def _report(options: argparse.Namespace, manifest: Any, execution: Any, golden: Mapping[str, Any] | None) -> int:
    from deeploy_mlir.program.comparison import compare_outputs
    from deeploy_mlir.program.presentation import report_json, report_text

    comparisons = None if golden is None else compare_outputs(execution.outputs, golden, options.tolerance)
    if options.json:
        _say(json.dumps(report_json(manifest, execution, comparisons)))
    else:
        _say(report_text(manifest, execution, comparisons))
    return MATCH if comparisons is None or all(c.match for c in comparisons) else MISMATCH


def _show(options: argparse.Namespace) -> int:
    from deeploy_mlir.program.output_folder import read_manifest
    from deeploy_mlir.program.presentation import plan_text

    _say(plan_text(read_manifest(options.folder)))
    return MATCH


def _import(options: argparse.Namespace) -> int:
    from deeploy_mlir import api

    if options.output is not None:
        _check_overwriting(options.output, options.model, options.types_from_data)
    module = api.import_network(options.model, api.import_options(**_model_options(options)))
    if options.output is None:
        _say(module)
    else:
        options.output.write_text(str(module) + "\n")
    return MATCH


def _quantize(options: argparse.Namespace) -> int:
    from deeploy_mlir.quantizer.quantize import QuantizeOptions, quantize, report_json, report_text, silence_onnxruntime

    silence_onnxruntime()
    _check_overwriting(options.output, options.model, options.calibration, options.evaluate)
    chosen = QuantizeOptions(
        per_channel=options.per_channel,
        activations=options.activations,
        symmetric=options.symmetric,
        method=options.method,
        exclude=tuple(options.exclude),
        dims=_dims(options.dim),
        labels=options.labels,
    )
    report = quantize(options.model, options.calibration, options.output, chosen, options.evaluate)
    if options.json:
        _say(json.dumps(report_json(report)))
    else:
        _say(report_text(report))
        _say(f"written to {options.output}")
    return MATCH


def _say(text: object) -> None:
    """Prints a result, which may hold names from a model, where progress may stand on the terminal."""
    doing("")
    print(names.printable(str(text)))


def _check_overwriting(output: Path, *inputs: str | None) -> None:
    """Raises DeeployError if the file to write is one that is read."""
    for path in inputs:
        if path is not None and output.exists() and Path(path).exists() and output.samefile(path):
            raise DeeployError(f"{output} is read; name another file to write")


def _targets(options: argparse.Namespace) -> int:
    from deeploy_mlir.program.presentation import targets_text

    _say(targets_text())
    return MATCH


if __name__ == "__main__":
    sys.exit(main())
