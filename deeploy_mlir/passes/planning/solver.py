"""A small mixed-integer model on HiGHS, set up so that equal problems give equal answers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import highspy
import numpy as np

INFINITY = highspy.kHighsInf


@dataclass(frozen=True)
class Solution:
    """Values by column, the objective, the proven bound on it and their relative gap."""

    values: tuple[float, ...]
    objective: float
    bound: float
    gap: float


class Model:
    """Columns with costs and rows of (column, coefficient) terms; minimised with one thread and a fixed seed.

    Search ends at the relative `gap` or after `nodes` nodes, never by wall clock: that would make the answer depend on
    the machine."""

    def __init__(self, *, gap: float, nodes: int) -> None:
        self._gap, self._nodes = gap, nodes
        self._lower: list[float] = []
        self._upper: list[float] = []
        self._cost: list[float] = []
        self._integer: list[bool] = []
        self._rows: list[tuple[float, float]] = []
        self._starts: list[int] = []
        self._index: list[int] = []
        self._value: list[float] = []

    def column(self, lower: float, upper: float, cost: float, integer: bool = False) -> int:
        """A new variable; returns its number."""
        self._lower.append(lower)
        self._upper.append(upper)
        self._cost.append(cost)
        self._integer.append(integer)
        return len(self._cost) - 1

    def binary(self, cost: float) -> int:
        """A new 0/1 variable."""
        return self.column(0, 1, cost, integer=True)

    def row(self, terms: Sequence[tuple[int, float]], *, low: float = -INFINITY, high: float = INFINITY) -> None:
        """low <= sum(coefficient * column) <= high."""
        self._rows.append((low, high))
        self._starts.append(len(self._index))
        self._index += [column for column, _ in terms]
        self._value += [coefficient for _, coefficient in terms]

    def minimise(self) -> Solution | None:
        """The best solution found, or None if there is none or the node limit came first."""
        if not self._cost:
            return Solution((), 0.0, 0.0, 0.0)
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self._cost), len(self._rows)
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = (np.array(v) for v in (self._cost, self._lower, self._upper))
        lp.row_lower_ = np.array([low for low, _ in self._rows])
        lp.row_upper_ = np.array([high for _, high in self._rows])
        kinds = highspy.HighsVarType
        lp.integrality_ = [kinds.kInteger if i else kinds.kContinuous for i in self._integer]
        matrix = highspy.HighsSparseMatrix()
        matrix.format_ = highspy.MatrixFormat.kRowwise
        matrix.num_col_, matrix.num_row_ = lp.num_col_, lp.num_row_
        matrix.start_ = np.array([*self._starts, len(self._index)], dtype=np.int32)
        matrix.index_ = np.array(self._index, dtype=np.int32)
        matrix.value_ = np.array(self._value)
        lp.a_matrix_ = matrix
        return self._solve(lp)

    def _solve(self, lp: highspy.HighsLp) -> Solution | None:
        # Changing `threads` within a process makes the next solve return unset values, unless the scheduler is reset.
        highspy.Highs.resetGlobalScheduler(True)
        highs = _silent_solver()
        highs.setOptionValue("threads", 1)
        highs.setOptionValue("random_seed", 0)
        highs.setOptionValue("mip_rel_gap", self._gap)
        highs.setOptionValue("mip_max_nodes", self._nodes)
        highs.passModel(lp)
        highs.run()
        status, info = highs.getModelStatus(), highs.getInfo()
        statuses = highspy.HighsModelStatus
        feasible = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        if status not in (statuses.kOptimal, statuses.kSolutionLimit, statuses.kInterrupt) or not feasible:
            return None
        values = tuple(float(v) for v in highs.getSolution().col_value)
        objective = float(info.objective_function_value)
        if not any(self._integer):
            return Solution(values, objective, objective, 0.0)
        bound = float(info.mip_dual_bound)
        gap = abs(objective - bound) / abs(objective) if objective else 0.0
        return Solution(values, objective, bound, gap)


def _silent_solver() -> highspy.Highs:
    """A solver that writes nothing to standard output, where reports go.

    The first one of a process greets before it can be told not to, so that the descriptor itself is turned away."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        highs = highspy.Highs()
        highs.silent()
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
    return highs
