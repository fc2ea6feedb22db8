#!/usr/bin/env python3
"""Go daemons as Debian builds them: stripped, externally linked, one of them position-independent.

The packages are used where they are installed, otherwise fetched with apt-get and unpacked into the
cache, never installed. What the daemons say themselves through their own debug pages is the truth;
Prometheus is in the end also ended with SIGQUIT, for the traceback that the runtime prints then.
"""

import contextlib
import glob
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import debug2
import livelib
import toolchains
from livelib import Failure, Skip, check, check_equal

# A daemon's goroutines come and go: as often as this a look is repeated until nothing stirred in
# the goroutines that are new, before what differs counts.
ATTEMPTS = 10


def fetch(*packages):
    """Unpack Debian packages into the cache; return the folder."""
    livelib.need("apt-get", "dpkg")
    root = toolchains.cache_dir("debian", packages[0])
    with toolchains.locked(root):
        if os.path.exists(os.path.join(root, ".complete")):
            return root
        with livelib.scratch() as folder:
            os.chmod(folder, 0o755)
            done = subprocess.run(["apt-get", "download", *packages], cwd=folder,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            archives = glob.glob(os.path.join(folder, "*.deb"))
            if done.returncode or len(archives) != len(packages):
                raise Skip("the packages %s cannot be fetched: %s" % (
                    ", ".join(packages), " ".join(done.stdout.decode(errors="replace").split())))
            for archive in archives:
                subprocess.run(["dpkg", "-x", archive, root], check=True)
        open(os.path.join(root, ".complete"), "w").close()
    return root


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Daemon:
    """A daemon whose own goroutine profile is read over one kept connection."""

    def __init__(self, pid, connect):
        self.pid = pid
        self.connect = connect
        self.connection = None

    def dump(self):
        if not self.connection:
            self.connection = self.connect()
        self.connection.request("GET", "/debug/pprof/goroutine?debug=2")
        answer = self.connection.getresponse()
        text = answer.read().decode("utf-8", "surrogateescape")
        check_equal(answer.status, 200, "status of the daemon's own profile")
        return debug2.parse(text)

    def wait(self, process):
        """Wait until the daemon answers and its number of goroutines stays."""
        last = None
        for _ in range(300):
            if process.poll() is not None:
                raise Skip("the daemon ended with code %d" % process.returncode)
            with contextlib.suppress(OSError, http.client.HTTPException):
                now = len(self.dump())
                if now == last:
                    return
                last = now
                time.sleep(0.5)
                continue
            self.connection = None
            time.sleep(0.1)
        raise Skip("the daemon does not come up here")


def compare(tap, daemon, stop, at_least):
    """Compare until a look in which every goroutine kept still; its comparison must be right."""
    for attempt in range(ATTEMPTS):
        before = daemon.dump()
        text = livelib.gospy("dump", daemon.pid, "--format", "debug2", "--stop", stop)
        after = daemon.dump()
        report = debug2.compare(before, after, debug2.parse(text))
        if not report.problems:
            break
    check(not report.problems, "%d times; the last time:\n%s" % (
        ATTEMPTS, "\n".join(report.problems[:3])))
    tap.note("%d goroutines, %d frames, %d arguments, %d changed, look %d" % (
        report.compared, report.frames, report.arguments, len(report.changed), attempt + 1))
    check(report.compared >= at_least, "only %d goroutines compared" % report.compared)


def compare_all(tap, name, daemon, at_least):
    for stop in ("none", "ptrace"):
        with tap.case("%s, --stop %s" % (name, stop)):
            compare(tap, daemon, stop, at_least)
    with tap.case("%s is unharmed" % name):
        livelib.check_unharmed(daemon.pid)


def elf_facts(path):
    """(whether it is position-independent, whether it has a symbol table) by readelf."""
    livelib.need("readelf")
    listing = subprocess.run(["readelf", "-hSW", path], stdout=subprocess.PIPE,
                             check=True).stdout.decode()
    return "Type:                              DYN" in listing, ".symtab" in listing


def test_prometheus(tap):
    binary = shutil.which("prometheus") or os.path.join(fetch("prometheus"), "usr/bin/prometheus")
    with tap.case("prometheus is stripped and no PIE"):
        check_equal(elf_facts(binary), (False, False), "PIE, symbol table")
    with livelib.scratch() as folder:
        config = os.path.join(folder, "config.yml")
        with open(config, "w") as f:
            f.write("global: {}\n")
        port = free_port()
        with open(os.path.join(folder, "log"), "w+b") as log, livelib.Program(
                [binary, "--config.file", config, "--storage.tsdb.path",
                 os.path.join(folder, "data"), "--web.listen-address", "127.0.0.1:%d" % port],
                stderr=log, cwd=folder) as program:
            daemon = Daemon(program.pid, lambda: http.client.HTTPConnection("127.0.0.1", port, 30))
            daemon.wait(program.process)
            compare_all(tap, "prometheus", daemon, 20)
            test_quit(tap, program, log)


def test_quit(tap, program, log):
    """What the runtime prints when SIGQUIT ends the process."""
    with tap.case("prometheus, before SIGQUIT"):
        got = debug2.from_json(json.loads(livelib.gospy(
            "dump", program.pid, "--format", "json", "--system"))["goroutines"])
        program.process.send_signal(signal.SIGQUIT)
        program.process.wait(livelib.PATIENCE)
        log.seek(0)
        own = debug2.as_json(debug2.parse_crash(log.read().decode("utf-8", "surrogateescape")))
        check(len(own) > 20, "the process told of %d goroutines" % len(own))
        report = debug2.compare(own, own, got)
        # One look before, one after: what moved in between is not to be told from what is wrong,
        # but most of a daemon that nobody asks anything keeps still.
        tap.note("%d goroutines, %d differ" % (report.compared, len(report.problems)))
        check(len(report.problems) <= report.compared / 10, "\n".join(report.problems[:3]))


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def docker_command(root, folder):
    """Dockerd as process 1 of namespaces of its own, so that nothing outlives it."""
    script = 'exec dockerd "$@"'
    paths = [os.path.join(root, "usr", name) for name in ("bin", "sbin")]
    environment = dict(os.environ, PATH=":".join(paths + [os.environ["PATH"]]),
                       LD_LIBRARY_PATH=":".join(glob.glob(root + "/lib/*") +
                                                glob.glob(root + "/usr/lib/x86_64-linux-gnu")))
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
               "sh", "-c", script, "sh", "-D", "--data-root", folder + "/data", "--exec-root",
               folder + "/exec", "--pidfile", folder + "/pid", "-H", "unix://" + folder + "/socket",
               "--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs"]
    return command, environment


