#!/usr/bin/env python3
"""Programs whose file is gone, replaced, or in a root and namespaces of their own.

Gospy looks from the host, from inside the container, and from a sidecar that shares only the
container's process namespace.
"""

import os
import shutil
import subprocess
import sys
import time

import debug2
import livelib
from livelib import Skip, check, check_equal

VERSION = "1.22.12"


def copy_zoo(folder, mode="pie_strip"):
    path = os.path.join(folder, "zoo")
    return livelib.build(VERSION, "zoo", mode, path)


def compare(zoo, got, before=None):
    """Hold gospy's text against the process's own dumps."""
    before = before or debug2.parse(zoo.ask("dump"))
    report = debug2.compare(before, debug2.parse(zoo.ask("dump")), debug2.parse(got))
    check(not report.problems, "\n".join(report.problems[:3]))
    check(report.compared >= zoo.told[1], "only %d goroutines compared" % report.compared)


def look(zoo):
    compare(zoo, livelib.gospy("dump", zoo.pid, "--format", "debug2"))


def test_deleted(tap):
    for mode in ("strip", "pie_strip", "plain"):
        with tap.case("a deleted program, %s" % mode), livelib.scratch() as folder:
            path = copy_zoo(folder, mode)
            with livelib.Program([path]) as zoo:
                zoo.ready()
                os.unlink(path)
                look(zoo)
                check("deleted" in os.readlink("/proc/%d/exe" % zoo.pid), "it is not deleted")


def test_replaced(tap):
    with tap.case("a program replaced by another build"), livelib.scratch() as folder:
        path = copy_zoo(folder)
        with livelib.Program([path]) as zoo:
            zoo.ready()
            shutil.copy(livelib.build("1.26.11", "many"), path + ".new")
            os.rename(path + ".new", path)
            look(zoo)
    with tap.case("a program replaced by another kind of file"), livelib.scratch() as folder:
        path = copy_zoo(folder)
        with livelib.Program([path]) as zoo:
            zoo.ready()
            with open(path + ".new", "w") as f:
                f.write("nothing")
            os.rename(path + ".new", path)
            look(zoo)


def test_library_deleted(tap):
    with tap.case("a deleted Go library in a C program"), livelib.scratch() as folder:
        path = os.path.join(folder, "libzoo.so")
        livelib.build(VERSION, "zoo", "cshared_strip", path)
        with livelib.Program([livelib.build_host(VERSION), path]) as zoo:
            zoo.ready()
            os.unlink(path)
            look(zoo)


def needed_libraries(path):
    """Every file that the dynamic loader takes for a program."""
    listing = subprocess.run(["ldd", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    words = [word for word in listing.stdout.decode().split() if word.startswith("/")]
    return sorted(set(words))


def make_root(folder):
    """A root with the zoo, and gospy with what it needs, in it."""
    root = os.path.join(folder, "root")
    for name in ("proc", "tmp", "dev"):
        os.makedirs(os.path.join(root, name))
    shutil.copy(copy_zoo(folder), os.path.join(root, "zoo"))
    shutil.copy(livelib.gospy_path(), os.path.join(root, "gospy"))
    for library in needed_libraries(livelib.gospy_path()):
        target = root + library
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(library, target)
    os.unlink(os.path.join(folder, "zoo"))
    return root


class Container(livelib.Program):
    """The zoo as process 1 of a container: own root, mounts, processes and network."""

    def __init__(self, root):
        script = 'mount -t proc proc "$1/proc" && exec chroot "$1" /zoo'
        super().__init__(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "--uts",
                          "--ipc", "sh", "-c", script, "sh", root])
        self.outer = self.pid

    def ready(self):
        super().ready()
        check_equal(self.told[0], 1, "the zoo's own process number")
        self.pid = self.child()
        return self

    def child(self):
        path = "/proc/%d/task/%d/children" % (self.outer, self.outer)
        with open(path) as children:
            return int(children.read().split()[0])

    def stop(self):
        # unshare itself waits for its child whatever comes; the child hears of the closed input.
        self.process.stdin.close()
        for _ in range(500):
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        super().stop()

    def inside(self, command, *namespaces):
        """Run a command in namespaces of the container."""
        return subprocess.run(["nsenter", "-t", str(self.pid), *namespaces] + command,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=livelib.PATIENCE)


def test_container(tap):
    livelib.need_root()
    livelib.need("unshare", "nsenter", "chroot", "mount", "ldd")
    with livelib.scratch() as folder:
        with Container(make_root(folder)) as zoo:
            try:
                zoo.ready()
            except livelib.Failure as failure:
                raise Skip("no container can be made here: %s" % failure)
            test_from(tap, zoo, folder)


def test_from(tap, zoo, folder):
    with tap.case("a container from the host"):
        look(zoo)
    with tap.case("a container from inside"):
        before = debug2.parse(zoo.ask("dump"))
        done = zoo.inside(["/gospy", "dump", "1", "--format", "debug2"],
                          "--mount", "--pid", "--net", "--root")
        check_equal((done.returncode, done.stderr), (0, b""), "code and stderr")
        compare(zoo, done.stdout.decode(), before)
    with tap.case("a container from a sidecar that shares its processes"):
        before = debug2.parse(zoo.ask("dump"))
        script = 'mount -t proc proc /proc && exec "$@"'
        done = subprocess.run(
            ["nsenter", "-t", str(zoo.pid), "--pid", "unshare", "--mount", "sh", "-c", script, "sh",
             livelib.gospy_path(), "dump", "1", "--format", "debug2"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=livelib.PATIENCE)
        check_equal((done.returncode, done.stderr), (0, b""), "code and stderr")
        compare(zoo, done.stdout.decode(), before)
    with tap.case("a container whose program is deleted, from the host"):
        os.unlink(os.path.join(folder, "root", "zoo"))
        look(zoo)
    with tap.case("ps shows a process of a container"):
        # Processes beside it may forbid the look: then it is done, but partly.
        listing = livelib.gospy("ps", codes=(0, 5))
        check(any(line.split()[:1] == [str(zoo.pid)] for line in listing.splitlines()),
              "no process %d in\n%s" % (zoo.pid, listing))


TESTS = (test_deleted, test_replaced, test_library_deleted, test_container)

if __name__ == "__main__":
    sys.exit(livelib.run_tests(TESTS))
