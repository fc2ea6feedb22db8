#!/usr/bin/env python3
"""The command line by itself: help, wrong usage, exit codes, where results and messages go.

No Go is needed. GOSPY must name the gospy program. Prints TAP.
"""

import errno
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "live"))
import livelib  # noqa: E402
from livelib import Skip, check, check_equal  # noqa: E402

NOBODY = 65534
# Some other process may be changing while ps looks at it, which then is done but partly.
PS_CODES = (0, 5)
HELP_LINE = re.compile(r"  (?:-(\w),|   ) --([a-z-]+)(?: ([A-Z]+))?(?:  |$)")
WORD_LINE = re.compile(r" {24}([\w:]+)(?: \*)? ")


def run(*arguments, **options):
    done = livelib.run_gospy(*arguments, **options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def check_refused(done, code, *words):
    """Demand an exit code, silence on stdout and one sentence on stderr that has all WORDS."""
    got, out, err = done
    check_equal(got, code, "exit code, stderr %r" % err)
    check_equal(out, "", "stdout")
    check_equal(err.count("\n"), 1, "lines of stderr in %r" % err)
    check(err.startswith("gospy: "), "stderr does not begin with gospy: %r" % err)
    for word in words:
        check(word in err, "%r is not in %r" % (word, err))


def commands():
    """The commands that the help names."""
    _, text, _ = run("--help")
    part = text.split("Commands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  (\w+)", part, re.M)


def help_options(command):
    """[(letter, name, argument, [words])] as the command's help has them."""
    _, text, _ = run(command, "--help")
    found = []
    for line in text.split("\nOptions")[1].split("\n\n")[0].splitlines():
        option = HELP_LINE.match(line)
        word = WORD_LINE.match(line)
        if option:
            found.append((option.group(1), option.group(2), option.group(3), []))
        elif word and found[-1][2] and found[-1][2] in ("FORMAT", "MODE", "KEY", "WHICH", "WHEN"):
            found[-1][3].append(word.group(1))
    return found


def dead_pid():
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_help(tap):
    with tap.case("no argument: the help on stderr, exit code 2"):
        code, out, err = run()
        check_equal((code, out), (2, ""), "exit code and stdout")
        check(err.startswith("Usage: gospy"), "stderr %r" % err)
    for arguments in (["--help"], ["-h"], ["help"]):
        with tap.case("gospy %s" % arguments[0]):
            code, out, err = run(*arguments)
            check_equal((code, err), (0, ""), "exit code and stderr")
            check(out.startswith("Usage: gospy"), "stdout %r" % out)
    with tap.case("gospy --help names the commands"):
        check(set(commands()) >= {"ps", "summary", "dump", "doctor"}, "commands %r" % commands())
    with tap.case("gospy --version is that of the project"):
        with open(os.path.join(ROOT, "meson.build"), encoding="utf-8") as file:
            version = re.search(r"version: '([^']+)'", file.read()).group(1)
        check_equal(run("--version"), (0, "gospy %s\n" % version, ""), "gospy --version")
        check_equal(run("-V"), (0, "gospy %s\n" % version, ""), "gospy -V")


def test_command_help(tap):
    for command in commands():
        with tap.case("gospy %s --help" % command):
            code, out, err = run(command, "--help")
            check_equal((code, err), (0, ""), "exit code and stderr")
            for head in ("Usage: gospy %s" % command, "\nOptions", "\nExamples:", "\nExit codes:"):
                check(head in out, "%r is not in the help" % head)
            check_equal(run("help", command), (0, out, ""), "gospy help %s" % command)
            wide = [line for line in out.splitlines() if len(line) > 80 and "gospy" not in line]
            check_equal(wide, [], "lines of more than 80 columns")
        with tap.case("gospy %s --help wins over what is wrong besides" % command):
            check_equal(run(command, "--help", "--nonsense")[0], 0, "exit code")


def test_documented_options(tap):
    """Every option and word of the help is one that the parser knows."""
    sample = {"PID": "1", "NAME": "x", "FILE": "-", "TIME": "1s", "EXPR": "id == 1", "N": "1"}
    for command in commands():
        options = help_options(command)
        with tap.case("the options of gospy %s" % command):
            check(len(options) >= 4, "only %r" % options)
            for letter, name, argument, words in options:
                for value in words or ([sample[argument]] if argument else [None]):
                    try_option(command, letter, name, value)
        with tap.case("gospy %s --nonsense" % command):
            check_refused(run(command, "--nonsense"), 2, "--nonsense", "gospy %s --help" % command)


def try_option(command, letter, name, value):
    """Give the option before an operand that is wrong, which is the complaint to come."""
    forms = [["--" + name] + ([value] if value else [])]
    if letter:
        forms.append(["-" + letter] + ([value] if value else []))
    if name in ("pid", "name", "help"):
        return
    for form in forms:
        code, _, err = run(command, *form, "no-pid")
        check_equal(code, 2, "exit code of %s %s" % (command, form))
        check("'no-pid'" in err, "gospy %s %s: %r" % (command, " ".join(form), err))


USAGE = (
    ("a command that is none", ["dumb"], ["'dumb'", "gospy --help"]),
    ("an option before the command", ["-q", "ps"], ["'-q'", "gospy --help"]),
    ("no process", ["dump"], ["which process", "gospy dump --help"]),
    ("a process that is no number", ["dump", "x1"], ["'x1'"]),
    ("a process that is half a number", ["dump", "12x"], ["'12x'"]),
    ("process 0", ["dump", "0"], ["'0'"]),
    ("process -5", ["dump", "-5"], ["-5"]),
    ("an empty process id", ["dump", ""], ["''"]),
    ("a number past all", ["dump", "99999999999999999999"], ["99999999999999999999"]),
    ("two processes", ["dump", "1", "2"], ["'2'", "one argument too many"]),
    ("a process twice", ["dump", "1", "--pid", "1"], ["one process at a time"]),
    ("a process and a name", ["dump", "1", "--name", "x"], ["one process at a time"]),
    ("a process for ps", ["ps", "1"], ["'1'", "gospy ps --help"]),
    ("an option that is none", ["dump", "1", "--frmat=text"], ["--frmat=text"]),
    ("an option that could be several", ["dump", "1", "--n"], ["--n"]),
    ("a letter that is none", ["dump", "1", "-qz"], ["-z"]),
    ("an option of another command", ["ps", "--stop", "none"], ["--stop"]),
    ("no argument", ["dump", "1", "--format"], ["--format", "needs an argument"]),
    ("no argument for a letter", ["dump", "1", "-o"], ["-o", "needs an argument"]),
    ("an argument too many", ["dump", "1", "--json=yes"], ["--json", "takes no argument"]),
    ("a format that is none", ["dump", "1", "-f", "xml"], ["'xml'", "debug2"]),
    ("a format of another command", ["ps", "-f", "pprof"], ["'pprof'", "text, json"]),
    ("a stop mode that is none", ["dump", "1", "-s", "softly"], ["'softly'", "ptrace"]),
    ("a group that is none", ["dump", "1", "-g", "size"], ["'size'", "creator"]),
    ("a label without a key", ["dump", "1", "-g", "label:"], ["'label:'"]),
    ("a function that is none", ["dump", "1", "--pc", "x"], ["'x'", "current"]),
    ("a colour that is none", ["dump", "1", "--color", "red"], ["'red'", "never"]),
    ("a limit of 0", ["dump", "1", "-l", "0"], ["limit", "'0'"]),
    ("a limit that is no number", ["dump", "1", "-l", "many"], ["limit", "'many'"]),
    ("a duration without a unit", ["dump", "1", "--max-pause", "20"], ["'20'", "20ms"]),
    ("a duration that is none", ["dump", "1", "--max-pause", "1m2"], ["'1m2'"]),
    ("a duration past all", ["dump", "1", "--max-pause", "9e30h"], ["9e30h"]),
    ("half a filter", ["dump", "1", "--filter", "id =="], ["filter", "column"]),
    ("a filter of a field that is none", ["dump", "1", "--filter", "size == 1"], ["column 1"]),
)


def test_usage(tap):
    for name, arguments, words in USAGE:
        with tap.case("usage: %s" % name):
            check_refused(run(*arguments), 2, *words)
            check_refused(run(*arguments), 2, "try 'gospy ")
    with tap.case("usage is told before the process is looked for"):
        check_refused(run("dump", dead_pid(), "--filter", "id =="), 2, "filter")
    with tap.case("bytes that steer a terminal do not get there"):
        code, _, err = run("dump", "\033[31m\n\x9b")
        check_equal(code, 2, "exit code")
        check("\033" not in err and err.count("\n") == 1, "stderr %r" % err)


def test_no_process(tap):
    for command in ("summary", "dump"):
        with tap.case("%s: no such process" % command):
            pid = dead_pid()
            check_refused(run(command, pid), 3, str(pid))
        with tap.case("%s: a program that is not Go" % command):
            check_refused(run(command, os.getpid()), 3, "not a Go program")
        with tap.case("%s: no process of that name" % command):
            check_refused(run(command, "--name", "no-such-name"), 3, "no-such-name")
    with tap.case("a kernel thread"):
        # Process 2 of a machine is kthreadd; in a pid namespace it is anything.
        try:
            with open("/proc/2/comm", encoding="utf-8") as comm:
                kernel = comm.read().strip() == "kthreadd"
        except OSError:
            kernel = False
        if not kernel:
            raise Skip("process 2 is no kernel thread here")
        check_refused(run("dump", 2), 3, "kernel thread")
    with tap.case("a zombie"):
        child = subprocess.Popen(["true"])
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        check_refused(run("dump", child.pid), 3, str(child.pid))
        child.wait()


def sleepers(folder, count):
    """Start processes that are called "gospy-sleeper"."""
    path = os.path.join(folder, "gospy-sleeper")
    if not os.path.exists(path):
        with open("/bin/sleep", "rb") as old, open(path, "wb") as new:
            new.write(old.read())
        os.chmod(path, 0o755)
    found = [subprocess.Popen([path, "600"]) for _ in range(count)]
    for process in found:
        while os.readlink("/proc/%d/exe" % process.pid) != path:
            time.sleep(0.01)
    return found


def test_name(tap):
    with livelib.scratch() as folder:
        processes = []
        try:
            with tap.case("the one process of a name"):
                processes = sleepers(folder, 1)
                check_refused(run("dump", "--name", "gospy-sleeper"), 3, "not a Go program")
            with tap.case("several processes of a name are listed"):
                processes += sleepers(folder, 2)
                check_refused(run("dump", "--name", "gospy-sleeper"), 2,
                              *[str(process.pid) for process in processes])
        finally:
            for process in processes:
                process.kill()
                process.wait()


def with_stdout(fd, *arguments, **options):
    return subprocess.run([livelib.gospy_path(), *arguments], stdin=subprocess.DEVNULL, stdout=fd,
                          stderr=subprocess.PIPE, timeout=livelib.PATIENCE, **options)


def test_stdout(tap):
    for arguments in (["--help"], ["dump", "--help"], ["--version"], ["ps"], ["ps", "--json"],
                      ["doctor"]):
        name = "gospy %s" % " ".join(arguments)
        with tap.case("%s on a full disk" % name), open("/dev/full", "wb") as full:
            done = with_stdout(full, *arguments)
            check_refused((done.returncode, "", done.stderr.decode()), 1,
                          os.strerror(errno.ENOSPC))
        with tap.case("%s with stdout closed" % name):
            done = with_stdout(None, *arguments, preexec_fn=lambda: os.close(1))
            check_refused((done.returncode, "", done.stderr.decode()), 1, "cannot write")
        for disposition in (signal.SIG_DFL, signal.SIG_IGN):
            with tap.case("%s into a closed pipe, SIGPIPE %s" % (name, disposition.name)):
                reader, writer = os.pipe()
                os.close(reader)
                done = with_stdout(writer, *arguments, restore_signals=False,
                                   preexec_fn=lambda: signal.signal(signal.SIGPIPE, disposition))
                os.close(writer)
                check_equal(done.stderr, b"", "stderr")
                check_equal(done.returncode, -signal.SIGPIPE, "exit code")


def test_output_refused(tap):
    with livelib.scratch() as folder:
        there = os.path.join(folder, "out")
        for name, path, word in (
                ("a folder that is not there", "/nonexistent/out", "No such file"),
                ("a folder", folder, "directory"),
                ("a file below a file", "/dev/null/out", "directory")):
            with tap.case("-o %s is told before the process is looked for" % name):
                check_refused(run("dump", dead_pid(), "-o", path), 1, "cannot write", word)
        with tap.case("-o /dev/full"):
            check_refused(run("ps", "-o", "/dev/full"), 1, os.strerror(errno.ENOSPC))
        with tap.case("a look that fails leaves no file"):
            check_refused(run("dump", os.getpid(), "-o", there), 3)
            check_equal(os.listdir(folder), [], "files")
        with tap.case("a look that fails leaves an old file as it was"):
            with open(there, "w", encoding="utf-8") as file:
                file.write("old")
            check_refused(run("dump", os.getpid(), "-o", there), 3)
            with open(there, encoding="utf-8") as file:
                check_equal(file.read(), "old", "the file")
            check_equal(os.listdir(folder), ["out"], "files")
        with tap.case("a file that grows past the limit leaves none"):
            limited = ["sh", "-c", "ulimit -f 0; exec \"$@\"", "sh", livelib.gospy_path(), "ps",
                       "-o", os.path.join(folder, "limited")]
            done = subprocess.run(limited, capture_output=True, timeout=livelib.PATIENCE)
            check_refused((done.returncode, done.stdout.decode(), done.stderr.decode()), 1,
                          os.strerror(errno.EFBIG))
            check_equal(os.listdir(folder), ["out"], "files")


def check_ps(done):
    check(done[0] in PS_CODES, "exit code %d, stderr %r" % (done[0], done[2]))
    check_equal(done[1], "", "stdout")


def test_output_written(tap):
    with livelib.scratch() as folder:
        there = os.path.join(folder, "out")
        with tap.case("-o writes a file with the rights of any new one"):
            check_ps(run("ps", "--json", "-o", there, "-q"))
            with open(there, encoding="utf-8") as file:
                check("processes" in json.load(file), "no processes")
            mask = os.umask(0)
            os.umask(mask)
            check_equal(stat.S_IMODE(os.stat(there).st_mode), 0o666 & ~mask, "mode")
            check_equal(os.listdir(folder), ["out"], "files")
        with tap.case("-o follows a symbolic link"):
            link = os.path.join(folder, "link")
            os.symlink("out", link)
            os.truncate(there, 0)
            check_ps(run("ps", "-o", link, "-q"))
            check(os.path.islink(link), "the link was replaced")
            check(os.path.getsize(there) > 0, "the file behind it was not written")
        with tap.case("-o - is stdout"):
            code, out, _ = run("ps", "--json", "-o", "-")
            check(code in PS_CODES, "exit code %d" % code)
            check("processes" in json.loads(out), "no processes")
        with tap.case("-o into a named pipe"):
            pipe = os.path.join(folder, "pipe")
            os.mkfifo(pipe)
            with subprocess.Popen([livelib.gospy_path(), "ps", "--json", "-o", pipe],
                                  stderr=subprocess.DEVNULL) as gospy:
                with open(pipe, encoding="utf-8") as file:
                    check("processes" in json.load(file), "no processes")
                check(gospy.wait(livelib.PATIENCE) in PS_CODES, "exit code %d" % gospy.returncode)


def test_ps(tap):
    with tap.case("ps: a head line, and a sentence on stderr at the most"):
        code, out, err = run("ps")
        check(code in PS_CODES, "exit code %d" % code)
        check(out.split()[:2] == ["PID", "GO"], "head %r" % out.splitlines()[0])
        check(err.count("\n") <= 2, "stderr %r" % err)
    with tap.case("ps -q says nothing on stderr"):
        check_equal(run("ps", "-q")[2], "", "stderr")
    with tap.case("ps --json: numbers are numbers"):
        answer = json.loads(run("ps", "--json")[1])
        check(isinstance(answer["not_permitted"], int), "not_permitted")
        for row in answer["processes"]:
            check(isinstance(row["pid"], int) and row["go_version"].startswith("go"), "%r" % row)
        check(os.getpid() not in [row["pid"] for row in answer["processes"]], "this is not Go")


def as_nobody(folder, *arguments):
    path = os.path.join(folder, "gospy")
    if not os.path.exists(path):
        os.chmod(folder, 0o755)
        with open(livelib.gospy_path(), "rb") as old, open(path, "wb") as new:
            new.write(old.read())
        os.chmod(path, 0o755)
    done = subprocess.run(["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY),
                           "--clear-groups", path, *map(str, arguments)],
                          capture_output=True, timeout=livelib.PATIENCE, cwd="/")
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_not_permitted(tap):
    livelib.need_root()
    livelib.need("setpriv")
    with livelib.scratch() as folder:
        for command in ("summary", "dump"):
            with tap.case("%s of another user's process" % command):
                done = as_nobody(folder, command, os.getpid())
                check_refused(done, 4, "uid 0", "uid %d" % NOBODY, "try: ", "gospy %s" % command)
        with tap.case("doctor of another user's process"):
            code, out, err = as_nobody(folder, "doctor", os.getpid())
            check_equal((code, err), (4, ""), "exit code and stderr")
            check("reason:" in out and "remedy:" in out, "stdout %r" % out)
        with tap.case("ps counts what may not be looked at"):
            code, _, err = as_nobody(folder, "ps")
            check(code in PS_CODES, "exit code %d" % code)
            match = re.match(r"gospy: (\d+) process(?:es)? could not be looked at: .*doctor (\d+)",
                             err)
            check(match and int(match.group(1)) >= 1, "stderr %r" % err)
            check_equal(as_nobody(folder, "doctor", match.group(2))[0], 4, "doctor of the first")
        with tap.case("doctor without a process"):
            code, out, _ = as_nobody(folder, "doctor")
            check(code in (0, 4), "exit code %d" % code)
            check("uid %d, without CAP_SYS_PTRACE" % NOBODY in out, "stdout %r" % out)


def test_doctor(tap):
    with tap.case("doctor: no such process"):
        check_equal(run("doctor", dead_pid())[0], 3, "exit code")
    with tap.case("doctor: not a Go program"):
        code, out, _ = run("doctor", os.getpid())
        check_equal(code, 3, "exit code, stdout %r" % out)
        check("not a Go program" in out, "stdout %r" % out)
    with tap.case("doctor: this machine"):
        code, out, err = run("doctor")
        check(code in (0, 4), "exit code %d" % code)
        check_equal(err, "", "stderr")
        check("user:      uid %d" % os.geteuid() in out, "stdout %r" % out)
        yama = "/proc/sys/kernel/yama/ptrace_scope"
        if os.path.exists(yama):
            with open(yama, encoding="utf-8") as file:
                check("ptrace_scope is %s" % file.read().strip() in out, "stdout %r" % out)


TESTS = (test_help, test_command_help, test_documented_options, test_usage, test_no_process,
         test_name, test_stdout, test_output_refused, test_output_written, test_ps,
         test_not_permitted, test_doctor)

if __name__ == "__main__":
    sys.exit(livelib.run_tests(TESTS))
