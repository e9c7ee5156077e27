"""Linear index maps between tensors: building, composing and recognising them."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir.affine import AffineExpr, AffineMap

from deeploy_mlir.dialects.kernel.base import linear_axis


def linear_map(num_dims: int, axes: Sequence[tuple[Sequence[int], int]]) -> AffineMap:
    """A map of `num_dims` dimensions whose results are sum(coefficient * dim) + offset, in canonical form."""
    results: list[AffineExpr] = []
    for coefficients, offset in axes:
        expr: AffineExpr | None = None
        for dim, coefficient in enumerate(coefficients):
            if coefficient:
                term = AffineExpr.dimension(dim)
                term = term if coefficient == 1 else term * coefficient
                expr = term if expr is None else expr + term
        if expr is None:
            expr = AffineExpr.constant(offset)
        elif offset:
            expr = expr + offset
        results.append(expr)
    return AffineMap(num_dims, 0, tuple(results))


def axes_of(map_: AffineMap) -> list[tuple[tuple[int, ...], int]]:
    """The coefficients and offset of each result. Raises ValueError if a result is not linear."""
    return [linear_axis(expr, map_.num_dims) for expr in map_.results]


def select(num_dims: int, dims: Sequence[int | None]) -> AffineMap:
    """The map whose result i is dimension dims[i], or the constant 0 where that is None."""
    return linear_map(
        num_dims, [([int(j == d) for j in range(num_dims)] if d is not None else [0] * num_dims, 0) for d in dims]
    )


def selected(map_: AffineMap) -> list[int | None] | None:
    """The inverse of `select`; None if the map is not of that form."""
    result: list[int | None] = []
    for coefficients, offset in axes_of(map_):
        used = [i for i, c in enumerate(coefficients) if c]
        if offset or len(used) > 1 or any(coefficients[i] != 1 for i in used):
            return None
        result.append(used[0] if used else None)
    return result


def broadcast(shape: Sequence[int], to: Sequence[int]) -> AffineMap:
    """numpy's broadcast of `shape` to the shape `to`: axes aligned at the end, those of size 1 repeated."""
    lead = len(to) - len(shape)
    return select(len(to), [None if s == 1 != to[lead + i] else lead + i for i, s in enumerate(shape)])


def compose(outer: AffineMap, inner: AffineMap) -> AffineMap:
    """outer after inner: dimensions of `inner` to results of `outer`. Both linear."""
    inner_axes = axes_of(inner)
    axes: list[tuple[list[int], int]] = []
    for coefficients, offset in axes_of(outer):
        total = [0] * inner.num_dims
        for c, (inside, inside_offset) in zip(coefficients, inner_axes, strict=True):
            offset += c * inside_offset
            total = [t + c * a for t, a in zip(total, inside, strict=True)]
        axes.append((total, offset))
    return linear_map(inner.num_dims, axes)


def reads_whole(map_: AffineMap, shape: Sequence[int], sizes: Sequence[int]) -> bool:
    """Whether the map reads an operand of this shape in row-major order, each element once, over dimensions of these
    sizes: the identity but for axes of size 1."""
    dims = selected(map_)
    if dims is None:
        return False
    read = [d for d, s in zip(dims, shape, strict=True) if s != 1]
    wide = [(d, s) for d, s in enumerate(sizes) if s != 1]
    return read == [d for d, _ in wide] and [s for s in shape if s != 1] == [s for _, s in wide]


def permutation_of(map_: AffineMap) -> tuple[int, ...] | None:
    """For a map that only permutes: the output axis that each operand axis follows; None for other maps."""
    dims = selected(map_)
    if dims is None or None in dims or sorted(d for d in dims if d is not None) != list(range(map_.num_dims)):
        return None
    return tuple(d for d in dims if d is not None)


def inverse(permutation: Sequence[int]) -> tuple[int, ...]:
    """The inverse permutation."""
    result = [0] * len(permutation)
    for i, p in enumerate(permutation):
        result[p] = i
    return tuple(result)


def used_dims(map_: AffineMap) -> set[int]:
    """Dimensions that the map's results depend on."""
    return {i for coefficients, _ in axes_of(map_) for i, c in enumerate(coefficients) if c}
