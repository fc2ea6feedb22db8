#!/usr/bin/env python3
"""Run the live tests: run.py [--quick] [--jobs N] [--begin-within SECONDS] [NAME[:SHARD]...]

GOSPY must be the path of the gospy program. Names are those of the files, "truth" for
test_truth.py. Files that take shards are run one process for each, two at a time. Prints every
check that failed or was skipped, a line for each file or shard, and at the end the sum.
"""

import argparse
import concurrent.futures
import glob
import importlib
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))

RESULT = re.compile(r"(not )?ok \d+ - (.*?)(?: # SKIP (.*))?$")


class Outcome:
    """What one run of a test file came to."""

    def __init__(self, name):
        self.name = name
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.lines = []
        self.seconds = 0

    def read(self, output, code):
        plan = False
        told = False
        for line in output.splitlines():
            match = RESULT.match(line)
            if match:
                told = self.count(*match.groups())
            elif line.startswith("1.."):
                plan = True
            elif told:
                self.lines.append("    " + line)
        if not plan or (code and not self.failed):
            self.failed += 1
            self.lines.append("not ok - %s ended with code %s%s" % (
                self.name, code, "" if plan else " and without a plan"))
            self.lines += ["    " + line for line in output.splitlines()[-20:]]

    def count(self, failed, name, reason):
        """Count one check; returns whether lines that follow belong to a failure."""
        if failed:
            self.failed += 1
            self.lines.append("not ok - %s: %s" % (self.name, name))
        elif reason is not None:
            self.skipped += 1
            self.lines.append("skipped - %s: %s: %s" % (self.name, name, reason))
        else:
            self.passed += 1
        return bool(failed)


def run(name, shard, environment, deadline):
    outcome = Outcome(name + (":" + shard if shard else ""))
    if time.monotonic() > deadline:
        outcome.skipped = 1
        outcome.lines = ["skipped - %s: not begun within the time given" % outcome.name]
        return outcome
    command = [sys.executable, os.path.join(HERE, "test_%s.py" % name)] + ([shard] if shard else [])
    start = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, env=environment)
    outcome.seconds = time.monotonic() - start
    outcome.read(done.stdout.decode(errors="replace"), done.returncode)
    return outcome


def units(names, quick):
    """Yield (file name, shard) of everything to run."""
    known = sorted(os.path.basename(path)[5:-3] for path in glob.glob(HERE + "/test_*.py"))
    for name in names or known:
        name, _, shard = name.partition(":")
        if name not in known:
            raise SystemExit("run.py: no test is called %s; there are: %s" % (
                name, " ".join(known)))
        module = importlib.import_module("test_" + name)
        shards = getattr(module, "SHARDS", None)
        if quick:
            shards = getattr(module, "QUICK_SHARDS", shards)
        for each in [shard] if shard else [None] if shards is None else shards:
            yield name, each


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a part that takes about a minute")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (2)")
    parser.add_argument("--begin-within", type=float, default=float("inf"), metavar="SECONDS",
                        help="skip what has not begun by then; the quick part comes first")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    sys.path.insert(0, HERE)
    sys.dont_write_bytecode = True
    importlib.import_module("toolchains").prune()
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
    if options.quick:
        environment["GOSPY_TEST_QUICK"] = "1"
    totals = [0, 0, 0]
    deadline = time.monotonic() + options.begin_within
    chosen = dict.fromkeys(units(options.names, True))
    if not options.quick:
        # The truth before all else, should time run out.
        chosen.update(dict.fromkeys(sorted(units(options.names, False),
                                           key=lambda unit: unit[0] != "truth")))
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(run, name, shard, environment, deadline) for name, shard in chosen]
        for job in concurrent.futures.as_completed(jobs):
            outcome = job.result()
            # Once more, since a process that others disturb may miss its moment; it is said.
            if outcome.failed:
                print("again: %s, of which %d failed" % (outcome.name, outcome.failed))
                print("".join("    " + line + "\n" for line in outcome.lines), end="", flush=True)
                name, _, shard = outcome.name.partition(":")
                outcome = run(name, shard or None, environment, float("inf"))
            counts = (outcome.passed, outcome.failed, outcome.skipped)
            totals = [total + count for total, count in zip(totals, counts)]
            print("%-24s %4d passed, %d failed, %d skipped, %.0f s" % (
                (outcome.name,) + counts + (outcome.seconds,)))
            print("".join(line + "\n" for line in outcome.lines), end="", flush=True)
    print("%d passed, %d failed, %d skipped" % tuple(totals))
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
