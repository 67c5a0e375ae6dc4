# SPDX-License-Identifier: MIT
"""A sandbox that refuses system calls, as a container engine makes one: a seccomp(2) filter."""

import ctypes
import functools
import re
import subprocess

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_SET_NO_NEW_PRIVS = 38
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS and so on, linux/bpf.h
ALLOW, ERRNO = 0x7fff0000, 0x00050000  # SECCOMP_RET_*


@functools.lru_cache(maxsize=None)
def call_numbers():
    """The numbers of the system calls of this machine, by their names."""
    macros = subprocess.run(["c++", "-E", "-dM", "-x", "c++", "-"], check=True, text=True,
                            input="#include <asm/unistd.h>\n", stdout=subprocess.PIPE).stdout
    values = dict(re.findall(r"^#define (__NR\w+) (\w+)$", macros, re.MULTILINE))
    numbers = {}
    for name, value in values.items():
        while value in values:  # __NR_lseek is __NR3264_lseek on some machines
            value = values[value]
        if value.isdigit():
            numbers[name.removeprefix("__NR_")] = int(value)
    return numbers


class Instruction(ctypes.Structure):
    """struct sock_filter"""
    _fields_ = [("code", ctypes.c_uint16), ("if_true", ctypes.c_uint8),
                ("if_false", ctypes.c_uint8), ("value", ctypes.c_uint32)]


class Program(ctypes.Structure):
    """struct sock_fprog"""
    _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(Instruction))]


def refusal(calls, error):
    """For preexec_fn, with close_fds=False: in the new process and all below it these system calls
    fail with `error`."""
    instructions = [Instruction(LOAD, 0, 0, 0)]  # the number of the call, in seccomp_data
    for call in calls:
        instructions += [Instruction(JUMP_IF_EQUAL, 0, 1, call_numbers()[call]),
                         Instruction(RETURN, 0, 0, ERRNO | error)]
    instructions.append(Instruction(RETURN, 0, 0, ALLOW))
    array = (Instruction * len(instructions))(*instructions)
    program = Program(len(instructions), array)
    libc = ctypes.CDLL(None, use_errno=True)
    one, zero = ctypes.c_ulong(1), ctypes.c_ulong(0)

    def install():
        if (libc.prctl(PR_SET_NO_NEW_PRIVS, one, zero, zero, zero) != 0 or
                libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER),
                           ctypes.byref(program)) != 0):
            raise OSError(ctypes.get_errno(), "seccomp")

    return install


@functools.lru_cache(maxsize=None)
def can_refuse():
    try:
        subprocess.run(["true"], check=True, close_fds=False, preexec_fn=refusal([], 1))
        return True
    except (OSError, subprocess.SubprocessError):
        return False
