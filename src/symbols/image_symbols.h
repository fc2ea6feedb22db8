/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_IMAGE_SYMBOLS_H
#define GOSPY_IMAGE_SYMBOLS_H

#include <gospy/image.h>

/** The names of an image's symbol tables, hashed: built once, then one probe a look-up. */
struct gospy_image_symbols;

GOSPY_CHECKED struct gospy_error *gospy_image_symbols_create(const struct gospy_image *image,
							     struct gospy_image_symbols **ret);
/** Takes NULL. */
void gospy_image_symbols_destroy(struct gospy_image_symbols *symbols);

/** Whether there is a defined symbol `name`, and its value. */
bool gospy_image_symbols_find(const struct gospy_image_symbols *symbols, const char *name,
			      uint64_t *ret_address);

#endif
