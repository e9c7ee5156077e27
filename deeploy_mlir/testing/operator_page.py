"""docs/operators.md: the score of ONNX's node cases by operator, beside the element types of those that pass."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import onnx

from deeploy_mlir.frontend.microsoft import OPERATORS, REFUSED, STANDARD_NAMES
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


def microsoft_section() -> str:
    """The operators of onnxruntime's domain and what of them is taken, in Markdown."""
    lines = ["| operator | inputs | outputs | attributes | refused |", "|---|---|---|---|---|"]
    for name in sorted({*OPERATORS, *REFUSED, *STANDARD_NAMES}):
        if name in OPERATORS:
            operator = OPERATORS[name]
            taken = [
                ", ".join(n for n in names if n not in operator.without) + (" ..." if names and repeats else "")
                for names, repeats in (
                    (operator.inputs, operator.repeats),
                    (operator.outputs, False),
                    (operator.attributes, False),
                )
            ]
            refused = [*operator.without, *(f"{key} other than {value}" for key, value in operator.only.items())]
            lines.append(f"| {name} | {' | '.join(taken)} | {', '.join(refused)} |")
        elif name in REFUSED:
            lines.append(f"| {name} | | | | it {REFUSED[name].split(';')[0].split('. ')[0]} |")
        else:
            lines.append(f"| {name} | as the standard's | | | |")
    return (
        "## com.microsoft\n\nOperators that onnxruntime's optimiser and quantiser write, in the names that it "
        "documents. They become operators of the\nstandard. An input, output or attribute that is refused, or that is "
        "not here, is told by its name.\n\n" + "\n".join(lines) + "\n"
    )


def updated(text: str, outcomes: Sequence[Outcome], types: Mapping[str, Sequence[str]]) -> str:
    """A page with the rows of these operators anew, from all of their cases, and what needs no run at all."""
    rows = {line.split(" | ")[0]: line for line in table(outcomes, types).splitlines()[2:]}
    lines = [rows.get(line.split(" | ")[0], line) for line in text.splitlines()]
    text = "\n".join(lines) + "\n"
    counts = [row[:3] for row in stated(text).values()]
    passed, refused, wrong = (sum(count[i] for count in counts) for i in range(3))
    score = f"**{passed} pass, {refused} refused, {wrong} wrong of {passed + refused + wrong} cases.**"
    text = re.sub(r"\*\*\d+ pass, .*\*\*", score, text)
    section = microsoft_section() + "\n"
    return re.sub(r"(## com\.microsoft\n.*?)?(?=## Kernels\n)", lambda _: section, text, count=1, flags=re.DOTALL)


def page(outcomes: Sequence[Outcome], types: Mapping[str, Sequence[str]], kernels: Mapping[str, Sequence[str]]) -> str:
    """The whole text."""
    return (
        "# Operators\n\n"
        f"The node cases of `onnx.backend.test` (onnx {onnx.__version__}, all but the `_expanded` ones) through the "
        "generated C on the\nhost, by `python benchmarks/onnx_conformance.py`. The outputs of a case that passes are "
        "within its own tolerances; what\nis refused is refused by the compiler, for the reason given. Element types "
        "are those of the first operand in the cases that\npass; the kernels behind them take more, see below.\n\n"
        f"**{summary(outcomes)} of {len(outcomes)} cases.**\n\n{table(outcomes, types)}\n\n"
        f"{microsoft_section()}\n"
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
