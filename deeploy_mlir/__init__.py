"""deeploy-mlir: a compiler from ONNX to static C for heterogeneous microcontrollers."""
