/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzzer's function once over each file given and each file of each folder given: the corpus
 * as a test, for compilers without libFuzzer.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <gospy/source.h>

#include "fuzz.h"

static int fail(const char *path, struct gospy_error *err)
{
	fprintf(stderr, "%s: %s\n", path, err->message);
	gospy_error_destroy(err);
	return 1;
}

static int run_file(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct gospy_source source;

	if (fd < 0) {
		perror(path);
		return 1;
	}
	struct gospy_error *err = gospy_source_init_read(&source, fd, path);
	if (err)
		return fail(path, err);
	LLVMFuzzerTestOneInput(source.data, source.size);
	gospy_source_deinit(&source);
	return 0;
}

static int run_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int failed = 0, count = 0;

	if (!folder) {
		perror(path);
		return 1;
	}
	while ((entry = readdir(folder))) {
		char file[4096];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		failed |= run_file(file);
		count++;
	}
	closedir(folder);
	printf("%s: %d inputs\n", path, count);
	return failed || count == 0;
}

int main(int argc, char **argv)
{
	int failed = argc < 2;

	for (int i = 1; i < argc; i++) {
		struct stat status;
		bool is_folder = stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode);
		failed |= is_folder ? run_folder(argv[i]) : run_file(argv[i]);
	}
	return failed;
}
