#!/usr/bin/env python3
"""Stacks of a million frames and many goroutines are dumped whole, in bounded memory."""

import collections
import json
import os
import re
import subprocess
import sys

import livelib
from livelib import check, check_equal

VERSIONS = ("1.27.4", "1.20.14", "1.12.17")
QUICK_SHARDS = SHARDS = VERSIONS

# Of gospy while it dumps a million frames; the stack itself is some 50 MB.
MEMORY_LIMIT = 400 << 20


def measured(arguments):
    """Run gospy; return its exit code, stderr, and the most memory it had, in bytes."""
    with subprocess.Popen([livelib.gospy_path()] + [str(word) for word in arguments],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as gospy:
        error = gospy.stderr.read()
        _, status, usage = os.wait4(gospy.pid, 0)
        gospy.returncode = os.waitstatus_to_exitcode(status)
        return gospy.returncode, error.decode(), usage.ru_maxrss * 1024


def count_matches(path, pattern):
    """Count matching lines of a large file."""
    counts = collections.Counter()
    with open(path, "rb") as f:
        for line in f:
            match = pattern.match(line)
            if match:
                counts[match.group(1)] += 1
    return counts


def test_million_frames(tap, version):
    depth = 1000000
    with livelib.Program([livelib.build(version, "many"), 1, depth]) as program:
        program.ready()
        for stop in ("none", "ptrace"):
            with tap.case("go%s: a million frames, debug2, --stop %s" % (version, stop)), \
                    livelib.scratch() as folder:
                path = os.path.join(folder, "dump")
                code, error, memory = measured(["dump", program.pid, "--format", "debug2", "--stop",
                                                stop, "-o", path])
                check_equal((code, error), (0, ""), "code and stderr")
                counts = count_matches(path, re.compile(rb"main\.(descend)\("))
                check_equal(counts[b"descend"], depth, "frames of main.descend")
                tap.note("%d MB" % (memory >> 20))
                check(memory < MEMORY_LIMIT, "%d MB of memory" % (memory >> 20))
        with tap.case("go%s: a million frames, ndjson" % version), livelib.scratch() as folder:
            path = os.path.join(folder, "dump")
            code, error, memory = measured(["dump", program.pid, "--format", "ndjson", "-o", path])
            check_equal((code, error), (0, ""), "code and stderr")
            with open(path) as f:
                depths = [line.count('"func":"main.descend"') for line in f]
            # Once more each as the current and the start function.
            check(max(depths) in range(depth, depth + 3), "frames: %d" % max(depths))
            tap.note("%d MB" % (memory >> 20))
            check(memory < MEMORY_LIMIT, "%d MB of memory" % (memory >> 20))
        livelib.check_unharmed(program.pid)


def test_many(tap, version):
    number, depth = 100000, 10
    with livelib.Program([livelib.build(version, "many"), number, depth]) as program:
        program.ready()
        with tap.case("go%s: %d goroutines, ndjson" % (version, number)), \
                livelib.scratch() as folder:
            path = os.path.join(folder, "dump")
            code, error, memory = measured(["dump", program.pid, "--format", "ndjson", "-o", path])
            check_equal((code, error), (0, ""), "code and stderr")
            ids = set()
            with open(path) as f:
                for line in f:
                    goroutine = json.loads(line)
                    frames = [frame["func"] for frame in goroutine["stack"]]
                    if "main.descend" in frames:
                        check_equal(frames.count("main.descend"), depth, "depth")
                        ids.add(goroutine["id"])
            check_equal(len(ids), number, "goroutines in main.descend")
            tap.note("%d MB" % (memory >> 20))
        with tap.case("go%s: %d goroutines, summary" % (version, number)):
            text = livelib.gospy("summary", program.pid)
            check_equal(len(re.findall(r"(?m)^\d+ - waiting for chan receive: main\.descend ", text)),
                        number, "lines of main.descend")
        livelib.check_unharmed(program.pid)


def main():
    tap = livelib.Tap()
    for version in livelib.shards() or SHARDS:
        version = livelib.toolchains.full_version(version)
        for test in (test_million_frames, test_many):
            with tap.case("go%s: %s" % (version, test.__name__)):
                test(tap, version)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
