"""Writes files into a folder that may hold files of the user's, and touches no other.

`files.json` in the folder lists what was written, with digests. A file that is not in it, or has changed since, is the
user's: it is neither overwritten nor deleted unless that is asked for. Nothing is ever written into `user/`.
"""

from __future__ import annotations

import fcntl
import glob
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias, cast

from deeploy_mlir.support.errors import DeeployError

LISTING = "files.json"
"""The list of the files that were written."""

USER_FOLDER = "user"
"""The folder whose files are the user's alone."""

FORMAT = 1
NAMED_AT_MOST = 10
"""Files that one message names."""

Digests: TypeAlias = Mapping[str, frozenset[str]]
"""Path inside the folder, with slashes -> SHA-256 of what it may hold: one, or two in the middle of an update."""


def update_folder(path: Path, files: Mapping[str, bytes], *, force: bool = False) -> None:
    """Makes `path` hold these files, given by paths inside it. What an earlier update wrote and this does not, goes.

    A new folder is there whole or not at all. Raises DeeployError, before anything is touched, if files are in the way
    that are not in the folder's list or have changed since; `force` overwrites them. Other files stay as they are."""
    path = path.resolve()
    old = check_folder(path, force=force)
    _check_in_the_way(path, files, old, force)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = {name: frozenset([_digest(data)]) for name, data in files.items()}
    with _staging(path) as staging:
        for name, data in files.items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).write_bytes(data)
        (staging / LISTING).write_bytes(_listing(new))
        if not path.exists():
            os.replace(staging, path)
        else:
            _merge(staging, path, old, new)


def check_folder(path: Path, *, force: bool = False) -> Digests:
    """What the folder's list says; nothing for a folder that is empty or not there.

    Raises DeeployError if `path` is a file, and, without `force`, if the folder has files but no list, a list that
    cannot be read, or files in the list that have changed since."""
    if path.exists() and not path.is_dir():
        raise DeeployError(f"{path} is a file; name a folder")
    present = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    if all(name.startswith(_STAGING) for name in present):
        return {}
    digests: Digests = {}
    if (path / LISTING).is_file():
        try:
            digests = _parse(json.loads((path / LISTING).read_bytes()))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            if not force:
                raise DeeployError(f"{path / LISTING} was changed or is damaged ({error}); {_WAYS}") from error
    elif not force:
        raise DeeployError(f"{path} holds something other than compiled output: {_some(present)}; {_WAYS}")
    changed = [name for name in digests if _is_changed(path.resolve(), name, digests[name])]
    if changed and not force:
        raise DeeployError(f"{path}: changed since it was written: {_some(changed)}; {_WAYS}")
    return {name: digest for name, digest in digests.items() if name not in changed}


_STAGING = ".deeploy-"
"""Part of the names of folders in which an update is prepared."""

_WAYS = "name another folder, or overwrite with --force"


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _check_in_the_way(path: Path, files: Mapping[str, bytes], old: Digests, force: bool) -> None:
    """Raises DeeployError for a file of the user's where one is to be written, and for a link or a folder there."""
    for name in files:
        if not _is_inside(name):
            raise ValueError(f"a file is written inside the folder and not into {USER_FOLDER}: {name}")
        for parent in (path / name).parents[: len(PurePosixPath(name).parts) - 1]:
            if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
                raise DeeployError(f"{parent} is in the way of a folder; move it")
        if (path / name).is_dir():
            raise DeeployError(f"{path / name} is in the way of a file; move it")
    foreign = [n for n, data in files.items() if n not in old and _is_changed(path, n, {_digest(data)})]
    if foreign and not force:
        raise DeeployError(f"{path}: not written by deeploy: {_some(foreign)}; {_WAYS}")


def _is_inside(name: str) -> bool:
    """Whether a path inside the folder is one that may be written."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and path.parts[:1] not in ((), (USER_FOLDER,), (LISTING,))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_changed(folder: Path, name: str, digests: frozenset[str] | set[str]) -> bool:
    """Whether there is something that is not a file with one of these digests, or a link on the way to it."""
    file = folder / name
    if file.is_symlink() or file.parent.resolve() != file.parent:
        return True
    return file.exists() and (not file.is_file() or _digest(file.read_bytes()) not in digests)


def _listing(digests: Digests) -> bytes:
    files = {name: sorted(digest) for name, digest in sorted(digests.items())}
    return json.dumps({"format": FORMAT, "files": files, "digest": _digest_of(files)}, indent=1).encode() + b"\n"


def _digest_of(files: Mapping[str, Sequence[str]]) -> str:
    return _digest(json.dumps(files, sort_keys=True).encode())


def _parse(value: Any) -> Digests:
    """A list as read. Raises ValueError for one that `_listing` did not write."""
    files = cast("dict[str, list[str]]", value["files"])
    if value["format"] != FORMAT or value["digest"] != _digest_of(files) or not all(map(_is_inside, files)):
        raise ValueError("its own digest differs")
    return {name: frozenset(digests) for name, digests in files.items()}


@contextmanager
def _staging(path: Path) -> Generator[Path]:
    """A new folder in `path`, or beside it where there is none yet, gone at the end.

    What a killed process left of this kind is removed; a lock tells it from one that is in use."""
    beside = path.parent / f".{path.name}{_STAGING}"
    for start in (beside, path / _STAGING):
        for left in start.parent.glob(f"{glob.escape(start.name)}*"):
            with _locked(left) as mine:
                if mine:
                    shutil.rmtree(left, ignore_errors=True)
    start = path / _STAGING if path.exists() else beside
    staging = start.with_name(start.name + secrets.token_hex(4))
    staging.mkdir()
    with _locked(staging):
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Generator[bool]:
    """Whether this process could lock the folder, which it does until the end of the block."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def _merge(staging: Path, path: Path, old: Digests, new: Digests) -> None:
    """Moves the staged files into the folder. While that lasts the list allows old and new contents, so that an update
    after a crash recognises both."""
    both = {name: old.get(name, frozenset()) | new.get(name, frozenset()) for name in {*old, *new}}
    (staging / "both").write_bytes(_listing(both))
    os.replace(staging / "both", path / LISTING)
    for name, digest in new.items():
        if not (path / name).exists() or _is_changed(path, name, digest):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(staging / name, path / name)
    for name in sorted(set(old) - set(new)):
        (path / name).unlink(missing_ok=True)
        for parent in (path / name).parents:
            if parent == path or (parent.is_dir() and any(parent.iterdir())):
                break
            if parent.is_dir():
                parent.rmdir()
    os.replace(staging / LISTING, path / LISTING)
