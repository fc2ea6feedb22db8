#!/usr/bin/env python3
"""Every format says the same, in its own form, as the process does.

The schema of the JSON is checked member by member, what it says is compared with the process's own
dump, profiles are opened by `go tool pprof`, and options that choose and group are held against the
whole. A shard is a Go version.
"""

import collections
import json
import os
import re
import subprocess
import sys

import debug2
import livelib
import toolchains
from debug2 import short_name
from livelib import check, check_equal

SHARDS = ("1.27.4", "1.19.13", "1.12.17")
QUICK_SHARDS = ("1.27.4",)

ADDRESS = re.compile(r"0x[0-9a-f]+$")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")

STATUSES = {"idle", "runnable", "running", "syscall", "waiting", "dead", "copystack", "preempted",
            "leaked", "deadextra"}

# The schema: a type, a set of values, a pattern, or what an object must have as members. A tuple
# gives alternatives, a list the type of its elements; members in OPTIONAL may be absent.
PLACE = {"func": str, "file": str, "line": int, "pc": ADDRESS}
GOROUTINE = {
    "id": int, "status": STATUSES, "wait_reason": str, "wait_ns": int, "thread": (int, None),
    "locked": bool, "system": bool, "parent_id": int, "labels": dict, "torn": bool,
    "current": (PLACE, None), "start": (PLACE, None), "caller": (PLACE, None),
    "stack": [dict(PLACE, inlined=bool)],
}
DUMP = {
    "process": {"pid": int, "exe": str, "go_version": str, "main_module": str, "gomaxprocs": int,
                "build_id": str, "arch": {"amd64", "arm64"}, "pie": bool, "dwarf": bool,
                "layout": {"dwarf", "types", "table"}, "cgroup": str},
    "capture": {"time": TIME, "stop": {"none", "ptrace", "fork"}, "pause_ns": int,
                "duration_ns": int, "torn": int},
    "threads": {"total": int, "running": int, "sleeping": int, "stopped": int, "zombie": int},
    "processors": [{"id": int, "status": str, "schedtick": int, "syscalltick": int,
                    "m": (int, None)}],
    "counts": {"total": int, "idle": int, "runnable": int, "running": int, "syscall": int,
               "waiting": int, "dead": int},
    "goroutines": [GOROUTINE],
}


def fits(value, schema):
    """Whether a value is of a plain type, set, pattern or None."""
    if schema is None:
        return value is None
    if isinstance(schema, set):
        return value in schema
    if isinstance(schema, re.Pattern):
        return isinstance(value, str) and bool(schema.match(value))
    return type(value) is schema


def check_schema(value, schema, path="$"):
    if isinstance(schema, tuple):
        if value is None and None in schema:
            return
        schema = schema[0]
    if isinstance(schema, dict):
        check(type(value) is dict, "%s is no object: %r" % (path, value))
        for name, member in schema.items():
            check(name in value, "%s has no member %s" % (path, name))
            check_schema(value[name], member, path + "." + name)
    elif isinstance(schema, list):
        check(type(value) is list, "%s is no array: %r" % (path, value))
        for i, element in enumerate(value):
            check_schema(element, schema[0], "%s[%d]" % (path, i))
    else:
        check(fits(value, schema), "%s is not right: %r" % (path, value))


def unique_members(pairs):
    members = dict(pairs)
    check_equal(len(members), len(pairs), "distinct members of %r" % list(members))
    return members


def load(text):
    return json.loads(text, object_pairs_hook=unique_members)


class Zoo:
    """A zoo, and its own dumps and profiles."""

    def __init__(self, version, process):
        self.version = version
        self.process = process
        self.pid = process.pid
        self.dump = debug2.parse(process.ask("dump"))
        self.profile = process.ask("debug1")

    def gospy(self, command, *arguments, **options):
        return livelib.gospy(command, self.pid, *arguments, **options)

    def load(self, command, *arguments):
        return load(self.gospy(command, "--format", "json", *arguments))


