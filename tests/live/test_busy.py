#!/usr/bin/env python3
"""Gospy looks many times into a program that starts, runs and ends goroutines on all processors.

No look may fail or show a function that is not in the program, or an address outside of the
function it is said to be in; the program must live on and still compute what arithmetic says.
Then gospy is killed at random moments of its work, and must leave the program running. A shard is
a Go version; the newest gets all of the captures.
"""

import bisect
import concurrent.futures
import random
import re
import subprocess
import sys
import time

import livelib
import toolchains
from livelib import check, check_equal

SHARDS = ("1.27.4", "1.21.13", "1.17.13", "1.12.17")
QUICK_SHARDS = ("1.27.4",)

FRAME = re.compile(rb'"func":"((?:[^"\\]|\\.)*)","file":"(?:[^"\\]|\\.)*","line":\d+,'
                   rb'"pc":"0x([0-9a-f]+)","inlined":(true|false)')


def counts(version):
    """How many captures in none and ptrace mode, and how many kills."""
    if livelib.quick():
        return 300, 50, 20
    if version == toolchains.NEWEST:
        return 10000, 1000, 200
    return 500, 100, 50


class Text:
    """The functions of a binary, as the Go toolchain lists them."""

    def __init__(self, version, binary):
        self.starts = []
        self.symbols = []
        listing = toolchains.go(version, "tool", "nm", "-n", "-size", binary).decode()
        for line in listing.splitlines():
            words = line.split(None, 3)
            if len(words) == 4 and words[2] in "Tt":
                self.starts.append(int(words[0], 16))
                # Assembly functions; the function table has them without.
                # Linkers up to Go 1.17 write the middle dot of a wrapper as a plain one.
                name = words[3][:-5] if words[3].endswith(".abi0") else words[3]
                name = name.replace("\u00b7", ".")
                self.symbols.append((int(words[1]), name))
        names = livelib.build(toolchains.NEWEST, "names")
        self.inlined = set(subprocess.run([names, binary], check=True, stdout=subprocess.PIPE)
                           .stdout.decode().splitlines())
        self.known = set()

    def problem(self, function, pc, inlined):
        """What is wrong with a frame, or None. PC is the address of a call's return."""
        if inlined:
            return None if function in self.inlined else "no function %s to be inlined" % function
        i = bisect.bisect_right(self.starts, pc) - 1
        # A call that never returns may be the last instruction of its function.
        for at in (i, i - 1):
            start, (size, name) = self.starts[at], self.symbols[at]
            if name == function.replace("\u00b7", ".") and start <= pc <= start + size:
                return None
        return "%s at 0x%x, where %s is" % (function, pc, self.symbols[i][1])

    def problems(self, output):
        """What is wrong with the frames of a dump in JSON; each distinct frame is judged once."""
        for frame in set(FRAME.findall(output)) - self.known:
            wrong = self.problem(frame[0].decode(), int(frame[1], 16), frame[2] == b"true")
            if wrong:
                return wrong
            self.known.add(frame)
        return None


class Looks:
    """Sums of many captures."""

    def __init__(self):
        self.captures = 0
        self.goroutines = 0
        self.torn = 0
        self.partial = 0

    def add(self, done, text):
        error = done.stderr.decode(errors="replace").strip()
        check(done.returncode in (0, 5), "exit code %d: %s" % (done.returncode, error))
        wrong = text.problems(done.stdout)
        check(wrong is None, wrong)
        number = done.stdout.count(b"\n")
        torn = done.stdout.count(b'"torn":true')
        check(number > 0, "no goroutine at all")
        check(done.returncode == 0 or torn or error, "exit code 5 and no reason for it")
        self.captures += 1
        self.goroutines += number
        self.torn += torn
        self.partial += done.returncode == 5


def look(busy, text, stop, number):
    looks = Looks()
    for _ in range(number):
        looks.add(livelib.run_gospy("dump", busy.pid, "--format", "ndjson", "--stop", stop), text)
    return looks


def test_looks(tap, version, busy, binary):
    text = Text(version, binary)
    none, ptrace, _ = counts(version)
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [(stop, number, pool.submit(look, busy, text, stop, number))
                for stop, number in (("none", none), ("ptrace", ptrace))]
    for stop, number, job in jobs:
        with tap.case("go%s: %d captures in %s mode" % (version, number, stop)):
            looks = job.result()
            check_equal(looks.captures, number, "captures")
            tap.note("%s: %d goroutines, %d torn (%.4f %%), %d captures partly done" % (
                stop, looks.goroutines, looks.torn, 100 * looks.torn / looks.goroutines,
                looks.partial))
    tap.note("%.0f s" % (time.monotonic() - start))


def kill_one(busy, stop, moment):
    """Start a dump and kill it by its pid after a moment."""
    with subprocess.Popen([livelib.gospy_path(), "dump", str(busy.pid), "--stop", stop],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as gospy:
        time.sleep(moment)
        gospy.kill()
        return gospy.wait() < 0


def test_kill(tap, version, busy):
    number = counts(version)[2]
    with tap.case("go%s: %d times kill -9 leaves the program running" % (version, number)):
        seed = random.randrange(1 << 32)
        moments = random.Random(seed)
        tap.note("seed %d" % seed)
        killed = 0
        for i in range(number):
            stop = ("ptrace", "auto", "none")[i % 3]
            killed += kill_one(busy, stop, moments.uniform(0, 0.03))
            livelib.check_unharmed(busy.pid)
            check(busy.alive(), "the program ended")
        tap.note("%d of %d were killed at work" % (killed, number))
        check(killed > 0, "every gospy ended before it was killed")


def test_version(tap, version):
    binary = livelib.build(version, "busy")
    with livelib.Program([binary]) as busy:
        busy.ready()
        test_looks(tap, version, busy, binary)
        test_kill(tap, version, busy)
        with tap.case("go%s: the program is alive, and all it computed is right" % version):
            check(busy.alive(), "it ended")
            words = busy.finish().split()
            check(words[:1] == ["done"] and words[2:] == ["right"], "it said %r" % words)
            check(int(words[1]) > 0, "it did nothing")
            tap.note("%s rounds" % words[1])


def main():
    tap = livelib.Tap()
    for version in livelib.shards() or SHARDS:
        version = toolchains.full_version(version)
        with tap.case("go%s: the busy program starts" % version):
            livelib.build(version, "busy")
        test_version(tap, version)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
