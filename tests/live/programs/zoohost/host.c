// Loads the zoo as a Go library and runs it: a C program with a Go runtime inside.

#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	void (*run)(void);

	if (!library) {
		fprintf(stderr, "%s\n", argc > 1 ? dlerror() : "no library named");
		return 1;
	}
	*(void **)&run = dlsym(library, "ZooRun");
	if (!run) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	run();
	return 0;
}
