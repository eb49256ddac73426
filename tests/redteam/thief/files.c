/* Ways to a value through the file where it lies: every call that opens, maps,
 * moves or links, with and without a detour. Catalogue rows S.
 *
 * Never: a file left where an attack has moved it.
 */
#include "thief.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *const shelters[] = {"/tmp", "/dev/shm", "/run", "/workspace", "/workspace/src", "/srv"};
enum { SHELTERS = sizeof shelters / sizeof *shelters };

static void read_and_close(const char *where, int file) {
    if (step(where, file) < 0) return;
    read_descriptor(where, file);
    close(file);
}

static void open_plainly(const char *path) {
    int ways[] = {O_RDONLY, O_RDWR, O_RDONLY | O_NOFOLLOW, O_RDONLY | O_DIRECT, O_RDONLY | O_NOATIME,
                  O_RDWR | O_APPEND, 3, O_RDONLY | O_SYNC};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        read_and_close(path, open(path, ways[i] | O_CLOEXEC | O_NONBLOCK));
    void *mapped;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && (mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0)) != MAP_FAILED)
        look(path, mapped, 4096);
}

static void open_with_openat2(const char *path) {
    uint64_t ways[] = {0, RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_XDEV, RESOLVE_IN_ROOT,
                       RESOLVE_BENEATH, RESOLVE_CACHED};
    char directory[NAME];
    const char *name = split(path, directory);
    int below = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = ways[i]};
        read_and_close(path, (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
        read_and_close(path, (int)syscall(SYS_openat2, below, name, &how, sizeof how));
    }
}

/* A descriptor without access, and what can be made of it. */
static void open_through_path_descriptor(const char *path) {
    char again[64], piece[4096];
    int handle = (int)step(path, open(path, O_PATH | O_CLOEXEC)), ends[2];
    if (handle < 0) return;
    snprintf(again, sizeof again, "/proc/self/fd/%d", handle);
    read_path(again);
    read_and_close(path, openat(handle, "", O_RDONLY));
    if (read(handle, piece, sizeof piece) > 0) took("read of an O_PATH descriptor");
    if (pipe2(ends, O_NONBLOCK) != 0) return;
    int odd[] = {handle, open(path, O_WRONLY | O_CLOEXEC)};
    for (int i = 0; i < 2; i++) {
        loff_t start = 0;
        if (splice(odd[i], &start, ends[1], NULL, sizeof piece, SPLICE_F_NONBLOCK) > 0 ||
            sendfile(ends[1], odd[i], NULL, sizeof piece) > 0) {
            ssize_t got = read(ends[0], piece, sizeof piece);
            if (got > 0) look("a descriptor that cannot read", piece, (size_t)got);
        }
        int copy = (int)syscall(SYS_memfd_create, "copy", 0);
        if (syscall(SYS_copy_file_range, odd[i], &start, copy, NULL, sizeof piece, 0) > 0)
            read_descriptor("copy_file_range", copy);
        void *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, odd[i], 0);
        if (mapped != MAP_FAILED) look("a mapping", mapped, 64);
    }
}

/* The same file in other words. */
static void spell_differently(const char *path) {
    char other[2 * NAME], directory[NAME], link[64];
    const char *name = split(path, directory);
    snprintf(other, sizeof other, "/.%s/.//%s", directory, name);
    read_path(other);
    snprintf(other, sizeof other, "/var%s", path);
    read_path(other);
    snprintf(other, sizeof other, "/tmp/..%s", path);
    read_path(other);
    for (int i = 0; i < SHELTERS; i++) {
        snprintf(link, sizeof link, "%s/link-%d", shelters[i], getpid());
        if (step(link, symlink(path, link)) != 0) continue;
        int file = open(link, O_RDONLY | O_CLOEXEC);
        unlink(link);
        read_and_close("a symbolic link", file);
        if (symlink(directory, link) != 0) continue;
        snprintf(other, sizeof other, "%s/%s", link, name);
        file = open(other, O_RDONLY | O_CLOEXEC);
        unlink(link);
        read_and_close("a symbolic link to the directory", file);
    }
}

static void open_from_inside(const char *path) {
    char directory[NAME], absolute[NAME];
    const char *name = split(path, directory);
    if (step(directory, chdir(directory)) != 0) return;
    read_path(name);
    snprintf(absolute, sizeof absolute, "/proc/self/cwd/%s", name);
    read_path(absolute);
    if (step("chroot", chroot(".")) != 0) return;
    read_path(name);
    snprintf(absolute, sizeof absolute, "/%s", name);
    read_path(absolute);
}

