# SPDX-License-Identifier: MIT
"""Ways to keep a process from running that no SIGCONT ends, as a freezer of containers, a debugger
or a share that hangs do."""

import contextlib
import ctypes
import os
import signal
import tempfile

import support

FREEZER_1 = "/sys/fs/cgroup/freezer"
UNIFIED = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")


class _Freezer:
    """Keeps processes from running from now on, until it is left."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thaw()

    def thaw(self):
        raise NotImplementedError


class Traced(_Freezer):
    """By a tracer, as gdb(1) is one: ptrace(2). Of a child, by the thread that has begun it."""

    name = "traced"
    _SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
    _WALL = 0x40000000

    def __init__(self, *pids):
        self._pids = pids
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        for pid in pids:
            self._ptrace(self._SEIZE, pid)
            self._ptrace(self._INTERRUPT, pid)
            os.waitpid(pid, self._WALL)

    def _ptrace(self, request, pid):
        if self._libc.ptrace(request, pid, None, None) < 0:
            raise OSError(ctypes.get_errno(), f"ptrace({request}, {pid})")

    def thaw(self):
        for pid in self._pids:
            self._ptrace(self._DETACH, pid)

    @staticmethod
    def works():
        pid = os.fork()
        if pid == 0:
            signal.pause()
        try:
            Traced(pid).thaw()
            return True
        except OSError:
            return False
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


class _Cgroup(_Freezer):
    """A control group of its own, made for the occasion: cgroups(7)."""

    def __init__(self, root, *pids):
        self._root = root
        self._path = tempfile.mkdtemp(prefix="ufl-test-", dir=root)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                self._write("cgroup.procs", str(pid))

    def _write(self, name, text):
        with open(os.path.join(self._path, name), "w", encoding="ascii") as file:
            file.write(text)

    def _reads(self, name, text):
        with open(os.path.join(self._path, name), encoding="ascii") as file:
            return text in file.read()

    def _remove(self):
        """Once it is empty: who was in it goes, and what that has started meanwhile."""
        def is_gone():
            with open(os.path.join(self._path, "cgroup.procs"), encoding="ascii") as file:
                pids = file.read().split()
            for pid in pids:
                with contextlib.suppress(ProcessLookupError), \
                        open(os.path.join(self._root, "cgroup.procs"), "w", encoding="ascii") as to:
                    to.write(pid)
            with contextlib.suppress(OSError):
                os.rmdir(self._path)
                return True
            return False

        support.wait_for(is_gone, "an empty control group")

    @classmethod
    def works_below(cls, root, name):
        try:
            path = tempfile.mkdtemp(prefix="ufl-test-", dir=root)
        except OSError:
            return False
        try:
            return os.access(os.path.join(path, name), os.W_OK)
        finally:
            os.rmdir(path)


class Frozen1(_Cgroup):
    """By the freezer of cgroups version 1; SIGKILL does not wake it either."""

    name = "freezer of version 1"

    def __init__(self, *pids):
        super().__init__(FREEZER_1, *pids)
        self._write("freezer.state", "FROZEN")
        support.wait_for(lambda: self._reads("freezer.state", "FROZEN"), "the freezer")

    def thaw(self):
        self._write("freezer.state", "THAWED")
        self._remove()

    @classmethod
    def works(cls):
        return cls.works_below(FREEZER_1, "freezer.state")


class Frozen2(_Cgroup):
    """By cgroups version 2, as `docker pause` and `systemctl freeze` do."""

    name = "freezer of version 2"

    def __init__(self, *pids):
        super().__init__(self._place(), *pids)
        self._write("cgroup.freeze", "1")
        support.wait_for(lambda: self._reads("cgroup.events", "frozen 1"), "the freezer")

    def thaw(self):
        self._write("cgroup.freeze", "0")
        self._remove()

    @classmethod
    def _place(cls):
        return next((root for root in UNIFIED if cls.works_below(root, "cgroup.freeze")), None)

    @classmethod
    def works(cls):
        return cls._place() is not None

