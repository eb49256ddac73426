/* What the parts of the thief share: see thief.c. */
#ifndef THIEF_H
#define THIEF_H
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PATHS = 32, NAME = 256 };

/* Where a withheld value is known to lie, or to be reachable a second time. */
struct place {
    char path[NAME];
    /* p: the file itself, a: another path to it, h: another name of it, l: one that
     * comes later, s: a socket beside it, u: a set-uid copy of this program,
     * v: vestibule, i: the init, where a health check would run it */
    char kind;
};

extern struct place places[PATHS];
extern int place_count;

/* One way of trying. It returns when everything was tried; what it found it
 * says through the four functions below. */
struct attack {
    const char *row;
    const char *way;
    void (*attempt)(void);
};

extern const struct attack process_attacks[], file_attacks[], mount_attacks[], kernel_attacks[],
    power_attacks[], place_attacks[];

/* Looks for the withheld values in bytes that somebody got hold of; found, the
 * attack is over. */
void look(const char *where, const char *bytes, size_t size);
/* The attack took something that main must not have, without reading a value. */
void took(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* One step of the attack: -1 with errno is a refusal, anything else went through. */
long step(const char *what, long answer);
/* The file's bytes, searched; the path is the place. -1 if it cannot be opened. */
int read_path(const char *path);
/* The same for a descriptor. */
void read_descriptor(const char *where, int descriptor);

/* All process ids but the caller's own. */
size_t process_ids(int *ids, size_t room);
/* Calls `each` with every place of these kinds. */
void for_places(const char *kinds, void (*each)(const char *path));
/* The directory of a path, and its last part. */
const char *split(const char *path, char directory[NAME]);
/* A process that may fail, hang or die; its end is waited for. Its findings count. */
void apart(void (*attempt)(const char *), const char *argument);

/* How main carries out the role of somebody else. */
int be_accomplice(char **words);
int be_cat(const char *path);
int be_exec_probe(void);

#endif