/* Another name in a directory that may be read. */
static void link_elsewhere(const char *path) {
    char link[64], magic[64], directory[NAME], beside[2 * NAME];
    int handle = open(path, O_PATH | O_CLOEXEC);
    const char *name = split(path, directory);
    snprintf(magic, sizeof magic, "/proc/self/fd/%d", handle);
    for (int i = 0; i <= SHELTERS; i++) {
        if (i < SHELTERS) snprintf(link, sizeof link, "%s/hard-%d", shelters[i], getpid());
        snprintf(beside, sizeof beside, "%s/.%s-%d", directory, name, getpid());
        const char *target = i < SHELTERS ? link : beside;
        if (step(target, linkat(AT_FDCWD, path, AT_FDCWD, target, 0)) != 0 &&
            step(target, linkat(AT_FDCWD, magic, AT_FDCWD, target, AT_SYMLINK_FOLLOW)) != 0 &&
            step(target, linkat(handle, "", AT_FDCWD, target, AT_EMPTY_PATH)) != 0)
            continue;
        int file = open(target, O_RDONLY | O_CLOEXEC);
        unlink(target);
        read_and_close("a hard link", file);
    }
}

static int rename_flags;

/* Moved, read, and moved back. */
static void move_and_read(const char *from, const char *to, const char *inside) {
    char moved[3 * NAME];
    if (rename_flags) {
        mkdir(to, 0755);
        if (access(to, F_OK) != 0) close(open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    }
    if (step(from, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, rename_flags)) == 0) {
        snprintf(moved, sizeof moved, "%s%s%s", to, *inside ? "/" : "", inside);
        int file = open(moved, O_RDONLY | O_CLOEXEC), error = errno;
        syscall(SYS_renameat2, AT_FDCWD, to, AT_FDCWD, from, rename_flags);
        errno = error;
        read_and_close("a moved file", file);
    }
    if (rename_flags) {
        rmdir(to);
        unlink(to);
    }
}

static void move_elsewhere(const char *path) {
    char directory[NAME], parent[NAME], to[2 * NAME], inside[2 * NAME];
    const char *name = split(path, directory), *last = split(directory, parent);
    snprintf(inside, sizeof inside, "%s/%s", last, name);
    for (int i = 0; i < SHELTERS; i++) {
        snprintf(to, sizeof to, "%s/moved-%d", shelters[i], getpid());
        move_and_read(path, to, "");
        if (*parent) move_and_read(directory, to, name);
    }
    snprintf(to, sizeof to, "%s.moved", directory);
    move_and_read(directory, to, name);
    snprintf(to, sizeof to, "%s.moved", path);
    move_and_read(path, to, "");
    snprintf(to, sizeof to, "%s.moved", parent);
    if (*parent) move_and_read(parent, to, inside);
}

static void rename_plainly(const char *path) {
    rename_flags = 0;
    move_elsewhere(path);
}

static void rename_by_exchange(const char *path) {
    rename_flags = 2; /* RENAME_EXCHANGE */
    move_elsewhere(path);
}

/* io_uring: an open and a read that are not system calls of their own. */
struct ring {
    int descriptor;
    struct io_uring_params parameters;
    char *submissions, *completions;
    struct io_uring_sqe *entries;
};

static int set_up(struct ring *ring) {
    ring->descriptor = (int)step("io_uring_setup", syscall(SYS_io_uring_setup, 2, &ring->parameters));
    if (ring->descriptor < 0) return 0;
    struct io_uring_params *p = &ring->parameters;
    size_t size = p->sq_off.array + p->sq_entries * 4, other = p->cq_off.cqes + p->cq_entries * 16;
    ring->submissions = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                             ring->descriptor, IORING_OFF_SQ_RING);
    ring->completions = mmap(NULL, other, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                             ring->descriptor, IORING_OFF_CQ_RING);
    ring->entries = mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_POPULATE, ring->descriptor, IORING_OFF_SQES);
    return ring->submissions != MAP_FAILED && ring->completions != MAP_FAILED &&
           ring->entries != MAP_FAILED;
}

static int submit(struct ring *ring, struct io_uring_sqe entry) {
    struct io_uring_params *p = &ring->parameters;
    unsigned *tail = (unsigned *)(ring->submissions + p->sq_off.tail);
    unsigned *mask = (unsigned *)(ring->submissions + p->sq_off.ring_mask);
    unsigned *array = (unsigned *)(ring->submissions + p->sq_off.array);
    unsigned *head = (unsigned *)(ring->completions + p->cq_off.head);
    unsigned slot = *tail & *mask;
    ring->entries[slot] = entry;
    array[slot] = slot;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, ring->descriptor, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
        return -errno;
    struct io_uring_cqe *done = (struct io_uring_cqe *)(ring->completions + p->cq_off.cqes);
    int result = done[*head & *(unsigned *)(ring->completions + p->cq_off.ring_mask)].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    return result;
}

static void open_by_ring(const char *path) {
    static char piece[4096];
    struct ring ring = {0};
    if (!set_up(&ring)) return;
    struct io_uring_sqe opening = {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD,
                                   .addr = (uint64_t)(uintptr_t)path, .open_flags = O_RDONLY};
    int file = submit(&ring, opening);
    errno = file < 0 ? -file : 0;
    if (step("io_uring openat", file < 0 ? -1 : file) < 0) return;
    struct io_uring_sqe reading = {.opcode = IORING_OP_READ, .fd = file,
                                   .addr = (uint64_t)(uintptr_t)piece, .len = sizeof piece};
    int got = submit(&ring, reading);
    if (got > 0) look("io_uring", piece, (size_t)got);
}

