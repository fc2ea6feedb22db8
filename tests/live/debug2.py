"""The text a Go process prints about its goroutines, read and compared.

The form is that of GOTRACEBACK=all and of the goroutine profile with debug=2: the expected side
comes from the process itself, twice, before and after gospy looked; what is equal in both was so
in between, and gospy must have said the same.
"""

import re

HEADER = re.compile(r"goroutine (\d+)(?: gp=\S+ m=\S+(?: mp=\S+)?)? \[(.*?)\](?: (\{.*\}))?:$")
MINUTES = re.compile(r", (\d+) minutes")
PLACE = re.compile(r"\t(.*):(\d+)(?: \+(0x[0-9a-f]+))?(?: fp=\S+ sp=\S+ pc=\S+)?$")
ELIDED = re.compile(r"\.\.\.(\d+) frames elided\.\.\.$")
ELIDED_UNCOUNTED = re.compile(r"\.\.\.(\d+|additional) (?:additional )?frames elided\.\.\.$")
CREATED = re.compile(r"created by (.*?)(?: in goroutine (\d+))?$")


class Frame:
    """One call: function, argument text, file, line, offset into the function."""

    def __init__(self, function, arguments, file="", line="", offset=None):
        self.function = function
        self.arguments = arguments
        self.file = file
        self.line = line
        self.offset = offset

    def place(self):
        return (self.function, self.file, self.line, self.offset)

    def __eq__(self, other):
        return (self.place(), self.arguments) == (other.place(), other.arguments)

    def __str__(self):
        offset = " +" + self.offset if self.offset else ""
        arguments = "" if self.arguments is None else "(%s)" % self.arguments
        return "%s%s %s:%s%s" % (self.function, arguments, self.file, self.line, offset)


class Elision:
    """Frames that the runtime left out; count is None where it does not say how many."""

    def __init__(self, count):
        self.count = count

    def __eq__(self, other):
        return isinstance(other, Elision) and self.count == other.count

    def __str__(self):
        return "...%s frames elided..." % self.count


class Goroutine:
    def __init__(self, number, state, labels):
        self.id = number
        minutes = MINUTES.search(state)
        self.minutes = int(minutes.group(1)) if minutes else 0
        self.state = MINUTES.sub("", state)
        self.labels = labels
        self.frames = []
        self.creator = None
        self.parent = None
        self.complete = True

    def on_cpu(self):
        return self.state.split(",")[0].split(" (")[0] in ("running", "runnable")

    def steady(self, other):
        """Whether two looks at one goroutine show the same, arguments and time apart."""
        return (self.state, self.labels, self.parent, self.complete) == (
            other.state, other.labels, other.parent, other.complete) and places(self) == places(other)


def places(goroutine):
    creator = goroutine.creator.place() if goroutine.creator else None
    return [frame.place() if isinstance(frame, Frame) else frame.count
            for frame in goroutine.frames], creator


class ParseError(Exception):
    pass


def split_call(text):
    """Split "pkg.(*T).f(0x1, {0x2, ...})" into the function and the arguments."""
    if not text.endswith(")"):
        return text, None
    depth = 0
    for i in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[i], 0)
        if depth == 0:
            return text[:i], text[i + 1:-1]
    raise ParseError("no opening bracket in %r" % text)


def read_place(lines, frame):
    """Take the file line that follows a function line, if it does."""
    if lines and lines[0].startswith("\t"):
        match = PLACE.match(lines.pop(0))
        if not match:
            raise ParseError("bad place after %r" % frame.function)
        frame.file, frame.line, frame.offset = match.groups()
    return frame


def read_goroutine(lines):
    match = HEADER.match(lines[0])
    if not match:
        raise ParseError("bad header %r" % lines[0])
    goroutine = Goroutine(int(match.group(1)), match.group(2), match.group(3))
    lines = lines[1:]
    while lines:
        text = lines.pop(0)
        counted, uncounted = ELIDED.match(text), ELIDED_UNCOUNTED.match(text)
        created = CREATED.match(text)
        if counted:
            goroutine.frames.append(Elision(int(counted.group(1))))
        elif uncounted:
            goroutine.frames.append(Elision(None))
        elif text.startswith("\tgoroutine running on other thread"):
            goroutine.complete = False
        elif created:
            goroutine.creator = read_place(lines, Frame(created.group(1), None))
            goroutine.parent = int(created.group(2)) if created.group(2) else None
        else:
            goroutine.frames.append(read_place(lines, Frame(*split_call(text))))
    return goroutine


def parse(text):
    """Return {id: Goroutine} of a dump."""
    goroutines = {}
    for block in text.strip("\n").split("\n\n"):
        if not block.strip():
            continue
        goroutine = read_goroutine(block.split("\n"))
        if goroutine.id in goroutines:
            raise ParseError("goroutine %d appears twice" % goroutine.id)
        goroutines[goroutine.id] = goroutine
    return goroutines


def parse_crash(text):
    """Return {id: Goroutine} of what the runtime prints when SIGQUIT ends a process.

    The goroutines are among registers and the stacks of threads ("goroutine 0"), and have all their
    frames with GOTRACEBACK=system, which this signal implies.
    """
    blocks = text.partition("\nPC=")[2].split("\n\n")
    return parse("\n\n".join(block for block in blocks if re.match(r"goroutine [1-9]", block)))


def plain_state(state):
    """A state without what the JSON says elsewhere or not at all."""
    return ", ".join(part for part in state.replace(" (durable)", "").split(", ")
                     if not part.startswith("synctest "))


