/* A hash table of names: those of orders in a book, and of the books that are watched. */
#include "core.h"

#include <string.h>

uint32_t name_hash(const char *text, size_t length) {
    uint64_t hash = 0xcbf29ce484222325u ^ length;
    for (; length >= 8; length -= 8, text += 8) {
        uint64_t eight;
        memcpy(&eight, text, 8);
        hash = (hash ^ eight) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    uint64_t rest = 0;
    memcpy(&rest, text, length);
    hash = (hash ^ rest) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash >> 32);
}

Name *names_find(const Names *names, uint32_t hash, const char *text, size_t length) {
    if (!names->room) return NULL;
    for (size_t at = hash & (names->room - 1);; at = (at + 1) & (names->room - 1)) {
        Name *name = names->slots[at];
        if (!name) return NULL;
        if (name->hash == hash && name->length == length && !memcmp(name->text, text, length))
            return name;
    }
}

/* Make room for `more` names, so that inserting them cannot fail. */
bool names_reserve(Names *names, size_t more) {
    size_t wanted = (names->count + more) * 2, room = names->room ? names->room : 16;
    while (room < wanted) room *= 2;
    if (room == names->room) return true;
    Name **slots = core_zeroed(room, sizeof *slots);
    if (!slots) return false;
    Names grown = {slots, room, 0};
    for (size_t at = 0; at < names->room; at++)
        if (names->slots[at]) names_insert(&grown, names->slots[at]);
    core_free(names->slots);
    *names = grown;
    return true;
}

void names_insert(Names *names, Name *name) {
    size_t at = name->hash & (names->room - 1);
    while (names->slots[at]) at = (at + 1) & (names->room - 1);
    names->slots[at] = name;
    names->count++;
}

/* Remove a name that is held, and close the gap that it leaves in its run. */
void names_remove(Names *names, Name *name) {
    size_t mask = names->room - 1, gap = name->hash & mask;
    while (names->slots[gap] != name) gap = (gap + 1) & mask;
    names->slots[gap] = NULL;
    names->count--;
    for (size_t at = (gap + 1) & mask; names->slots[at]; at = (at + 1) & mask) {
        size_t home = names->slots[at]->hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            names->slots[gap] = names->slots[at];
            names->slots[at] = NULL;
            gap = at;
        }
    }
}

void names_free(Names *names) {
    core_free(names->slots);
    *names = (Names){0};
}
