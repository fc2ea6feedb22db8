#!/usr/bin/env python3
"""Go toolchains of many versions, and programs built with them.

    toolchains.py VERSION                       print the GOROOT of a ready-to-run toolchain
    toolchains.py --list                        print every version the tests use
    toolchains.py --build VERSION DIR MODE OUT  build the main package in DIR

VERSION is a minor ("1.21") or a patch ("1.21.13") version. Toolchains come through the Go module
proxy (module golang.org/toolchain), are taken out of the module cache when they are already there,
and are kept with everything built in ${GOSPY_CACHE:-${XDG_CACHE_HOME:-~/.cache}/gospy-tests}.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

# The last patch release of every minor version.
VERSIONS = (
    "1.12.17", "1.13.15", "1.14.15", "1.15.15", "1.16.15", "1.17.13", "1.18.10", "1.19.13",
    "1.20.14", "1.21.13", "1.22.12", "1.23.12", "1.24.13", "1.25.14", "1.26.11", "1.27.4",
)

NEWEST = VERSIONS[-1]

# What each build mode adds to `go build`. `tags` are build tags of the programs themselves:
# zoocgo switches their C parts on.
MODES = {
    "plain": {},
    "strip": {"ldflags": "-s -w"},
    "pie": {"flags": ["-buildmode=pie"]},
    "pie_strip": {"flags": ["-buildmode=pie"], "ldflags": "-s -w"},
    "cgo": {"cgo": True, "tags": ["zoocgo"]},
    "ext": {"cgo": True, "ldflags": "-linkmode=external"},
    "ext_strip": {"cgo": True, "ldflags": "-linkmode=external -s -w", "tags": ["zoocgo"]},
    "race": {"cgo": True, "flags": ["-race"]},
    "trimpath": {"flags": ["-trimpath"]},
    "noopt": {"flags": ["-gcflags=all=-N -l"]},
    "cshared": {"cgo": True, "flags": ["-buildmode=c-shared"], "tags": ["zoocgo", "zooshared"]},
    "cshared_strip": {"cgo": True, "flags": ["-buildmode=c-shared"], "ldflags": "-s -w",
                      "tags": ["zoocgo", "zooshared"]},
    "plugin": {"cgo": True, "flags": ["-buildmode=plugin"]},
    "pluginhost": {"cgo": True, "tags": ["zooplugin"]},
    "386": {"env": {"GOARCH": "386"}},
}

# Part of every build key: raise it when a build with equal inputs would come out differently.
BUILD_REVISION = "1"


class Skip(Exception):
    """The test cannot run here; the message says why."""


def cache_dir(*parts):
    """Return a folder of the cache, made if need be."""
    base = os.environ.get("GOSPY_CACHE")
    if not base:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        base = os.path.join(home, "gospy-tests")
    path = os.path.join(os.path.abspath(base), *parts)
    os.makedirs(path, exist_ok=True)
    return path


def minor(version):
    """Return N of Go 1.N.P."""
    return int(version.split(".")[1])


def full_version(version):
    """Return the patch version for a minor one; a patch version is returned as it is."""
    version = version[2:] if version.startswith("go") else version
    if version.count(".") == 2:
        return version
    for known in VERSIONS:
        if known.rsplit(".", 1)[0] == version:
            return known
    raise Skip("no Go version %s is known to the tests" % version)


@contextlib.contextmanager
def locked(path):
    """Hold an exclusive lock on PATH.lock, so that parallel tests make each thing once."""
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def module_name(version):
    return "golang.org/toolchain@v0.0.1-go%s.linux-amd64" % version


def module_caches():
    """Yield the module caches that may hold the toolchain already."""
    go = shutil.which("go")
    if go:
        for name, tail in (("GOMODCACHE", ""), ("GOPATH", "pkg/mod")):
            out = subprocess.run([go, "env", name], capture_output=True, text=True).stdout.strip()
            if out:
                yield os.path.join(out.split(":")[0], tail) if tail else out
    yield os.path.expanduser("~/go/pkg/mod")


def is_tool(root, path):
    """Whether a file of a GOROOT must be executable: the module zip format drops that."""
    top = os.path.relpath(path, root).split(os.sep)
    return top[0] == "bin" or top[:2] == ["pkg", "tool"]


def link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def copy_tree(source, target):
    """Copy a GOROOT: hard links where possible, own executable copies of the tools."""
    for folder, folders, files in os.walk(source):
        relative = os.path.relpath(folder, source)
        if relative == ".":
            # The toolchain's own test suite and web pages build no program.
            folders[:] = [name for name in folders if name not in ("api", "doc", "test")]
        os.makedirs(os.path.join(target, relative), exist_ok=True)
        for name in files:
            old = os.path.join(folder, name)
            new = os.path.join(target, relative, name)
            if is_tool(source, old):
                shutil.copyfile(old, new)
                os.chmod(new, 0o755)
            else:
                link_or_copy(old, new)


def download(version, scratch):
    """Download the toolchain's module below SCRATCH and return its folder."""
    go = shutil.which("go")
    if not go:
        raise Skip("no go command to download Go %s with" % version)
    env = dict(os.environ, GOPATH=scratch, GOMODCACHE=os.path.join(scratch, "pkg/mod"),
               GOFLAGS="-modcacherw", GO111MODULE="on", GOTOOLCHAIN="local",
               GOCACHE=os.path.join(scratch, "cache"))
    done = subprocess.run([go, "mod", "download", "-json", module_name(version)], cwd=scratch,
                          env=env, capture_output=True, text=True)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = {}
    if done.returncode or "Dir" not in answer:
        reason = answer.get("Error") or done.stderr.strip() or "no answer"
        raise Skip("Go %s cannot be downloaded: %s" % (version, " ".join(reason.split())))
    return answer["Dir"]


