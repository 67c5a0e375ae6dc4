# SPDX-License-Identifier: MIT
"""When ufl cannot lock: one line that says what is wrong and what to do, nothing left behind."""

import os
import resource
import socket
import stat
import subprocess
import unittest

from support import (
    PATIENCE, UFL, UUID, DirectoryWatch, UflTestCase, clean_environment, limited, not_sanitized,
    private_mounts)

BUSY = 75
FAILED = 125


class FailureTestCase(UflTestCase):
    """`ufl LOCKFILE touch ran` fails, in every way that one may ask for the lock."""

    ASKING = (["-n"], [], ["-w", "1000"], ["-d", "1000", "-w", "1000"])

    def assert_fails(self, lock, *fragments, asking=ASKING, named=None, **options):
        """125 at once, also where ufl might wait; the line names the path and what to do."""
        for words in asking:
            with self.subTest(lock=lock[:60], words=words):
                result = self.ufl(*words, lock, "touch", self.path("ran"), **options)
                self.assertEqual((result.returncode, result.stdout), (FAILED, ""), result.stderr)
                self.assert_line(result.stderr, named or lock, *fragments)
        self.assertFalse(os.path.exists(self.path("ran")))

    def assert_line(self, stderr, name, *fragments):
        """`ufl: NAME: what is wrong; what to do`."""
        self.assert_one_line(stderr, *fragments)
        self.assertTrue(stderr.startswith(f"ufl: {name}: "), stderr)
        self.assertTrue(stderr[:-1].isprintable(), repr(stderr))
        cause, _, advice = stderr.partition("; ")
        self.assertTrue(cause and advice.strip(), f"no next step: {stderr}")


class PathTest(FailureTestCase):
    """Paths at which no lock file can be made."""

    def test_directory_missing(self):
        for lock, directory in (("none/lock", "none"), (self.path("none", "lock"), "none"),
                                ("none/none/lock", "none/none"), ("none/../lock", "none"),
                                ("no\nne/lock", "no\\x0ane"), ("\udcff/lock", "\\xff")):
            with self.subTest(lock=lock):
                named = lock.replace("\n", "\\x0a").replace("\udcff", "\\xff")
                self.assert_fails(lock, "directory", directory, named=named)
        self.assertEqual(os.listdir(self.dir), [])

    def test_directory_missing_is_no_directory(self):
        """"is a directory" would be untrue."""
        result = self.ufl("none/", "true")
        self.assertEqual(result.returncode, FAILED)
        self.assert_line(result.stderr, "none/")
        self.assertNotIn("is a directory", result.stderr)

    def test_directory_of_dangling_symlink(self):
        os.symlink("none", self.path("link"))
        self.assert_fails("link/lock")
        self.assertEqual(os.listdir(self.dir), ["link"])

    def test_lock_file_is_a_directory(self):
        os.mkdir(self.path("d"))
        for lock in ("d", "d/", ".", "..", "/", "./", "d/.", "d/.."):
            with self.subTest(lock=lock):
                self.assert_fails(lock, "directory")
        self.assertEqual(os.listdir(self.dir), ["d"])

    def test_lock_file_is_a_fifo(self):
        """Opening it must wait for nobody, with a reader, a writer or none."""
        os.mkfifo(self.path("fifo"))
        self.assert_fails("fifo", "FIFO")
        both = os.open(self.path("fifo"), os.O_RDWR | os.O_NONBLOCK)
        try:
            self.assert_fails("fifo", "FIFO")
            with self.assertRaises(BlockingIOError):
                os.read(both, 1)
        finally:
            os.close(both)
        self.assertTrue(stat.S_ISFIFO(os.lstat(self.path("fifo")).st_mode))

    def test_lock_file_is_a_symlink(self):
        """Not followed, wherever it leads; neither it nor its target changes."""
        self.write("file", "content")
        os.mkdir(self.path("d"))
        for target in ("none", "file", "d", "link", "/none/none", "/dev/null"):
            with self.subTest(target=target):
                os.symlink(target, self.path("link"))
                self.assert_fails("link", "symbolic link")
                self.assertEqual(os.readlink(self.path("link")), target)
                os.unlink(self.path("link"))
        with open(self.path("file"), encoding="ascii") as file:
            self.assertEqual(file.read(), "content")
        self.assertEqual(sorted(os.listdir(self.dir)), ["d", "file"])

    def test_lock_file_is_a_socket(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path("socket"))
            self.assert_fails("socket", "socket")
            listener.listen()
            self.assert_fails("socket", "socket")
        self.assertTrue(stat.S_ISSOCK(os.lstat(self.path("socket")).st_mode))

    def test_lock_file_is_a_device(self):
        for device in ("/dev/null", "/dev/full", "/dev/tty"):
            before = os.lstat(device)
            self.assertTrue(stat.S_ISCHR(before.st_mode))
            with self.subTest(device=device):
                self.assert_fails(device, "device")
            self.assertEqual(os.lstat(device).st_ino, before.st_ino)

    def test_part_of_the_path_is_a_file(self):
        self.write("file", "content")
        for lock in ("file/lock", "file/", "file/d/lock", "file/.."):
            with self.subTest(lock=lock):
                self.assert_fails(lock, "directory")
        with open(self.path("file"), encoding="ascii") as file:
            self.assertEqual(file.read(), "content")

    def test_name_too_long(self):
        os.mkdir(self.path("d"))
        for lock in ("x" * 256, "ü" * 128, "d/" + "x" * 300, "./" * 2048 + "lock", "d/" * 3000):
            with self.subTest(length=len(lock)):
                self.assert_fails(lock, "too long")
        self.assertEqual(os.listdir(self.dir), ["d"])
        self.assertEqual(os.listdir(self.path("d")), [])

    def test_longest_name_works(self):
        result = self.ufl("x" * 255, "true")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(os.listdir(self.dir), [])

    def test_circle_of_symlinks(self):
        os.symlink("b", self.path("a"))
        os.symlink("a", self.path("b"))
        self.assert_fails("a/lock", "symbolic links")
        self.assert_fails("a", "symbolic link")

    def test_working_directory_gone(self):
        script = 'cd d && rmdir ../d && exec "$@"'
        for lock in ("lock", "./lock"):
            os.mkdir(self.path("d"))
            process = self.start(lock, "true",
                                 program=["sh", "-c", script, "sh", os.path.abspath(UFL)])
            stdout, stderr = process.communicate(timeout=PATIENCE)
            with self.subTest(lock=lock):
                self.assertEqual((process.returncode, stdout), (FAILED, ""))
                self.assert_line(stderr, lock)

    def test_quiet_does_not_hide_it(self):
        self.assert_fails("none/lock", asking=(["-q"], ["-qn"], ["-E", "0"], ["-n", "-E", "3"]))


