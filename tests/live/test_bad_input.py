#!/usr/bin/env python3
"""What cannot be looked at is refused in one clear sentence, with the exit code that says why.

Exit codes: 1 failed, 2 wrong usage, 3 no such process or not a Go program, 4 not permitted, 5 done,
but partly. Nothing is printed to stdout then, and no file is left under -o.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time

import debug2
import livelib
import toolchains
from livelib import Skip, check, check_equal

VERSION = "1.22.12"

NOBODY = 65534


def check_sentence(stderr, words=()):
    """Demand one line that says something, with one of WORDS in it."""
    text = stderr.decode(errors="replace")
    lines = text.splitlines()
    check_equal(len(lines), 1, "lines on stderr, %r" % text)
    check(len(lines[0].split()) >= 4, "not a sentence: %r" % text)
    check(text.endswith("\n"), "no end of line: %r" % text)
    check(not words or any(word in text.lower() for word in words),
          "none of %s in %r" % (", ".join(words), text))
    return lines[0]


def check_refused(done, codes, words=()):
    codes = codes if isinstance(codes, tuple) else (codes,)
    check(done.returncode in codes, "exit code %d, expected %s: %s" % (
        done.returncode, codes, done.stderr.decode(errors="replace").strip()))
    check_equal(done.stdout, b"", "stdout")
    return check_sentence(done.stderr, words)


def refused(tap, name, pid, codes, words=(), commands=("dump", "summary")):
    """One target that no command may take."""
    for command in commands:
        with tap.case("%s: %s" % (command, name)), livelib.scratch() as folder:
            out = os.path.join(folder, "out")
            sentence = check_refused(livelib.run_gospy(command, pid), codes, words)
            tap.note(sentence)
            check_refused(livelib.run_gospy(command, pid, "-o", out), codes, words)
            check_equal(os.listdir(folder), [], "files left behind")


def dead_pid():
    """The number of a process that was."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_no_process(tap):
    refused(tap, "no such process", dead_pid(), 3, ("no", "process"))
    refused(tap, "a number past all processes", 2 ** 22 + 5, 3, ("no", "process"))
    for what in ("0", "-5", "twelve", "12x", "99999999999999999999", ""):
        with tap.case("pid %r" % what):
            check_refused(livelib.run_gospy("dump", "--pid", what), (2, 3))


def test_usage(tap):
    here = os.getpid()
    for name, arguments in (
            ("no target", ["dump"]),
            ("no such command", ["dumb", here]),
            ("no such option", ["dump", here, "--frmat", "text"]),
            ("no such format", ["dump", here, "--format", "xml"]),
            ("no such stop mode", ["dump", here, "--stop", "gently"]),
            ("a bad filter", ["dump", here, "--filter", "status="]),
            ("a bad limit", ["dump", here, "--limit", "many"]),
            ("no value", ["dump", here, "--format"]),
            ("two targets", ["dump", here, here])):
        with tap.case("usage: %s" % name):
            done = livelib.run_gospy(*arguments)
            check_equal(done.returncode, 2, "exit code")
            check_equal(done.stdout, b"", "stdout")
            check(done.stderr.strip(), "stderr is empty")
            tap.note(done.stderr.decode().splitlines()[0])


def test_kernel_thread(tap):
    try:
        with open("/proc/2/comm") as comm:
            kernel = comm.read().strip() == "kthreadd"
    except OSError:
        kernel = False
    if not kernel:
        tap.skip("a kernel thread", "no kernel threads are to be seen here")
        return
    refused(tap, "a kernel thread", 2, 3, ("kernel", "not a go"))


def test_zombie(tap):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        refused(tap, "a zombie", pid, 3, ("zombie", "ended", "exited", "dead"))
    finally:
        os.waitpid(pid, 0)


def test_not_go(tap):
    with livelib.Program(["cat"]) as cat:
        time.sleep(0.1)
        refused(tap, "a program in C", cat.pid, 3, ("not a go", "no go"))
    with livelib.Program([sys.executable, "-c", "import sys; sys.stdin.read()"]) as python:
        time.sleep(0.1)
        refused(tap, "a program in Python", python.pid, 3, ("not a go", "no go"))


def test_32_bit(tap):
    binary = livelib.build(VERSION, "many", "386")
    try:
        program = livelib.Program([binary, 5, 5])
    except OSError as error:
        raise Skip("32-bit programs do not run here: %s" % error)
    with program:
        program.ready()
        refused(tap, "a 32-bit Go program", program.pid, (1, 3), ("32",))
        livelib.check_unharmed(program.pid)


