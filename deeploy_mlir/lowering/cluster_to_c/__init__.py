"""`convert-cluster-to-c`: steps become C functions, memories arrays, kernels functions shared where they are equal."""

from deeploy_mlir.lowering.cluster_to_c.convert import ConvertClusterToCPass

__all__ = ["ConvertClusterToCPass"]
