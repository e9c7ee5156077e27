"""The node cases of `onnx.backend.test` through the generated C on the host, and the score by operator.

    python benchmarks/onnx_conformance.py                        # all but the `_expanded` cases, into docs/operators.md
    python benchmarks/onnx_conformance.py --match 'test_conv.*'  # some, printed
    python benchmarks/onnx_conformance.py --match 'test_roialign.*' --update  # and their rows in docs/operators.md anew

Each case is compiled, built with the host's C compiler and run. It passes if the outputs are within the case's own
tolerances, is *refused* if the compiler says that it cannot (with the reason), and is *wrong* otherwise.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deeploy_mlir.testing.kernel_types import KERNELS, kernel_types
from deeploy_mlir.testing.node_cases import Outcome, Verdict, node_cases, operators_of, run_cases
from deeploy_mlir.testing.operator_page import page, summary, types_by_operator, updated

DOCUMENT = Path(__file__).parent.parent / "docs" / "operators.md"


def read_log(path: Path) -> dict[str, Outcome]:
    """The outcomes in a log by case, the last of each."""
    found: dict[str, Outcome] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        data: dict[str, Any] = json.loads(line)
        data["operators"], data["verdict"] = tuple(data["operators"]), Verdict(data["verdict"])
        found[data["name"]] = Outcome(**data)
    return found


def whole_rows(outcomes: list[Outcome]) -> list[Outcome]:
    """Those that are of a row all of whose cases are there."""
    names = {outcome.name for outcome in outcomes}
    missing = {operators_of(case) for case in node_cases() if case.name not in names}
    return [o for o in outcomes if len(o.operators) == 1 and o.operators not in missing]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--match", default=".*", help="regular expression of case names")
    parser.add_argument("--update", action="store_true", help="write the rows of operators all of whose cases are run")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--log", type=Path, help="gets each outcome as it comes, one JSON object a line")
    parser.add_argument("--resume", action="store_true", help="take cases that are in the log already from there")
    arguments = parser.parse_args()
    selected = node_cases(arguments.match)
    names = {case.name for case in selected}
    logged = read_log(arguments.log) if arguments.resume else {}
    outcomes = {name: outcome for name, outcome in logged.items() if name in names}
    for outcome in run_cases([c for c in selected if c.name not in outcomes], arguments.jobs):
        outcomes[outcome.name] = outcome
        if outcome.verdict == Verdict.WRONG or (arguments.match != ".*" and outcome.verdict != Verdict.PASS):
            print(f"{outcome.verdict:8}{outcome.name}: {outcome.reason}", flush=True)
        if arguments.log is not None:
            with arguments.log.open("a") as log:
                log.write(json.dumps(asdict(outcome)) + "\n")
    print(f"{summary(outcomes.values())} of {len(outcomes)} cases")
    if arguments.match == ".*":
        ordered = [outcomes[case.name] for case in selected]
        kernels = {kernel: kernel_types(kernel) for kernel in KERNELS}
        DOCUMENT.write_text(page(ordered, types_by_operator(ordered, selected), kernels))
    elif arguments.update:
        complete = whole_rows(list(outcomes.values()))
        DOCUMENT.write_text(updated(DOCUMENT.read_text(), complete, types_by_operator(complete, selected)))
    return 1 if any(o.verdict == Verdict.WRONG for o in outcomes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