/* Other programs, which the kernel starts with whatever rights they have. */
static void read_output_of(const char *where, char *const words[]) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        execv(words[0], words);
        _exit(127);
    }
    close(ends[1]);
    int status;
    read_descriptor(where, ends[0]);
    waitpid(child, &status, 0);
    errno = EACCES;
    if (WIFEXITED(status) && WEXITSTATUS(status) != 127) step(where, WEXITSTATUS(status) ? -1 : 0);
}

static void let_programs_read(const char *path) {
    char quoted[2 * NAME];
    snprintf(quoted, sizeof quoted, "cat < %s; . %s; /bin/sh %s", path, path, path);
    read_output_of("cat", (char *[]){"/bin/cat", (char *)path, NULL});
    read_output_of("a shell", (char *[]){"/bin/sh", "-c", quoted, NULL});
}

/* What main could ask vestibule itself to do with the same secrets. */
static const char *vestibule;

static void let_vestibule_read(const char *path) {
    char *program = (char *)vestibule, *file = (char *)path;
    read_output_of("vestibule", (char *[]){program, "--", "/bin/cat", file, NULL});
    read_output_of("vestibule -s", (char *[]){program, "-s", "--", "/usr/bin/env", NULL});
    read_output_of("vestibule exec", (char *[]){program, "exec", "--", "/bin/cat", file, NULL});
    read_output_of("vestibule check", (char *[]){program, "check", "--json", NULL});
}

static void start_vestibule(const char *program) {
    vestibule = program;
    for_places("pa", let_vestibule_read);
}

static const char *set_uid_cat;

static void read_with_set_uid_cat(const char *path) {
    read_output_of("a set-uid program", (char *[]){(char *)set_uid_cat, "cat", (char *)path, NULL});
}

static void start_set_uid_cat(const char *program) {
    set_uid_cat = program;
    for_places("pa", read_with_set_uid_cat);
}

/* Somebody opens the file for us: the event carries a descriptor. */
static void watch(const char *path) {
    struct fanotify_event_metadata event;
    int group = (int)step("fanotify_init", fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY));
    if (group < 0) return;
    if (step("fanotify_mark", fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN | FAN_ACCESS,
                                            AT_FDCWD, path)) != 0)
        return;
    if (fork() == 0) {
        open(path, O_PATH);
        open(path, O_RDONLY);
        _exit(0);
    }
    wait(NULL);
    while (read(group, &event, sizeof event) > 0)
        if (event.fd >= 0) read_and_close("fanotify", event.fd);
}

static void connect_to(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (step(path, connect(line, (struct sockaddr *)&address, sizeof address)) == 0)
        read_descriptor(path, line);
}

static void attributes(const char *path) {
    char value[4096];
    ssize_t got = listxattr(path, value, sizeof value);
    if (step(path, got) > 0) look(path, value, (size_t)got);
    got = getxattr(path, "user.value", value, sizeof value);
    if (got > 0) look(path, value, (size_t)got);
}

static void plainly(void) { for_places("p", open_plainly); }
static void by_openat2(void) { for_places("pa", open_with_openat2); }
static void by_path_descriptor(void) { for_places("pa", open_through_path_descriptor); }
static void by_other_names(void) { for_places("pa", spell_differently); }
static void by_chdir(void) { for (int i = 0; i < place_count; i++) if (strchr("pa", places[i].kind)) apart(open_from_inside, places[i].path); }
static void by_link(void) { for_places("pa", link_elsewhere); }
static void by_rename(void) { for_places("pa", rename_plainly); }
static void by_exchange(void) { for_places("pa", rename_by_exchange); }
static void by_ring(void) { for_places("pa", open_by_ring); }
static void by_programs(void) { for_places("pa", let_programs_read); }
static void by_vestibule(void) { for_places("v", start_vestibule); }
static void by_set_uid(void) { for_places("u", start_set_uid_cat); }
static void by_watching(void) { for_places("pa", watch); }
static void by_alias(void) { for_places("ah", open_plainly); }
static void by_attributes(void) { for_places("p", attributes); }
static void by_socket(void) { for_places("s", connect_to); }

const struct attack file_attacks[] = {
    {"S1", "open", plainly},
    {"S1", "openat2", by_openat2},
    {"S1", "O_PATH descriptor, then splice, copy, map", by_path_descriptor},
    {"S1", "symbolic links and other spellings", by_other_names},
    {"S1", "chdir and chroot into the directory", by_chdir},
    {"S1", "hard link into another directory", by_link},
    {"S1", "rename of the file, its directory, the one above", by_rename},
    {"S1", "exchange with a file of its own", by_exchange},
    {"S1", "io_uring", by_ring},
    {"S1", "other programs", by_programs},
    {"S1", "vestibule, started by main", by_vestibule},
    {"S1", "fanotify", by_watching},
    {"S8", "second mount or name of the file", by_alias},
    {"S10", "socket beside the file", by_socket},
    {"S11", "extended attributes", by_attributes},
    {"X1", "set-uid program", by_set_uid},
    {NULL, NULL, NULL},
};
