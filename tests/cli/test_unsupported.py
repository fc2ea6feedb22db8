#!/usr/bin/env python3
"""The build for an operating system that nobody has ported gospy to: it says so, and no more.

GOSPY must name the gospy program of a build with -Dtarget_os=unsupported. Prints TAP.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "live"))
import livelib  # noqa: E402
from livelib import check, check_equal  # noqa: E402


def test_help(tap):
    with tap.case("gospy --help"):
        check(livelib.gospy("--help").startswith("Usage: gospy"), "no help")


def test_commands(tap):
    for arguments in (["ps"], ["summary", "1"], ["dump", "1"], ["doctor", "1"], ["doctor"]):
        with tap.case("gospy %s" % " ".join(arguments)):
            done = livelib.run_gospy(*arguments)
            check_equal((done.returncode, done.stdout), (1, b""), "exit code and stdout")
            said = done.stderr.decode()
            check(said.count("\n") == 1 and "not supported on this operating system" in said,
                  "stderr %r" % said)


if __name__ == "__main__":
    sys.exit(livelib.run_tests((test_help, test_commands)))
