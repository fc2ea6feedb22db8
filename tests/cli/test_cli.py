#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command line: help, wrong usage, where results go, and that the manual's examples run. Prints TAP.

GOSPY is the path of the program. No Go process is needed but for the examples, which look into one
that is built here when `go` is on PATH and are skipped otherwise.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOSPY = os.environ.get("GOSPY") or os.path.join(ROOT, "build", "gospy")
COMMANDS = ("ps", "summary", "dump", "doctor")
PROGRAM = 'package main\n\nimport "os"\n\nfunc main() {\n\tgo func() { select {} }()\n' \
          "\tvar b [1]byte\n\tos.Stdout.Write([]byte(\"ready\\n\"))\n\tos.Stdin.Read(b[:])\n}\n"


class Tap:
    """Numbered results."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def result(self, good, name, detail=""):
        self.count += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.count, name))
        for line in [] if good else str(detail).splitlines():
            print("# " + line)

    def skip(self, name, reason):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, name, reason))


def run(*arguments, **options):
    return subprocess.run([GOSPY, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, **options)


def expect(tap, name, arguments, code, stdout=None, stderr=None):
    """Run and compare: the exit code, and patterns that stdout and stderr must match whole ("" for empty)."""
    done = run(*arguments)
    good = done.returncode == code
    for pattern, text in ((stdout, done.stdout), (stderr, done.stderr)):
        if pattern is not None:
            good = good and re.fullmatch(pattern, text, re.S) is not None
    tap.result(good, name, "gospy %s: code %d\nstdout: %s\nstderr: %s" % (
        " ".join(arguments), done.returncode, done.stdout[:500], done.stderr[:500]))


def test_help(tap):
    expect(tap, "--version", ["--version"], 0, r"gospy \d+\.\d+\.\d+\n", "")
    expect(tap, "--help names every command", ["--help"], 0, ".*" + ".*".join(COMMANDS) + ".*", "")
    expect(tap, "without a command the help goes to stderr", [], 2, "", "Usage: .*")
    for command in COMMANDS:
        expect(tap, command + " --help has options and examples", [command, "--help"], 0,
               "Usage: gospy %s .*Options:.*Examples:.*" % command, "")
        text = run(command, "--help").stdout
        tap.result(all(len(line) <= 80 for line in text.splitlines() if "gospy " not in line),
                   command + " --help fits 80 columns", text)


def test_usage(tap):
    hint = r"gospy: try 'gospy [a-z ]*--help'\n"
    cases = (
        (["nonsense"], "gospy: there is no command 'nonsense'\n"),
        (["summary"], "gospy: which process[^\n]*\n"),
        (["dump", "12x"], "gospy: process id '12x' is not a number[^\n]*\n"),
        (["dump", "-1"], "gospy: option -1 is unknown[^\n]*\n"),
        (["dump", "0"], "gospy: there is no process 0\n"),
        (["dump", "1", "2"], "gospy: '2' is one argument too many\n"),
        (["dump", "1", "--format", "xml"], "gospy: unknown format 'xml'[^\n]*\n"),
        (["summary", "1", "--format", "debug2"], "gospy: gospy summary has no format[^\n]*\n"),
        (["dump", "1", "--stop", "now"], "gospy: unknown stop mode 'now'[^\n]*\n"),
        (["dump", "1", "--pc", "x"], "gospy: unknown function to show 'x'[^\n]*\n"),
        (["dump", "1", "--group-by", "x"], "gospy: unknown group key 'x'[^\n]*\n"),
        (["dump", "1", "--limit", "many"], "gospy: limit 'many' is not a number[^\n]*\n"),
        (["dump", "1", "--max-pause", "5"], "gospy: '5' is not a duration[^\n]*\n"),
        (["dump", "1", "--filter", "status =="], "gospy: filter: [^\n]*\n"),
        (["dump", "--format"], "gospy: option --format needs an argument\n"),
        (["dump", "--nonsense"], "gospy: option --nonsense is unknown[^\n]*\n"),
        (["dump", "1", "--name", "x"], "gospy: a process id and --name exclude each other\n"),
    )
    for arguments, pattern in cases:
        expect(tap, "usage: gospy " + " ".join(arguments), arguments, 2, "", pattern + hint)


def test_processes(tap):
    expect(tap, "no such process", ["summary", "4194303"], 3, "", "gospy: [^\n]*4194303[^\n]*\n")
    expect(tap, "no process of that name", ["summary", "--name", "no such name"], 3, "",
           "gospy: no process is called no such name\n")
    expect(tap, "not a Go program", ["summary", str(os.getpid())], 3, "", "gospy: [^\n]*\n")


def test_output(tap):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "list")
        expect(tap, "ps -o FILE", ["ps", "-o", path], 0, "")
        with open(path, encoding="utf-8") as file:
            tap.result("PID" in file.readline(), "ps -o: the file is there")
        before = os.listdir(folder)
        expect(tap, "a failure leaves no file", ["summary", "4194303", "-o", path + "2"], 3, "")
        tap.result(os.listdir(folder) == before, "a failure leaves nothing behind",
                   os.listdir(folder))
        expect(tap, "an output that cannot be written is said first",
               ["summary", "4194303", "-o", os.path.join(folder, "no", "file")], 1, "",
               "gospy: cannot write [^\n]*\n")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([GOSPY, "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    tap.result(done.returncode == 1 and done.stderr.count("\n") == 1, "stdout on a full device",
               done.stderr)
    expect(tap, "-o /dev/full", ["ps", "-o", "/dev/full"], 1, "", "gospy: cannot write[^\n]*\n")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([GOSPY, "--help"], stdout=writer, stderr=subprocess.PIPE,
                          preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
    os.close(writer)
    tap.result(done.returncode == -signal.SIGPIPE and not done.stderr, "a closed pipe ends quietly",
               "code %d, stderr %r" % (done.returncode, done.stderr))


def examples():
    """The example lines of every command's help."""
    for command in COMMANDS:
        text = run(command, "--help").stdout.split("\nExamples:\n")[1]
        yield from (line.strip() for line in text.splitlines() if line.startswith("  gospy "))


def test_examples(tap):
    lines = list(examples())
    tap.result(len(lines) >= 2 * len(COMMANDS) - 1, "the help has examples", lines)
    if not shutil.which("go"):
        for line in lines:
            tap.skip("example: " + line, "go is not on PATH")
        return
    with tempfile.TemporaryDirectory() as folder:
        source, binary = os.path.join(folder, "main.go"), os.path.join(folder, "program")
        with open(source, "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        subprocess.run(["go", "build", "-o", binary, source], check=True, cwd=folder,
                       stdin=subprocess.DEVNULL, env=dict(os.environ, GO111MODULE="off"))
        with subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            for line in lines:
                words = shlex.split(line.replace("PID", str(process.pid)))
                done = run(*words[1:], cwd=folder)
                tap.result(done.returncode in ((0, 4) if words[1:] == ["doctor"] else (0,)),
                           "example: " + line, "code %d: %s" % (done.returncode, done.stderr))
            process.stdin.close()


def main():
    tap = Tap()
    for test in (test_help, test_usage, test_processes, test_output, test_examples):
        test(tap)
    print("1..%d" % tap.count)
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
