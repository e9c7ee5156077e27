"""Operators of every family, level by level: from the kernel level on the interpreters give the same outputs after each
pass, with no fault, and `deeploy-verify-plan`, which ends the pipeline, proves what they ran.

The graph level is left out: it runs on ONNX's reference evaluator, which cannot evaluate all of the operators."""

from __future__ import annotations

import logging

import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

import deeploy_mlir
from deeploy_mlir.interpreters.each_pass import EachPass
from deeploy_mlir.interpreters.run import Level, level_of

from .fuzzing import STACKS
from .operator_cases import FAMILIES, random_model

QUICK = ("convolution", "product", "elementwise", "reduction", "normalisation", "movement")
"""Families of the fast suite; all others, and more networks of each, run with the slow marker."""


class FromKernels(EachPass):
    """Runs the module from the kernel level on."""

    def __call__(self, previous: ModulePass | None, module: ModuleOp, following: ModulePass | None) -> None:
        if level_of(module) != Level.GRAPH:
            super().__call__(previous, module, following)


def run_each_level(family: str, seed: int, l1: int) -> None:
    """Compiles a random network for Siracusa and runs it after each pass. Raises OutputsDifferError where two levels
    disagree, DeeployError where the verifier does not prove what they ran."""
    logging.getLogger("deeploy_mlir").setLevel(logging.ERROR)
    b = random_model(family, seed, 3)
    deeploy_mlir.compile(b.model(), "siracusa", l1=STACKS + l1, name="levels", observer=FromKernels(b.values))


@pytest.mark.parametrize("family", [pytest.param(f, marks=() if f in QUICK else pytest.mark.slow) for f in FAMILIES])
def test_levels_and_verifier_agree(family: str) -> None:
    run_each_level(family, 1, 24 * 1024)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
@pytest.mark.parametrize("family", FAMILIES)
def test_more_of_them(family: str, seed: int) -> None:
    run_each_level(family, seed, 32 * 1024)