class PermissionTest(FailureTestCase):
    """Directories that an ordinary user may not use."""

    def setUp(self):
        super().setUp()
        self.user = self.as_ordinary_user()
        os.mkdir(self.path("d"))

    def tearDown(self):
        self.open_again()
        super().tearDown()

    def open_again(self):
        os.chmod(self.path("d"), 0o755)

    def test_unwritable_directory(self):
        os.chmod(self.path("d"), 0o555)
        self.assert_fails("d/lock", "Permission denied", "d/", **self.user)
        self.assert_fails(self.path("d", "lock"), "Permission denied", self.path("d"), **self.user)
        self.open_again()
        self.assertEqual(os.listdir(self.path("d")), [])

    def test_unwritable_working_directory(self):
        os.chmod(self.path("d"), 0o555)
        self.assert_fails("lock", "Permission denied", cwd=self.path("d"), **self.user)

    def test_unwritable_directory_with_a_lock_in_it(self):
        """That is not a failure: somebody else holds it, and ufl can see so."""
        self.write("d/lock", "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f", 0o644)
        os.chmod(self.path("d"), 0o555)
        result = self.ufl("-n", "d/lock", "true", **self.user)
        self.assertEqual(result.returncode, BUSY, result.stderr)

    def test_directory_not_searchable(self):
        for mode in (0o666, 0o444, 0o000):
            os.chmod(self.path("d"), mode)
            with self.subTest(mode=oct(mode)):
                self.assert_fails("d/lock", "Permission denied", **self.user)
        self.open_again()
        self.assertEqual(os.listdir(self.path("d")), [])

    def test_directory_not_listable_works(self):
        """Writable and searchable is all that a lock needs."""
        os.chmod(self.path("d"), 0o333)
        result = self.ufl("d/lock", "true", **self.user)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.open_again()
        self.assertEqual(os.listdir(self.path("d")), [])

    @not_sanitized
    def test_no_more_processes(self):
        """fork fails: the command has not run, and the lock is released."""
        os.chmod(self.path("d"), 0o777)
        with DirectoryWatch(self.path("d")) as watch:
            result = self.ufl("d/lock", "touch", "d/ran", **self.user,
                              preexec_fn=limited(resource.RLIMIT_NPROC, 0))
            self.assertEqual((result.returncode, result.stdout), (FAILED, ""), result.stderr)
            self.assert_line(result.stderr, "d/lock", "process")
            self.assertEqual(watch.appeared(), ["lock"])
        self.assertEqual(os.listdir(self.path("d")), [])