def patched_zoo(folder, old, new):
    binary = livelib.build(toolchains.NEWEST, "zoo", "strip")
    with open(binary, "rb") as f:
        data = f.read()
    check(data.count(old) > 1, "%r is not in the binary" % old)
    path = os.path.join(folder, "zoo")
    with open(path, "wb") as f:
        f.write(data.replace(old, new))
    os.chmod(path, 0o755)
    return path


def test_new_version(tap):
    """A version newer than any known: what validates is shown, and it is said."""
    version = "go" + toolchains.NEWEST
    for new in ("go1.99" + version[6:], "go9.27" + version[6:], "devel!" + version[6:]):
        with tap.case("a program that says it is of %s" % new), livelib.scratch() as folder:
            path = patched_zoo(folder, version.encode(), new.encode())
            with livelib.Program([path]) as zoo:
                zoo.ready()
                before = debug2.parse(zoo.ask("dump"))
                done = livelib.run_gospy("dump", zoo.pid, "--format", "debug2")
                after = debug2.parse(zoo.ask("dump"))
                tap.note("exit code %d: %s" % (done.returncode, done.stderr.decode().strip()))
                if done.returncode in (0, 5):
                    got = debug2.parse(done.stdout.decode())
                    report = debug2.compare(before, after, got)
                    check_equal(report.problems, [], "problems")
                    check_sentence(done.stderr, ("newer", "unknown", "not known", "version"))
                else:
                    check_refused(done, (1, 3), ("version",))
                livelib.check_unharmed(zoo.pid)
                zoo.finish()


def test_exits(tap):
    """A process that ends while it is looked at."""
    binary = livelib.build(VERSION, "many")
    seed = random.randrange(1 << 32)
    moments = random.Random(seed)
    for stop in ("none", "ptrace"):
        with tap.case("a process that ends half-way, --stop %s" % stop):
            tap.note("seed %d" % seed)
            codes = {}
            for _ in range(5 if livelib.quick() else 20):
                code = kill_half_way(binary, stop, moments.uniform(0, 0.05))
                codes[code] = codes.get(code, 0) + 1
            tap.note("exit codes: %r" % codes)
            check(set(codes) - {0, 5}, "no process ended before gospy did")


def kill_half_way(binary, stop, moment):
    with livelib.Program([binary, 20000, 20]) as program, livelib.scratch() as folder:
        program.ready()
        out = os.path.join(folder, "out")
        with subprocess.Popen(
                [livelib.gospy_path(), "dump", str(program.pid), "--stop", stop, "-o", out],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as gospy:
            time.sleep(moment)
            program.process.kill()
            stdout, stderr = gospy.communicate(timeout=livelib.PATIENCE)
        check(gospy.returncode in (0, 3, 5), "exit code %d: %s" % (gospy.returncode, stderr))
        check_equal(stdout, b"", "stdout")
        if gospy.returncode == 3:
            check_sentence(stderr)
            check_equal(os.listdir(folder), [], "files left behind")
        else:
            check_equal(os.listdir(folder), ["out"], "files")
        return gospy.returncode


def as_nobody(command):
    return ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"] + [
        str(word) for word in command]


def readable_gospy(folder):
    """A copy of gospy that everybody can run."""
    os.chmod(folder, 0o755)
    path = os.path.join(folder, "gospy")
    with open(livelib.gospy_path(), "rb") as old, open(path, "wb") as new:
        new.write(old.read())
    os.chmod(path, 0o755)
    return path


def look_while_it_execs(program, stop):
    """Look until the program says that it is done; returns the sentences it was refused with."""
    refusals = []
    while program.alive():
        done = livelib.run_gospy("dump", program.told[0], "--stop", stop)
        if not program.alive():
            break
        check(done.returncode in (0, 1, 3, 5), "exit code %d: %s" % (done.returncode, done.stderr))
        if done.returncode in (1, 3):
            check_equal(done.stdout, b"", "stdout")
            refusals.append(check_sentence(done.stderr, ("exec", "ended", "not set up", "changes")))
    check_equal(program.line(), "done", "the program's last word")
    return refusals


