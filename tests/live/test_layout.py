#!/usr/bin/env python3
"""Where the fields of Go's structs are: type descriptors, tables and gospy's DWARF reader against DWARF.

For each version the zoo is built with and without debug information. What gospy finds in the stripped
one (tools/layoutdump) must be what an independent reader of DWARF (tools/layoutgen) finds in the
other, field by field. The generated tables are made anew, too, and compared.
"""

import os
import shutil
import subprocess
import sys

import livelib
import toolchains
from livelib import Skip, check, check_equal
from toolchains import minor

SHARDS = toolchains.VERSIONS + ("tables",)
QUICK_SHARDS = ("1.12.17", "1.27.4")

# Position-independent programs are laid out by other code of the linker, and have relocations.
MODES = (("plain", "strip"), ("pie", "pie_strip"))

# Without these gospy can show nothing; each version has descriptors for them.
VITAL = ("runtime.g", "runtime.m", "runtime.p", "runtime.sudog", "runtime.hchan", "runtime.mspan",
         "runtime.timer", "runtime.moduledata")

# What has no descriptor in new versions, for gospy's DWARF reader.
FOR_DWARF = VITAL + ("runtime.schedt", "runtime.mheap", "runtime.mstats", "runtime.heapArena",
                     "runtime.bucket", "runtime.memRecord", "runtime.blockRecord",
                     "runtime.gcControllerState", "runtime.workType", "runtime.semaRoot",
                     "runtime.mcentral", "runtime.pageAlloc", "runtime.pollCache", "runtime.mutex")


def tool(name):
    """Return the path of a program of the build that GOSPY belongs to."""
    folder = os.path.dirname(os.path.realpath(livelib.gospy_path()))
    while folder != os.path.dirname(folder):
        path = os.path.join(folder, "tools", name)
        if os.access(path, os.X_OK):
            return path
        folder = os.path.dirname(folder)
    raise Skip("%s is not built beside %s" % (name, livelib.gospy_path()))


def run(name, *arguments):
    done = subprocess.run([tool(name), *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=livelib.PATIENCE)
    check(done.returncode == 0, "%s %s: %s" % (name, " ".join(map(str, arguments)), done.stderr))
    return done.stdout


def parse(text):
    """Return {struct: [(size, ((field, offset, size), ...)), ...]}: a name may come several times."""
    structs = {}
    for line in text.splitlines():
        parts = line.split("\t")
        if len(parts) == 2:
            structs.setdefault(parts[0], []).append([int(parts[1]), []])
        else:
            structs[parts[0]][-1][1].append((parts[1], int(parts[2]), int(parts[3])))
    return {name: [(size, tuple(fields)) for size, fields in found]
            for name, found in structs.items()}


def top(fields):
    """Return the fields that are not within another one."""
    return [field for field in fields if "." not in field[0]]


def same(told, dwarf):
    """Whether a descriptor's layout is that of DWARF.

    DWARF has fields in strings, slices and interfaces, too, which are no structs to a descriptor.
    """
    return told[0] == dwarf[0] and top(told[1]) == top(dwarf[1]) and set(told[1]) <= set(dwarf[1])


def check_types(tap, version, whole, stripped):
    told = parse(run("layoutdump", "types", minor(version), stripped))
    dwarf = parse(run("layoutgen", whole, "--all"))
    missing = [name for name in VITAL if name not in told]
    check_equal(missing, [], "structs without a descriptor")
    wrong, structs, fields = [], 0, 0
    for name in sorted(set(told) & set(dwarf)):
        for layout in told[name]:
            structs += 1
            fields += len(layout[1])
            if not any(same(layout, other) for other in dwarf[name]):
                wrong.append("%s: %r, in DWARF %r" % (name, layout, dwarf[name]))
    check(not wrong, "\n".join(wrong))
    check(structs > 60 and fields > 550, "only %d structs and %d fields" % (structs, fields))
    tap.note("%d structs, %d fields" % (structs, fields))


def check_dwarf(tap, whole):
    got = parse(run("layoutdump", "dwarf", whole, *FOR_DWARF))
    expected = parse(run("layoutgen", whole, *FOR_DWARF))
    check_equal(sorted(got), sorted(expected), "structs")
    for name, layouts in got.items():
        check(layouts[0] in expected[name], "%s: %r, expected %r" % (
            name, layouts[0], expected[name]))
    check(set(VITAL) <= set(got), "only %s" % sorted(got))
    tap.note("%d structs, %d fields" % (len(got), sum(len(f[0][1]) for f in got.values())))


def build_twins(version, modes, folder):
    """Build one program in both modes from the same folder, which both name in their tables."""
    source = os.path.join(folder, "src")
    shutil.copytree(os.path.join(livelib.PROGRAMS, "many"), source, dirs_exist_ok=True)
    with open(os.path.join(source, "go.mod"), "w", encoding="utf-8") as file:
        file.write("module many\n\ngo 1.%d\n" % minor(version))
    paths = []
    for mode in modes:
        paths.append(os.path.join(folder, mode))
        subprocess.run(toolchains.build_command(version, mode, paths[-1]), cwd=source, check=True,
                       env=toolchains.environment(version, toolchains.needs_cgo(version, mode)))
    return paths


def check_twins(version, modes):
    with livelib.scratch() as folder:
        whole, stripped = build_twins(version, modes, folder)
        check_equal(run("layoutdump", "matches", stripped, whole), "yes\n", "the other link")
        other = livelib.build(version, "zoo", modes[0])
        check_equal(run("layoutdump", "matches", stripped, other), "no\n", "another program")


def test_version(tap, version):
    for modes in MODES:
        plain, strip = modes
        reason = toolchains.unsupported(version, strip)
        if reason:
            tap.skip("go%s %s" % (version, strip), reason)
            continue
        whole = livelib.build(version, "zoo", plain)
        with tap.case("go%s %s: type descriptors as in DWARF" % (version, strip)):
            check_types(tap, version, whole, livelib.build(version, "zoo", strip))
        with tap.case("go%s %s: DWARF as another reader reads it" % (version, plain)):
            check_dwarf(tap, whole)
        with tap.case("go%s %s: debug information of another link of it" % (version, strip)):
            check_twins(version, modes)


def test_tables(tap):
    with tap.case("the tables are what the toolchains say"):
        script = os.path.join(livelib.HERE, "..", "..", "tools", "layout-table")
        done = subprocess.run([sys.executable, script, "--check", tool("layoutgen")],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode == 77:
            raise Skip(done.stdout)
        check(done.returncode == 0, done.stdout + done.stderr)


def main():
    tap = livelib.Tap()
    for shard in livelib.shards() or SHARDS:
        try:
            if shard == "tables":
                test_tables(tap)
            else:
                test_version(tap, shard)
        except Skip as reason:
            tap.skip(shard, reason)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