def test_json(tap, zoo):
    with tap.case("json: the schema"):
        dump = zoo.load("dump")
        check_schema(dump, DUMP)
    with tap.case("json: the process"):
        process = dump["process"]
        check_equal(process["pid"], zoo.pid, "pid")
        check_equal(process["go_version"], "go" + zoo.version, "go_version")
        check_equal(process["exe"], os.readlink("/proc/%d/exe" % zoo.pid), "exe")
        check_equal(process["gomaxprocs"], len(dump["processors"]), "gomaxprocs")
        check_equal(process["gomaxprocs"], os.cpu_count(), "gomaxprocs")
        check_equal(process["pie"], False, "pie")
        if toolchains.minor(zoo.version) >= 13:
            check_equal(process["main_module"], "zoo", "main_module")
        check_equal(dump["threads"]["total"], len(os.listdir("/proc/%d/task" % zoo.pid)), "threads")
        check_equal(sum(dump["threads"].values()), 2 * dump["threads"]["total"], "sum of threads")
        check_build_id(zoo, process["build_id"])
    with tap.case("json: the goroutines are those of the process"):
        compare_json(zoo, dump["goroutines"])
    with tap.case("json: counts"):
        check_counts(dump)
    with tap.case("json: summary is the same without stacks"):
        summary = zoo.load("summary")
        check(all("stack" not in goroutine for goroutine in summary["goroutines"]), "a stack")
        for goroutine in dump["goroutines"]:
            del goroutine["stack"]
        check_equal(steady(summary["goroutines"]), steady(dump["goroutines"]), "goroutines")
        check_equal(zoo.gospy("summary", "--json")[:1], "{", "--json")
    with tap.case("ndjson: a goroutine a line"):
        lines = zoo.gospy("dump", "--format", "ndjson").splitlines()
        goroutines = [load(line) for line in lines]
        for goroutine in goroutines:
            check_schema(goroutine, GOROUTINE)
        compare_json(zoo, goroutines)


def check_build_id(zoo, build_id):
    """The Go build id of the file, or of its GNU note where it has one."""
    binary = os.readlink("/proc/%d/exe" % zoo.pid)
    own = toolchains.go(zoo.version, "tool", "buildid", binary).decode().strip()
    notes = subprocess.run(["readelf", "-n", binary], stdout=subprocess.PIPE).stdout.decode()
    gnu = re.findall(r"Build ID: ([0-9a-f]+)", notes)
    check(build_id in [own] + gnu, "build id %r is neither %r nor %r" % (build_id, own, gnu))


# What is not the same a moment later.
PASSING = ("wait_ns", "thread", "torn", "stale", "status")


def steady(goroutines):
    return [{name: value for name, value in goroutine.items() if name not in PASSING}
            for goroutine in goroutines if not (goroutine["status"] in ("running", "runnable"))]


def compare_json(zoo, goroutines):
    """Hold goroutines in JSON against the process's own dump."""
    got = {goroutine["id"]: goroutine for goroutine in goroutines}
    check_equal(len(got), len(goroutines), "distinct ids")
    check_equal(set(got), set(zoo.dump), "ids")
    for number, own in zoo.dump.items():
        if own.on_cpu():
            continue
        compare_one(zoo, own, got[number])


