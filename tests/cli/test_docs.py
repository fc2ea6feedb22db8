#!/usr/bin/env python3
"""The documentation: its links lead somewhere, and it shows no command or option that there is not.

GOSPY must name the gospy program. Prints TAP.
"""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "live"))
import livelib  # noqa: E402
from livelib import check, check_equal  # noqa: E402

LINK = re.compile(r"\[[^\]]*\]\(([^)#]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"(?:^ {4}(?:\$ )?|`)gospy ([a-z]+)([^`\n]*)", re.M)
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def pages():
    found = [path for pattern in ("*.md", "doc/*.md", "examples/*.md")
             for path in glob.glob(os.path.join(ROOT, pattern))]
    return sorted(found)


def options_of(command, known):
    """The options of a command's help; None where there is no such command."""
    if command not in known:
        done = livelib.run_gospy(command, "--help")
        part = done.stdout.decode().partition("\nOptions")[2].partition("\n\n")[0]
        lines = [line for line in part.splitlines() if re.match("  (-| {4}--)", line)]
        known[command] = {option for line in lines for option in OPTION.findall(line[:40])}
        if done.returncode:
            known[command] = None
    return known[command]


def check_commands(text, known):
    count = 0
    for command, rest in COMMAND.findall(text):
        options = options_of(command, known)
        check(options is not None, "there is no gospy %s" % command)
        # What a shell makes of the rest is not this program's: quoted text, other commands.
        own = re.sub(r"'[^']*'|\"[^\"]*\"", "", re.split(r"[|&;#>]", rest)[0])
        for option in OPTION.findall(own):
            check(option in options, "gospy %s has no %s" % (command, option))
        count += 1
    return count


def main():
    tap = livelib.Tap()
    known = {}
    count = 0
    for path in pages():
        name = os.path.relpath(path, ROOT)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with tap.case("%s: links lead somewhere" % name):
            broken = [link for link in LINK.findall(text) if "://" not in link
                      and not os.path.exists(os.path.join(os.path.dirname(path), link))]
            check_equal(broken, [], "links to nothing")
        with tap.case("%s: commands and options exist" % name):
            count += check_commands(text, known)
    with tap.case("there are commands in the documentation"):
        check(count > 10, "only %d were found" % count)
    with tap.case("doc/README.md has every page of its folder"):
        with open(os.path.join(ROOT, "doc", "README.md"), encoding="utf-8") as file:
            index = set(LINK.findall(file.read()))
        missing = set(os.listdir(os.path.join(ROOT, "doc"))) - index - {"README.md"}
        check_equal(sorted(missing), [], "pages that are not in the index")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
