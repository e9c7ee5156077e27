"""Plans and reports as text for people and as the JSON object of `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from deeploy_mlir.dialects.soc import EngineOp
from deeploy_mlir.ir.plan_report import Plan, to_plain
from deeploy_mlir.machine.registry import load_soc, platforms_of, target_names
from deeploy_mlir.machine.running import Measurements
from deeploy_mlir.program.comparison import Comparison
from deeploy_mlir.program.execution import Execution
from deeploy_mlir.program.footprint import MOST_CONSTANTS, Footprint
from deeploy_mlir.program.output_folder import Manifest
from deeploy_mlir.support.names import label

NO_LIMIT = 2**31 - 1
"""The size by which a description says that a memory is as large as a program wants."""


def report_json(manifest: Manifest, execution: Execution, comparisons: Sequence[Comparison] | None) -> dict[str, Any]:
    """The object that `--json` prints. `match` and `max_abs_error` are null where nothing was compared; what only a
    simulator knows is null or empty elsewhere. Sizes in bytes, times in seconds."""
    plan, measured = manifest.plan, execution.measured
    return {
        "match": None if comparisons is None else all(c.match for c in comparisons),
        "max_abs_error": None if comparisons is None else max(c.max_abs_error for c in comparisons),
        "target": manifest.target,
        "platform": execution.platform,
        "memory": {m.name: {"used": m.used, "capacity": m.capacity} for m in plan.memory},
        "footprint": footprint_json(manifest.footprint),
        "memory_linked": dict(execution.linked),
        "traffic": [to_plain(t) for t in plan.traffic],
        "traffic_measured": None
        if measured is None
        else {"l1_in": measured.dma_bytes_in, "l1_out": measured.dma_bytes_out},
        "cycles_planned": plan.cycles,
        "cycles_estimated": None if measured is None else measured.cycles,
        "dma_busy_cycles": None if measured is None else measured.dma_busy_cycles,
        "busy_cycles": None if measured is None else dict(measured.busy),
        "overlap_cycles": None if measured is None else dict(measured.overlaps),
        "instructions": None if measured is None else list(measured.instructions),
        "instructions_by_step": None if measured is None else dict(measured.steps),
        "stalls": None if measured is None else [dict(core) for core in measured.stalls],
        "solver": None if plan.solver is None else to_plain(plan.solver),
        "compile_seconds": round(manifest.compile_seconds, 3),
        "code_bytes": execution.code_bytes,
        "compiler_warnings": execution.warnings,
    }


def footprint_json(footprint: Footprint) -> dict[str, Any]:
    """Flash and RAM in bytes, with their parts; null for what is not known."""
    return {"flash": footprint.flash, "ram": footprint.ram, **asdict(footprint)}


def report_text(manifest: Manifest, execution: Execution, comparisons: Sequence[Comparison] | None) -> str:
    """The same for people: the verdict first, then the plan and what was measured."""
    lines = [*_verdict(manifest, execution, comparisons), "", plan_text(manifest)]
    if execution.measured is not None:
        lines += ["", *_measured(execution.platform, execution.measured)]
    if execution.code_bytes is not None:
        lines.append(f"  code {execution.code_bytes:,} bytes")
    if execution.warnings:
        lines += ["C compiler warnings:", execution.warnings.rstrip()]
    return "\n".join(lines)


def _measured(platform: str, measured: Measurements) -> list[str]:
    def each(counts: Sequence[int]) -> str:
        return " ".join(f"{count:,}" for count in counts)

    if measured.cycles is None:
        lines = [f"ran on {platform}: {each(measured.instructions)} instructions"]
        widest = max((len(step) for step in measured.steps), default=0)
        return lines + [f"  {step:<{widest}}{count:>14,}" for step, count in measured.steps.items()]
    causes = {cause: [core[cause] for core in measured.stalls] for cause in measured.stalls[0]}
    return [
        f"ran on {platform}: {measured.cycles:,} cycles",
        f"  DMA: {measured.dma_bytes_in:,} bytes into L1, {measured.dma_bytes_out:,} out, "
        f"busy {measured.dma_busy_cycles:,} cycles",
        *_busy(measured),
        "  each cluster core, then the host core:",
        f"  {'instructions':<15}{each(measured.instructions)}",
        *(f"  {cause.replace('_', ' '):<15}{each(counts)}" for cause, counts in causes.items() if any(counts)),
    ]


def _busy(measured: Measurements) -> list[str]:
    if not measured.busy:
        return []
    busy = ", ".join(f"{name} {cycles:,}" for name, cycles in measured.busy.items())
    return [
        f"  busy cycles: {busy}",
        *(f"  {name.replace('_', ' ')} at once: {n:,}" for name, n in measured.overlaps.items()),
    ]


def _verdict(manifest: Manifest, execution: Execution, comparisons: Sequence[Comparison] | None) -> list[str]:
    where = f"{manifest.network.name} on {manifest.target}"
    if execution.platform != manifest.platforms[0]:
        where += f" ({execution.platform})"
    if comparisons is None:
        return [f"{where}: ran", *_values(execution)]
    verdict = "match" if all(c.match for c in comparisons) else "MISMATCH"
    lines = [f"{where}: {verdict}"]
    for c in comparisons:
        allowed = f", allowed {c.allowed:g}" if c.allowed else ""
        wrong = f"; {c.wrong} of {c.elements} beyond it" if c.wrong and c.allowed else ""
        wrong = f"; {c.wrong} of {c.elements} differ" if c.wrong and not c.allowed else wrong
        lines.append(f"  {label(c.name)}: largest error {c.max_abs_error:g}{allowed}{wrong}")
    skipped = [name for name in execution.outputs if name not in {c.name for c in comparisons}]
    return lines + [f"  {label(name)}: not compared, no golden array" for name in skipped]


def _values(execution: Execution) -> list[str]:
    """The first values of each output, since there is nothing to compare them with."""
    return [
        f"  {label(name)} {list(array.shape)}: {' '.join(f'{value:g}' for value in array.reshape(-1)[:10].tolist())}"
        + (" ..." if array.size > 10 else "")
        for name, array in execution.outputs.items()
    ]


def plan_text(manifest: Manifest) -> str:
    """Memories, traffic, steps and how good the plan is proved to be."""
    plan = manifest.plan
    lines = [f"plan for {manifest.network.name} on {manifest.target}: {plan.cycles:,} cycles planned"]
    lines += _footprint(manifest.footprint)
    lines += [f"  {m.name:<6}{m.used:>10,}{_limit(m.capacity)} bytes" for m in plan.memory]
    lines += [f"  {t.source} -> {t.destination}: {t.bytes:,} bytes" for t in plan.traffic]
    if plan.solver is not None:
        s = plan.solver
        proof = f"objective {s.objective:,.0f}, bound {s.bound:,.0f}, gap {100 * s.gap:.2f} %"
        lines.append(f"  {proof}, solved in {s.seconds:.2f} s")
    lines.append(f"  compiled in {manifest.compile_seconds:.2f} s")
    return "\n".join(lines + _steps(plan))


def _footprint(f: Footprint) -> list[str]:
    """What embedded people look for."""
    code = f"code {f.code:,}, " if f.code is not None else ""
    stack = f", stack {f.stack:,}" if f.stack is not None else ""
    why = "large constants" if f.constants > MOST_CONSTANTS else "no compiler at hand"
    how = f"sections built by {f.compiler}" if f.compiler else f"planned, without code: {why}"
    return [
        f"  flash {f.flash:>10,} bytes: {code}constants {f.constants:,} ({how})",
        f"  RAM   {f.ram:>10,} bytes: arenas {f.arenas:,}, inputs and outputs {f.io:,}{stack}",
    ]


def _limit(capacity: int) -> str:
    return "" if capacity >= NO_LIMIT else f" of {capacity:,}"


def _steps(plan: Plan) -> list[str]:
    if not plan.steps:
        return []
    rows = [("node", "kernel", "tiles", "L1 bytes", "cycles")]
    rows += [(label(s.node, 48), s.kernel, s.tiles, f"{s.l1_bytes:,}", f"{s.cycles:,}") for s in plan.steps]
    widths = [min(48, max(len(row[i]) for row in rows)) for i in range(5)]
    lines = [""]
    for row in rows:
        cells = [cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  " + "  ".join(cells))
    return lines


def targets_text() -> str:
    """One line per target: its name, memories, cores, and the platforms that run its code."""
    return "\n".join(_target_line(name) for name in target_names())


def _target_line(name: str) -> str:
    system = load_soc(name)
    memories = ", ".join(
        f"{m.symbol} {'of any size' if m.size >= NO_LIMIT else f'{m.size / 1024:,.0f} KiB'}" for m in system.memories
    )
    engines = ", ".join(map(_engine_words, system.engines))
    return f"{name:<12}{memories}; {engines}; runs on {', '.join(platform.name for platform in platforms_of(name))}"


def _engine_words(engine: EngineOp) -> str:
    if engine.asynchronous:
        return engine.symbol
    return "1 core" if engine.core_count == 1 else f"{engine.symbol} of {engine.core_count} cores"
