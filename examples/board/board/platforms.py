"""Where the board's code runs: a model of it on threads of this machine."""

from dataclasses import replace
from pathlib import Path

from deeploy_mlir.machine.host import THREADS

PLATFORMS = (replace(THREADS, name="board", folder=Path(__file__).parent / "platform", shared=THREADS.folders),)
