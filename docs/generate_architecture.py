"""Fills the marked blocks of docs/architecture.md with the IR of one small convolution, pass by pass.

    python docs/generate_architecture.py           # writes the file
    python docs/generate_architecture.py --check   # status 1 if the file is not up to date

A block begins with `<!-- ir: WHAT -->` and ends with `<!-- /ir -->`. WHAT is `import`, the name of a pass of the
pipeline (`NAME-2` where it runs a second time), or `c` for the text of the C file. Every pass of the pipeline must
have its block.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from deeploy_mlir import api
from deeploy_mlir.dialects.kernel import ConvOp
from deeploy_mlir.dialects.mem import StepOp
from deeploy_mlir.dialects.soc import SystemOp
from deeploy_mlir.interpreters.each_pass import EachPass
from deeploy_mlir.lowering.print_c import c_sources
from deeploy_mlir.machine.registry import load_soc
from deeploy_mlir.pipelines import PipelineOptions, pipeline_for, run_pipeline

DOCUMENT = Path(__file__).with_name("architecture.md")
BLOCK = re.compile(r"(<!-- ir: ([\w-]+) -->\n)(.*?)(<!-- /ir -->)", re.DOTALL)
TARGET = "siracusa"
ROOM = 1280
"""Bytes of L1 beside the stacks of the cores: so little that the convolution runs in tiles."""

LONGEST = 130
"""Lines of a block; what is longer is cut."""


def small_convolution() -> onnx.ModelProto:
    """A quantised convolution as QDQ: int8 1x4x16x16 -> 3x3 convolution, bias, ReLU -> int8 1x8x16x16."""
    random = np.random.default_rng(0)
    constants = {
        "x_scale": np.float32(0.05),
        "x_zero": np.int8(0),
        "w": random.integers(-127, 128, (8, 4, 3, 3), np.int8),
        "w_scale": np.float32(0.0113),
        "w_zero": np.int8(0),
        "bias": random.integers(-2000, 2000, 8, np.int32),
        "bias_scale": np.float32(0.05) * np.float32(0.0113),
        "y_scale": np.float32(0.0937),
        "y_zero": np.int8(-128),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "x_scale", "x_zero"], ["x_float"], "x_dequantize"),
        helper.make_node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["w_float"], "w_dequantize"),
        helper.make_node("DequantizeLinear", ["bias", "bias_scale"], ["bias_float"], "bias_dequantize"),
        helper.make_node("Conv", ["x_float", "w_float", "bias_float"], ["conv"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["relu"], "relu"),
        helper.make_node("QuantizeLinear", ["relu", "y_scale", "y_zero"], ["y"], "y_quantize"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", onnx.TensorProto.INT8, [1, 4, 16, 16])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.INT8, [1, 8, 16, 16])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def options() -> PipelineOptions:
    """How the network is compiled."""
    stacks = sum(engine.reserved_bytes for engine in load_soc(TARGET).engines if engine.memory_name == "l1")
    return api.pipeline_options(TARGET, l1=stacks + ROOM)


def shown(module: ModuleOp) -> str:
    """The module's text without what says nothing here: the SoC, the plan's figures, the bytes of weights, and of the
    steps all but the convolution's."""
    copy = module.clone()
    others = [op for op in copy.walk() if isinstance(op, StepOp) and not any(isinstance(k, ConvOp) for k in op.walk())]
    for op in [*others, *(op for op in copy.body.block.ops if isinstance(op, SystemOp))]:
        op.detach()
        op.erase()
    copy.attributes.pop("deeploy.plan", None)
    text = re.sub(r'dense<"0x[0-9A-Fa-f]{24,}">', 'dense<"0x…">', str(copy))
    text = re.sub(r"dense<\[[^<>]{40,}\]>", "dense<[…]>", text)
    return text.strip()


def with_the_soc(module: ModuleOp) -> str:
    """The SoC that a module is compiled for."""
    return "\n".join(str(op) for op in module.body.block.ops if isinstance(op, SystemOp))


def stages() -> dict[str, str]:
    """The text of every block. Every pass is checked by running the IR before and after it."""
    texts: dict[str, str] = {}
    runs: Counter[str] = Counter()
    module = api.import_network(small_convolution().SerializeToString(), api.import_options(name="small"))
    check = EachPass({"x": np.random.default_rng(1).integers(-128, 128, (1, 4, 16, 16), np.int8)})
    last = [shown(module)]
    texts["import"] = mlir(last[0])

    def observe(previous: ModulePass | None, current: ModuleOp, following: ModulePass | None) -> None:
        check(previous, current, following)
        if previous is None:
            return
        text = with_the_soc(current) if previous.name == "deeploy-attach-soc" else shown(current)
        runs[previous.name] += 1
        name = previous.name if runs[previous.name] == 1 else f"{previous.name}-{runs[previous.name]}"
        texts[name] = "Nothing changes here.\n" if text == last[0] else mlir(text)
        if previous.name != "deeploy-attach-soc":
            last[0] = text

    run_pipeline(module, pipeline_for(options()), observe)
    texts["convert-cluster-to-c"] = mlir(step_function(last[0]), 60)
    texts["c"] = f"```c\n{c_sources(module)['small.c'].strip()}\n```\n"
    return texts


def step_function(text: str) -> str:
    """The function of the convolution's step in a module on the C level."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if "c.comment" in line and "conv: " in line)
    indent = re.match(" *", lines[start])
    assert indent is not None
    end = next(i for i in range(start + 1, len(lines)) if lines[i] == f"{indent[0]}}}")
    return "\n".join(line[len(indent[0]) :] for line in lines[start : end + 1])


def mlir(text: str, longest: int = LONGEST) -> str:
    """A block of code, cut where it is long."""
    lines = text.splitlines()
    if len(lines) > longest:
        lines = [*lines[:longest], f"… {len(lines) - longest} more lines"]
    return "```mlir\n" + "\n".join(lines) + "\n```\n"


def render(document: str) -> str:
    """The document with all blocks filled. Raises ValueError if a block is unknown or missing."""
    texts = stages()
    found = [match[2] for match in BLOCK.finditer(document)]
    if missing := set(texts) - set(found):
        raise ValueError(f"no block for {', '.join(sorted(missing))}")
    if unknown := set(found) - set(texts):
        raise ValueError(f"no such pass: {', '.join(sorted(unknown))}")
    return BLOCK.sub(lambda match: f"{match[1]}{texts[match[2]]}{match[4]}", document)


def main() -> int:
    """Writes or checks the document; the exit status."""
    committed = DOCUMENT.read_text(encoding="utf-8")
    try:
        fresh = render(committed)
    except ValueError as error:
        print(f"docs/architecture.md does not go with the pipeline: {error}", file=sys.stderr)
        return 1
    if "--check" not in sys.argv[1:]:
        DOCUMENT.write_text(fresh, encoding="utf-8")
        return 0
    if fresh == committed:
        return 0
    print("docs/architecture.md is not up to date: run python docs/generate_architecture.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
