"""What the live tests share: TAP output, running gospy, and the programs they look into.

Every test file prints TAP by itself and is run as `GOSPY=path/of/gospy python3 test_x.py [shard]`.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import toolchains
from toolchains import Skip

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "programs")

# Long enough for any answer on a slow machine: reaching it means that the program hangs.
PATIENCE = 300


class Failure(Exception):
    """A check did not hold; the message says what was expected and what came."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def check_equal(got, expected, what):
    check(got == expected, "%s: expected %r, got %r" % (what, expected, got))


class Tap:
    """Prints results as they come and the plan at the end."""

    def __init__(self):
        self.number = 0
        self.failed = 0

    def _line(self, ok, name, directive=""):
        self.number += 1
        self.failed += not ok
        print("%sok %d - %s%s" % ("" if ok else "not ", self.number, name, directive), flush=True)

    def ok(self, name):
        self._line(True, name)

    def skip(self, name, reason):
        self._line(True, name, " # SKIP %s" % " ".join(str(reason).split()))

    def not_ok(self, name, text):
        self._line(False, name)
        for line in str(text).splitlines():
            print("# " + line, flush=True)

    @contextlib.contextmanager
    def case(self, name):
        """Run one named check: an exception fails it, Skip skips it, and the next one goes on."""
        try:
            yield
        except Skip as reason:
            self.skip(name, reason)
        except Failure as failure:
            self.not_ok(name, failure)
        except Exception as error:
            self.not_ok(name, "%s: %s" % (type(error).__name__, error))
        else:
            self.ok(name)

    def note(self, text):
        for line in text.splitlines():
            print("# " + line, flush=True)

    def done(self):
        print("1..%d" % self.number, flush=True)
        return 1 if self.failed else 0


def quick():
    return bool(os.environ.get("GOSPY_TEST_QUICK"))


def gospy_path():
    path = os.environ.get("GOSPY")
    if not path or not os.access(path, os.X_OK):
        raise SystemExit("GOSPY must name the gospy program to test")
    return os.path.abspath(path)


def run_gospy(*arguments, **options):
    """Run gospy to its end; returns a CompletedProcess with bytes.

    A process has one tracer at a time. Where that is another gospy, of a test beside this one that
    lists the processes of the machine, its end is waited for.
    """
    options.setdefault("stdin", subprocess.DEVNULL)
    name = os.path.basename(gospy_path())[:15]
    other = "(%s), and can have only one tracer" % name
    for _ in range(200):
        done = subprocess.run([gospy_path(), *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE, **options)
        if done.returncode != 4 or other.encode() not in done.stderr:
            break
        time.sleep(0.05)
    return done


def gospy(*arguments, codes=(0,), **options):
    """Run gospy, demand one of the exit codes, and return what it printed as text."""
    done = run_gospy(*arguments, **options)
    check(done.returncode in codes, "gospy %s: exit code %d, expected %s; stderr: %s" % (
        " ".join(map(str, arguments)), done.returncode, " or ".join(map(str, codes)),
        done.stderr.decode(errors="replace").strip()))
    return done.stdout.decode("utf-8", "surrogateescape")


class Program:
    """A process of ours, started with its standard input and output as pipes.

    It is told to end through its input, and killed, by its own pid, when it does not listen.
    """

    def __init__(self, arguments, **options):
        self.arguments = [str(argument) for argument in arguments]
        self.process = subprocess.Popen(self.arguments, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, **options)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def stop(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def alive(self):
        return self.process.poll() is None

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure("%s ended: %s" % (self.arguments[0], self.process.wait()))
        return line.decode().strip()

    def ready(self):
        """Wait for "ready PID" and what else the program says then."""
        words = self.line().split()
        check(words[0] == "ready", "%s said %r, not ready" % (self.arguments[0], words))
        self.told = [int(word) for word in words[1:]]
        return self

    def ask(self, command):
        """Send a command, and return the bytes of its answer."""
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        words = self.line().split()
        check(words[0] == command, "asked for %s, got %r" % (command, words))
        return self.process.stdout.read(int(words[1])).decode("utf-8", "surrogateescape")

    def finish(self):
        """End the process through its input and return what it printed last."""
        self.process.stdin.close()
        last = self.process.stdout.read().decode()
        check_equal(self.process.wait(PATIENCE), 0, "exit code of %s" % self.arguments[0])
        return last


def build_host(version):
    """Build the C program that loads the zoo as a library."""
    compiler = shutil.which("gcc")
    if not compiler:
        raise Skip("no C compiler")
    folder = toolchains.cache_dir("build", "zoohost")
    source = os.path.join(PROGRAMS, "zoohost", "host.c")
    out = os.path.join(folder, "host")
    with toolchains.locked(out):
        if not os.path.exists(out) or os.path.getmtime(out) < os.path.getmtime(source):
            subprocess.run([compiler, "-O1", "-o", out, source, "-ldl"], check=True)
    return out


def build(version, program, mode="plain", out=None):
    return toolchains.build(version, os.path.join(PROGRAMS, program), mode, out)


def zoo_command(version, mode):
    """Return the command line of the zoo in one build mode."""
    binary = build(version, "zoo", mode)
    if mode.startswith("cshared"):
        return [build_host(version), binary]
    if mode == "pluginhost":
        return [binary, build(version, "zooplugin", "plugin")]
    return [binary]


def start_zoo(version, mode="plain", arguments=(), **options):
    command = zoo_command(version, mode)
    # The plugin is the last argument.
    zoo = Program(command[:1] + list(arguments) + command[1:], **options)
    try:
        return zoo.ready()
    except BaseException:
        zoo.stop()
        raise


def thread_states(pid):
    """Return {tid: state letter} of every thread of a process."""
    states = {}
    for tid in os.listdir("/proc/%d/task" % pid):
        with contextlib.suppress(OSError):
            with open("/proc/%d/task/%s/status" % (pid, tid)) as status:
                for line in status:
                    if line.startswith("State:"):
                        states[int(tid)] = line.split()[1]
    return states


def check_unharmed(pid):
    """Demand that no thread of a process is stopped or traced.

    A thread leaves the traced stop a moment after its tracer is gone, so that is waited for.
    """
    for _ in range(200):
        states = thread_states(pid)
        if states and not any(state in "tT" for state in states.values()):
            return
        time.sleep(0.01)
    raise Failure("threads are not running: %r" % states)


@contextlib.contextmanager
def scratch():
    """A temporary folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="gospy-live-") as path:
        yield path


def need(*names):
    """Skip when a command is missing."""
    for name in names:
        if not shutil.which(name):
            raise Skip("%s is not installed" % name)


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def run_tests(tests):
    """Run functions that take a Tap each; returns the exit code."""
    tap = Tap()
    for test in tests:
        try:
            test(tap)
        except Skip as reason:
            tap.skip(test.__name__, reason)
        except Exception as error:
            tap.not_ok(test.__name__, "%s: %s" % (type(error).__name__, error))
    return tap.done()


def shards():
    """The shards named on the command line, or none."""
    return [argument for argument in sys.argv[1:] if not argument.startswith("-")]


signal.signal(signal.SIGPIPE, signal.SIG_DFL)
# In the background of a shell it is ignored, and would be by what is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)
