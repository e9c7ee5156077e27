"""What operations of a function read and write, as far as the order of C statements is concerned."""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from deeploy_mlir.dialects import c

MEMORY = "memory"
"""Everything but the local variables whose address is not taken."""

EVERYTHING = "everything"
"""What verbatim text may write."""

Reads = frozenset[object]


def _only_accessed(place: SSAValue) -> bool:
    for use in place.uses:
        user = use.operation
        if isinstance(user, c.LoadOp) or (isinstance(user, c.AssignOp) and use.index == 1):
            continue
        if isinstance(user, c.AsmOp) and use.index < len(user.results_in):
            continue
        return False
    return True


def _is_private(variable: SSAValue) -> bool:
    """Whether nothing but loads and assignments that we see touch a local variable or array."""
    if isinstance(variable.type, c.LValueType):
        return _only_accessed(variable)
    return all(
        isinstance(use.operation, c.SubscriptOp) and use.index == 0 and _only_accessed(use.operation.result)
        for use in variable.uses
    )


class Effects:
    """Answers for one function, computed once for each operation."""

    def __init__(self) -> None:
        self._resources: dict[SSAValue, object] = {}
        self._writes: dict[Operation, frozenset[object]] = {}

    def resource(self, place: SSAValue) -> object:
        """What a load of `place` reads: its private variable or MEMORY."""
        if place not in self._resources:
            root = place
            if isinstance(place.owner, c.SubscriptOp):
                root = place.owner.base
            private = isinstance(root.owner, c.VariableOp) and _is_private(root)
            self._resources[place] = root if private else MEMORY
        return self._resources[place]

    def writes(self, op: Operation) -> frozenset[object]:
        """What a statement, with all that it holds, may write."""
        if op not in self._writes:
            self._writes[op] = self._compute_writes(op)
        return self._writes[op]

    def _compute_writes(self, op: Operation) -> frozenset[object]:
        if isinstance(op, c.AssignOp):
            return frozenset([self.resource(op.target)])
        if isinstance(op, c.VerbatimOp):
            return frozenset([EVERYTHING])
        if isinstance(op, c.AsmOp):
            memory = [MEMORY] if op.writes_memory is not None else []
            return frozenset([*memory, *map(self.resource, op.results_in)])
        if isinstance(op, c.CallOp) or (isinstance(op, c.CallOpaqueOp) and op.pure is None):
            return frozenset([MEMORY])
        return frozenset[object]().union(
            *(self.writes(inner) for region in op.regions for block in region.blocks for inner in block.ops)
        )


def conflict(reads: frozenset[object], writes: frozenset[object]) -> bool:
    """Whether a value read before the writes may differ from one read after them."""
    return bool(reads) and (EVERYTHING in writes or not reads.isdisjoint(writes))


def is_impure_call(op: Operation) -> bool:
    """Whether this is a call that must happen, once and here."""
    return isinstance(op, c.CallOp) or (isinstance(op, c.CallOpaqueOp) and op.pure is None)


def is_expression(op: Operation) -> bool:
    """Whether the operation computes a value and nothing else."""
    if isinstance(op, c.VariableOp):
        return False
    return len(op.results) == 1 and not op.regions and not is_impure_call(op)


class Liveness:
    """Which operations of a function have an effect, and how many live ones use each value.

    A variable that is never read is dead, with the assignments to it; so are loops and branches around nothing."""

    def __init__(self, function: c.FuncOp, effects: Effects) -> None:
        self._effects = effects
        self._live: set[Operation] = set()
        self._uses: dict[SSAValue, list[Operation]] = {}
        self._dead_loads: set[Operation] = set()
        loads = [op for op in function.walk() if isinstance(op, c.LoadOp)]
        while function.block is not None:
            self._live.clear()
            self._uses.clear()
            for op in reversed(list(function.block.ops)):
                self._visit(op)
            dead: set[Operation] = {load for load in loads if load not in self._live}
            if dead == self._dead_loads:
                break
            self._dead_loads = dead

    def is_live(self, op: Operation) -> bool:
        """Whether the operation is to be printed."""
        return op in self._live

    def uses(self, value: SSAValue) -> list[Operation]:
        """The live users of a value, one entry a use, last first."""
        return self._uses.get(value, [])

    def _visit(self, op: Operation) -> None:
        for region in op.regions:
            for block in region.blocks:
                for inner in reversed(list(block.ops)):
                    self._visit(inner)
        if not self._needed(op):
            return
        self._live.add(op)
        for operand in op.operands:
            self._uses.setdefault(operand, []).append(op)

    def _needed(self, op: Operation) -> bool:
        if isinstance(op, c.CommentOp):
            return True
        if isinstance(op, c.WhileOp):
            return True
        if op.regions:
            return any(
                inner in self._live and not isinstance(inner, c.CommentOp)
                for region in op.regions
                for block in region.blocks
                for inner in block.ops
            )
        if isinstance(op, c.AssignOp):
            return not self._never_read(op.target) and not self._is_idle(op)
        if isinstance(op, c.VariableOp) or is_expression(op):
            return bool(self._uses.get(op.results[0]))
        return True

    def _is_idle(self, op: c.AssignOp) -> bool:
        """Whether this is x = x, which compilers warn of."""
        load = op.value.owner
        if not isinstance(load, c.LoadOp) or load.source is not op.target or load.parent is not op.parent:
            return False
        place = frozenset([self._effects.resource(op.target)])
        between = load.next_op
        while between is not None and between is not op and not conflict(place, self._effects.writes(between)):
            between = between.next_op
        return between is op

    def _never_read(self, place: SSAValue) -> bool:
        return isinstance(place.owner, c.VariableOp) and all(
            (isinstance(use.operation, c.AssignOp) and use.index == 1) or use.operation in self._dead_loads
            for use in place.uses
        )
