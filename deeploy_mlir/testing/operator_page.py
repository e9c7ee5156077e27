"""docs/operators.md: the score of ONNX's node cases by operator, beside the element types that each operator compiles
for."""

from __future__ import annotations

import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import onnx
from xdsl.ir import Attribute

import deeploy_mlir
from deeploy_mlir.dialects.onnx import OPERATORS, allowed_types
from deeploy_mlir.errors import DeeployError
from deeploy_mlir.frontend.types import onnx_dtype
from deeploy_mlir.testing.node_cases import Outcome, Verdict

SEVERAL = "several"
"""The row of cases whose model has more than one operator."""

TRIED = 4
"""Cases of an operator that are tried with each element type."""

MAX_REASONS = 2


def row_of(outcome: Outcome) -> str:
    """The row of the table that a case counts in."""
    return outcome.operators[0] if len(outcome.operators) == 1 else SEVERAL


def retyped(model: onnx.ModelProto, element: Attribute) -> onnx.ModelProto:
    """A model of one node with another element type for its first operand, and for all that must have the same."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    node = copy.graph.node[0]
    schema = OPERATORS[node.op_type].schema
    parameter = schema.inputs[0].type_str
    names: set[str] = set()
    for formals, values in ((schema.inputs, node.input), (schema.outputs, node.output)):
        for index, name in enumerate(values):
            formal = formals[min(index, len(formals) - 1)]
            if formal.type_str == parameter:
                names.add(name)
    for value in (*copy.graph.input, *copy.graph.output):
        if value.name in names:
            value.type.tensor_type.elem_type = onnx_dtype(element)
    return copy


def compiles(model: onnx.ModelProto) -> bool:
    """Whether the host's C comes out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            deeploy_mlir.compile(model, "generic", name="network")
    except DeeployError:
        return False
    return True


def element_types(op_type: str, cases: Sequence[Any]) -> tuple[str, ...]:
    """The element types of the first operand for which one of an operator's cases compiles, in the IR's spelling."""
    models = [case.model for case in cases if len(case.model.graph.node) == 1][:TRIED]
    schema = OPERATORS[op_type].schema if op_type in OPERATORS else None
    if not models or schema is None or not schema.inputs:
        return ()
    allowed = allowed_types(op_type).get(schema.inputs[0].type_str, frozenset[Attribute]())
    names = sorted(str(t) for t in allowed if any(compiles(retyped(model, t)) for model in models))
    return tuple(sorted(names, key=lambda name: (name.strip("0123456789"), len(name), name)))


def summary(outcomes: Iterable[Outcome]) -> str:
    """The totals in words."""
    count = Counter(o.verdict for o in outcomes)
    return f"{count[Verdict.PASS]} pass, {count[Verdict.REFUSED]} refused, {count[Verdict.WRONG]} wrong"


def table(outcomes: Iterable[Outcome], types: Mapping[str, Sequence[str]]) -> str:
    """A row for each operator, in Markdown."""
    by_operator: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_operator[row_of(outcome)].append(outcome)
    lines = ["| operator | pass | refused | wrong | element types | why refused |", "|---|---|---|---|---|---|"]
    for operator in sorted(by_operator):
        found = by_operator[operator]
        count = Counter(o.verdict for o in found)
        reasons = Counter(re.sub(r"^[^:]*: ", "", o.reason) for o in found if o.verdict == Verdict.REFUSED)
        why = "; ".join(reason[:160].replace("|", "\\|") for reason, _ in reasons.most_common(MAX_REASONS))
        numbers = " | ".join(str(count[v]) for v in (Verdict.PASS, Verdict.REFUSED, Verdict.WRONG))
        lines.append(f"| {operator} | {numbers} | {' '.join(types.get(operator, ()))} | {why} |")
    return "\n".join(lines)


def page(outcomes: Sequence[Outcome], types: Mapping[str, Sequence[str]]) -> str:
    """The whole text."""
    return (
        "# Operators\n\n"
        f"The node cases of `onnx.backend.test` (onnx {onnx.__version__}, all but the `_expanded` ones) through the "
        "generated C on the\nhost, by `python benchmarks/onnx_conformance.py`. The outputs of a case that passes are "
        "within its own tolerances; what\nis refused is refused by the compiler, for the reason given. Element types "
        "are those of the first operand for which a\ncase of the operator compiles.\n\n"
        f"**{summary(outcomes)} of {len(outcomes)} cases.**\n\n{table(outcomes, types)}\n"
    )


def stated(text: str) -> dict[str, tuple[int, int, int, tuple[str, ...]]]:
    """What a page says: operator -> passed, refused, wrong, element types."""
    rows = (line.split(" | ") for line in text.splitlines() if re.match(r"\| \w+ \| \d", line))
    return {row[0].removeprefix("| "): (int(row[1]), int(row[2]), int(row[3]), tuple(row[4].split())) for row in rows}
