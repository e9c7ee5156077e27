import os
import sys
import tempfile

import lit.formats

config.name = "deeploy-mlir"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.test_source_root = os.path.dirname(os.path.abspath(__file__))
# nothing is written into the source tree
config.test_exec_root = os.path.join(tempfile.gettempdir(), f"deeploy-mlir-lit-{os.getuid()}")

# The tools of the interpreter that runs lit come first, so that no activated environment is needed.
scripts = os.path.dirname(os.path.abspath(sys.executable))
config.environment["PATH"] = os.pathsep.join((scripts, config.environment.get("PATH", os.environ.get("PATH", ""))))
config.environment["PYTHONDONTWRITEBYTECODE"] = "1"
