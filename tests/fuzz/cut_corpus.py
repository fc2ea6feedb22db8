#!/usr/bin/env python3
"""Cuts the seed inputs of the fuzzers out of real Go programs.

    cut_corpus.py CORPUS MINOR=BINARY...

Writes small files to CORPUS/{image,buildinfo,pclntab,gotype}: each holds a few records of the binary
(linux/amd64 or arm64, not stripped, not position-independent, of Go 1.MINOR), laid out anew.
"""

import os
import struct
import sys

LOAD_ADDRESS = 0x400000
STRUCTS = ("runtime.g", "runtime.gobuf", "runtime.waitq", "runtime.mutex", "runtime.timer")
FUNCTIONS = ("runtime.goexit", "runtime.mstart", "main.main", "main.l1", "runtime.gopark",
             "runtime.chanrecv1", "sync.(*Mutex).Lock", "main.(*T).Sum", "fmt.Fprintln")


class Elf:
    """The parts of an ELF-64 file that matter here."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        self.machine, = struct.unpack_from("<H", self.data, 18)
        phoff, shoff = struct.unpack_from("<QQ", self.data, 32)
        phnum, _, shnum, names = struct.unpack_from("<HHHH", self.data, 56)
        self.segments = [struct.unpack_from("<IIQQQQQQ", self.data, phoff + i * 56)
                         for i in range(phnum)]
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + i * 64)
                         for i in range(shnum)]
        strings = self.sections[names][4]
        self.names = [self.string(strings + section[0]) for section in self.sections]
        self.symbols = self.read_symbols()

    def string(self, offset):
        return self.data[offset:self.data.index(b"\0", offset)].decode("utf-8", "replace")

    def read_symbols(self):
        section = self.sections[self.names.index(".symtab")]
        strings = self.sections[section[6]][4]
        symbols = {}
        for at in range(section[4], section[4] + section[5], 24):
            name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", self.data, at)
            symbols.setdefault(self.string(strings + name), value)
        return symbols

    def section(self, name):
        section = self.sections[self.names.index(name)]
        return section[3], self.data[section[4]:section[4] + section[5]]

    def at(self, address, size):
        for kind, _, offset, start, _, in_file, _, _ in self.segments:
            if kind == 1 and start <= address < start + in_file:
                return self.data[offset + address - start:][:size]
        raise KeyError(hex(address))

    def u64(self, address):
        return struct.unpack("<Q", self.at(address, 8))[0]


def make_elf(machine, data, flags=6):
    """An ELF file with one segment."""
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, flags, 120, LOAD_ADDRESS, LOAD_ADDRESS, len(data),
                                len(data), 4096) + data


def cut_image(elf):
    """All headers of the file, with the first bytes of each section and segment."""
    out = bytearray(elf.data[:64])
    segments = b""
    start = 64 + 56 * len(elf.segments)
    bodies = b""

    def add(body):
        nonlocal bodies
        bodies += b"\0" * (-len(bodies) % 8) + body
        return start + len(bodies) - len(body)

    for kind, flags, offset, address, _, size, _, align in elf.segments:
        size = min(size, 128)
        offset = add(elf.data[offset:offset + size])
        segments += struct.pack("<IIQQQQQQ", kind, flags, offset, address, address, size, size,
                                align)
    sections = b""
    for header, name in zip(elf.sections, elf.names):
        fields = list(header)
        limit = 512 if name in (".shstrtab", ".strtab") else 240
        body = b"" if fields[1] in (0, 8) else elf.data[fields[4]:][:min(fields[5], limit)]
        if fields[1] == 3 and body:
            body = body[:-1] + b"\0"
        fields[4], fields[5] = add(body), len(body)
        sections += struct.pack("<IIQQQQIIQQ", *fields)
    table = add(sections)
    struct.pack_into("<QQ", out, 32, 64, table)
    return bytes(out) + segments + bodies


def cut_buildinfo(elf, minor):
    if minor < 13:
        return None
    _, data = elf.section(".go.buildinfo")
    if minor >= 18:
        return make_elf(elf.machine, data[:1024])
    out = bytearray(data[:32])
    texts = b""
    for field in (16, 24):
        header, = struct.unpack_from("<Q", out, field)
        text, size = elf.u64(header), elf.u64(header + 8)
        body = elf.at(text, size)[-512:] if size else b""
        struct.pack_into("<Q", out, field, LOAD_ADDRESS + 32 + (field - 16) * 2)
        out += struct.pack("<QQ", LOAD_ADDRESS + 64 + len(texts), len(body))
        texts += body
    return make_elf(elf.machine, bytes(out) + texts)


def uvarint_end(data, at):
    while data[at] & 0x80:
        at += 1
    return at + 1


def pc_table(data, at):
    """The bytes of the pc table at AT."""
    end, first = at, True
    while first or data[end]:
        end = uvarint_end(data, uvarint_end(data, end))
        first = False
    return data[at:end + 1]


class Table:
    """A pclntab."""

    # name, pcsp (pcfile and pcln follow), npcdata, nfuncdata, size: runtime/runtime2.go _func.
    RECORDS = {0xfffffffb: (8, 20, 32, 39, 40), 0xfffffffa: (8, 20, 32, 43, 44),
               0xfffffff0: (4, 16, 28, 39, 40), 0xfffffff1: (4, 16, 28, 43, 44)}

    def __init__(self, elf):
        self.address, self.data = elf.section(".gopclntab")
        self.magic, = struct.unpack_from("<I", self.data)
        self.record = self.RECORDS[self.magic]
        self.old = self.magic == 0xfffffffb
        self.width = 8 if self.magic >= 0xfffffffa else 4
        self.count, = struct.unpack_from("<Q", self.data, 8)
        words = struct.unpack_from("<8Q", self.data, 8)
        if self.old:
            self.names = self.pcs = self.base = 0
            self.functab = 16
        else:
            first = 2 if self.width == 8 else 3
            self.header_size = 8 + (first + 5) * 8
            self.names, self.cus, self.files, self.pcs, self.functab = words[first:first + 5]
            self.base = self.functab

    def entry(self, index):
        form = "<QQ" if self.width == 8 else "<II"
        return struct.unpack_from(form, self.data, self.functab + index * self.width * 2)

    def string(self, at):
        return self.data[at:self.data.index(b"\0", at) + 1]

    def name(self, index):
        at = self.base + self.entry(index)[1]
        offset, = struct.unpack_from("<I", self.data, at + self.record[0])
        return self.string(self.names + offset)


def cut_record(table, index, names, tables):
    """The record of a function with its names and tables appended to those lists; file numbers are kept."""
    name_at, pcsp_at, npcdata_at, nfuncdata_at, size = table.record
    at = table.base + table.entry(index)[1]
    npcdata, = struct.unpack_from("<I", table.data, at + npcdata_at)
    nfuncdata = table.data[at + nfuncdata_at]
    out = bytearray(table.data[at:at + size + npcdata * 4])
    struct.pack_into("<I", out, name_at, len(names))
    names += table.name(index)
    places = [pcsp_at, pcsp_at + 4, pcsp_at + 8] + [size + i * 4 for i in range(npcdata)]
    for place in places:
        offset, = struct.unpack_from("<I", out, place)
        if offset:
            struct.pack_into("<I", out, place, len(tables))
            tables += pc_table(table.data, table.pcs + offset)
    if table.width == 8:
        out += b"\0" * (-len(out) % 8) + struct.pack("<Q", LOAD_ADDRESS) * nfuncdata
    else:
        out += struct.pack("<I", 0) * nfuncdata
    return bytes(out)


def cut_table(table, wanted):
    """A whole table of the functions wanted: parts of the real one, offsets made anew."""
    chosen = [i for i in range(table.count) if table.name(i)[:-1].decode() in wanted]
    width = table.width
    header = table.header_size if not table.old else 16 + (len(chosen) * 2 + 1) * 8 + 4
    names, tables = bytearray(b"main.inlined\0"), bytearray(1)
    records = [cut_record(table, i, names, tables) for i in chosen]
    names += b"\0" * (-len(names) % 8)
    files = b"/src/main.go\0/src/runtime/proc.go\0".ljust(40, b"\0")
    cus = b"".join(struct.pack("<I", n % 2 * 13) for n in range(64))
    tables += b"\0" * (-(header + len(names) + len(cus) + len(files) + len(tables)) % 8)
    head = bytearray(table.data[:8]) + struct.pack("<Q", len(chosen))
    if table.old:
        return finish_old(table, chosen, records, head, names, tables, files)
    name_at = header
    places = [name_at, name_at + len(names), 0, 0, 0]
    places[2] = places[1] + len(cus)
    places[3] = places[2] + len(files)
    places[4] = places[3] + len(tables)
    head += table.data[16:header - 40] + struct.pack("<5Q", *places)
    functab, body = b"", b""
    start = (len(chosen) * 2 + 1) * width
    start += -start % 8
    for index, record in zip(chosen, records):
        # The compilation unit's files begin at 0.
        record = bytearray(record)
        struct.pack_into("<I", record, 36 if width == 8 else 32, 0)
        functab += struct.pack("<QQ" if width == 8 else "<II", table.entry(index)[0],
                               start + len(body))
        body += record + b"\0" * (-len(record) % 8)
    functab += struct.pack("<Q" if width == 8 else "<I", table.entry(chosen[-1] + 1)[0])
    return bytes(head + names + cus + files + tables) + functab.ljust(start, b"\0") + body


def finish_old(table, chosen, records, head, names, tables, files):
    """Up to 1.15: all offsets count from the magic."""
    start = 16 + (len(chosen) * 2 + 1) * 8 + 4
    name_at, pcsp_at, npcdata_at, _, size = table.record
    tables_at = start + len(names)
    file_at = tables_at + len(tables)
    filetab_at = file_at + len(files) + (-(file_at + len(files)) % 8)
    filetab = struct.pack("<I", 64) + b"".join(struct.pack("<I", file_at + n % 2 * 13)
                                               for n in range(63))
    body_at = filetab_at + len(filetab)
    functab, body = b"", b""
    for index, record in zip(chosen, records):
        record = bytearray(record)
        npcdata, = struct.unpack_from("<I", record, npcdata_at)
        places = [(name_at, start)] + [(pcsp_at + i * 4, tables_at) for i in range(3)]
        places += [(size + i * 4, tables_at) for i in range(npcdata)]
        for place, base in places:
            offset, = struct.unpack_from("<I", record, place)
            if offset or place == name_at:
                struct.pack_into("<I", record, place, base + offset)
        functab += struct.pack("<QQ", table.entry(index)[0], body_at + len(body))
        body += record + b"\0" * (-len(record) % 8)
    functab += struct.pack("<QI", table.entry(chosen[-1] + 1)[0], filetab_at)
    out = head + functab + names + tables + files
    return bytes(out.ljust(filetab_at, b"\0") + filetab) + body


class Types:
    """The region of type descriptors, and a smaller one that grows."""

    def __init__(self, elf, minor):
        self.elf, self.minor = elf, minor
        self.address = elf.symbols["runtime.types"]
        self.data = elf.at(self.address, elf.symbols["runtime.etypes"] - self.address)
        self.out = bytearray(8)
        self.copied = {}

    def name_bytes(self, at):
        if self.minor <= 16:
            size = self.data[at + 1] << 8 | self.data[at + 2]
            return self.data[at:at + 3 + size], 3
        size, shift, end = 0, 0, at + 1
        while True:
            byte = self.data[end]
            size |= (byte & 127) << shift
            shift, end = shift + 7, end + 1
            if byte < 128:
                return self.data[at:end + size], end - at

    def add(self, body, align=1):
        self.out += b"\0" * (-len(self.out) % align)
        at = len(self.out)
        self.out += body
        return at

    def copy_name(self, offset):
        return self.add(self.name_bytes(offset)[0])

    def find(self, wanted):
        for at in range(-self.address & 7, len(self.data) - 80, 8):
            if self.data[at + 23] & 31 != 25 or self.data[at + 21] != self.data[at + 22]:
                continue
            offset, = struct.unpack_from("<i", self.data, at + 40)
            if not 0 < offset < len(self.data) - 4:
                continue
            body, header = self.name_bytes(offset)
            if body[header:].lstrip(b"*").decode("utf-8", "replace") == wanted:
                return at
        return None

    def copy(self, at, depth=0):
        """Copies the type at AT; structs with their fields."""
        if at in self.copied:
            return self.copied[at]
        is_struct = self.data[at + 23] & 31 == 25
        count = struct.unpack_from("<Q", self.data, at + 64)[0] if is_struct and depth < 3 else 0
        body = bytearray(self.data[at:at + 96])
        new = self.add(bytes(96 + count * 24), 8)
        self.copied[at] = new
        struct.pack_into("<I", body, 40, self.copy_name(struct.unpack_from("<i", body, 40)[0]))
        if is_struct:
            package, fields = struct.unpack_from("<QQ", body, 48)
            if package:
                package = LOAD_ADDRESS + self.copy_name(package - self.address)
            struct.pack_into("<QQQQ", body, 48, package, LOAD_ADDRESS + new + 96, count, count)
        self.out[new:new + 96] = body
        for i in range(count):
            name, kind, offset = struct.unpack_from("<QQQ", self.data,
                                                    fields - self.address + i * 24)
            values = (LOAD_ADDRESS + self.copy_name(name - self.address),
                      LOAD_ADDRESS + self.copy(kind - self.address, depth + 1), offset)
            struct.pack_into("<QQQ", self.out, new + 96 + i * 24, *values)
        return new


def cut_types(elf, minor, wanted):
    types = Types(elf, minor)
    for name in wanted:
        at = types.find(name)
        if at is not None:
            types.copy(at)
    return struct.pack("<QQ", minor, LOAD_ADDRESS) + bytes(types.out)


def main(arguments):
    if len(arguments) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    for argument in arguments[1:]:
        minor, path = argument.split("=", 1)
        minor = int(minor)
        elf = Elf(path)
        table = cut_table(Table(elf), FUNCTIONS)
        inputs = {
            "image": cut_image(elf),
            "buildinfo": cut_buildinfo(elf, minor),
            "pclntab": bytes([minor]) + table,
            "gotype": cut_types(elf, minor, STRUCTS if minor in (12, 27) else STRUCTS[1:]),
        }
        for name, data in inputs.items():
            if data:
                folder = os.path.join(arguments[0], name)
                os.makedirs(folder, exist_ok=True)
                with open(os.path.join(folder, "go1.%d" % minor), "wb") as f:
                    f.write(data)
        with open(os.path.join(arguments[0], "pclntab", "go1.%d.elf" % minor), "wb") as f:
            f.write(bytes([minor]) + make_elf(elf.machine, table))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
