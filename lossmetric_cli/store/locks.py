"""One process to a folder: a lock that tells who holds it, and that goes with its process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path

from lossmetric_cli.errors import StateFault
from lossmetric_cli.store import disk, files
from lossmetric_cli.store.unfinished import is_alive, settle

_NAME = ".lock"
#: What flock answers on a file system that has none: some network disks.
_NO_FLOCK = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
#: Seconds in which the holder of a lock has written who it is, however busy the machine.
_SETTLED = 1.0


@dataclass(frozen=True)
class Owner:
    """The process that holds a folder, or held it when it was killed."""

    pid: int
    host: str
    since: datetime

    @property
    def is_gone(self) -> bool:
        """Whether the process is known to have ended: of another host's nobody can tell."""
        return self.host == os.uname().nodename and not is_alive(self.pid)

    def __str__(self) -> str:
        since = self.since.astimezone()
        is_today = since.date() == datetime.now().astimezone().date()
        return f"pid {self.pid} on host {self.host} (since {since:{'%H:%M' if is_today else '%Y-%m-%d %H:%M'}})"


@contextmanager
def lock(folder: Path) -> Iterator[Owner | None]:
    """Hold a folder for this process; yield the owner that was killed and has left its lock behind, else None.

    What a killed owner left unfinished is removed. The lock is flock's on the file `.lock`, which ends with the process
    however that ends; what the file says is for people. Without flock the file itself is the lock.

    Raises:
        StateFault: another process holds the folder; the text says which, and since when.
        EnvironmentFault: the file cannot be written.
    """
    path, own = folder / _NAME, Owner(os.getpid(), os.uname().nodename, datetime.now().astimezone())
    with disk.explained(path):
        file, before = _take(path, own)
    try:
        settle(folder)
        yield before
    finally:
        with contextlib.suppress(OSError):  # a lock that stays is a killed owner's to the next
            if _is_at(path, file):
                disk.unlink(path)
        file.close()


def _take(path: Path, own: Owner) -> tuple[FileIO, Owner | None]:
    """Return the file that is held open while the lock is held, and the owner that left it."""
    while True:
        is_new, file = _open(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, file):  # else its owner removed it after it was opened here
                return file, _sign(file, own)
        except BlockingIOError:
            file.close()
            raise _refusal(path) from None
        except OSError as error:
            file.close()
            if error.errno not in _NO_FLOCK:
                raise
            return _take_by_name(path, own, is_new=is_new)
        file.close()


def _open(path: Path) -> tuple[bool, FileIO]:
    """Return whether the file was made here, and the file, open to read and write."""
    while True:
        with contextlib.suppress(FileExistsError):
            return True, disk.create_new(path)
        if path.is_symlink() or not (path.is_file() or not path.exists()):  # a stranger's, whose target would be written over
            raise StateFault(f"{path} is no file; remove it")
        with contextlib.suppress(FileNotFoundError):  # removed in between
            return False, path.open("r+b", buffering=0)


def _sign(file: FileIO, own: Owner) -> Owner | None:
    """Write who holds the lock, and return who held it; on a full disk who holds it stays unsaid."""
    before = _parsed(file.read())
    with contextlib.suppress(OSError):
        disk.truncate(file, 0)
        file.seek(0)
        disk.put(file, _told(own))
    return before


def _take_by_name(path: Path, own: Owner, *, is_new: bool) -> tuple[FileIO, Owner | None]:
    """Take a lock without flock: who makes the file has it, and of those who take over a dead one's the last to write.

    That is Fischer's algorithm: write, wait for longer than others take to write, and see who stands there.
    """
    before = None if is_new else _read(path)
    if not is_new and (before is None or not before.is_gone):
        raise _refusal(path)
    files.write(path, _told(own))
    time.sleep(0 if is_new else _SETTLED)
    if _read(path) != own:
        raise _refusal(path)
    return path.open("rb", buffering=0), before


def _refusal(path: Path) -> StateFault:
    """Return what to say to a process that comes second."""
    until = time.monotonic() + _SETTLED
    while ((owner := _read(path)) is None or owner.is_gone) and time.monotonic() < until:
        time.sleep(0.01)  # a new owner has the lock before it has written so
    is_here = owner is not None and owner.host == os.uname().nodename
    hint = "" if is_here else f", or where it is gone remove {path}"
    return StateFault(f"{path.parent} is in use by {owner or 'another process'}; wait for it, or stop that process{hint}")


def _is_at(path: Path, file: FileIO) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    return False


def _told(owner: Owner) -> bytes:
    return json.dumps({"pid": owner.pid, "host": owner.host, "since": owner.since.isoformat()}).encode()


def _read(path: Path) -> Owner | None:
    with contextlib.suppress(OSError):
        return _parsed(path.read_bytes())
    return None


def _parsed(content: bytes) -> Owner | None:
    try:
        known = json.loads(content)
        return Owner(int(known["pid"]), str(known["host"]), datetime.fromisoformat(known["since"]))
    except (KeyError, TypeError, ValueError):
        return None
