"""The node cases of `onnx.backend.test` through the generated C on the host, and the score by operator.

    python benchmarks/onnx_conformance.py                        # all but the `_expanded` cases, into docs/operators.md
    python benchmarks/onnx_conformance.py --match 'test_conv.*'  # some, printed

Each case is compiled, built with the host's C compiler and run. It passes if the outputs are within the case's own
tolerances, is *refused* if the compiler says that it cannot (with the reason), and is *wrong* otherwise.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from deeploy_mlir.testing.node_cases import Outcome, Verdict, node_cases, run_cases


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--match", default=".*", help="regular expression of case names")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--log", type=Path, help="a file that gets each outcome as it comes, one JSON object a line")
    arguments = parser.parse_args()
    selected = node_cases(arguments.match)
    outcomes: list[Outcome] = []
    for outcome in run_cases(selected, arguments.jobs):
        outcomes.append(outcome)
        if outcome.verdict == Verdict.WRONG or (arguments.match != ".*" and outcome.verdict != Verdict.PASS):
            print(f"{outcome.verdict:8}{outcome.name}: {outcome.reason}", flush=True)
        if arguments.log is not None:
            with arguments.log.open("a") as log:
                log.write(json.dumps(asdict(outcome)) + "\n")
    total = Counter(o.verdict for o in outcomes)
    print(", ".join(f"{total[v]} {v}" for v in Verdict), f"of {len(outcomes)} cases")
    return 1 if total[Verdict.WRONG] else 0


if __name__ == "__main__":
    sys.exit(main())
