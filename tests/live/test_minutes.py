#!/usr/bin/env python3
"""How long goroutines have waited: the minutes that the process prints, and what is beneath them."""

import json
import sys
import time

import debug2
import livelib
from livelib import check, check_equal

SHARDS = ("1.27.4", "1.20.14", "1.12.17")
QUICK_SHARDS = ()


def waited(zoo):
    """Wait until the process says that goroutines have waited for a minute; return its dump."""
    for _ in range(90):
        dump = debug2.parse(zoo.ask("dump"))
        if any(goroutine.minutes for goroutine in dump.values()):
            return dump
        time.sleep(1)
    raise livelib.Failure("no goroutine has waited for a minute")


def test_minutes(tap, version):
    with livelib.start_zoo(version) as zoo:
        # Before the runtime sees them at a collection, it does not know how long they wait.
        zoo.ask("gc")
        with tap.case("go%s: minutes" % version):
            before = waited(zoo)
            got = debug2.parse(livelib.gospy("dump", zoo.pid, "--format", "debug2"))
            after = debug2.parse(zoo.ask("dump"))
            report = debug2.compare(before, after, got, livelib.toolchains.minor(version))
            check_equal(report.problems[:3], [], "problems")
            check(sum(1 for g in before.values() if g.minutes) > 100, "few have waited")
        with tap.case("go%s: wait_ns" % version):
            dump = json.loads(livelib.gospy("dump", zoo.pid, "--format", "json"))
            for goroutine in dump["goroutines"]:
                own = before[goroutine["id"]]
                if not own.on_cpu():
                    check_equal(goroutine["wait_ns"] // 60000000000, own.minutes,
                                "minutes of %d" % own.id)


def main():
    tap = livelib.Tap()
    for version in livelib.shards() or SHARDS:
        test_minutes(tap, livelib.toolchains.full_version(version))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
