"""docs/operators.md: the score of ONNX's node cases by operator, beside the element types of those that pass."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import onnx

from deeploy_mlir.graph.types import element_of_onnx
from deeploy_mlir.testing.node_cases import Outcome, Verdict

SEVERAL = "several"
"""The row of cases whose model has more than one operator."""

MAX_REASONS = 2


def row_of(outcome: Outcome) -> str:
    """The row of the table that a case counts in."""
    return outcome.operators[0] if len(outcome.operators) == 1 else SEVERAL


def element_types(cases: Iterable[Any]) -> tuple[str, ...]:
    """The element types of the first operands in cases of one operator, in the IR's spelling."""
    names: set[str] = set()
    for case in cases:
        graph = case.model.graph
        declared = {value.name: value.type.tensor_type.elem_type for value in graph.input}
        first = graph.node[0].input[0] if graph.node[0].input else ""
        if declared.get(first):
            names.add(str(element_of_onnx(declared[first], case.name)))
    return tuple(sorted(names, key=lambda name: (name.strip("0123456789"), len(name), name)))


def types_by_operator(outcomes: Iterable[Outcome], cases: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    """Operator -> the element types of its passing cases."""
    passed = {outcome.name: row_of(outcome) for outcome in outcomes if outcome.verdict == Verdict.PASS}
    by_operator: dict[str, list[Any]] = defaultdict(list)
    for case in cases:
        if case.name in passed and passed[case.name] != SEVERAL:
            by_operator[passed[case.name]].append(case)
    return {operator: element_types(found) for operator, found in by_operator.items()}


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


def kernel_table(kernels: Mapping[str, Sequence[str]]) -> str:
    """A row for each kernel, in Markdown."""
    rows = [f"| `kernel.{kernel}` | {' '.join(types)} |" for kernel, types in kernels.items()]
    return "\n".join(["| kernel | element types |", "|---|---|", *rows])


def page(outcomes: Sequence[Outcome], types: Mapping[str, Sequence[str]], kernels: Mapping[str, Sequence[str]]) -> str:
    """The whole text."""
    return (
        "# Operators\n\n"
        f"The node cases of `onnx.backend.test` (onnx {onnx.__version__}, all but the `_expanded` ones) through the "
        "generated C on the\nhost, by `python benchmarks/onnx_conformance.py`. The outputs of a case that passes are "
        "within its own tolerances; what\nis refused is refused by the compiler, for the reason given. Element types "
        "are those of the first operand in the cases that\npass; the kernels behind them take more, see below.\n\n"
        f"**{summary(outcomes)} of {len(outcomes)} cases.**\n\n{table(outcomes, types)}\n\n"
        "## Kernels\n\nThe element types of data with which an operator behind each kernel compiles, and then computes "
        "what the reference\nevaluator computes.\n\n"
        f"{kernel_table(kernels)}\n"
    )


def stated(text: str) -> dict[str, tuple[int, int, int, tuple[str, ...]]]:
    """What a page says: operator -> passed, refused, wrong, element types."""
    rows = (line.split(" | ") for line in text.splitlines() if re.match(r"\| \w+ \| \d", line))
    return {row[0].removeprefix("| "): (int(row[1]), int(row[2]), int(row[3]), tuple(row[4].split())) for row in rows}


def stated_kernels(text: str) -> dict[str, tuple[str, ...]]:
    """What a page says: kernel -> element types."""
    return {kernel: tuple(types.split()) for kernel, types in re.findall(r"\| `kernel\.(\w+)` \| ([^|]*) \|", text)}
