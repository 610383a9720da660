/* Where the core gets its memory. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

Allocator core_memory = {realloc, free};

void *core_resize(void *held, size_t size) { return core_memory.resize(held, size); }

void *core_zeroed(size_t count, size_t size) {
    void *made = core_memory.resize(NULL, count * size);
    return made ? memset(made, 0, count * size) : NULL;
}

void core_free(void *held) { core_memory.release(held); }
