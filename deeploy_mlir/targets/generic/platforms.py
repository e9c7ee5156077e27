"""Where C for one core and one memory runs."""

from __future__ import annotations

from deeploy_mlir.machine.host import HOST

PLATFORMS = (HOST,)