class SpaceTest(FailureTestCase):
    """No room for the record."""

    def run_on_tmpfs(self, prepare, *words, size="64k"):
        """Run ufl WORDS in the directory `t`, a tmpfs of its own that `prepare` has set up. Returns
        the result, and the names in the tmpfs afterwards.
        """
        unshare = private_mounts()
        if unshare is None:
            self.skipTest("neither root nor a user namespace to mount a tmpfs in")
        os.makedirs(self.path("t"), exist_ok=True)
        script = (f"mount -t tmpfs -o size={size} ufl-test t && cd t || exit 99\n{prepare}\n"
                  '"$@"; status=$?\n'
                  "ls -A > ../left; exit $status\n")
        result = subprocess.run(
            [*unshare, "sh", "-c", script, "sh", os.path.abspath(UFL), *words], check=False,
            cwd=self.dir, env=clean_environment(), stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertNotIn(result.returncode, (97, 98, 99), result.stderr)  # of the script
        with open(self.path("left"), encoding="utf-8") as file:
            return result, file.read().split()

    FILL = "head -c 1M /dev/zero > fill 2>/dev/null; test -s fill || exit 98"
    # With "bind" it is allowed in a user namespace, too.
    READ_ONLY = "mount -o remount,bind,ro . || exit 97"

    def test_tmpfs_works(self):
        """The tests below fail for lack of room, not for something else."""
        result, left = self.run_on_tmpfs("true", "lock", "cat", "lock")
        self.assertEqual((result.returncode, result.stderr, left), (0, "", []))
        self.assertRegex(result.stdout, UUID)

    def test_full_disk(self):
        for words in self.ASKING:
            with self.subTest(words=words):
                result, left = self.run_on_tmpfs(self.FILL, *words, "lock", "touch", "../ran")
                self.assertEqual((result.returncode, result.stdout), (FAILED, ""), result.stderr)
                self.assert_line(result.stderr, "lock", "No space left", "make room")
                self.assertEqual(left, ["fill"])
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_no_more_inodes(self):
        result, left = self.run_on_tmpfs("true", "lock", "touch", "../ran", size="64k,nr_inodes=1")
        self.assertEqual((result.returncode, left), (FAILED, []), result.stderr)
        self.assert_line(result.stderr, "lock", "No space left")

    def test_full_disk_does_not_matter_to_the_release(self):
        result, left = self.run_on_tmpfs("true", "lock", "sh", "-c", self.FILL)
        self.assertEqual((result.returncode, result.stderr, left), (0, "", ["fill"]))

    def test_full_disk_while_another_holds_it(self):
        """Then it is busy, and the other's lock stays."""
        result, left = self.run_on_tmpfs("echo foreign > lock; " + self.FILL, "-n", "lock", "true")
        self.assertEqual((result.returncode, left), (BUSY, ["fill", "lock"]), result.stderr)

    def test_read_only_file_system(self):
        for words in self.ASKING:
            with self.subTest(words=words):
                result, left = self.run_on_tmpfs(self.READ_ONLY, *words, "lock", "touch",
                                                 "../ran")
                self.assertEqual((result.returncode, result.stdout), (FAILED, ""), result.stderr)
                self.assert_line(result.stderr, "lock", "Read-only file system")
                self.assertEqual(left, [])
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_read_only_file_system_with_a_lock_on_it(self):
        """It may be another host that can write there: held."""
        result, left = self.run_on_tmpfs("echo foreign > lock; " + self.READ_ONLY, "-n", "lock",
                                         "true")
        self.assertEqual((result.returncode, left), (BUSY, ["lock"]), result.stderr)

    def test_turns_read_only_while_the_command_runs(self):
        """The release fails: the command's status, and one line. What ufl keeps open to write to
        keeps its own mount from that; so another one is put upon it."""
        read_only = "mount --bind . . && cd ../t && " + self.READ_ONLY
        lock = self.path("t", "lock")
        for own in (0, 3):
            with self.subTest(own=own):
                result, left = self.run_on_tmpfs("true", lock, "sh", "-c",
                                                 f"{read_only}; exit {own}")
                self.assertEqual((result.returncode, left), (own, ["lock"]), result.stderr)
                self.assert_line(result.stderr, lock, "Read-only file system")

    def test_file_size_limit(self):
        """No death by SIGXFSZ, and nothing is left of what was written. Where a file can be written
        before it gets its name, there never is anything."""
        for size in (0, 1, 20, 36, 37, 60, 100):
            with self.subTest(size=size), DirectoryWatch(self.dir) as watch:
                result = self.ufl(self.lock, "touch", self.path("ran"),
                                  preexec_fn=limited(resource.RLIMIT_FSIZE, size))
                self.assertEqual((result.returncode, result.stdout), (FAILED, ""), result.stderr)
                self.assert_line(result.stderr, self.lock)
                self.assertIn(watch.appeared(), ([], ["lock"]))
                self.assertEqual(os.listdir(self.dir), [])

    def test_file_size_limit_is_not_taken_for_a_full_disk(self):
        """A write cut short has two possible reasons; the next write would tell which."""
        for size in (0, 20):
            with self.subTest(size=size):
                result = self.ufl(self.lock, "true",
                                  preexec_fn=limited(resource.RLIMIT_FSIZE, size))
                self.assertIn("ulimit -f", result.stderr)


if __name__ == "__main__":
    unittest.main()
