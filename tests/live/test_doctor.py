#!/usr/bin/env python3
"""Doctor names the one thing that forbids the look, and what mends it."""

import contextlib
import os
import subprocess
import sys
import time

import livelib
import test_bad_input
from livelib import Skip, check, check_equal

VERSION = "1.22.12"


def doctor(command, pid, codes):
    done = subprocess.run([str(word) for word in command] + ["doctor", str(pid)],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=livelib.PATIENCE)
    check(done.returncode in codes, "exit code %d, expected %r: %s%s" % (
        done.returncode, codes, done.stdout.decode(), done.stderr.decode()))
    return (done.stdout + done.stderr).decode()


def check_says(text, *groups):
    """Demand one word of each group."""
    for words in groups:
        check(any(word in text.lower() for word in words), "none of %s in:\n%s" % (
            ", ".join(words), text))


def test_allowed(tap):
    with livelib.start_zoo(VERSION) as zoo, tap.case("a process that may be looked at"):
        tap.note(doctor([livelib.gospy_path()], zoo.pid, (0,)))


def test_nothing_there(tap):
    with tap.case("no such process"):
        doctor([livelib.gospy_path()], test_bad_input.dead_pid(), (3,))
    with livelib.Program(["cat"]) as cat, tap.case("not a Go program"):
        doctor([livelib.gospy_path()], cat.pid, (3,))


def test_other_user(tap):
    livelib.need_root()
    livelib.need("setpriv")
    with livelib.start_zoo(VERSION) as zoo, livelib.scratch() as folder:
        gospy = test_bad_input.readable_gospy(folder)
        with tap.case("a process of another user"):
            text = doctor(test_bad_input.as_nobody([gospy]), zoo.pid, (4,))
            check_says(text, ("user", "uid"), ("sudo", "root", "cap_sys_ptrace"))
            tap.note(text)


@contextlib.contextmanager
def traced(pid):
    """Trace a process with a program that does nothing else."""
    livelib.need("strace")
    with subprocess.Popen(["strace", "-e", "trace=none", "-f", "-q", "-p", str(pid)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as strace:
        try:
            for _ in range(500):
                if tracer(pid):
                    break
                time.sleep(0.01)
            else:
                raise Skip("strace cannot trace here")
            yield strace.pid
        finally:
            strace.terminate()


def tracer(pid):
    with open("/proc/%d/status" % pid) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("TracerPid:"))


def test_other_tracer(tap):
    with livelib.start_zoo(VERSION) as zoo:
        with traced(zoo.pid) as other:
            with tap.case("a process that another program traces"):
                text = doctor([livelib.gospy_path()], zoo.pid, (0, 4, 5))
                check_says(text, ("trace",), (str(other), "strace"))
                tap.note(text)
            with tap.case("it can still be dumped without stopping it"):
                livelib.gospy("dump", zoo.pid, "--stop", "none")
            with tap.case("it cannot be stopped: exit code 4"):
                done = livelib.run_gospy("dump", zoo.pid, "--stop", "ptrace")
                test_bad_input.check_refused(done, 4, ("trace",))
            with tap.case("auto finds the way that is left"):
                livelib.gospy("dump", zoo.pid, "--stop", "auto")
        livelib.check_unharmed(zoo.pid)


def test_not_dumpable(tap):
    """A process that asks for it may not be looked into by its own user."""
    livelib.need_root()
    livelib.need("setpriv")
    with livelib.scratch() as folder:
        gospy = test_bad_input.readable_gospy(folder)
        path = os.path.join(folder, "many")
        livelib.build(VERSION, "many", "plain", path)
        with livelib.Program(test_bad_input.as_nobody([path, 5, 5, "undumpable"])) as many:
            many.ready()
            with tap.case("a process that is not dumpable"):
                text = doctor(test_bad_input.as_nobody([gospy]), many.pid, (4,))
                check_says(text, ("dumpable",), ("sudo", "root", "cap_sys_ptrace"))
                tap.note(text)
            with tap.case("a process that is not dumpable is refused"):
                done = subprocess.run(test_bad_input.as_nobody([gospy, "dump", many.pid]),
                                      capture_output=True, timeout=livelib.PATIENCE)
                test_bad_input.check_refused(done, 4)
            with tap.case("root may look at it"):
                doctor([livelib.gospy_path()], many.pid, (0,))


def test_user_namespace(tap):
    """Root of a user namespace is nobody to a process outside of it."""
    livelib.need("unshare")
    probe = subprocess.run(["unshare", "--user", "--map-root-user", "true"], capture_output=True)
    if probe.returncode:
        raise Skip("no user namespaces here")
    with livelib.start_zoo(VERSION) as zoo, tap.case("from within another user namespace"):
        text = doctor(["unshare", "--user", "--map-root-user", livelib.gospy_path()], zoo.pid, (4,))
        check_says(text, ("namespace",))
        tap.note(text)


def test_capabilities(tap):
    livelib.need_root()
    livelib.need("setpriv")
    with livelib.scratch() as folder:
        gospy = test_bad_input.readable_gospy(folder)
        path = os.path.join(folder, "zoo")
        livelib.build(VERSION, "zoo", "plain", path)
        with livelib.Program(test_bad_input.as_nobody([path])) as zoo:
            zoo.ready()
            with tap.case("root without CAP_SYS_PTRACE"):
                text = doctor(["setpriv", "--bounding-set", "-sys_ptrace", gospy], zoo.pid, (4,))
                check_says(text, ("cap_sys_ptrace",))
                tap.note(text)
            with tap.case("its own user may look at it"):
                scope = "/proc/sys/kernel/yama/ptrace_scope"
                if os.path.exists(scope):
                    with open(scope) as f:
                        if f.read().strip() != "0":
                            raise Skip("Yama forbids it on this machine")
                doctor(test_bad_input.as_nobody([gospy]), zoo.pid, (0,))


TESTS = (test_allowed, test_nothing_there, test_other_user, test_other_tracer, test_not_dumpable,
         test_user_namespace, test_capabilities)

if __name__ == "__main__":
    sys.exit(livelib.run_tests(TESTS))
