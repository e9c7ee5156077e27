"""`deeploy-opt`: xDSL's optimisation driver over every dialect and pass of this environment, ours included."""

from __future__ import annotations

from xdsl.xdsl_opt_main import xDSLOptMain

from deeploy_mlir.universe import UNIVERSE


class DeeployOptMain(xDSLOptMain):
    """`xdsl-opt` that knows our universe even where the package is not installed (a bare checkout)."""

    def register_all_dialects(self) -> None:
        super().register_all_dialects()
        known = set(self.ctx.registered_dialect_names)
        for name, factory in UNIVERSE.all_dialects.items():
            if name not in known:
                self.ctx.register_dialect(name, factory)

    def register_all_passes(self) -> None:
        super().register_all_passes()
        for name, factory in UNIVERSE.all_passes.items():
            if name not in self.available_passes:
                self.register_pass(name, factory)

    def register_all_targets(self) -> None:
        super().register_all_targets()
        for name, factory in UNIVERSE.all_targets.items():
            if name not in self.available_targets:
                self.register_target(name, factory)


def main() -> None:
    """Entry point of the `deeploy-opt` command."""
    DeeployOptMain(description="deeploy-mlir modular optimiser driver").run()


if __name__ == "__main__":
    main()
