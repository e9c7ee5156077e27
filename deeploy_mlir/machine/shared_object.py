"""C that runs in this process: compiled once for each version of its sources, into a folder of the user's."""

from __future__ import annotations

import hashlib
import os
import platform
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deeploy_mlir.machine.host import HOST
from deeploy_mlir.machine.toolchain import ZIG_CC, check_installed
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.progress import doing

FLAGS = ("-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-strict-aliasing", "-w")


def cache_folder() -> Path:
    """Where compiled helpers are kept: $DEEPLOY_CACHE_DIR, else deeploy-mlir in the user's cache folder.

    Without a home folder it is one in the temporary folder, whose name others can guess: `private_folder` checks it."""
    chosen = os.environ.get("DEEPLOY_CACHE_DIR")
    if chosen:
        return Path(chosen).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "deeploy-mlir"
    except RuntimeError:  # no home folder
        return Path(tempfile.gettempdir()) / f"deeploy-mlir-{os.getuid()}"


def private_folder(folder: Path) -> Path:
    """The folder, made where it is not there. What lies in it is loaded and so runs: nobody else may write to it.

    Raises DeeployError if it cannot be made, is a symbolic link, or belongs to or can be written by another user."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as e:
        raise DeeployError(f"cannot make the cache folder {folder} ({e.strerror}); set DEEPLOY_CACHE_DIR") from e
    _check_owned(folder, "cache folder")
    return folder


def _check_owned(path: Path, what: str) -> None:
    """Raises DeeployError if anyone but this user and root could have put something else there."""
    if os.name != "posix":
        return
    status = path.lstat()
    advice = "remove it, or set DEEPLOY_CACHE_DIR to a folder of your own"
    if stat.S_ISLNK(status.st_mode):
        raise DeeployError(f"the {what} {path} is a symbolic link; {advice}")
    if status.st_uid not in (os.getuid(), 0):
        raise DeeployError(f"the {what} {path} belongs to another user (number {status.st_uid}); {advice}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise DeeployError(f"others can write to the {what} {path}; chmod go-w {path}, or {advice}")


def _compile(command: tuple[str, ...], sources: Sequence[Path], out: Path) -> str | None:
    """Compiles the shared object; the compiler's complaint if that fails. Raises DeeployError if there is none."""
    check_installed(command)
    try:
        done = subprocess.run(
            [*command, *FLAGS, *(str(p) for p in sources if p.suffix == ".c"), "-lm", "-o", str(out)],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        return str(e)
    return None if done.returncode == 0 else done.stderr[-4000:]


def build(name: str, what: str, sources: Path, folder: Path | None = None) -> Path:
    """The path of the shared object of the C files in the folder `sources`, compiled if it is not there.

    `name` begins its file name, `what` names it to people, `folder` is where it is kept (`cache_folder`).
    Compiled under a name of its own and then renamed, so that processes that do it at once do not disturb each other.
    Raises DeeployError if neither the system's compiler nor ziglang can compile it, or others could have put it there.
    """
    files = sorted(p for p in sources.iterdir() if p.suffix in (".c", ".h"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(f"{FLAGS} {sys.platform} {platform.machine()}".encode())
    folder = private_folder(folder or cache_folder())
    target = folder / f"{name}-{digest.hexdigest()[:20]}.so"
    if target.exists():
        _check_owned(target, "cached library")
        return target
    try:
        handle, temporary_name = tempfile.mkstemp(dir=folder, suffix=".so")
    except OSError as e:
        raise DeeployError(f"cannot write to the cache folder {folder} ({e}); set DEEPLOY_CACHE_DIR") from e
    os.close(handle)
    temporary = Path(temporary_name)
    try:
        doing(f"building {what}, once for this machine")
        command = HOST.compiler().command
        complaint = _compile(command, files, temporary)
        if complaint is not None and command != ZIG_CC:
            complaint = _compile(ZIG_CC, files, temporary)
        if complaint is not None:
            raise DeeployError(f"cannot compile {what}: {complaint}")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target
