#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the commands do without memory: test_commands.py PRELOAD. Prints TAP.

GOSPY is the path of the program, PRELOAD the library made from preload.c. A Go process is looked into
while one allocation fails, or all from one on: gospy must not crash, must say that memory is short,
must not give half a result, and the process must run on.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
GOSPY = os.environ["GOSPY"]
# No other process is called so.
PROGRAM = "allocations%d" % os.getpid()
# Reached only by something that hangs.
PATIENCE = 60
# Allocations of each command that are made to fail, spread over all that there are.
SAMPLES = 120

COMMANDS = (
    ("dump", "--stop", "ptrace"),
    ("dump", "--format", "debug2"),
    ("dump", "--format", "pprof"),
    ("summary", "--json", "--group-by", "label:tenant", "--filter", "func =~ park || wait > 1s"),
    ("doctor",),
    # By the name of what build() builds.
    ("summary", "--name", PROGRAM),
)


def run(preload, arguments, fail_at, for_good):
    """Run gospy; returns what it did and, after a regular end, its number of allocations."""
    count_read, count_write = os.pipe()
    environment = dict(os.environ, LD_PRELOAD=preload, FAIL_AT=str(fail_at),
                       COUNT_FD=str(count_write))
    if for_good:
        environment["FAIL_FOR_GOOD"] = "1"
    done = subprocess.run([GOSPY, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          env=environment, pass_fds=[count_write], timeout=PATIENCE)
    os.close(count_write)
    count = int(os.read(count_read, 32) or 0)
    os.close(count_read)
    return done, count


def state_of(pid):
    """Return the state and the tracer of a process as /proc tells them."""
    with open("/proc/%d/status" % pid, encoding="utf-8") as file:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return lines["State"][0], lines["TracerPid"]


def runs_on(pid):
    """Whether the process runs and nobody traces it, once others that look into it are gone."""
    for _ in range(1000):
        state, tracer = state_of(pid)
        if state in "RS" and tracer == "0":
            return True
        time.sleep(0.01)
    return False


def is_whole(command, output):
    """Whether an output that was called a success is all there."""
    if "pprof" in command:
        return output[:2] == b"\x1f\x8b"
    if "--json" in command:
        return "goroutines" in json.loads(output)
    return output.endswith(b"\n")


def problem(command, pid, done):
    """What is wrong with a run; None when nothing is."""
    errors = done.stderr.decode(errors="replace")
    told = "memory" in errors or (command[0] == "doctor" and b"memory" in done.stdout)
    if not runs_on(pid):
        return "the process is in state %s, traced by %s" % state_of(pid)
    if done.returncode == 0:
        return None if is_whole(command, done.stdout) else "half a result: %r" % done.stdout[-100:]
    # A thread that could not be held is told of as a stack that is not whole.
    if done.returncode == 5 and "could not be followed" in errors:
        return None
    if done.returncode != 1 or not told or len(errors.splitlines()) > 1:
        return "exit code %d, %r" % (done.returncode, errors)
    return None


def check(preload, command, pid, for_good):
    """Try allocations of one command; returns how many failed and what went wrong."""
    named = "--name" in command
    arguments = command if named else (command[0], str(pid)) + command[1:]
    done, count = run(preload, arguments, 0, False)
    if done.returncode or not count:
        return 0, ["with enough memory: exit code %d, %r" % (done.returncode, done.stderr)]
    problems = []
    step = max(1, count // SAMPLES)
    numbers = range(1 + (step > 1 and for_good), count + 1, step)
    for number in numbers:
        done, _ = run(preload, arguments, number, for_good)
        found = problem(command, pid, done)
        if found:
            problems.append("allocation %d of %d: %s" % (number, count, found))
    return len(numbers), problems


def build(folder):
    """Build the program that is looked into; its path, or None where there is no Go."""
    path = os.path.join(folder, PROGRAM)
    if not shutil.which("go"):
        return None
    environment = dict(os.environ, GOTOOLCHAIN="local", GOFLAGS="", GO111MODULE="on")
    done = subprocess.run(["go", "build", "-o", path, "."], cwd=os.path.join(HERE, "program"),
                          env=environment, stdin=subprocess.DEVNULL, capture_output=True)
    return path if done.returncode == 0 else None


def check_all(preload, pid):
    failed = number = 0
    for command in COMMANDS:
        for for_good in (False, True):
            number += 1
            tried, problems = check(preload, command, pid, for_good)
            failed += bool(problems)
            print("%sok %d - gospy %s: %s" % (
                "not " if problems else "", number, " ".join(command),
                "no more memory" if for_good else "one allocation fails"), flush=True)
            for line in ["%d allocations failed" % tried] + problems[:20]:
                print("# " + line)
    print("1..%d" % number)
    return 1 if failed else 0


def main(preload):
    with tempfile.TemporaryDirectory(prefix="gospy-test-") as folder:
        program = build(folder)
        if not program:
            print("1..0 # SKIP there is no Go that builds the program")
            return 0
        with subprocess.Popen(["nice", "-n", "19", program], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            try:
                return check_all(os.path.abspath(preload), process.pid)
            finally:
                process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
