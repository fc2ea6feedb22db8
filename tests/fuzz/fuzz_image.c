/* SPDX-License-Identifier: MIT */
#include <gospy/image.h>

#include "fuzz.h"

/** Reads one byte at each end of each segment and section: all that the image says must be there.
 */
static void touch(const struct gospy_image *image)
{
	for (size_t i = 0; i < image->segments.size; i++) {
		const struct gospy_segment *segment = &image->segments.data[i];
		const uint8_t *bytes = gospy_image_at(image, segment->address, segment->file_size);
		if (!bytes || segment->file_size == 0)
			continue;
		fuzz_touch(bytes);
		fuzz_touch(bytes + segment->file_size - 1);
	}
	for (size_t i = 0; i < image->sections.size; i++) {
		const struct gospy_section *section = &image->sections.data[i];
		uint64_t left = gospy_image_left(image, section->address);
		const uint8_t *bytes = gospy_image_at(image, section->address, left);
		if (bytes && left)
			fuzz_touch(bytes + left - 1);
		fuzz_touch((const uint8_t *)section->name + strlen(section->name));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gospy_source source;
	struct gospy_image image;
	uint64_t address;

	gospy_source_init_buffer(&source, data, size);
	if (!fuzz_ok(gospy_image_init(&image, &source)))
		return 0;
	touch(&image);
	(void)gospy_image_may_be_go(&image);
	(void)gospy_image_section(&image, ".gopclntab");
	fuzz_ok(gospy_image_symbol(&image, "runtime.allgs", &address));
	fuzz_ok(gospy_image_symbol(&image, "", &address));
	gospy_image_deinit(&image);
	return 0;
}
