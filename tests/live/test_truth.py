#!/usr/bin/env python3
"""What gospy says about a Go process is what the process itself says.

For every Go version and build mode the zoo parks its goroutines and prints them, gospy dumps them
without stopping the process and with, and the zoo prints them again. Each goroutine that is not on
a processor and that is the same in both prints must be the same in gospy's dumps: id, state,
functions, arguments, files, lines, offsets, labels and creator. A shard is a Go version.
"""

import json
import os
import re
import signal
import sys
import tempfile
import time

import debug2
import livelib
import toolchains
from livelib import Skip, check, check_equal

MODES = ("plain", "strip", "pie", "pie_strip", "cgo", "ext", "ext_strip", "race", "trimpath",
         "noopt", "cshared", "cshared_strip", "pluginhost")
QUICK_MODES = ("plain", "pie_strip", "ext_strip")
# Modes without C code, whose frames the runtime does not know.
WHOLE_MODES = ("plain", "pie_strip")
STOPS = ("none", "ptrace")

SHARDS = toolchains.VERSIONS
QUICK_SHARDS = ("1.12.17", "1.17.13", "1.21.13", "1.27.4")


def start(version, mode, arguments=(), **options):
    try:
        return livelib.start_zoo(version, mode, arguments, **options)
    except livelib.Failure as failure:
        if mode == "race":
            # The race detectors of older versions do not run on every kernel.
            raise Skip("the race detector of Go %s does not start here: %s" % (version, failure))
        raise


def steady_dumps(zoo, look):
    """Return what the zoo prints, what LOOK returns, what the zoo prints after it."""
    before = zoo.ask("dump")
    got = look()
    return before, got, zoo.ask("dump")


def report_problems(report):
    shown = "\n".join(report.problems[:5])
    check(not report.problems, "%d of %d goroutines differ:\n%s" % (
        len(report.problems), report.compared, shown))


def check_depths(got):
    """Demand the depths of the zoo's recursions, of which the runtime prints only the ends."""
    depths = []
    for goroutine in got.values():
        depth = sum(frame.function in ("main.recursion", "main.even", "main.odd")
                    for frame in goroutine.frames)
        if depth:
            depths.append(depth)
    check_equal(sorted(depths), [49, 100, 101, 102, 201, 201, 202, 20001], "depths of recursions")


def compare(version, texts, at_least):
    """Compare three texts, and demand that enough was there to be compared."""
    before, got, after = map(debug2.parse, texts)
    report = debug2.compare(before, after, got, toolchains.minor(version))
    report_problems(report)
    check_depths(got)
    check_equal(report.changed, [], "goroutines that changed while gospy looked")
    check(report.compared >= at_least, "only %d goroutines compared" % report.compared)
    if toolchains.minor(version) >= 17:
        check(report.arguments > report.frames / 2, "only %d of %d frames had arguments" % (
            report.arguments, report.frames))
    return report


def test_mode(tap, version, mode):
    name = "go%s %s" % (version, mode)
    try:
        zoo = start(version, mode)
    except (Skip, livelib.Failure, RuntimeError) as reason:
        with tap.case(name):
            raise reason
        return
    with zoo:
        for stop in STOPS:
            with tap.case("%s: dump --stop %s" % (name, stop)):
                texts = steady_dumps(zoo, lambda: livelib.gospy(
                    "dump", zoo.pid, "--format", "debug2", "--stop", stop))
                report = compare(version, texts, zoo.told[1])
                tap.note("%s: %d goroutines, %d frames, %d with arguments" % (
                    name, report.compared, report.frames, report.arguments))
        with tap.case("%s: the process is left as it was" % name):
            livelib.check_unharmed(zoo.pid)
            zoo.finish()


# The zoo keeps still, but goroutines of the runtime do not, nor does the one that obeys commands.
ATTEMPTS = 5


def look_and_quit(version, mode):
    """Return gospy's answers by stop mode, ids the process shows itself, and its crash traceback."""
    environment = dict(os.environ, GOTRACEBACK="system")
    with tempfile.TemporaryFile() as log, start(version, mode, stderr=log, env=environment) as zoo:
        shown = debug2.parse(zoo.ask("dump"))
        looks = {stop: livelib.run_gospy("dump", zoo.pid, "--format", "json", "--system", "--stop",
                                         stop) for stop in STOPS}
        zoo.process.send_signal(signal.SIGQUIT)
        zoo.process.wait(livelib.PATIENCE)
        log.seek(0)
        return looks, shown, log.read().decode("utf-8", "surrogateescape")


def compare_whole(version, done, shown, crash):
    check_equal(done.returncode, 0, "exit code, stderr %r" % done.stderr)
    own = debug2.as_json(debug2.parse_crash(crash))
    for number in own.keys() - shown.keys():
        # They have run since: their places are the same, but not what is on their stacks.
        for frame in own[number].frames:
            frame.arguments = None
    got = debug2.from_json(json.loads(done.stdout)["goroutines"])
    return debug2.compare(own, own, got, toolchains.minor(version))


