/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include "debuginfod.h"

/** The part of elfutils/debuginfod.h that is used. */
struct client_library {
	void *handle;
	void *(*begin)(void);
	int (*find_debuginfo)(void *client, const unsigned char *build_id, int build_id_size,
			      char **path);
	void (*end)(void *client);
};

static bool load(struct client_library *library)
{
	library->handle = dlopen("libdebuginfod.so.1", RTLD_LAZY | RTLD_LOCAL);
	if (!library->handle)
		return false;
	*(void **)&library->begin = dlsym(library->handle, "debuginfod_begin");
	*(void **)&library->find_debuginfo = dlsym(library->handle, "debuginfod_find_debuginfo");
	*(void **)&library->end = dlsym(library->handle, "debuginfod_end");
	return library->begin && library->find_debuginfo && library->end;
}

struct gospy_error *gospy_debuginfod_fetch(const char *build_id, char **ret_path)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	struct client_library library = {};

	*ret_path = NULL;
	if (!urls || !*urls || !*build_id || !load(&library))
		return NULL;
	void *client = library.begin();
	if (!client)
		return &gospy_enomem;
	/* Size 0: the id is given in hexadecimal. */
	int fd = library.find_debuginfo(client, (const unsigned char *)build_id, 0, ret_path);
	library.end(client);
	if (fd >= 0)
		close(fd);
	/* The handle is kept: libcurl does not take being unloaded well. */
	return NULL;
}