def compare_one(zoo, own, got):
    state = own.state.split(",")[0].replace(" (durable)", "")
    reason = got["wait_reason"].replace(" (durable)", "")
    title = "goroutine %d" % own.id
    check_equal(got["status"] if got["status"] != "waiting" else reason, state, title + " state")
    check_equal(got["locked"], "locked to thread" in own.state, title + " locked")
    check_equal(got["system"], False, title + " system")
    check_equal(got["wait_ns"] // 60000000000, own.minutes, title + " minutes")
    if toolchains.minor(zoo.version) >= 21:
        # The process leaves its creator out where that is a function of the runtime.
        if own.parent:
            check_equal(got["parent_id"], own.parent, title + " parent")
    if own.creator:
        check_equal(short_name(got["caller"]["func"]), own.creator.function, title + " caller")
        check_equal((got["caller"]["file"], str(got["caller"]["line"])),
                    (own.creator.file, own.creator.line), title + " caller's place")
    wanted = [(frame.function, frame.file, int(frame.line)) for frame in own.frames
              if isinstance(frame, debug2.Frame)]
    frames = iter([(short_name(frame["func"]), frame["file"],
                    frame["line"]) for frame in got["stack"]])
    # The dump leaves frames of the runtime out; the others come in the same order.
    for frame in wanted:
        check(frame in frames, "%s: no frame %r, or not in this place" % (title, frame))
    check(got["stack"][-1]["func"] in ("runtime.goexit", "runtime.rt0_go", "runtime.mstart") or
          not own.creator or "C" in own.state, "%s ends in %r" % (title, got["stack"][-1]))


def check_counts(dump):
    counts = collections.Counter(g["status"] for g in dump["goroutines"])
    given = dump["counts"]
    check_equal(given["idle"], 0, "idle")
    # System goroutines are counted, but not listed: a handful.
    for status in ("syscall", "waiting"):
        check(0 <= given[status] - counts[status] < 20, "%s: %d, and %d are listed" % (
            status, given[status], counts[status]))
    check(given["total"] >= sum(counts.values()), "total %d" % given["total"])
    check_equal(given["total"], sum(value for name, value in given.items()
                                    if name not in ("total", "dead")), "total")


LABELS = ({"request": "42", "user name": 'ann "q"\n\x1b'},
          {"request": "42", "user name": 'ann "q"\n\x1b', "extra": "больше"}, {"only": ""})


def test_labels(tap, zoo):
    with tap.case("labels"):
        given = [g["labels"] for g in zoo.load("dump")["goroutines"] if g["labels"]]
        def by_labels(labels):
            return sorted(labels.items())
        check_equal(sorted(given, key=by_labels), sorted(LABELS, key=by_labels), "labels")
    with tap.case("labels choose and group"):
        ids = [g["id"] for g in zoo.load("dump")["goroutines"] if g["labels"].get("request") == "42"]
        chosen = zoo.load("dump", "--filter", "label.request=42")["goroutines"]
        check_equal([g["id"] for g in chosen], ids, "ids with --filter label.request=42")
        groups = zoo.load("summary", "--group-by", "label:request")["groups"]
        check(sorted(ids) in [sorted(group["ids"]) for group in groups], "groups: %r" % groups)


def test_control_characters(tap, zoo):
    for command, arguments in (("dump", ["--format", "text"]), ("dump", ["--format", "json"]),
                               ("dump", ["--format", "ndjson"]), ("dump", ["--format", "debug2"]),
                               ("dump", ["--format", "folded"]), ("summary", []),
                               ("summary", ["--group-by", "label:user name"])):
        with tap.case("no control character in %s %s" % (command, " ".join(arguments))):
            text = zoo.gospy(command, *arguments)
            bad = re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
            check_equal(bad, [], "control characters")


def own_stacks(zoo):
    """Counter of stacks, as lists of functions from the outermost, from the profile's debug=1 form.

    The runtime leaves its own outermost frames out there, and functions have the offset appended.
    """
    stacks = collections.Counter()
    for block in zoo.profile.split("\n\n"):
        lines = block.strip().split("\n")
        lines = [line for line in lines if line and not line.startswith("goroutine profile")]
        if not lines:
            continue
        match = re.match(r"(\d+) @", lines[0])
        functions = [re.sub(r"\+0x[0-9a-f]+$", "", line.split("\t")[2])
                     for line in lines[1:] if line.startswith("#\t0x")]
        stacks[tuple(functions)] += int(match.group(1))
    return stacks


def test_grouping(tap, zoo):
    with tap.case("folded: counts are those of the process's profile"):
        folded = collections.Counter()
        for line in zoo.gospy("dump", "--format", "folded").splitlines():
            stack, count = line.rsplit(" ", 1)
            check(";" in stack or count.isdigit(), "not a folded line: %r" % line)
            folded[stack] += int(count)
        check_equal(sum(folded.values()), len(zoo.dump), "goroutines")
        check_parks(zoo, {stack: count for stack, count in folded.items()}, ";")
    with tap.case("text: the groups add up to the goroutines"):
        text = zoo.gospy("dump", "--format", "text")
        counts = [int(count) for count in re.findall(r"(?m)^(\d+) (?:goroutines?|-|@)", text)]
        check_equal(sum(counts), len(zoo.dump), "sum of the groups of\n%s" % text[:500])
    with tap.case("groups: each way of grouping divides the goroutines"):
        for key in ("stack", "function", "state", "creator", "thread", "label:request"):
            groups = zoo.load("summary", "--group-by", key)["groups"]
            ids = sorted(number for group in groups for number in group["ids"])
            check_equal(ids, sorted(zoo.dump), "ids grouped by " + key)
            check(all(group["count"] == len(group["ids"]) for group in groups), "a count of " + key)
            sizes = [group["count"] for group in groups]
            check_equal(sizes, sorted(sizes, reverse=True), "sizes by " + key)
    with tap.case("groups by state are those of the process"):
        own = collections.Counter(g.state.split(",")[0].replace(" (durable)", "")
                                  for g in zoo.dump.values() if not g.on_cpu())
        groups = zoo.load("summary", "--group-by", "state")
        given = {g["id"]: (g["wait_reason"].replace(" (durable)", "") or g["status"])
                 for g in groups["goroutines"]}
        for group in groups["groups"]:
            states = {given[number] for number in group["ids"]}
            check_equal(len(states), 1, "states of one group: %r" % states)
        check_equal(collections.Counter(state for number, state in given.items()
                                        if not zoo.dump[number].on_cpu()), own, "states")


def check_parks(zoo, folded, separator):
    """Each function that the profile has at the top of the program's own code must be found."""
    own = collections.Counter()
    for functions, count in own_stacks(zoo).items():
        named = [name for name in functions if name.startswith("main.")]
        if named:
            own[short_name(named[0])] += count
    given = collections.Counter()
    for stack, count in folded.items():
        named = [name for name in reversed(stack.split(separator)) if name.startswith("main.")]
        if named:
            given[short_name(named[0])] += count
    # The goroutine that writes the profile is at another place then.
    for counter in (own, given):
        for name in ("main.answer", "main.serve", "main.main", "main.run"):
            counter.pop(name, None)
    check_equal(given, own, "innermost functions of the program")


def test_pprof(tap, zoo):
    with livelib.scratch() as folder:
        path = os.path.join(folder, "profile")
        zoo.gospy("dump", "--format", "pprof", "-o", path)
        # Its own code is newest Go's: older tools cannot know what newer profiles hold.
        with tap.case("pprof: go tool pprof reads it without a word"):
            tool = [os.path.join(toolchains.goroot(toolchains.NEWEST), "bin/go"), "tool", "pprof"]
            environment = toolchains.environment(toolchains.NEWEST)
            raw, top = [subprocess.run(tool + [option, path], env=environment, cwd=folder,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                        for option in ("-raw", "-top")]
            for done in (raw, top):
                check_equal((done.returncode, done.stderr), (0, b""), "code and stderr")
        with tap.case("pprof: its counts are those of the process"):
            check_raw(zoo, raw.stdout.decode())
        with tap.case("pprof: the total of -top"):
            total = re.search(r"of (\d+) total", top.stdout.decode())
            check_equal(int(total.group(1)), len(zoo.dump), "total")


def check_raw(zoo, raw):
    samples, _, locations = raw.partition("\nLocations\n")
    names = {}
    number = None
    for line in locations.split("\nMappings")[0].split("\n"):
        match = re.match(r"\s*(\d+): (0x[0-9a-f]+)(?: M=\d+)? (.*)", line)
        text = match.group(3) if match else line.strip()
        number = match.group(1) if match else number
        if text:
            names.setdefault(number, []).append(text.split(" ")[0])
    folded = collections.Counter()
    for match in re.finditer(r"(?m)^\s*(\d+): ([\d ]+?)\s*$", samples):
        functions = [name for place in match.group(2).split() for name in names[place]]
        folded[";".join(reversed(functions))] += int(match.group(1))
    check_equal(sum(folded.values()), len(zoo.dump), "goroutines")
    check_parks(zoo, folded, ";")
    check("больше" in samples and "request:[42]" in samples, "no labels in the samples")


def test_options(tap, zoo):
    everything = zoo.load("dump")["goroutines"]
    with tap.case("--filter by state, function, reason and id"):
        for expression, wanted in (
                ("status=waiting", lambda g: g["status"] == "waiting"),
                ("reason='chan send'", lambda g: g["wait_reason"] == "chan send"),
                ("func=main.recursion", lambda g: any(
                    f["func"] == "main.recursion" for f in g["stack"])),
                ("func~'^main[.]ждать$'", lambda g: any(
                    f["func"] == "main.ждать" for f in g["stack"])),
                ("locked=true", lambda g: g["locked"]),
                ("id=1", lambda g: g["id"] == 1),
                ("status=waiting && !(func~'^main[.]re')", lambda g: g["status"] == "waiting" and not
                 any(f["func"].startswith("main.re") for f in g["stack"]))):
            given = zoo.load("dump", "--filter", expression)["goroutines"]
            check_equal([g["id"] for g in given], [g["id"] for g in everything if wanted(g)],
                        "ids with " + expression)
            check(given, "nothing with " + expression)
    with tap.case("--filter that nothing fits"):
        check_equal(zoo.load("dump", "--filter", "id=999999")["goroutines"], [], "goroutines")
    with tap.case("--limit"):
        for limit in (1, 5):
            check_equal(len(zoo.load("dump", "--limit", limit)["goroutines"]), limit, "goroutines")
    with tap.case("--system adds the runtime's own goroutines"):
        more = zoo.load("dump", "--system")["goroutines"]
        added = [g for g in more if g["id"] not in zoo.dump]
        check(added and all(g["system"] for g in added), "added: %r" % [g["id"] for g in added])
        check_equal({g["id"] for g in more} - {g["id"] for g in added}, set(zoo.dump), "others")
        names = {g["start"]["func"] for g in added}
        check({"runtime.bgsweep", "runtime.forcegchelper"} <= names, "starts: %r" % names)


def test_summary(tap, zoo):
    with tap.case("summary: the heading and a goroutine a line"):
        text = zoo.gospy("summary")
        exe = os.readlink("/proc/%d/exe" % zoo.pid)
        check_equal(text.split("\n")[0], "bin: %s, goVer: %s, gomaxprocs: %d" % (
            exe, zoo.version, os.cpu_count()), "first line")
        check(re.search(r"(?m)^Threads: \d+ total, \d+ running, \d+ sleeping, \d+ stopped, \d+ zombie$",
                        text), "no line of threads")
        match = re.search(r"(?m)^Goroutines: (\d+) total, \d+ idle, \d+ running, (\d+) syscall, "
                          r"(\d+) waiting", text)
        check(match, "no line of goroutines")
        lines = re.findall(r"(?m)^(\d+) - (.*?): (\S+) \((.*):(\d+)\)$", text)
        check_equal({int(line[0]) for line in lines}, set(zoo.dump), "ids")
        for number, state, *_ in lines:
            own = zoo.dump[int(number)]
            if not own.on_cpu() and not own.state.startswith("syscall"):
                check_equal(state.replace(" (durable)", ""), "waiting for " + own.state.split(
                    ",")[0].replace(" (durable)", ""), "state of " + number)
    with tap.case("summary --pc"):
        for which in ("start", "caller", "current"):
            by_id = {g["id"]: g[which] for g in zoo.load("summary")["goroutines"]}
            text = zoo.gospy("summary", "--pc", which)
            for number, function, file, line in re.findall(
                    r"(?m)^(\d+) - .*?: (\S+) \((.*):(\d+)\)$", text):
                place = by_id[int(number)]
                if int(number) != 1:
                    check_equal((function, file, int(line)), (
                        place["func"], place["file"], place["line"]), "%s of %s" % (which, number))
    with tap.case("the current function is the innermost of the program"):
        currents = {g["id"]: g["current"] for g in zoo.load("summary")["goroutines"]}
        waiting = [own for own in zoo.dump.values()
                   if not own.on_cpu() and own.frames[0].function.startswith("main.")]
        for own in waiting:
            current, frame = currents[own.id], own.frames[0]
            check_equal((short_name(current["func"]), current["file"], str(current["line"])),
                        (frame.function, frame.file, frame.line), "current of %d" % own.id)
        check(len(waiting) > 80, "only %d were looked at" % len(waiting))
    with tap.case("ps shows the process"):
        line = next((line for line in livelib.gospy("ps", codes=(0, 5)).splitlines()
                     if re.match(r"\s*%d\b" % zoo.pid, line)), None)
        check(line, "no line of process %d" % zoo.pid)
        check(zoo.version in line and str(len(zoo.dump)) in line, "not all is in %r" % line)


def test_output(tap, zoo):
    with tap.case("-o writes the same as stdout"), livelib.scratch() as folder:
        for form in ("text", "debug2", "folded"):
            path = os.path.join(folder, form)
            check_equal(zoo.gospy("dump", "--format", form, "--filter", "status=waiting", "-o", path),
                        "", "stdout")
            with open(path, encoding="utf-8", errors="surrogateescape") as f:
                written = f.read()
            printed = zoo.gospy("dump", "--format", form, "--filter", "status=waiting")
            check_equal(without_times(written), without_times(printed), form)


def without_times(text):
    """Leave out what is not the same a moment later: ticks, times."""
    return re.sub(r"(?m)^(P\d+ |Threads: |Goroutines: |.*pause|.*waiting \d).*\n", "", re.sub(
        r"\d+(\.\d+)?(e[+]\d+)?(ns|us|ms|s|m\d+s|h\d+m)\b", "T", text))


def main():
    tap = livelib.Tap()
    for version in livelib.shards() or SHARDS:
        version = toolchains.full_version(version)
        with livelib.start_zoo(version) as process:
            zoo = Zoo(version, process)
            for test in (test_json, test_labels, test_control_characters, test_grouping, test_pprof,
                         test_options, test_summary, test_output):
                try:
                    test(tap, zoo)
                except Exception as error:
                    tap.not_ok(test.__name__, "%s: %s" % (type(error).__name__, error))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
