"""The node cases of `onnx.backend.test`, each compiled, built with the host's C compiler, run and compared."""

from __future__ import annotations

import logging
import re
import signal
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, cast

import numpy as np
import onnx

from deeploy_mlir.backend import prepare
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

TIME_LIMIT = 300
"""Seconds after which a case counts as wrong."""

T = TypeVar("T")


class Verdict(StrEnum):
    """`REFUSED`: the compiler says that it cannot, and why. `WRONG`: anything else but the expected outputs."""

    PASS = "pass"
    REFUSED = "refused"
    WRONG = "wrong"


@dataclass(frozen=True)
class Outcome:
    """What became of a case: its name, the operators of its model, the verdict and the reason for it."""

    name: str
    operators: tuple[str, ...]
    verdict: Verdict
    reason: str = ""


def node_cases(pattern: str = ".*") -> list[Any]:
    """The node cases whose name matches, without those whose functions are already expanded."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: list[Any] = cast(Any, collect_testcases)(None)
    return [c for c in found if "_expanded" not in c.name and re.fullmatch(pattern, c.name)]


def operators_of(case: Any) -> tuple[str, ...]:
    """The operators of a case's model, sorted."""
    return tuple(sorted({node.op_type for node in case.model.graph.node}))


def array_of(value: Any) -> Any:
    """A tensor of a case's data as an array; what is no tensor as it is."""
    return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def agrees(actual: Array, expected: Any, rtol: float, atol: float) -> bool:
    """Equality within the case's tolerances, types and shapes included; as `onnx.backend.test` compares, with at least
    two units in the last place for bfloat16."""
    wanted = np.asarray(array_of(expected))
    if actual.shape != wanted.shape or actual.dtype != wanted.dtype:
        return False
    if wanted.dtype.kind in "iub":
        return bool(np.array_equal(actual, wanted))
    if wanted.dtype.name == "bfloat16":
        rtol = max(rtol, 2**-6)
    return bool(np.allclose(actual.astype(np.float64), wanted.astype(np.float64), rtol=rtol, atol=atol, equal_nan=True))


@contextmanager
def _without_remarks() -> Generator[None]:
    """Nothing is logged inside."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def run_case(case: Any) -> Outcome:
    """Compiles and runs one case. What the compiler accepts has to be right: any later error is a wrong result."""
    operators = operators_of(case)

    def outcome(verdict: Verdict, reason: str = "") -> Outcome:
        return Outcome(case.name, operators, verdict, reason)

    try:
        with warnings.catch_warnings(), _without_remarks(), _time_limit(TIME_LIMIT):
            warnings.simplefilter("ignore")
            try:
                compiled = prepare(case.model)
            except DeeployError as error:
                return outcome(Verdict.REFUSED, str(error).splitlines()[0])
            for inputs, expected in case.data_sets:
                outputs = compiled.run([array_of(value) for value in inputs])
                for number, (actual, wanted) in enumerate(zip(outputs, expected, strict=True)):
                    if not agrees(actual, wanted, case.rtol, case.atol):
                        return outcome(Verdict.WRONG, f"output {number} differs")
    except Exception as error:  # a fault of ours: counted, never hidden
        return outcome(Verdict.WRONG, f"{type(error).__name__}: {str(error)[:300]}")
    return outcome(Verdict.PASS)


@contextmanager
def _time_limit(seconds: float) -> Generator[None]:
    """Raises TimeoutError in the block after this many seconds. Only in a process's main thread."""

    def stop(signum: int, frame: object) -> None:
        raise TimeoutError(f"took more than {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def in_processes(
    function: Callable[[Any], T], items: Sequence[Any], jobs: int, died: Callable[[Any], T]
) -> Iterator[T]:
    """What `function` gives for each item, as it comes, from `jobs` processes; `died(item)` for an item whose process
    dies of it."""
    suspects: list[Any] = []
    with ProcessPoolExecutor(jobs) as pool:
        started: dict[Future[T], Any] = {pool.submit(function, item): item for item in items}
        for future in as_completed(started):
            try:
                yield future.result()
            except BrokenProcessPool:
                suspects.append(started[future])
    for item in suspects:  # one of them killed the pool: each gets its own
        with ProcessPoolExecutor(1) as pool:
            try:
                yield pool.submit(function, item).result()
            except BrokenProcessPool:
                yield died(item)


def run_cases(cases: Sequence[Any], jobs: int) -> Iterator[Outcome]:
    """The outcomes of the cases, as they come."""

    def died(case: Any) -> Outcome:
        return Outcome(case.name, operators_of(case), Verdict.WRONG, "the process died")

    return in_processes(run_case, cases, jobs, died)
