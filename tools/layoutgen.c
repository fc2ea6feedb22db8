/* SPDX-License-Identifier: MIT */
/*
 * Prints how the DWARF of an ELF file lays out Go structs, for tools/layout-table and the tests:
 *
 *     layoutgen FILE STRUCT...       only these
 *     layoutgen FILE --all           every struct type, once by name
 *
 * Lines: "STRUCT<tab>SIZE", and "STRUCT<tab>FIELD<tab>OFFSET<tab>SIZE" for each field, nested
 * structs dotted. Stands on libdw alone, not on gospy's own reader, for which it is the witness.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 8

static void die(const char *what)
{
	fprintf(stderr, "layoutgen: %s: %s\n", what, dwarf_errmsg(-1));
	exit(1);
}

static bool offset_of(Dwarf_Die *member, uint64_t *ret)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;
	Dwarf_Op *ops;
	size_t count;

	if (!dwarf_attr(member, DW_AT_data_member_location, &attribute))
		return false;
	if (!dwarf_formudata(&attribute, &value)) {
		*ret = value;
		return true;
	}
	if (dwarf_getlocation(&attribute, &ops, &count) || count != 1)
		return false;
	*ret = ops[0].number;
	return true;
}

/* Recursive: the files are those of toolchains, and MAX_DEPTH bounds it. */
static void print_members(Dwarf_Die *type, const char *name, const char *prefix, uint64_t base,
			  int depth)
{
	Dwarf_Attribute attribute;
	Dwarf_Die member, member_type;

	if (depth == MAX_DEPTH || dwarf_child(type, &member))
		return;
	do {
		char path[1024];
		Dwarf_Word size = 0;
		uint64_t offset;
		if (dwarf_tag(&member) != DW_TAG_member || !offset_of(&member, &offset) ||
		    !dwarf_attr(&member, DW_AT_type, &attribute) ||
		    !dwarf_formref_die(&attribute, &member_type) ||
		    dwarf_peel_type(&member_type, &member_type))
			continue;
		dwarf_aggregate_size(&member_type, &size);
		printf("%s\t%s%s\t%llu\t%llu\n", name, prefix, dwarf_diename(&member),
		       (unsigned long long)(base + offset), (unsigned long long)size);
		if (dwarf_tag(&member_type) != DW_TAG_structure_type)
			continue;
		snprintf(path, sizeof(path), "%s%s.", prefix, dwarf_diename(&member));
		print_members(&member_type, name, path, base + offset, depth + 1);
	} while (!dwarf_siblingof(&member, &member));
}

static bool is_wanted(const char *name, char **names)
{
	if (!strcmp(names[0], "--all"))
		return true;
	for (; *names; names++) {
		if (!strcmp(*names, name))
			return true;
	}
	return false;
}

static void print_unit(Dwarf_Die *unit, char **names)
{
	Dwarf_Die die;

	if (dwarf_child(unit, &die))
		return;
	do {
		Dwarf_Word size;
		const char *name = dwarf_diename(&die);
		if (dwarf_tag(&die) != DW_TAG_structure_type || !name || !is_wanted(name, names) ||
		    dwarf_aggregate_size(&die, &size))
			continue;
		printf("%s\t%llu\n", name, (unsigned long long)size);
		print_members(&die, name, "", 0, 0);
	} while (!dwarf_siblingof(&die, &die));
}

int main(int argc, char **argv)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die unit_die;

	if (argc < 3) {
		fprintf(stderr, "usage: layoutgen FILE --all | STRUCT...\n");
		return 2;
	}
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	Dwarf *dwarf = fd < 0 ? NULL : dwarf_begin(fd, DWARF_C_READ);
	if (!dwarf)
		die(argv[1]);
	while (!dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &unit_die, NULL))
		print_unit(&unit_die, argv + 2);
	dwarf_end(dwarf);
	close(fd);
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
