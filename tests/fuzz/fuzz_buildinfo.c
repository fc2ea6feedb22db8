/* SPDX-License-Identifier: MIT */
#include <gospy/buildinfo.h>

#include "fuzz.h"

/** The input is an ELF file; where it has no build information, also the text of a version and of
 * module lines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gospy_buildinfo info = {0};
	struct gospy_source source;
	struct gospy_image image;
	char *path, *version;

	gospy_source_init_buffer(&source, data, size);
	if (fuzz_ok(gospy_image_init(&image, &source))) {
		fuzz_ok(gospy_buildinfo_read(&image, &info));
		gospy_image_deinit(&image);
	}
	char *text = info.modinfo ? strdup(info.modinfo) : strndup((const char *)data, size);
	if (text && fuzz_ok(gospy_buildinfo_main_module(text, &path, &version))) {
		free(path);
		free(version);
	}
	if (text)
		(void)gospy_go_version_parse(info.version ? info.version : text);
	free(text);
	gospy_buildinfo_deinit(&info);
	return 0;
}
