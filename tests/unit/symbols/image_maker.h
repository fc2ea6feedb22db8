/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TEST_IMAGE_MAKER_H
#define GOSPY_TEST_IMAGE_MAKER_H

#include <gospy/image.h>

#include "elf_writer.h"

/** Opens the image of the file that `elf` describes; the image owns the bytes. */
static inline struct gospy_error *make_image(struct elf_writer *elf, struct gospy_image *ret)
{
	struct gospy_source source;

	elf_finish(elf);
	gospy_source_init_owned(&source, elf->bytes, elf->size);
	struct gospy_error *err = gospy_image_init(ret, &source);
	gospy_source_deinit(&source);
	return err;
}

#endif
