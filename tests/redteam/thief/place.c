/* Another program in the place of the init, which a health check would run beside
 * main, as the container's user and not confined. Catalogue row H7.
 *
 * Never: an init that is gone afterwards: a second name of it, elsewhere on the same
 * file system, is put back. A file that opens for writing is not written to.
 */
#include "thief.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EXCHANGE = 2, WHITEOUT = 4 };

/* A directory of the init's file system, and three names in it. */
static const char *shelter = "/workspace";
static char kept[NAME], planted[NAME], away[NAME];

/* What was there, kept by another name; and what is to be there instead. */
static int prepare(const char *path) {
    snprintf(kept, sizeof kept, "%s/kept-%d", shelter, getpid());
    snprintf(planted, sizeof planted, "%s/planted-%d", shelter, getpid());
    snprintf(away, sizeof away, "%s/away-%d", shelter, getpid());
    int file = open(planted, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755);
    if (step(planted, file) < 0) return 0;
    if (write(file, "#!/bin/sh\n", 10) < 0) step(planted, -1);
    close(file);
    return step(kept, linkat(AT_FDCWD, path, AT_FDCWD, kept, 0)) == 0;
}

static void clean_up(void) {
    unlink(kept);
    unlink(planted);
    unlink(away);
}

/* Whether the name leads to another file by now, or nowhere; put right before. */
static void judge(const char *path, const char *way) {
    struct stat now, before;
    int is_there = lstat(path, &now) == 0, is_known = lstat(kept, &before) == 0;
    if (!is_known || (is_there && now.st_ino == before.st_ino && now.st_dev == before.st_dev)) {
        clean_up();
        return;
    }
    rename(kept, path);
    clean_up();
    took("%s: the place of the init", way);
}

static long move(const char *from, const char *to, int flags) {
    return step(from, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags));
}

static void move_away(const char *path) {
    char beside[NAME + 16];
    if (!prepare(path)) return clean_up();
    snprintf(beside, sizeof beside, "%s.away", path);
    move(path, away, 0);
    judge(path, "moved away");
    prepare(path);
    if (move(path, beside, 0) == 0) unlink(beside);
    judge(path, "moved beside");
    prepare(path);
    move(path, away, WHITEOUT);
    judge(path, "moved away for a whiteout");
}

static void remove_it(const char *path) {
    char other[NAME + 32], directory[NAME];
    if (!prepare(path)) return clean_up();
    step(path, unlink(path));
    judge(path, "removed");
    prepare(path);
    const char *name = split(path, directory);
    int below = open(*directory ? directory : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    step(path, unlinkat(below, name, 0));
    judge(path, "removed from its directory");
    prepare(path);
    snprintf(other, sizeof other, "/proc/self/root%s", path);
    step(other, unlink(other));
    judge(path, "removed through /proc");
}

static void put_over(const char *path) {
    char beside[NAME + 16];
    if (!prepare(path)) return clean_up();
    move(planted, path, 0);
    judge(path, "renamed over");
    prepare(path);
    move(planted, path, EXCHANGE);
    judge(path, "exchanged");
    prepare(path);
    move(path, planted, EXCHANGE);
    judge(path, "exchanged the other way");
    /* As `ln -f` and `install` do: a name beside it, renamed over it. */
    prepare(path);
    snprintf(beside, sizeof beside, "%s.new", path);
    if (step(beside, link(planted, beside)) == 0) move(beside, path, 0);
    unlink(beside);
    judge(path, "linked over");
    prepare(path);
    if (step(beside, symlink(planted, beside)) == 0) move(beside, path, 0);
    unlink(beside);
    judge(path, "a symbolic link over it");
}

static void write_into(const char *path) {
    int ways[] = {O_WRONLY, O_RDWR, O_WRONLY | O_APPEND};
    char again[64];
    struct stat found;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (step(path, open(path, ways[i] | O_CLOEXEC)) >= 0) took("the init, open for writing");
    int handle = open(path, O_PATH | O_CLOEXEC);
    snprintf(again, sizeof again, "/proc/self/fd/%d", handle);
    if (step(again, open(again, O_WRONLY | O_CLOEXEC)) >= 0) took("the init, opened again for writing");
    if (stat(path, &found) == 0 && step(path, truncate(path, found.st_size)) == 0) took("the init, cut off");
    if (prepare(path) && step(kept, open(kept, O_WRONLY | O_CLOEXEC)) >= 0) {
        clean_up();
        took("another name of the init, open for writing");
    }
    clean_up();
}

/* The directory that it is in, and what could be laid over both. */
static void move_directory(const char *path) {
    char directory[NAME];
    if (!prepare(path)) return clean_up();
    split(path, directory);
    if (*directory) {
        if (move(directory, away, 0) == 0) {
            move(away, directory, 0);
            clean_up();
            took("the directory of the init");
        }
    }
    if (step(path, mount(planted, path, NULL, MS_BIND, NULL)) == 0) {
        umount2(path, MNT_DETACH);
        clean_up();
        took("a mount over the init");
    }
    judge(path, "covered");
}

static void from_a_namespace(const char *path) {
    if (!prepare(path)) return clean_up();
    if (step("unshare", unshare(CLONE_NEWUSER | CLONE_NEWNS)) != 0) return clean_up();
    step(path, unlink(path));
    move(planted, path, 0);
    judge(path, "replaced from a user namespace");
}

static void by_moving(void) { for_places("i", move_away); }
static void by_removing(void) { for_places("i", remove_it); }
static void by_putting_over(void) { for_places("i", put_over); }
static void by_writing(void) { for_places("i", write_into); }
static void by_directory(void) { for_places("i", move_directory); }
static void by_namespace(void) { for_places("i", from_a_namespace); }

const struct attack place_attacks[] = {
    {"H7", "the init moved away", by_moving},
    {"H7", "the init removed", by_removing},
    {"H7", "another program over the init", by_putting_over},
    {"H7", "the init written to", by_writing},
    {"H7", "the directory of the init moved, or a mount over it", by_directory},
    {"H7", "the init replaced from a user namespace", by_namespace},
    {NULL, NULL, NULL},
};
