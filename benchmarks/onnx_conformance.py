"""The node cases of `onnx.backend.test` through the generated C on the host, and the score by operator.

    python benchmarks/onnx_conformance.py                        # all but the `_expanded` cases, into docs/operators.md
    python benchmarks/onnx_conformance.py --match 'test_conv.*'  # some, printed

Each case is compiled, built with the host's C compiler and run. It passes if the outputs are within the case's own
tolerances, is *refused* if the compiler says that it cannot (with the reason), and is *wrong* otherwise.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

DOCUMENT = Path(__file__).parent.parent / "docs" / "operators.md"
PASS, REFUSED, WRONG = "pass", "refused", "wrong"


@dataclass(frozen=True)
class Outcome:
    """What became of a case: its name, the operators of its model, the verdict and the reason for it."""

    name: str
    operators: tuple[str, ...]
    verdict: str
    reason: str


def cases(pattern: str) -> list[Any]:
    """The node cases whose name matches, without those whose functions are already expanded."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    return [c for c in found if not c.name.endswith("_expanded") and re.fullmatch(pattern, c.name)]


def agrees(actual: np.ndarray, expected: Any, rtol: float, atol: float) -> bool:
    """Equality within the case's tolerances, types and shapes included."""
    expected = np.asarray(expected)
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        return False
    if expected.dtype.kind in "fV" or expected.dtype.name == "bfloat16":
        a, b = actual.astype(np.float64), expected.astype(np.float64)
        return bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))
    return bool(np.array_equal(actual, expected))


def run_case(case: Any) -> Outcome:
    """Compiles and runs one case."""
    from deeploy_mlir.backend import prepare
    from deeploy_mlir.errors import DeeployError

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    operators = tuple(sorted({node.op_type for node in case.model.graph.node}))
    try:
        for data in (d for d in case.data_sets):
            inputs, expected = data
            if any(not isinstance(x, np.ndarray | np.generic) for x in (*inputs, *expected)):
                return Outcome(case.name, operators, REFUSED, "its data are not arrays (sequences, optionals, strings)")
            outputs = prepare(case.model).run(list(inputs))
            for number, (actual, wanted) in enumerate(zip(outputs, expected, strict=True)):
                if not agrees(actual, wanted, case.rtol, case.atol):
                    return Outcome(case.name, operators, WRONG, f"output {number} differs")
    except DeeployError as error:
        return Outcome(case.name, operators, REFUSED, str(error).splitlines()[0][:160])
    except Exception as error:  # a fault of ours: counted, never hidden
        return Outcome(case.name, operators, WRONG, f"{type(error).__name__}: {str(error)[:160]}")
    return Outcome(case.name, operators, PASS, "")


def table(outcomes: Iterable[Outcome]) -> str:
    """The score by operator in Markdown: cases passed, refused and wrong, and why cases were refused."""
    by_operator: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_operator[outcome.operators[0] if len(outcome.operators) == 1 else "several"].append(outcome)
    lines = ["| operator | pass | refused | wrong | why refused |", "|---|---|---|---|---|"]
    for operator in sorted(by_operator):
        found = by_operator[operator]
        count = Counter(o.verdict for o in found)
        reasons = Counter(re.sub(r"^[^:]*: ", "", o.reason) for o in found if o.verdict == REFUSED)
        why = "; ".join(reason.replace("|", "\\|") for reason, _ in reasons.most_common(2))
        lines.append(f"| {operator} | {count[PASS]} | {count[REFUSED]} | {count[WRONG]} | {why} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--match", default=".*", help="regular expression of case names")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    selected = cases(arguments.match)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        outcomes = list(pool.map(run_case, selected, chunksize=4))
    total = Counter(o.verdict for o in outcomes)
    summary = f"{total[PASS]} pass, {total[REFUSED]} refused, {total[WRONG]} wrong of {len(outcomes)} cases"
    print(summary)
    for outcome in outcomes:
        if outcome.verdict == WRONG or (arguments.match != ".*" and outcome.verdict != PASS):
            print(f"{outcome.verdict:8}{outcome.name}: {outcome.reason}")
    if arguments.match == ".*":
        text = (
            "# Operators\n\nBy `python benchmarks/onnx_conformance.py`: the node cases of `onnx.backend.test` "
            f"(onnx {onnx.__version__}, without `_expanded` ones) through the generated C on the host.\n\n"
            f"**{summary}.**\n\n{table(outcomes)}\n"
        )
        DOCUMENT.write_text(text)
    return 1 if total[WRONG] else 0


if __name__ == "__main__":
    sys.exit(main())