def test_execs(tap):
    """Nothing is taken for the memory of the program that was there before."""
    binary = livelib.build(VERSION, "execs")
    rounds = 60 if livelib.quick() else 300
    for stop in ("none", "ptrace"):
        with tap.case("a program that execs all the time, --stop %s" % stop), \
                livelib.Program([binary, rounds]) as program:
            refusals = look_while_it_execs(program.ready(), stop)
            tap.note("refused %d times: %s" % (len(refusals), "; ".join(sorted(set(refusals))[:3])))
    with tap.case("a program that execs all the time, and is traced"):
        livelib.need("strace")
        with livelib.Program(["strace", "-f", "-qq", "-e", "trace=none", "-o", os.devnull,
                              binary, rounds // 3]) as program:
            look_while_it_execs(program.ready(), "none")


def test_no_permission(tap):
    livelib.need_root()
    livelib.need("setpriv")
    with livelib.start_zoo(VERSION) as zoo, livelib.scratch() as folder:
        gospy = readable_gospy(folder)
        for command in ("dump", "summary", "doctor"):
            for stop in ("none", "ptrace"):
                with tap.case("%s without permission, --stop %s" % (command, stop)):
                    arguments = [] if command == "doctor" else ["--stop", stop]
                    done = subprocess.run(as_nobody([gospy, command, zoo.pid] + arguments),
                                          capture_output=True, timeout=livelib.PATIENCE)
                    check_equal(done.returncode, 4, "exit code, stderr %r" % done.stderr)
                    if command == "doctor":
                        check(done.stdout or done.stderr, "nothing is said")
                    else:
                        check_refused(done, 4, ("permi", "root", "user"))
        livelib.check_unharmed(zoo.pid)


def test_hidden_proc(tap):
    """/proc mounted with hidepid, and none at all, each in a mount namespace of its own."""
    livelib.need_root()
    livelib.need("setpriv", "unshare", "mount")
    with livelib.start_zoo(VERSION) as zoo, livelib.scratch() as folder:
        gospy = readable_gospy(folder)
        for name, mount, command in (
                ("hidepid", "mount -t proc -o hidepid=2 proc /proc", as_nobody([gospy, "dump", zoo.pid])),
                ("an empty /proc", "mount -t tmpfs none /proc", [gospy, "dump", str(zoo.pid)])):
            with tap.case(name):
                done = subprocess.run(
                    ["unshare", "--mount", "sh", "-c", mount + ' && exec "$@"', "sh"] + command,
                    capture_output=True, timeout=livelib.PATIENCE)
                if b"mount:" in done.stderr or b"unshare:" in done.stderr:
                    raise Skip("cannot mount here: %s" % done.stderr.decode())
                tap.note(check_refused(done, (1, 3, 4), ("/proc", "process", "permi")))


def test_full_disk(tap):
    with livelib.start_zoo(VERSION) as zoo:
        for form in ("text", "json", "pprof", "debug2"):
            with tap.case("a full disk under -o, %s" % form):
                done = livelib.run_gospy("dump", zoo.pid, "--format", form, "-o", "/dev/full")
                check_refused(done, 1, ("space", "full"))
            with tap.case("a full disk behind stdout, %s" % form), open("/dev/full", "wb") as full:
                done = subprocess.run([livelib.gospy_path(), "dump", str(zoo.pid), "--format", form],
                                      stdout=full, stderr=subprocess.PIPE, timeout=livelib.PATIENCE)
                check_equal(done.returncode, 1, "exit code")
                check_sentence(done.stderr, ("space", "full"))
        with tap.case("a file system that fills up under -o"):
            small_disk(tap, zoo)
        with tap.case("a folder under -o that does not exist"):
            done = livelib.run_gospy("dump", zoo.pid, "-o", "/nonexistent/folder/out")
            check_refused(done, 1, ("no such file",))
        with tap.case("a failed dump leaves an old file as it was"), livelib.scratch() as folder:
            old = os.path.join(folder, "out")
            with open(old, "w") as f:
                f.write("old")
            check_refused(livelib.run_gospy("dump", dead_pid(), "-o", old), 3)
            with open(old) as f:
                check_equal(f.read(), "old", "the old file")


def small_disk(tap, zoo):
    livelib.need_root()
    livelib.need("unshare", "mount")
    with livelib.scratch() as folder:
        script = ('mount -t tmpfs -o size=16k none "$1" || exit 99; '
                  '"$2" dump "$3" --format json -o "$1/out"; code=$?; ls -A "$1"; exit $code')
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", folder,
                               livelib.gospy_path(), str(zoo.pid)],
                              capture_output=True, timeout=livelib.PATIENCE)
        if done.returncode == 99 or b"unshare:" in done.stderr:
            raise Skip("cannot mount here")
        # The listing of the folder is what is printed.
        tap.note(check_refused(done, 1, ("space", "full")))


