"""The folder of one recording: who may write there, and how its files are opened.

One recorder at a time holds it, by a lock that the kernel frees even when the process is
killed. Files are opened relative to the folder and never through a symbolic link, so nothing
planted there can lead a recorder to another file.
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
from kracked.record.durable_files import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    SHARED_FILE,
    SHARED_FOLDER,
    SymbolicLink,
    is_private,
    write_all,
)


@says("{path} is being recorded by process {process}; choose another")
class FolderInUse(RecordError):
    """Another recorder is writing into the folder."""

    path: Path
    process: str
    """Number of the recorder's process; `?` when it is not known."""


@says("{path} cannot be a folder: a file is in its place; name another")
class NotAFolder(RecordError):
    """A file has the name of the folder to be made."""

    path: Path


class SessionFolder:
    """An open, locked folder to record into. File names are relative to it."""

    def __init__(self, path: Path, handle: int, *, private: bool = False) -> None:
        self.path = path
        self._handle, self._private = handle, private
        self._lock: int | None = None

    @classmethod
    @contextmanager
    def hold(cls, path: Path, *, private: bool = False) -> Iterator[SessionFolder]:
        """Make or reopen the folder and keep every other recorder out until the block ends.

        Args:
            path: The folder.
            private: Whether the account is recorded too: then new files, and a new folder, are
                the owner's alone. The account's own tables are in any case.

        Raises:
            NotARecording: The folder has other contents.
            NotAFolder: A file is in its place.
            FolderInUse: Another recorder holds it.
            SymbolicLink: One of its files is a link.
        """
        path = path.resolve()
        try:
            path.mkdir(
                mode=PRIVATE_FOLDER if private else SHARED_FOLDER, parents=True, exist_ok=True
            )
        except (FileExistsError, NotADirectoryError) as error:
            raise NotAFolder(path) from error
        items = [*path.iterdir()]
        names = {item.name for item in items}
        # A start that was cut short leaves a lock and an unfinished `session.json`.
        if SESSION_INFO not in names and names - {SESSION_LOCK, layout.temporary(SESSION_INFO)}:
            raise NotARecording(path)
        for item in items:  # opening refuses links too; this says so before anything is recorded
            if item.is_symlink():
                raise SymbolicLink(item)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        folder = cls(path, handle, private=private)
        try:
            folder._take_lock()
            yield folder
        finally:
            if folder._lock is not None:
                os.close(folder._lock)
            os.close(handle)

    @staticmethod
    def is_held(path: Path) -> bool:
        """Whether a recorder holds the folder just now."""
        try:
            handle = os.open(path / SESSION_LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False  # nobody has ever recorded here, or it is a copy
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(handle)

    @property
    def resumed(self) -> bool:
        """Whether something was recorded here before."""
        return (self.path / SESSION_INFO).exists()

    def write_info(self, info: SessionInfo) -> None:
        """Replace `session.json` whole: a reader sees the old one or the new one."""
        self.replace(SESSION_INFO, encode_info(info))

    def replace(self, name: str, content: bytes) -> None:
        """Replace a file at once; the new content survives a power cut."""
        temporary = layout.temporary(name)
        with self.create(temporary) as handle:
            write_all(handle, content)
            os.fdatasync(handle)
        self.rename(temporary, name)

    @contextmanager
    def create(self, name: str) -> Iterator[int]:
        """Open a file descriptor of an empty file, in place of any file of that name."""
        handle = self._open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            yield handle
        finally:
            os.close(handle)

    def open_to_read(self, name: str) -> int:
        """Return a file descriptor at the start of a file."""
        return self._open(name, os.O_RDONLY)

    def open_to_append(self, name: str) -> int:
        """Return a file descriptor at the end of a file, which is made if it is missing."""
        handle = self._open(name, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        self.sync()
        return handle

    def rename(self, old: str, new: str) -> None:
        """Rename a file; it replaces any file of the new name, and survives a power cut."""
        os.rename(old, new, src_dir_fd=self._handle, dst_dir_fd=self._handle)
        self.sync()

    def remove(self, name: str) -> None:
        """Remove a file for good."""
        os.unlink(name, dir_fd=self._handle)
        self.sync()

    def exists(self, name: str) -> bool:
        """Whether there is anything of this name, be it a broken link."""
        return os.path.lexists(self.path / name)

    def make_folder(self, name: str) -> None:
        """Make a folder in it unless it exists. Raises `SymbolicLink`."""
        if (self.path / name).is_symlink():
            raise SymbolicLink(self.path / name)
        mode = PRIVATE_FOLDER if self._private else SHARED_FOLDER
        (self.path / name).mkdir(mode=mode, exist_ok=True)
        self.sync()

    def mode_of(self, name: str) -> int:
        """Return the mode of a new file of this name."""
        return PRIVATE_FILE if self._private or is_private(name.lstrip(".")) else SHARED_FILE

    def sync(self) -> None:
        """Wait until new and changed names are on the disk."""
        os.fsync(self._handle)

    def free_bytes(self) -> int:
        """Return the free bytes of the disk."""
        disk = os.fstatvfs(self._handle)
        return disk.f_bavail * disk.f_frsize

    def _open(self, name: str, flags: int) -> int:
        try:
            flags |= os.O_NOFOLLOW | os.O_CLOEXEC
            return os.open(name, flags, self.mode_of(name), dir_fd=self._handle)
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