def from_json(goroutines):
    """Make goroutines of a dump in JSON: all frames, no offsets, no labels."""
    dump = {}
    for each in goroutines:
        state = each["wait_reason"] if each["status"] == "waiting" else each["status"]
        locked = ", locked to thread" if each["locked"] else ""
        goroutine = Goroutine(each["id"], plain_state(state + locked), None)
        goroutine.minutes = each["wait_ns"] // 60000000000
        goroutine.parent = each["parent_id"] or None
        goroutine.frames = [Frame(short_name(frame["func"]), frame.get("args"), frame["file"],
                                  str(frame["line"])) for frame in each["stack"]]
        # The runtime does not tell who started the main goroutine.
        if each["caller"] and each["id"] != 1:
            goroutine.creator = Frame(short_name(each["caller"]["func"]), None,
                                      each["caller"]["file"], str(each["caller"]["line"]))
        dump[goroutine.id] = goroutine
    return dump


def as_json(dump):
    """Take from the process's own dump, as parse_crash returns it, what the JSON lacks."""
    for goroutine in dump.values():
        goroutine.state = plain_state(goroutine.state)
        goroutine.labels = None
        for frame in goroutine.frames + [goroutine.creator]:
            if isinstance(frame, Frame):
                frame.offset = None
                if frame.arguments == "...":
                    frame.arguments = None
    return dump


def short_name(function):
    """A symbol's name as tracebacks print it: without the outer type arguments."""
    if function == "runtime.gopanic":
        return "panic"
    first, last = function.find("["), function.rfind("]")
    return function if first < 0 or last < first else function[:first] + "[...]" + function[last + 1:]


class Report:
    """What a comparison found."""

    def __init__(self, minor):
        # Arguments are recorded from Go 1.17 on; before, the runtime prints words of the stack.
        self.with_arguments = minor >= 17
        self.old = minor < 21
        self.compared = 0
        self.frames = 0
        self.arguments = 0
        self.changed = []
        self.problems = []

    def problem(self, text):
        self.problems.append(text)


def compare_frame(report, number, one, two, got):
    """Compare one frame; return a line that says what is wrong, or None."""
    report.frames += 1
    if got.place() != one.place():
        return "  expected %s\n  got      %s" % (one, got)
    inlined = one.arguments == "..." and one.offset is None
    if one.arguments is not None and one.arguments == two.arguments and (report.with_arguments or inlined):
        report.arguments += 1
        if got.arguments != one.arguments:
            return "  arguments of %s\n  expected (%s)\n  got      (%s)" % (
                one.function, one.arguments, got.arguments)
    return None


# Up to Go 1.20 the runtime printed the first 100 frames of a stack, those that it hides counted too
# and calls that are inlined not, and said that there are more only where the sum was 100.
SILENTLY_CUT = range(90, 130)


def compare_stack(report, one, two, got):
    """Compare the frames of one goroutine; gospy prints those that the runtime leaves out."""
    cut = next((i for i, frame in enumerate(one.frames) if isinstance(frame, Elision)), None)
    if cut is None and report.old and len(one.frames) in SILENTLY_CUT and (
            len(got.frames) > len(one.frames)):
        one.frames.append(Elision(None))
        cut = len(one.frames) - 1
    pairs = [(i, i) for i in range(len(one.frames) if cut is None else cut)]
    expected = str(len(one.frames))
    right = len(got.frames) == len(one.frames)
    if cut is not None:
        tail = len(one.frames) - cut - 1
        pairs += [(cut + 1 + i, len(got.frames) - tail + i) for i in range(tail)]
        count = one.frames[cut].count
        expected = "more than %d" % (cut + tail) if count is None else str(cut + tail + count)
        right = len(got.frames) > cut + tail if count is None else (
            len(got.frames) == cut + tail + count)
    for i, j in pairs:
        if not 0 <= j < len(got.frames):
            break
        wrong = compare_frame(report, one.id, one.frames[i], two.frames[i], got.frames[j])
        if wrong:
            return "frame %d\n%s" % (j, wrong)
    if not right:
        return "%d frames, expected %s; got:\n%s" % (len(got.frames), expected, "\n".join(
            "  %s" % frame for frame in got.frames[-5:]))
    return None


def compare_goroutine(report, one, two, got):
    report.compared += 1
    title = "goroutine %d [%s] %s: " % (one.id, one.state, one.frames[0].function
                                        if one.frames else "")
    for what in ("state", "labels", "parent"):
        if getattr(got, what) != getattr(one, what):
            report.problem("%s%s: expected %r, got %r" % (title, what, getattr(one, what),
                                                          getattr(got, what)))
            return
    if one.minutes == two.minutes and got.minutes != one.minutes:
        report.problem("%sminutes: expected %d, got %d" % (title, one.minutes, got.minutes))
        return
    wrong = compare_stack(report, one, two, got)
    creators = [frame.place() if frame else None for frame in (one.creator, got.creator)]
    if not wrong and creators[0] != creators[1]:
        wrong = "creator\n  expected %s\n  got      %s" % (one.creator, got.creator)
    if wrong:
        report.problem(title + wrong)


def compare(before, after, got, minor=27):
    """Compare a dump with what a process of Go 1.MINOR printed before and after it, all parsed.

    Goroutines that were on a processor, as the one that printed the dump was, must only be there.
    """
    report = Report(minor)
    for number in sorted(before.keys() & after.keys()):
        if number not in got:
            report.problem("goroutine %d [%s] %s is missing" % (
                number, before[number].state, "; ".join(map(str, before[number].frames[:1]))))
            continue
        one, two = before[number], after[number]
        if one.on_cpu() or two.on_cpu():
            continue
        if not one.steady(two):
            report.changed.append(number)
            continue
        compare_goroutine(report, one, two, got[number])
    for number in sorted(got.keys() - before.keys() - after.keys()):
        report.problem("goroutine %d [%s] is not one of the process's: %s" % (
            number, got[number].state, "; ".join(map(str, got[number].frames[:3]))))
    return report
