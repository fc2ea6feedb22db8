#!/usr/bin/env python3
"""The manual page: it is the one that the command table makes, and each of its examples runs.

    test_manual.py MANUAL

MANUAL is the program built from tools/manual.c, GOSPY names the gospy program. The examples look into
the service of examples/shop, for which a go command is needed. Prints TAP.
"""

import json
import os
import pty
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PAGE = os.path.join(ROOT, "doc", "gospy.1")
sys.path.insert(0, os.path.join(ROOT, "tests", "live"))
import livelib  # noqa: E402
from livelib import Skip, check, check_equal  # noqa: E402

NUM_COMMANDS = 4


def examples():
    """The command lines of the page's examples."""
    with open(PAGE, encoding="utf-8") as file:
        lines = re.findall(r'^\.Dl "(.*)"$', file.read(), re.M)
    for escape, character in (("\\(dq", '"'), ("\\-", "-"), ("\\e", "\\")):
        lines = [line.replace(escape, character) for line in lines]
    return lines


def test_page(tap):
    with tap.case("doc/gospy.1 is what the command table makes"):
        made = subprocess.run([sys.argv[1]], capture_output=True, check=True).stdout
        with open(PAGE, "rb") as file:
            check(file.read() == made, "run: BUILD/tools/manual > doc/gospy.1")
    with tap.case("doc/gospy.1 is well-formed"):
        livelib.need("mandoc")
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", PAGE], capture_output=True)
        check_equal(done.stdout.decode(), "", "what mandoc says")
    with tap.case("there are examples of every command"):
        named = {line.split()[1] for line in examples()}
        check(len(named) >= NUM_COMMANDS, "only of %s" % " ".join(named))


def start_shop(folder):
    """Build and start the service; skips without Go."""
    go = shutil.which("go")
    if not go:
        raise Skip("no go command")
    shop = os.path.join(folder, "shop")
    done = subprocess.run([go, "build", "-ldflags", "-s -w", "-o", shop, "."],
                          cwd=os.path.join(ROOT, "examples", "shop"), capture_output=True,
                          env=dict(os.environ, CGO_ENABLED="0", GOFLAGS="", GOTOOLCHAIN="local"))
    check_equal(done.returncode, 0, "go build: %s" % done.stderr.decode())
    program = livelib.Program([shop])
    check_equal(program.line().split()[:2], ["ready", str(program.pid)], "first line of the shop")
    return program


def run_example(line, pid, folder):
    """Run one example in a folder of its own, and look at what came."""
    path = os.path.dirname(livelib.gospy_path()) + ":" + os.environ["PATH"]
    command = line.replace("PID", str(pid))
    done = subprocess.run(["sh", "-c", command], cwd=folder, stdin=subprocess.DEVNULL,
                          capture_output=True, env=dict(os.environ, PATH=path),
                          timeout=livelib.PATIENCE)
    check(done.returncode in (0, 5), "%s: exit code %d: %s" % (
        command, done.returncode, done.stderr.decode()))
    output = re.search(r"-o (\S+)", line)
    if output:
        check_equal(done.stdout, b"", "stdout")
        check_equal(os.listdir(folder), [output.group(1)], "files")
        with open(os.path.join(folder, output.group(1)), "rb") as file:
            result = file.read()
    else:
        check_equal(os.listdir(folder), [], "files")
        result = done.stdout
    check(len(result) > 20, "%s: it says only %r" % (command, result))
    if "json" in line:
        json.loads(result)


def test_examples(tap, shop):
    for line in examples():
        with tap.case(line), livelib.scratch() as folder:
            run_example(line, shop.pid, folder)


def on_terminal(arguments, codes=(0, 5), **environment):
    """What gospy writes to a terminal."""
    master, slave = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen([livelib.gospy_path(), *map(str, arguments)], stdout=slave,
                          stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=dict(env, **environment)) as gospy:
        os.close(slave)
        text = b""
        try:
            while True:
                text += os.read(master, 65536)
        except OSError:
            pass
        os.close(master)
    check(gospy.returncode in codes, "exit code %d" % gospy.returncode)
    return text


def test_color(tap, shop):
    # The goroutine that waits for signals is in a system call, whose state has a colour.
    summary = ("summary", shop.pid)
    for name, colored, text in (
            ("a terminal", True, lambda: on_terminal(summary)),
            ("a terminal with NO_COLOR", False, lambda: on_terminal(summary, NO_COLOR="1")),
            ("a terminal with an empty NO_COLOR", True, lambda: on_terminal(summary, NO_COLOR="")),
            ("a terminal with --color never", False,
             lambda: on_terminal(summary + ("--color", "never"))),
            ("a terminal and JSON", False, lambda: on_terminal(summary + ("--json",))),
            ("a pipe", False, lambda: livelib.gospy(*summary, codes=(0, 5)).encode()),
            ("a pipe with --color always", True,
             lambda: livelib.gospy(*summary, "--color", "always", codes=(0, 5)).encode())):
        with tap.case("colours on %s: %s" % (name, "yes" if colored else "no")):
            check_equal(b"\033[" in text(), colored, "escape sequences")


def test_binary(tap, shop):
    with tap.case("a terminal is spared a binary profile"):
        arguments = ("dump", shop.pid, "--format", "pprof")
        check_equal(on_terminal(arguments, codes=(2,)), b"", "what a terminal gets")
        check_equal(livelib.run_gospy(*arguments).stdout[:2], b"\x1f\x8b", "what a pipe gets")


def test_verbose(tap, shop):
    with tap.case("-v says how the process was read"):
        done = livelib.run_gospy("summary", shop.pid, "-v", "--stop", "ptrace")
        check(done.returncode in (0, 5), "exit code %d" % done.returncode)
        said = done.stderr.decode()
        for word in ("layout by", "globals by", "stop mode ptrace", "held for"):
            check(word in said, "%r is not in %r" % (word, said))
    with tap.case("without -v nothing is said when all is well"):
        check_equal(livelib.run_gospy("summary", shop.pid, "--stop", "ptrace").stderr, b"", "stderr")
    livelib.check_unharmed(shop.pid)


def test_name(tap, shop):
    with tap.case("ps and doctor find the service"):
        rows = json.loads(livelib.gospy("ps", "--json", codes=(0, 5)))["processes"]
        row = [row for row in rows if row["pid"] == shop.pid]
        check(row and row[0]["main_module"] == "shop", "%r" % row)
        check("program:" in livelib.gospy("doctor", shop.pid), "doctor says nothing of the program")


def main():
    tap = livelib.Tap()
    test_page(tap)
    with livelib.scratch() as folder:
        try:
            shop = start_shop(folder)
        except Skip as reason:
            tap.skip("the examples of the manual page", reason)
            return tap.done()
        with shop:
            for test in (test_examples, test_color, test_binary, test_verbose, test_name):
                test(tap, shop)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
