"""How the cores of an engine share a kernel: `#kernel.split<1 by 8>`, `#kernel.split<0 by 2, 1 by 4>`, or
`#kernel.split<one_core>`."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ArrayAttr, IntAttr
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.space.work_split import CoreSplit

ONE_CORE_KEYWORD = "one_core"


@irdl_attr_definition
class SplitAttr(ParametrizedAttribute):
    """The dimensions of the iteration space that cores share, and the number of shares of each."""

    name = "kernel.split"
    dims: ArrayAttr[IntAttr]
    shares: ArrayAttr[IntAttr]

    @classmethod
    def of(cls, split: CoreSplit) -> SplitAttr:
        return cls(ArrayAttr([IntAttr(d) for d in split.dims]), ArrayAttr([IntAttr(n) for n in split.shares]))

    @property
    def split(self) -> CoreSplit:
        return CoreSplit(tuple(d.data for d in self.dims), tuple(n.data for n in self.shares))

    def verify(self) -> None:
        split = self.split
        if list(split.dims) != sorted(set(split.dims)) or any(d < 0 for d in split.dims):
            raise VerifyException(f"kernel.split: the dimensions {list(split.dims)} are not ascending")
        if len(split.shares) != len(split.dims) or any(n < 1 for n in split.shares):
            raise VerifyException(f"kernel.split: shares {list(split.shares)} of {len(split.dims)} dimensions")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        def part() -> tuple[IntAttr, IntAttr]:
            dim = parser.parse_integer(allow_boolean=False)
            parser.parse_keyword("by")
            return IntAttr(dim), IntAttr(parser.parse_integer(allow_boolean=False))

        with parser.in_angle_brackets():
            if parser.parse_optional_keyword(ONE_CORE_KEYWORD):
                return [ArrayAttr([]), ArrayAttr([])]
            parts = parser.parse_comma_separated_list(parser.Delimiter.NONE, part)
        return [ArrayAttr([dim for dim, _ in parts]), ArrayAttr([shares for _, shares in parts])]

    def print_parameters(self, printer: Printer) -> None:
        split = self.split
        parts = [f"{dim} by {shares}" for dim, shares in zip(split.dims, split.shares, strict=True)]
        printer.print_string(f"<{', '.join(parts) or ONE_CORE_KEYWORD}>")
