#!/usr/bin/env python3
"""The comparer itself: two dumps of one process agree, and every lie put into one is found.

No gospy is needed: the zoo's own dump plays its part, true and with one thing changed.
"""

import re
import sys

import debug2
import livelib
from livelib import check, check_equal

# Dumps as runtimes print them, of what the zoo cannot show in every version.
SAMPLE = """\
goroutine 7 [select, 12 minutes, locked to thread]:
main.(*T).run(0xc000010000, {0x1, 0x2, ...}, _)
	/src/a b/main.go:10 +0x1f
main.inlined(...)
	/src/main.go:20
...3 frames elided...
main.F[...](0x1?)
	/src/main.go:30
created by main.main.func1 in goroutine 1
	/src/main.go:5 +0x2a

goroutine 9 [chan receive] {request: 42, "a b": "c\\n]"}:
main.g()
	C:/x:y.go:3 +0x1
...additional frames elided...
created by main.main
	/src/main.go:6 +0x2b

goroutine 10 gp=0xc000002380 m=nil [chan receive (nil chan) (durable), synctest bubble 1]:
runtime.gopark(0x0?, 0x0?, 0x0?, 0x0?, 0x0?)
	/go/src/runtime/proc.go:402 +0xce fp=0xc00004 sp=0xc00003 pc=0x43a
"""


def test_parse():
    dump = debug2.parse(SAMPLE)
    check_equal(sorted(dump), [7, 9, 10], "ids")
    first = dump[7]
    check_equal((first.state, first.minutes, first.parent), ("select, locked to thread", 12, 1),
                "header of 7")
    check_equal([type(frame).__name__ for frame in first.frames],
                ["Frame", "Frame", "Elision", "Frame"], "frames of 7")
    check_equal(first.frames[0].place(), ("main.(*T).run", "/src/a b/main.go", "10", "0x1f"),
                "first frame of 7")
    check_equal(first.frames[0].arguments, "0xc000010000, {0x1, 0x2, ...}, _", "arguments of 7")
    check_equal(first.frames[3].function, "main.F[...]", "generic function")
    check_equal(first.creator.place(), ("main.main.func1", "/src/main.go", "5", "0x2a"), "creator")
    check_equal(dump[9].labels, '{request: 42, "a b": "c\\n]"}', "labels of 9")
    check_equal((dump[9].frames[1].count, dump[9].frames[0].file), (None, "C:/x:y.go"), "9")
    check_equal(dump[10].state, "chan receive (nil chan) (durable), synctest bubble 1", "state")
    check_equal(dump[10].frames[0].offset, "0xce", "offset of 10")


def whole(text):
    """The sample as gospy would print it: nothing left out."""
    more = "main.more(0x1)\n\t/src/more.go:1 +0x1\n"
    return text.replace("...3 frames elided...\n", more * 3).replace(
        "...additional frames elided...\n", more)


def problems(expected, got, **options):
    expected = debug2.parse(expected)
    return debug2.compare(expected, expected, debug2.parse(got), **options).problems


def test_elided():
    check_equal(problems(SAMPLE, whole(SAMPLE)), [], "whole stacks")
    more = "main.more(0x1)\n\t/src/more.go:1 +0x1\n"
    check(problems(SAMPLE, whole(SAMPLE).replace(more, "", 1)), "one frame too few is not found")
    check(problems(SAMPLE, whole(SAMPLE).replace(more, more * 2, 1)), "one too many is not found")
    check(problems(SAMPLE, SAMPLE.replace("...additional frames elided...\n", "").replace(
        "...3 frames elided...\n", more * 3)), "a stack cut short is not found")


# (what is changed, pattern, replacement): each must be found.
LIES = (
    ("id", r"^goroutine (\d+) \[chan", r"goroutine 99000\1 [chan"),
    ("state", r"\[chan receive\]", "[chan send]"),
    ("locked", r", locked to thread", ""),
    ("minutes", r"^(goroutine \d+ \[chan receive)\]", r"\1, 3 minutes]"),
    ("function", r"^main\.chanReceive\(", "main.chanReceived("),
    ("method", r"^main\.\(\*byPointer\)\.wait\(", "main.byPointer.wait("),
    ("file", r"waits\.go:", "wait.go:"),
    ("line", r"(frames\.go):\d+", r"\1:1"),
    ("offset", r"(frames\.go:\d+) \+0x[0-9a-f]+", r"\1 +0xfff"),
    ("no offset", r"(frames\.go:\d+) \+0x[0-9a-f]+", r"\1"),
    ("creator", r"^created by main\.startFrames", "created by main.startFrame"),
    ("no creator", r"^created by .*\n.*\n", ""),
    ("missing frame", r"^main\.middle.*\n.*\n", ""),
    ("extra frame", r"^(main\.middle.*\n.*\n)", r"\1\1"),
    ("swapped frames", r"^(main\.inner.*\n.*\n)(main\.middle.*\n.*\n)", r"\2\1"),
    ("missing goroutine", r"^goroutine \d+ \[sleep\]:\n(?:.+\n)*\n", ""),
)

LIES_OF_NEWER = (
    (17, "arguments", r"^main\.fewInts\(0x", "main.fewInts(0x7"),
    (17, "no arguments", r"^main\.stringArgument\(.*\)$", "main.stringArgument()"),
    (17, "too many arguments", r"^main\.fewInts\((.*)\)$", r"main.fewInts(\1, 0x1)"),
    (21, "parent", r" in goroutine 1$", " in goroutine 2"),
    (21, "no parent", r" in goroutine 1$", ""),
)


def lies(version):
    yield from LIES
    for since, *lie in LIES_OF_NEWER:
        if livelib.toolchains.minor(version) >= since:
            yield lie


def test_zoo(tap, version):
    with tap.case("go%s: two dumps of one process agree" % version):
        with livelib.start_zoo(version) as zoo:
            texts = [zoo.ask("dump") for _ in range(3)]
        before, got, after = map(debug2.parse, texts)
        report = debug2.compare(before, after, uncut(got), livelib.toolchains.minor(version))
        check_equal(report.problems, [], "problems")
        check_equal(report.changed, [], "changed goroutines")
        check(report.compared > 100, "only %d goroutines compared" % report.compared)
    for name, pattern, replacement in lies(version):
        with tap.case("go%s: a changed dump is found out: %s" % (version, name)):
            text, count = re.subn(pattern, replacement, texts[1], 1, re.MULTILINE)
            check_equal(count, 1, "places to change")
            report = debug2.compare(before, after, uncut(debug2.parse(text)),
                                    livelib.toolchains.minor(version))
            check(report.problems, "nothing was found")


def uncut(dump):
    """Put frames in place of those that the runtime left out, as gospy prints them."""
    for goroutine in dump.values():
        frames = []
        for frame in goroutine.frames:
            if isinstance(frame, debug2.Elision):
                frames += [debug2.Frame("main.recursion", "")] * (frame.count or 1)
            else:
                frames.append(frame)
        goroutine.frames = frames
    return dump


SHARDS = ("1.12", "1.17", "1.20", "1.21", "1.27")


def main():
    tap = livelib.Tap()
    with tap.case("the parser reads what runtimes print"):
        test_parse()
    with tap.case("frames that the runtime leaves out are counted"):
        test_elided()
    for version in livelib.shards() or SHARDS:
        test_zoo(tap, livelib.toolchains.full_version(version))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
