#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A lock that is taken away while the command runs under it; and what only looks so."""

import concurrent.futures
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import support  # noqa: E402
from containers import share, works  # noqa: E402
from faults import FaultTestCase  # noqa: E402
from leases import LOST, OTHER, LeaseTestCase, pause, record  # noqa: E402

# Without being told by the kernel, ufl looks once in so many seconds.
INTERVAL = 30
INTERVAL_TO_KILL = 5


def setUpModule():  # pylint: disable=invalid-name
    support.default_signals()


def watches(pid):
    """Does the process watch a directory? inotify, proc_pid_fdinfo(5)."""
    for name in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii") as info:
                if "inotify wd:" in info.read():
                    return True
        except FileNotFoundError:
            continue
    return False


class LossTestCase(LeaseTestCase):
    """Holders whose lock file is told to change."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("dir"))
        self.lock = self.path("dir", "lock")

    def hold_at(self, *options, status=0, lock=None):
        """A holder whose command ends with `status`."""
        command = ["sh", "-c", f"echo ready; read line; exit {status}"]
        return self.hold(*options, lock=lock or self.lock, command=command)

    def wait_until_watched(self, *holders):
        """The kernel tells them of changes by now."""
        for holder in holders:
            support.wait_for(lambda holder=holder: watches(holder.pid), "the watch")

    # Ways to lose it: each leaves what it did.

    def deleted(self, lock):
        os.unlink(lock)

    def replaced(self, lock):
        self.put_new(record(), lock)

    def replaced_by_another_implementation(self, lock):
        self.put_in_place(OTHER, lock)

    def written_over(self, lock):
        self.put_in_place(record(), lock)

    def broken(self, lock):
        token = self.read_lock(lock).split("\n")[0]
        result = self.ufl("--break", "--token", token, lock)
        self.assertEqual(result.returncode, 0, result.stderr)

    def broken_and_taken(self, lock):
        self.broken(lock)
        self.assertEqual(self.ufl("--acquire", lock).returncode, 0)

    def assert_left(self, way, lock):
        """What that way has left is there still."""
        way = getattr(way, "__func__", way)
        if way in (LossTestCase.deleted, LossTestCase.broken):
            self.assertFalse(os.path.exists(lock))
        elif way is LossTestCase.broken_and_taken:
            self.assertTrue(json.loads(self.read_lock(lock).split("\n")[1])["detached"])
        else:
            is_record = way is not LossTestCase.replaced_by_another_implementation
            self.assertEqual(self.read_lock(lock), record() if is_record else OTHER)

    QUICK = (deleted, replaced, replaced_by_another_implementation, written_over)
    WAYS = (*QUICK, broken, broken_and_taken)

    def lose(self, ways):
        """All of [(way, lock)] at once: to break a lock takes a while."""
        with concurrent.futures.ThreadPoolExecutor(len(ways)) as pool:
            for done in [pool.submit(way, self, lock) for way, lock in ways]:
                done.result()


class WarnTest(LossTestCase):
    """The default: the user is told at once, and the command goes on."""

    def test_told_while_the_command_runs(self):
        holders = {}
        os.mkdir(self.path("reports"))
        for way in self.WAYS:
            for status, options in ((0, ()), (7, ("--on-lost", "warn"))):
                name = f"{way.__name__}-{status}"
                os.mkdir(self.path(name))
                holders[way, status] = self.hold_at(
                    *options, "--report", self.path("reports", name), status=status,
                    lock=self.path(name, "lock"))
        self.wait_until_watched(*holders.values())
        begin = time.monotonic()
        self.lose([(way, self.path(f"{way.__name__}-{status}", "lock"))
                   for way, status in holders])
        for (way, status), holder in holders.items():
            with self.subTest(way=way.__name__, status=status):
                lock = self.path(f"{way.__name__}-{status}", "lock")
                self.assert_one_line(holder.stderr.readline(), lock, "lost")
                self.assertLess(time.monotonic() - begin, INTERVAL * 0.8)
                self.assertIsNone(holder.poll())
                is_free = way in (LossTestCase.deleted, LossTestCase.broken)
                with contextlib.nullcontext() if is_free else self.untouched(lock):
                    self.assertEqual(self.let_go(holder), status or LOST)
                if is_free:
                    self.assert_no_lock(lock)
                self.assertEqual(holder.stderr.read(), "")
                with open(self.path("reports", f"{way.__name__}-{status}"),
                          encoding="utf-8") as report:
                    told = json.load(report)
                self.assertEqual((told["outcome"], told["exit"]), ("lost", status))


class KillTest(LossTestCase):
    """--on-lost kill without a lease."""

    KILL = ("--on-lost", "kill", "--kill-after", "3")

    def test_asked_and_then_killed(self):
        runs = {}
        for way in (LossTestCase.deleted, LossTestCase.replaced, LossTestCase.broken):
            for ending in ("exit", ":"):
                name = f"{way.__name__} {ending}"
                os.mkdir(self.path(name))
                witness, lock = self.witness(name + ".fifo"), self.path(name, "lock")
                holder = self.run_witnessed(
                    witness, *self.KILL, lock=lock,
                    script=f"trap 'echo TERM >&9; {ending}' TERM; sleep 120 & echo ready >&9; "
                           "while :; do read line || sleep 0.05; done")
                runs[way, ending] = holder, witness, lock
        self.wait_until_watched(*[holder for holder, _, _ in runs.values()])
        begin = time.monotonic()
        self.lose([(way, lock) for (way, _), (_, _, lock) in runs.items()])
        for (way, ending), (holder, witness, lock) in runs.items():
            with self.subTest(way=way.__name__, ending=ending):
                witness.wait_for("TERM")
                end = witness.wait_for_end()
                self.assertEqual(self.wait(holder), LOST)
                if ending == ":":
                    self.assertGreaterEqual(end - begin, 3)
                self.assertEqual(witness.text, "ready\nTERM\n")
                self.assert_one_line(holder.stderr.read(), lock, "lost")
                self.assertEqual(os.path.exists(lock), way is LossTestCase.replaced)

    def test_by_a_signal_as_well(self):
        """Lost, and ufl gets a signal: whatever the command dies of first."""
        holder = self.hold_at(*self.KILL)
        self.wait_until_watched(holder)
        self.put_new(record())
        holder.send_signal(signal.SIGTERM)
        with self.untouched():
            self.assertIn(self.wait(holder), (LOST, -signal.SIGTERM))


class NotLostTest(LossTestCase):
    """What passes, and what cannot be told: the command goes on, with a status of its own."""

    def assert_not_lost(self, holder, status=0, *said):
        self.assertEqual(self.let_go(holder), status)
        stderr = holder.stderr.read()
        if said:
            self.assert_one_line(stderr, *said)
        else:
            self.assertEqual(stderr, "")

    def assert_all_run(self, holders):
        """And then let them all go: a release that finds nothing takes a second."""
        self.assertEqual([name for name, holder in holders.items() if holder.poll() is not None],
                         [])
        for holder in holders.values():
            holder.stdin.close()

    def test_absent_for_a_moment(self):
        """The file, or its whole directory; and content that is torn."""
        for attempt in range(5):
            if self.be_absent_for_a_moment(attempt):
                return
        self.skipTest("this machine is too busy: no moment was shorter than a second")

    def be_absent_for_a_moment(self, attempt):
        """False: it took so long that ufl may have seen it absent twice, a second apart."""
        def put_away(path):
            os.rename(path, path + ".away")

        def put_back(path):
            os.rename(path + ".away", path)

        def tear(lock):
            content = self.read_lock(lock)
            self.put_in_place(content[:20], lock)
            whole[lock] = content

        def mend(lock):
            self.put_in_place(whole[lock], lock)

        whole = {}
        cases = {}
        for name, there, back in (("file", put_away, put_back), ("directory", put_away, put_back),
                                  ("torn", tear, mend)):
            directory = self.path(f"{name}-{attempt}")
            os.mkdir(directory)
            lock = os.path.join(directory, "lock")
            cases[name] = (self.hold_at("--on-lost", "kill", lock=lock), lock,
                           directory if name == "directory" else lock, there, back)
        self.wait_until_watched(*[case[0] for case in cases.values()])
        begin = time.monotonic()
        for _, _, path, there, _ in cases.values():
            there(path)
        pause(0.4)  # the first look shows nothing
        for _, _, path, _, back in cases.values():
            back(path)
        if time.monotonic() - begin >= 1:
            return False
        pause(1.2)  # and the second would tell
        for name, (holder, lock, _, _, _) in cases.items():
            with self.subTest(absent=name):
                self.assertIsNone(holder.poll())
                self.assert_not_lost(holder, 0, *(["written anew"] if name == "torn" else []))
                self.assert_no_lock(lock)
        return True

    def test_directory_that_stays_away(self):
        """Nothing was given to anybody; whether the lock was ours to the end cannot be told."""
        holders = {}
        for status in (0, 3):
            os.mkdir(self.path(f"dir-{status}"))
            holders[status] = self.hold_at("--on-lost", "kill", status=status,
                                           lock=self.path(f"dir-{status}", "lock"))
        self.wait_until_watched(*holders.values())
        for status in holders:
            os.rename(self.path(f"dir-{status}"), self.path(f"away-{status}"))
        pause(2.2)  # two looks, a second apart
        self.assert_all_run(holders)
        for status, holder in holders.items():
            with self.subTest(status=status):
                self.assert_not_lost(holder, status, self.path(f"dir-{status}", "lock"))
                self.assertTrue(os.path.exists(self.path(f"away-{status}", "lock")))

    def test_share_that_is_unmounted(self):
        """What is there then is the bare mount point, or another share: another device."""
        words = support.private_mounts()
        if words is None:
            self.skipTest("needs private mounts")
        ends = {"unmounted": 'umount -l "$D"', "hidden": 'mount -t tmpfs y "$D"',
                "hidden by another's": 'mount -t tmpfs y "$D" && echo "$OTHER" > "$D/x"'}
        holders = {}
        for name, end in ends.items():
            directory = self.path(name)
            os.mkdir(directory)
            script = f'echo ready; {end} || exit 99; echo done; read line; exit 3'
            env = support.clean_environment(D=directory, OTHER=OTHER)
            holders[name] = self.start(
                "--on-lost", "kill", os.path.join(directory, "lock"), "sh", "-c", script, env=env,
                stdin=subprocess.PIPE,
                program=[*words, "sh", "-c", 'mount -t tmpfs x "$D" && exec "$@"', "sh",
                         os.path.abspath(support.UFL)])
        for holder in holders.values():
            self.assertEqual([holder.stdout.readline() for _ in range(2)], ["ready\n", "done\n"])
        pause(INTERVAL_TO_KILL + 2.5)  # two looks, a second apart
        self.assert_all_run(holders)
        for name, holder in holders.items():
            with self.subTest(share=name):
                self.assert_not_lost(holder, 3, self.path(name, "lock"))


class OverlayTest(LossTestCase):
    """A file may lie on another device than its directory: an overlay over two of them."""

    MOUNT = ('mount -t tmpfs x "$D"; mkdir "$D/lower" "$D/upper" "$D/all"; '
             'mount -t tmpfs y "$D/upper"; mkdir "$D/upper/new" "$D/upper/work"; '
             'mount -t overlay z -o "lowerdir=$D/lower,upperdir=$D/upper/new,'
             'workdir=$D/upper/work" "$D/all"; ')

    def hold_there(self, name, script, *options):
        """A holder below an overlay of its own, whose command is a shell script with the lock in
        $L and a witness; or the test is skipped."""
        words = support.private_mounts()
        if words is None:
            self.skipTest("needs private mounts")
        directory = self.path(name)
        os.mkdir(directory)
        lock = os.path.join(directory, "all", "lock")
        words = [*words, "sh", "-ec", self.MOUNT + 'exec "$@"', "sh"]
        env = support.clean_environment(D=directory, L=lock)
        told = subprocess.run([*words, "sh", "-c", ': >"$L"; stat -c %d "$L" "$D/all"'],
                              check=False, env=env, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if told.returncode != 0 or len(set(told.stdout.split())) != 2:
            self.skipTest(f"no overlay of two devices here: {told.stdout}")
        witness = self.witness(name + ".fifo")
        holder = self.run_witnessed(witness, *options, script=script, lock=lock, env=env,
                                    program=[*words, os.path.abspath(support.UFL)])
        return holder, witness, lock

    def test_loss_is_told(self):
        for name, options in (("plain", ()), ("leased", ("--lease", "60"))):
            with self.subTest(options=options):
                holder, witness, lock = self.hold_there(
                    name, 'sleep 1.5; rm "$L"; echo ready >&9; sleep 100', "--on-lost", "kill",
                    "--kill-after", "0.3", *options)
                witness.wait_for_end()
                self.assertEqual(self.wait(holder), LOST)
                self.assert_one_line(holder.stderr.read(), lock, "lost", "its file is gone")

    def test_loss_is_told_by_the_release(self):
        holder, _, lock = self.hold_there("short", 'rm "$L"; echo ready >&9')
        self.assertEqual(self.wait(holder), LOST)
        self.assert_one_line(holder.stderr.read(), lock, "lost", "its file is gone")


class ReplacedByNoFileTest(LossTestCase):
    """What stands at the name is told as what it is."""

    def test_told(self):
        for what, make in (("a directory", os.mkdir), ("a FIFO", os.mkfifo),
                           ("a symbolic link", lambda path: os.symlink("nowhere", path))):
            for leased in (False, True):
                lock = self.path(f"{what}-{leased}")
                options = ("-l", "2", "--kill-after", "0") if leased else ()
                with self.subTest(what=what, leased=leased):
                    holder = self.hold_at(*options, lock=lock)
                    os.unlink(lock)
                    make(lock)
                    status = self.wait(holder) if leased else self.let_go(holder)
                    self.assertEqual(status, LOST if leased else 0)
                    self.assert_one_line(holder.stderr.read(), lock, f"there is {what}",
                                         "in its place")


class TellingTest(FaultTestCase, LossTestCase):
    """Whether the kernel tells of changes, and how often ufl looks then."""

    def ufl_below(self, tracer):
        """The ufl that strace runs."""
        def find():
            path = f"/proc/{tracer.pid}/task/{tracer.pid}/children"
            with open(path, encoding="ascii") as children:
                return children.read().split()

        return int(support.wait_for(find, "the child of strace")[0])

    def start_traced(self, program):
        holder = self.start(program=[*program, "sh", "-c", "echo ready; read line; :"],
                            stdin=subprocess.PIPE)
        self.assertEqual(holder.stdout.readline(), "ready\n")
        return holder, self.ufl_below(holder)

    def test_looks_that_fail(self):
        """EIO of a look says nothing; and the release that cannot look says so."""
        # Looks at the name: 1 the claim, 2 its verification, 3 the command's number.
        log = self.path("log")
        holder, ufl = self.start_traced(self.traced(["openat:error=EIO:when=4+"], "--on-lost",
                                                    "kill", self.lock, log=log))
        support.wait_for(lambda: watches(ufl), "the watch")
        before = self.read_lock()
        self.put_in_place(before)

        def has_failed_twice():
            with open(log, encoding="utf-8", errors="replace") as calls:
                return calls.read().count("EIO") >= 2

        support.wait_for(has_failed_twice, "looks that fail")
        self.assertEqual(self.let_go(holder), 0)
        self.assert_one_line(holder.stderr.read(), self.lock, "Input/output error")
        self.assertEqual(self.read_lock(), before)

    def test_kernel_that_does_not_tell(self):
        """In the end the release finds out."""
        for way in (self.deleted, self.replaced):
            with self.subTest(way=way.__name__):
                lock = self.path(f"lock-{way.__name__}")
                strace = ["strace", "-f", "-o", "/dev/null", "-e",
                          "inject=inotify_init1:error=EMFILE", os.path.abspath(support.UFL)]
                holder, _ = self.start_traced([*strace, lock])
                way(lock)
                self.assertEqual(self.let_go(holder), LOST)
                self.assert_one_line(holder.stderr.read(), lock, "lost")
                self.assert_left(way, lock)

    def test_busy_directory(self):
        """What happens to other names there costs no look at this one."""
        log = self.path("log")
        holder, ufl = self.start_traced(["strace", "-f", "-o", log, "-e", "trace=openat", "-P",
                                         self.lock, os.path.abspath(support.UFL), self.lock])

        def looks():
            with open(log, encoding="utf-8", errors="replace") as calls:
                return sum("openat(" in line for line in calls)

        support.wait_for(lambda: watches(ufl), "the watch")
        before = support.wait_for(looks, "the first looks")
        for number in range(1000):
            path = self.path("dir", f"lock{number}")
            with open(path, "w", encoding="ascii") as file:
                file.write("x")
            os.rename(path, self.path("dir", f"other{number % 7}"))
        self.put_new(record())
        self.assertIn("lost", holder.stderr.readline())  # so all of that has been told
        self.assertLess(looks() - before, 12)
        self.assertEqual(self.let_go(holder), LOST)


class UnwatchedTest(LossTestCase):
    """A command that ends before the kernel is asked to tell."""

    def test_lost_within_the_first_second(self):
        holders = {}
        for way in self.QUICK:
            lock = self.path("dir", way.__name__)
            holders[way] = lock, self.hold(lock=lock)
            way(self, lock)
            holders[way][1].stdin.close()
        for way, (lock, holder) in holders.items():
            with self.subTest(way=way.__name__):
                self.assertEqual(self.wait(holder), LOST)
                self.assert_one_line(holder.stderr.read(), lock, "lost")
                self.assert_left(way, lock)


class LeaseTest(LossTestCase):
    """Under a lease; and on a share, where nobody tells: the next beat or look finds out."""

    WAYS = (LossTestCase.deleted, LossTestCase.replaced, LossTestCase.broken_and_taken)
    # Long enough for two looks, a second apart, before it is over.
    LEASED = ("-l", "9", "--kill-after", "0.3")

    def run_all(self, ways, *options, program=None, **popen):
        """{way: (holder, its witness, its lock)}, and all are lost; when, on the monotonic clock."""
        runs = {}
        for way in ways:
            os.mkdir(self.path(way.__name__))
            witness = self.witness(way.__name__ + ".fifo")
            lock = self.path(way.__name__, "lock")
            holder = self.run_witnessed(
                witness, *options, "--report", self.path(way.__name__ + ".json"), lock=lock,
                program=program, script="sleep 120 & s=$!; echo ready >&9; read line; kill $s",
                **popen)
            runs[way] = holder, witness, lock
        begin = time.monotonic()
        self.lose([(way, lock) for way, (_, _, lock) in runs.items()])
        return runs, begin

    def assert_lost(self, way, holder, lock):
        self.assertEqual(self.wait(holder), LOST)
        self.assert_left(way, lock)
        with open(self.path(way.__name__ + ".json"), encoding="utf-8") as report:
            self.assertEqual(json.load(report)["outcome"], "lost")

    def assert_killed(self, runs):
        for way, (holder, witness, lock) in runs.items():
            with self.subTest(way=way.__name__):
                witness.wait_for_end()
                self.assert_lost(way, holder, lock)
                self.assert_one_line(holder.stderr.read(), lock, "lost")

    def test_kill(self):
        self.assert_killed(self.run_all(self.WAYS, *self.LEASED, "--on-lost", "kill")[0])

    def test_told_between_two_refreshes(self):
        """On a local disk, by the kernel, as without a lease."""
        runs, begin = self.run_all(self.WAYS, "-l", "1h", "--kill-after", "0.3")
        self.assert_killed(runs)
        self.assertLess(time.monotonic() - begin, INTERVAL * 0.8)

    def test_long_lease_on_a_share(self):
        """No later than without one."""
        if not works(tuple(share("nfs4"))):
            self.skipTest("needs root, and mounts of its own")
        self.assert_killed(self.run_all(
            (LossTestCase.deleted, LossTestCase.replaced), "-d", "0", "-l", "1h", "--kill-after",
            "0.3", program=[*share("nfs4"), os.path.abspath(support.UFL)])[0])

    def test_warn(self):
        runs, _ = self.run_all(self.WAYS, *self.LEASED, "--on-lost", "warn")
        for way, (holder, witness, lock) in runs.items():
            with self.subTest(way=way.__name__):
                self.assert_one_line(holder.stderr.readline(), lock, "lost")
                self.assertTrue(witness.is_open())
                holder.stdin.close()
                self.assert_lost(way, holder, lock)
                self.assertEqual(holder.stderr.read(), "")

    def test_share_without_a_lease(self):
        """At the interval of those who want to be stopped."""
        if not works(tuple(share("nfs4"))):
            self.skipTest("needs root, and mounts of its own")
        runs, begin = self.run_all(
            (LossTestCase.deleted, LossTestCase.replaced), "-d", "0", "--on-lost", "kill",
            "--kill-after", "0.3", program=[*share("nfs4"), os.path.abspath(support.UFL)])
        self.assert_killed(runs)
        self.assertLess(time.monotonic() - begin, INTERVAL * 0.8)


if __name__ == "__main__":
    unittest.main()