def find_module(version):
    for cache in module_caches():
        path = os.path.join(cache, module_name(version))
        if os.path.isfile(os.path.join(path, "bin/go")):
            return path
    return None


def goroot(version):
    """Return the GOROOT of a ready-to-run toolchain, fetching it when it is not there."""
    version = full_version(version)
    if platform.machine() != "x86_64" or sys.platform != "linux":
        raise Skip("the Go toolchains of the tests are for linux/amd64")
    path = os.path.join(cache_dir("toolchains"), "go" + version)
    with locked(path):
        if os.path.isdir(path):
            return path
        with tempfile.TemporaryDirectory(dir=cache_dir("toolchains")) as scratch:
            source = find_module(version) or download(version, scratch)
            made = os.path.join(scratch, "goroot")
            copy_tree(source, made)
            os.rename(made, path)
    return path


def environment(version, cgo=False):
    """Return the environment in which this version's go command builds."""
    root = goroot(version)
    env = {name: value for name, value in os.environ.items()
           if not name.startswith("GO") or name == "GOSPY_CACHE"}
    env.update(GOROOT=root, GOENV="off", GO111MODULE="on", GOTOOLCHAIN="local", GOPROXY="off",
               GOTELEMETRY="off", GOPATH=cache_dir("gopath"), CGO_ENABLED="1" if cgo else "0",
               GOFLAGS="-buildvcs=false" if minor(version) >= 18 else "",
               GOCACHE=cache_dir("gocache", "go" + full_version(version)),
               PATH=os.path.join(root, "bin") + ":" + os.environ.get("PATH", "/usr/bin:/bin"))
    if cgo and minor(version) < 16:
        # cgo of these versions cannot read the DWARF 5 that newer compilers write by default.
        env["CGO_CFLAGS"] = "-g -O2 -gdwarf-4"
    return env


def go(version, *arguments, **options):
    """Run this version's go command and return what it printed."""
    root = goroot(version)
    done = subprocess.run([os.path.join(root, "bin/go"), *arguments], capture_output=True,
                          env=environment(version), **options)
    if done.returncode:
        raise RuntimeError("go %s: %s" % (" ".join(arguments), done.stderr.decode(errors="replace")))
    return done.stdout