def test_docker(tap):
    """A position-independent daemon."""
    livelib.need_root()
    livelib.need("unshare")
    root = fetch("docker.io", "containerd", "runc", "libdevmapper1.02.1")
    with tap.case("dockerd is stripped and a PIE"):
        check_equal(elf_facts(os.path.join(root, "usr/sbin/dockerd")), (True, False),
                    "PIE, symbol table")
    with livelib.scratch() as folder:
        command, environment = docker_command(root, folder)
        with open(os.path.join(folder, "log"), "w+b") as log:
            outer = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=log)
            try:
                look_at_docker(tap, outer, folder)
            except Skip:
                log.seek(0)
                tap.note(log.read()[-500:].decode(errors="replace"))
                raise
            finally:
                end_docker(outer)


def child_of(process):
    with contextlib.suppress(OSError, IndexError):
        with open("/proc/%d/task/%d/children" % (process.pid, process.pid)) as children:
            return int(children.read().split()[0])
    return None


def look_at_docker(tap, outer, folder):
    daemon = Daemon(None, lambda: UnixConnection(folder + "/socket"))
    daemon.wait(outer)
    daemon.pid = child_of(outer)
    if not daemon.pid:
        raise Failure("dockerd is gone")
    compare_all(tap, "dockerd", daemon, 20)


def end_docker(outer):
    """End process 1 of the namespaces, and with it all in them; unshare ends then."""
    pid = child_of(outer)
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    try:
        outer.wait(30)
    except subprocess.TimeoutExpired:
        outer.kill()
        outer.wait()


TESTS = (test_prometheus, test_docker)

if __name__ == "__main__":
    sys.exit(livelib.run_tests(TESTS))