def test_bin(tap):
    """A --bin that is not what runs."""
    whole = livelib.build(VERSION, "zoo")
    with open(whole, "rb") as f:
        data = f.read()
    cases = [("truncated to %d bytes" % size, data[:size])
             for size in (0, 3, 20, 64, 4096, len(data) // 2)]
    cases += [("text", b"no binary at all\n" * 100),
              ("ELF magic and noise", data[:4] + random.Random(1).randbytes(100000)),
              ("a header that promises too much", data[:40] + b"\xff" * 24 + data[64:])]
    with livelib.start_zoo(VERSION, "strip") as zoo, livelib.scratch() as folder:
        path = os.path.join(folder, "bin")
        for name, content in cases:
            with tap.case("--bin %s" % name):
                with open(path, "wb") as f:
                    f.write(content)
                tap.note(check_refused(livelib.run_gospy("dump", zoo.pid, "--bin", path), 1))
        for name, other in (("of another program", livelib.build(VERSION, "many")),
                            ("of another version", livelib.build("1.20", "zoo")),
                            ("that is a program in C", "/bin/true")):
            with tap.case("--bin %s" % name):
                tap.note(check_refused(livelib.run_gospy("dump", zoo.pid, "--bin", other), 1))
        for name, other, codes in (("that does not exist", "/nonexistent", 1),
                                   ("that is a folder", folder, 1),
                                   ("that is a device", "/dev/zero", 1)):
            with tap.case("--bin %s" % name):
                tap.note(check_refused(livelib.run_gospy("dump", zoo.pid, "--bin", other), codes))
        livelib.check_unharmed(zoo.pid)


def test_twin(tap):
    """The unstripped twin of a stripped program is taken as --bin."""
    livelib.need("strip")
    whole = livelib.build(VERSION, "zoo")
    with livelib.scratch() as folder:
        stripped = os.path.join(folder, "zoo")
        subprocess.run(["strip", "-o", stripped, whole], check=True)
        with tap.case("--bin of the unstripped twin"), livelib.Program([stripped]) as zoo:
            zoo.ready()
            before = debug2.parse(zoo.ask("dump"))
            got = debug2.parse(livelib.gospy("dump", zoo.pid, "--format", "debug2", "--bin", whole))
            report = debug2.compare(before, debug2.parse(zoo.ask("dump")), got)
            check_equal(report.problems, [], "problems")
            check(report.compared >= zoo.told[1], "only %d compared" % report.compared)


def test_closed_pipe(tap):
    with livelib.Program([livelib.build(VERSION, "many"), 5000, 30]) as program:
        program.ready()
        for form in ("debug2", "ndjson"):
            with tap.case("a closed pipe is a quiet end, %s" % form):
                gospy = subprocess.Popen(
                    [livelib.gospy_path(), "dump", str(program.pid), "--format", form],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                gospy.stdout.readline()
                gospy.stdout.close()
                error = gospy.stderr.read()
                gospy.stderr.close()
                code = gospy.wait(livelib.PATIENCE)
                check_equal(error, b"", "stderr")
                check(code in (0, -signal.SIGPIPE), "exit code %d" % code)
        livelib.check_unharmed(program.pid)


def test_interrupt(tap):
    """Ctrl-C at any moment leaves no file and no stopped process."""
    seed = random.randrange(1 << 32)
    moments = random.Random(seed)
    with livelib.Program([livelib.build(VERSION, "many"), 20000, 20]) as program:
        program.ready()
        for number, stop in ((signal.SIGINT, "ptrace"), (signal.SIGINT, "none"),
                             (signal.SIGTERM, "ptrace")):
            with tap.case("%s during --stop %s" % (signal.Signals(number).name, stop)):
                tap.note("seed %d" % seed)
                ended = 0
                for _ in range(5 if livelib.quick() else 20):
                    ended += interrupt(program, number, stop, moments.uniform(0, 0.1))
                tap.note("%d interrupted" % ended)
                check(ended, "each gospy was done before the signal came")


def interrupt(program, number, stop, moment):
    with livelib.scratch() as folder:
        out = os.path.join(folder, "out")
        with subprocess.Popen(
                [livelib.gospy_path(), "dump", str(program.pid), "--stop", stop, "--format", "json",
                 "-o", out], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE) as gospy:
            time.sleep(moment)
            with contextlib.suppress(ProcessLookupError):
                gospy.send_signal(number)
            stdout, stderr = gospy.communicate(timeout=livelib.PATIENCE)
        livelib.check_unharmed(program.pid)
        check_equal(stdout, b"", "stdout")
        check(stderr.count(b"\n") <= 1, "stderr: %r" % stderr)
        if gospy.returncode == 0:
            check_equal(os.listdir(folder), ["out"], "files")
            return 0
        check(gospy.returncode in (-number, 128 + number, 1), "exit code %d" % gospy.returncode)
        check_equal(os.listdir(folder), [], "files left behind")
        return 1


TESTS = (test_no_process, test_usage, test_kernel_thread, test_zombie, test_not_go, test_32_bit,
         test_new_version, test_exits, test_execs, test_no_permission, test_hidden_proc,
         test_full_disk, test_bin, test_twin, test_closed_pipe, test_interrupt)

if __name__ == "__main__":
    sys.exit(livelib.run_tests(TESTS))