def unsupported(version, mode):
    """Return why this version has no such build mode, or None."""
    if mode == "trimpath" and minor(version) < 13:
        return "-trimpath came with Go 1.13"
    if needs_cgo(version, mode) and not shutil.which("gcc"):
        return "no C compiler for a cgo build"
    return None


def needs_cgo(version, mode):
    # Position-independent programs needed the external linker before Go 1.15.
    return MODES[mode].get("cgo") or (mode.startswith("pie") and minor(version) < 15)


def source_files(srcdir):
    """Yield (relative name, bytes) of every source file below SRCDIR."""
    for folder, folders, files in os.walk(srcdir):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                yield os.path.relpath(path, srcdir), f.read()


def build_key(version, srcdir, mode, module):
    digest = hashlib.sha256()
    digest.update(json.dumps([BUILD_REVISION, version, mode, MODES[mode], module]).encode())
    for name, data in source_files(srcdir):
        digest.update(b"%s\0%d\0" % (name.encode(), len(data)))
        digest.update(data)
    return digest.hexdigest()[:24]


def build_command(version, mode, out):
    setting = MODES[mode]
    command = [os.path.join(goroot(version), "bin/go"), "build", "-o", out]
    command += setting.get("flags", [])
    if setting.get("ldflags"):
        command += ["-ldflags=" + setting["ldflags"]]
    if setting.get("tags"):
        command += ["-tags=" + " ".join(setting["tags"]) if minor(version) < 13
                    else "-tags=" + ",".join(setting["tags"])]
    return command


def run_build(version, srcdir, mode, module, folder):
    """Build into FOLDER/out; the sources stay in FOLDER/src, where the program says they are."""
    source = os.path.join(folder, "src")
    out = os.path.join(folder, "out")
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(srcdir, source)
    with open(os.path.join(source, "go.mod"), "w") as f:
        f.write("module %s\n\ngo 1.%d\n" % (module, minor(version)))
    env = environment(version, needs_cgo(version, mode))
    env.update(MODES[mode].get("env", {}))
    done = subprocess.run(build_command(version, mode, out + ".new"), cwd=source, env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError("go%s build of %s as %s failed:\n%s" % (
            version, srcdir, mode, done.stdout.decode(errors="replace")))
    if os.path.exists(out + ".h"):
        os.rename(out + ".h", os.path.join(folder, "out.h"))
    os.rename(out + ".new", out)


def build(version, srcdir, mode="plain", out=None, module=None):
    """Build the main package in SRCDIR and return the path of the binary.

    Equal sources, version and mode are built once. With OUT the binary is copied there and OUT is
    returned, otherwise the path is that of the cached one, which must not be changed. A c-shared
    build leaves its C header beside the library as "out.h".
    """
    version = full_version(version)
    reason = unsupported(version, mode)
    if reason:
        raise Skip(reason)
    srcdir = os.path.abspath(srcdir)
    module = module or os.path.basename(srcdir)
    folder = cache_dir("build", build_key(version, srcdir, mode, module))
    made = os.path.join(folder, "out")
    with locked(made):
        if not os.path.exists(made):
            run_build(version, srcdir, mode, module, folder)
    os.utime(folder)
    if out is None:
        return made
    shutil.copy(made, out)
    return out


def prune(days=30):
    """Remove programs that no test has used for some time: sources change, and keys with them."""
    folder = cache_dir("build")
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if re.fullmatch("[0-9a-f]{24}", name) and os.stat(path).st_mtime < time.time() - days * 86400:
            shutil.rmtree(path, ignore_errors=True)


def main(arguments):
    try:
        if arguments == ["--list"]:
            print("\n".join(VERSIONS))
        elif len(arguments) == 5 and arguments[0] == "--build":
            print(build(*arguments[1:]))
        elif len(arguments) == 1 and not arguments[0].startswith("-"):
            print(goroot(arguments[0]))
        else:
            print(__doc__.strip(), file=sys.stderr)
            return 2
    except Skip as reason:
        print("toolchains.py: %s" % reason, file=sys.stderr)
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
