#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the seed inputs of fuzz_dwarf: debug information of small C programs, and pieces of Go's.

    cut_dwarf.py CORPUS MINOR=BINARY...

Writes small files to CORPUS/dwarf. Each BINARY is a program of Go 1.MINOR with debug information. Needs
gcc, objcopy and eu-readelf.
"""

import os
import re
import struct
import subprocess
import sys
import tempfile

# In the order of fuzz_dwarf.c.
SECTIONS = ("info", "abbrev", "str", "str_offsets", "addr", "line", "line_str", "ranges", "rnglists")
STRUCTS = ("runtime.g", "runtime.gobuf", "runtime.stack", "runtime.mutex")
SOURCE = """\
typedef struct { char a; long b; } inner;
struct outer { int x; const inner i; struct outer *p; volatile inner j[2]; } one;
static inline int twice(int x) { return x * 2; }
__attribute__((noinline)) int work(int x) { one.x = x; return twice(x) + twice(x + 1); }
int main(int argc, char **argv) { return work(argc) - !argv; }
"""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True).stdout


def section(path, name):
    """Return the plain contents of a debug section, b"" where there is none."""
    with tempfile.NamedTemporaryFile() as whole, tempfile.NamedTemporaryFile() as out:
        run("objcopy", "--decompress-debug-sections", path, whole.name)
        subprocess.run(["objcopy", "--dump-section", ".debug_%s=%s" % (name, out.name), whole.name,
                        os.devnull], capture_output=True, check=False)
        return out.read()


def records(address, contents):
    out = struct.pack("<Q", address)
    for number, name in enumerate(SECTIONS):
        data = contents.get(name, b"")
        if data:
            out += struct.pack("<BI", number, len(data))[:4] + data
    return out


def make_c(folder):
    """Yield (name, input) of C programs: as sections, and as whole ELF files, compressed."""
    source = os.path.join(folder, "main.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write(SOURCE)
    for version in (2, 4, 5):
        path = os.path.join(folder, "c%d" % version)
        run("gcc", "-O1", "-gdwarf-%d" % version, "-gstrict-dwarf", "-nostdlib", "-static",
            "-Wl,-e,main,-n,-z,noseparate-code,--build-id=none", "-o", path, source)
        address = int(re.search(rb"(\w+) T work", run("nm", path)).group(1), 16)
        yield "c-%d" % version, records(address, {name: section(path, name) for name in SECTIONS})
        for method in ("zlib-gnu",) if version < 5 else ("zlib", "zstd"):
            run("objcopy", "--compress-debug-sections=" + method, path, path + ".z")
            with open(path + ".z", "rb") as file:
                data = file.read()
            yield "c-%d-%s.elf" % (version, method), struct.pack("<Q", address) + data


class Entry:
    """A debugging entry: where it is, how deep, what it is called and the type it refers to."""

    def __init__(self, offset, depth, tag):
        self.offset, self.depth, self.tag = offset, depth, tag
        self.name = self.type = None


def entries(path):
    """Return the entries of .debug_info in order."""
    found = []
    for line in run("eu-readelf", "--debug-dump=info", path).decode("utf-8", "replace").splitlines():
        entry = re.match(r" \[ *([0-9a-f]+)\]( +)(\w+) ", line)
        name = re.match(r" +name +\(\w+\) \"([^\"]*)\"", line)
        kind = re.match(r" +type +\(ref_addr\) \[ *([0-9a-f]+)\]", line)
        if entry:
            found.append(Entry(int(entry.group(1), 16), len(entry.group(2)), entry.group(3)))
        elif name and found[-1].name is None:
            found[-1].name = name.group(1)
        elif kind and found[-1].type is None:
            found[-1].type = int(kind.group(1), 16)
    return found


def is_wanted(entry):
    return (entry.tag, entry.name) in (("variable", "runtime.allgs"), ("base_type", "uintptr")) or (
        entry.tag in ("structure_type", "typedef") and entry.name in STRUCTS)


def cut_go(path):
    """A unit of the structs wanted, a variable and a number, with the root of the structs' unit."""
    info, found = section(path, "info"), entries(path)
    wanted = [i for i, entry in enumerate(found) if is_wanted(entry)]
    unit = max(i for i in range(wanted[-1]) if found[i].tag == "compile_unit")
    version = struct.unpack_from("<H", info, 4)[0]
    start = found[unit].offset - (12 if version == 5 else 11)
    body = bytearray(info[start:found[unit + 1].offset])
    moved, references = {}, []
    for first in wanted:
        last = next(i for i in range(first + 1, len(found)) if found[i].depth <= found[first].depth)
        moved[found[first].offset] = len(body)
        for entry, following in zip(found[first:last], found[first + 1:last + 1]):
            piece = info[entry.offset:following.offset]
            if entry.type is not None:
                references.append((len(body) + piece.index(struct.pack("<I", entry.type)), entry.type))
            body += piece
    number = next(moved[found[i].offset] for i in wanted if found[i].tag == "base_type")
    for at, target in references:
        struct.pack_into("<I", body, at, moved.get(target, number))
    body += b"\0"
    struct.pack_into("<I", body, 0, len(body) - 4)
    return records(0x401000, {"info": bytes(body), "abbrev": section(path, "abbrev")})


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    corpus = os.path.join(arguments[0], "dwarf")
    os.makedirs(corpus, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        inputs = dict(make_c(folder))
    for argument in arguments[1:]:
        version, binary = argument.split("=", 1)
        inputs["go1." + version] = cut_go(binary)
    for name, data in inputs.items():
        with open(os.path.join(corpus, name), "wb") as file:
            file.write(data)


if __name__ == "__main__":
    main(sys.argv[1:])
