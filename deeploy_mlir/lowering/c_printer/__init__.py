"""How `c` operations become text: the parts of `deeploy_mlir.lowering.print_c`."""