def test_whole_stacks(tap, version, mode):
    """The frames and goroutines that a dump leaves out are in what SIGQUIT makes the runtime print."""
    reports = {}
    for _ in range(ATTEMPTS):
        looks, shown, crash = look_and_quit(version, mode)
        for stop, done in looks.items():
            if stop not in reports or reports[stop].problems:
                reports[stop] = compare_whole(version, done, shown, crash)
        if not any(report.problems for report in reports.values()):
            break
    for stop, report in reports.items():
        with tap.case("go%s %s: the runtime's frames and goroutines, in JSON, --stop %s" % (
                version, mode, stop)):
            report_problems(report)
            check(report.compared >= len(shown) + 2, "only %d compared" % report.compared)
            tap.note("%d goroutines, %d frames, %d with arguments" % (
                report.compared, report.frames, report.arguments))


def test_settings(tap, version):
    """What the environment changes in the process's own dump."""
    if toolchains.minor(version) < 26:
        return
    for value in ("0", "1"):
        with tap.case("go%s: tracebacklabels=%s" % (version, value)), start(
                version, "plain", env=dict(os.environ, GODEBUG="tracebacklabels=" + value)) as zoo:
            compare(version, steady_dumps(zoo, lambda: livelib.gospy(
                "dump", zoo.pid, "--format", "debug2")), zoo.told[1])


def is_spinning(goroutine):
    return bool(goroutine.frames) and goroutine.frames[0].function == "main.spin"


def look_at_spinning(zoo, states):
    """Dump until the scheduler, that changes between goroutines now and then, is not at it."""
    for _ in range(50):
        text = livelib.gospy("dump", zoo.pid, "--format", "debug2", "--stop", "ptrace")
        given = sorted(g.state for g in debug2.parse(text).values() if is_spinning(g))
        if given == states or len(os.sched_getaffinity(0)) < 2:
            return text
        time.sleep(0.01)
    raise livelib.Failure("states: expected %r, got %r" % (states, given))


def places_in(version, function):
    """Yield (line, offset) of each instruction of a function of the zoo, by Go's own disassembler."""
    listing = toolchains.go(version, "tool", "objdump", "-s", "^%s$" % function,
                            livelib.build(version, "zoo")).decode()
    entry = None
    for line, address in re.findall(r"(?m)^  \S+:(\d+)\s+0x([0-9a-f]+)\s", listing):
        entry = int(address, 16) if entry is None else entry
        offset = int(address, 16) - entry
        yield line, hex(offset) if offset else None


def test_on_processor(tap, version):
    """Goroutines in short loops: they stand at an instruction of the loop whenever one looks.

    The process sees both preempted. Gospy, that stops it from outside, finds one on a processor and
    one that was taken from the only one, or both on one.
    """
    if toolchains.minor(version) < 14:
        # Such a loop could not be interrupted before Go 1.14, not even for a dump.
        return
    for processors, states in (("1", ["runnable", "running"]), ("2", ["running", "running"])):
        environment = dict(os.environ, GOMAXPROCS=processors)
        with tap.case("go%s: goroutines on %s processors" % (version, processors)), start(
                version, "plain", ["spin"], env=environment) as zoo:
            texts = steady_dumps(zoo, lambda: look_at_spinning(zoo, states))
            before, got, after = map(debug2.parse, texts)
            report_problems(debug2.compare(before, after, got, toolchains.minor(version)))
            spinning = [number for number, goroutine in before.items() if is_spinning(goroutine)]
            check_equal(len(spinning), 2, "spinning goroutines")
            possible = set(places_in(version, "main.spin"))
            for number in spinning:
                own, given = before[number], got[number]
                frame = given.frames[0]
                check((frame.line, frame.offset) in possible, "%s is none of %r" % (frame, possible))
                frame.line, frame.offset = own.frames[0].line, own.frames[0].offset
                check_equal(debug2.places(given), debug2.places(own), "places but for the line")


def test_tracing(tap, version):
    """The reader of an execution trace wakes now and then; between that it waits, and says so."""
    with tap.case("go%s: the reader of a trace" % version), start(
            version, "plain", ["trace"]) as zoo:
        for _ in range(10):
            texts = steady_dumps(zoo, lambda: livelib.gospy("dump", zoo.pid, "--format", "debug2"))
            before, got, after = map(debug2.parse, texts)
            report = debug2.compare(before, after, got, toolchains.minor(version))
            if not report.problems and not report.changed:
                break
        report_problems(report)
        readers = [goroutine for goroutine in got.values()
                   if goroutine.state == "trace reader (blocked)"]
        check_equal(len(readers), 1, "readers of the trace")


def main():
    tap = livelib.Tap()
    modes = QUICK_MODES if livelib.quick() else MODES
    for version in livelib.shards() or SHARDS:
        for mode in modes:
            test_mode(tap, toolchains.full_version(version), mode)
        for mode in WHOLE_MODES:
            test_whole_stacks(tap, toolchains.full_version(version), mode)
        test_settings(tap, toolchains.full_version(version))
        test_on_processor(tap, toolchains.full_version(version))
        test_tracing(tap, toolchains.full_version(version))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
