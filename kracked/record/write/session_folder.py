"""The folder of one recording: who may write there, and what it says about itself.

One recorder at a time holds it, by a lock the kernel frees even when the process is
killed. Files are opened relative to the folder and never through a symbolic link, so
nothing planted there can lead a recorder to another file.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kracked.errors import RecordError, says
from kracked.format import layout
from kracked.format.layout import SESSION_INFO, SESSION_LOCK
from kracked.format.session_info import NotARecording, SessionInfo, encode_info
from kracked.record.durable_files import SymbolicLink, write_all

_FILE_MODE, _FOLDER_MODE = 0o640, 0o750


@says("{path} is being recorded by process {process}; choose another")
class FolderInUse(RecordError):
    """Another recorder is writing there."""

    path: Path
    process: str
    """Its number."""


@says("{path} cannot be a folder: a file is in its place; name another")
class NotAFolder(RecordError):
    """A file stands where a folder is to be made."""

    path: Path


class SessionFolder:
    """An open, locked folder to record into."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle
        self._lock: int | None = None

    @classmethod
    @contextmanager
    def hold(cls, path: Path) -> Iterator[SessionFolder]:
        """Make or reopen the folder and keep every other recorder out until the block ends.

        Raises `NotARecording` for a folder with other contents, `NotAFolder`, `FolderInUse`,
        `SymbolicLink`.
        """
        path = path.resolve()
        try:
            path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise NotAFolder(path) from error
        if not _is_ours(path):
            raise NotARecording(path)
        _refuse_links(path)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        folder = cls(path, handle)
        try:
            folder._take_lock()
            yield folder
        finally:
            folder._close()

    @property
    def resumed(self) -> bool:
        """Whether something was recorded here before."""
        return (self.path / SESSION_INFO).exists()

    def write_info(self, info: SessionInfo) -> None:
        """Replace `session.json` whole: a reader sees the old or the new one."""
        self.replace(SESSION_INFO, encode_info(info))

    def replace(self, name: str, content: bytes) -> None:
        """Put `content` in the place of a file, at once and for good."""
        temporary = layout.temporary(name)
        with self.create(temporary) as handle:
            write_all(handle, content)
            os.fdatasync(handle)
        self.rename(temporary, name)

    @contextmanager
    def create(self, name: str) -> Iterator[int]:
        """A file descriptor of an empty file, in the place of any of that name."""
        handle = self._open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            yield handle
        finally:
            os.close(handle)

    def open_to_read(self, name: str) -> int:
        """A file descriptor at the start of the file."""
        return self._open(name, os.O_RDONLY)

    def open_to_append(self, name: str) -> int:
        """A file descriptor at the end of the file, which is made if it is not there."""
        handle = self._open(name, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        self.sync()
        return handle

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new, src_dir_fd=self._handle, dst_dir_fd=self._handle)
        self.sync()

    def remove(self, name: str) -> None:
        os.unlink(name, dir_fd=self._handle)
        self.sync()

    def exists(self, name: str) -> bool:
        return os.path.lexists(self.path / name)

    def make_folder(self, name: str) -> None:
        if (self.path / name).is_symlink():
            raise SymbolicLink(self.path / name)
        (self.path / name).mkdir(mode=_FOLDER_MODE, exist_ok=True)
        self.sync()

    def sync(self) -> None:
        """Make names that were made or changed last through a power cut."""
        os.fsync(self._handle)

    def free_bytes(self) -> int:
        disk = os.fstatvfs(self._handle)
        return disk.f_bavail * disk.f_frsize

    def _open(self, name: str, flags: int) -> int:
        try:
            return os.open(
                name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE, dir_fd=self._handle
            )
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise SymbolicLink(self.path / name) from error
            raise

    def _take_lock(self) -> None:
        self._lock = self._open(SESSION_LOCK, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._lock, 20, 0).decode(errors="replace").strip()
            raise FolderInUse(self.path, holder or "?") from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def _close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
        os.close(self._handle)


def _is_ours(path: Path) -> bool:
    """Whether the folder is a recording, or empty but for what a start cut short leaves."""
    names = {item.name for item in path.iterdir()}
    return SESSION_INFO in names or names <= {SESSION_LOCK, layout.temporary(SESSION_INFO)}


def _refuse_links(path: Path) -> None:
    # Opening refuses them too; this tells before anything is recorded.
    for item in path.iterdir():
        if item.is_symlink():
            raise SymbolicLink(item)
