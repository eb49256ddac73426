/* The stage: sets one scene and starts one init in it, or starts one process
 * beside the init of another scene.
 *
 * In: records on descriptor 0, a stream socket: a count of fields, then each
 * field as length and bytes (32 bits, little endian). Out: lines on the same
 * socket: "pid N" once the init runs or is held, "sent ERRNO" for each signal, "inner ..."
 * and "end ..." for an end, "error ..." for a step that failed.
 *
 * C, because between fork and exec of a process that is to be PID 1 there must
 * be no runtime: every step here is one system call, in the order of the
 * records. The socket is also the life line: when it closes, the init is
 * killed, and with PID 1 the kernel ends every process of the scene.
 *
 * Never: a decision. What a scene is, scene.rs says.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "beside.h"

enum { SOCKET = 900, READY = 901, FIELDS = 64, WORDS = 4096 };

static char *field[FIELDS];
static uint32_t length[FIELDS];
static char *words[WORDS], *variables[WORDS];
static size_t word_count, variable_count;

static void say(const char *format, const char *text, long number) {
    char line[4400];
    int size = snprintf(line, sizeof line, format, text, number);
    if (write(SOCKET, line, (size_t)size) < 0) _exit(99);
}

static void fail(const char *step) {
    say("error %s: errno %ld\n", step, errno);
    _exit(99);
}

static void must(int passed, const char *step) {
    if (!passed) fail(step);
}

static int read_exactly(void *to, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t got = read(SOCKET, (char *)to + done, size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return 0;
        done += (size_t)got;
    }
    return 1;
}

/* Reads one record; every field gets a NUL behind it. */
static int read_record(void) {
    uint32_t count;
    if (!read_exactly(&count, 4) || count > FIELDS) return 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_exactly(&length[i], 4)) return 0;
        field[i] = malloc((size_t)length[i] + 1);
        if (field[i] == NULL || !read_exactly(field[i], length[i])) return 0;
        field[i][length[i]] = 0;
    }
    return 1;
}

static int is(const char *name) { return strcmp(field[0], name) == 0; }
static long number(int i) { return strtol(field[i], NULL, 10); }
static mode_t mode(int i) { return (mode_t)strtol(field[i], NULL, 8); }
static uint64_t set(int i) { return strtoull(field[i], NULL, 16); }

/* The root is a directory that outlives the scene: what an earlier one made in
 * it, or its main did, stays as it is. */
static int is_kept;

/* Paths of a scene are absolute; the working directory is its root. */
static const char *inside(int i) { return field[i][1] ? field[i] + 1 : "."; }

static void make_parents(const char *path) {
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *slash = strchr(copy, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        must(mkdir(copy, 0755) == 0 || errno == EEXIST, copy);
        *slash = '/';
    }
}

static void make_directory(const char *path, mode_t bits) {
    make_parents(path);
    must(mkdir(path, 0755) == 0 || errno == EEXIST, path);
    must(chmod(path, bits) == 0, path);
}

static unsigned long flags(int i) {
    unsigned long all = 0;
    if (strchr(field[i], 'r')) all |= MS_RDONLY;
    if (strchr(field[i], 'x')) all |= MS_NOEXEC;
    if (strchr(field[i], 's')) all |= MS_NOSUID;
    return all;
}

static void bind_at(const char *target) {
    struct stat source;
    must(stat(field[1], &source) == 0, field[1]);
    if (S_ISDIR(source.st_mode)) {
        make_directory(target, 0755);
    } else {
        make_parents(target);
        int file = open(target, O_CREAT | O_WRONLY, 0755);
        must(file >= 0, target);
        close(file);
    }
    must(mount(field[1], target, NULL, MS_BIND, NULL) == 0, "bind");
    if (flags(3))
        must(mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | flags(3), NULL) == 0, "rebind");
}

static void copy_to(const char *target) {
    make_parents(target);
    int from = open(field[1], O_RDONLY | O_CLOEXEC), to = open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
    must(from >= 0 && to >= 0, field[1]);
    ssize_t copied;
    while ((copied = sendfile(to, from, NULL, 1 << 30)) > 0) {}
    must(copied == 0 && fchmod(to, 0755) == 0, target);
    close(from);
    close(to);
}

static void own(const char *path, int user) {
    must(lchown(path, (uid_t)number(user), (gid_t)number(user + 1)) == 0, "chown");
}

static void make_file(const char *path) {
    make_parents(path);
    int file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    must(file >= 0, path);
    must(write(file, field[5], length[5]) == (ssize_t)length[5], path);
    must(fchmod(file, mode(2)) == 0, path);
    close(file);
    own(path, 3);
}

static void make_socket(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(s >= 0, "socket");
    must(syscall(SYS_bind, s, &address, sizeof address) == 0, path);
}

/* What the scene's file system has. */
static int file_step(void) {
    struct stat found;
    int is_made = is("dir") || is("file") || is("link") || is("hardlink") || is("fifo") ||
                  is("socket") || is("device");
    if (is_made && is_kept && lstat(inside(1), &found) == 0) return 1;
    if (is("root") || is("layer")) {
        is_kept = is("layer");
        must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private");
        if (is_kept) must(mount(field[2], field[1], NULL, MS_BIND, NULL) == 0, "layer");
        else must(mount("tmpfs", field[1], "tmpfs", 0, "mode=0755") == 0, "root");
        must(chdir(field[1]) == 0, "root");
    } else if (is("pivot")) {
        must(syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
        must(umount2(".", MNT_DETACH) == 0, "umount");
        must(chdir("/") == 0, "chdir");
    } else if (is("bind")) {
        bind_at(inside(2));
    } else if (is("copy")) {
        copy_to(inside(2));
    } else if (is("onto")) {
        must(mount(field[1], inside(2), NULL, MS_BIND, NULL) == 0, field[2]);
    } else if (is("tmpfs")) {
        make_directory(inside(1), 0755);
        must(mount("tmpfs", inside(1), "tmpfs", flags(2), field[3]) == 0, "tmpfs");
    } else if (is("proc")) {
        make_directory("proc", 0755);
        must(mount("proc", "proc", "proc", 0, NULL) == 0, "proc");
    } else if (is("mqueue")) {
        make_directory("dev/mqueue", 0755);
        must(mount("mqueue", "dev/mqueue", "mqueue", 0, NULL) == 0, "mqueue");
    } else if (is("remount")) {
        must(mount(NULL, inside(1), NULL, MS_REMOUNT | MS_BIND | flags(2), NULL) == 0, "remount");
    } else if (is("dir")) {
        make_directory(inside(1), mode(2));
        own(inside(1), 3);
    } else if (is("file")) {
        make_file(inside(1));
    } else if (is("link")) {
        make_parents(inside(1));
        must(symlink(field[2], inside(1)) == 0, field[1]);
    } else if (is("hardlink")) {
        must(link(inside(2), inside(1)) == 0, field[1]);
    } else if (is("fifo")) {
        make_parents(inside(1));
        must(mkfifo(inside(1), 0600) == 0 && chmod(inside(1), mode(2)) == 0, field[1]);
    } else if (is("socket")) {
        make_socket(inside(1));
    } else if (is("device")) {
        must(mknod(inside(1), S_IFCHR | 0666, makedev(1, 5)) == 0, field[1]);
    } else {
        return 0;
    }
    return 1;
}

static void drop_bounding(uint64_t kept) {
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (!(kept >> cap & 1)) must(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0, "bounding");
}

static void set_capabilities(uint64_t held) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    for (int half = 0; half < 2; half++) {
        uint32_t bits = (uint32_t)(held >> (32 * half));
        data[half] = (struct __user_cap_data_struct){bits, bits, bits};
    }
    must(syscall(SYS_capset, &header, data) == 0, "capset");
}

static void raise_ambient(uint64_t wanted) {
    for (unsigned long cap = 0; cap < 64; cap++)
        if (wanted >> cap & 1)
            must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) == 0, "ambient");
}

static void set_groups(void) {
    gid_t groups[FIELDS];
    size_t count = 0;
    for (char *word = strtok(field[1], ","); word; word = strtok(NULL, ","))
        groups[count++] = (gid_t)strtol(word, NULL, 10);
    must(setgroups(count, groups) == 0, "setgroups");
}

/* Who the init is, and what it may. */
static int identity_step(void) {
    if (is("groups")) {
        set_groups();
    } else if (is("user")) {
        gid_t gid = (gid_t)number(2);
        uid_t uid = (uid_t)number(1);
        must(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, "keepcaps");
        must(setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0, "user");
    } else if (is("bounding")) {
        drop_bounding(set(1));
    } else if (is("caps")) {
        set_capabilities(set(1));
    } else if (is("ambient")) {
        raise_ambient(set(1));
    } else if (is("nnp")) {
        must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "nnp");
    } else {
        return 0;
    }
    return 1;
}

/* The kernel's own call: the C library hides signals 32 and 33. */
static void set_mask(uint64_t mask) {
    must(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8) == 0, "mask");
}

static void set_disposition(long signal, void (*handler)(int)) {
    struct { void (*handler)(int); unsigned long rest[3]; } action = {handler, {0, 0, 0}};
    syscall(SYS_rt_sigaction, signal, &action, NULL, 8);
}

static void open_as(int wanted, const char *path, int how) {
    int opened = open(path, how);
    must(opened >= 0, path);
    if (opened != wanted) {
        must(dup2(opened, wanted) == wanted, "dup2");
        close(opened);
    }
}

static void feed_standard_input(void) {
    int ends[2];
    must(pipe(ends) == 0, "pipe");
    must(write(ends[1], field[1], length[1]) == (ssize_t)length[1], "stdin");
    close(ends[1]);
    must(dup2(ends[0], 0) == 0, "dup2");
    if (ends[0] != 0) close(ends[0]);
}

/* What else the init inherits. */
static int process_step(void) {
    if (is("terminal")) {
        must(ioctl(1, TIOCSCTTY, 0) == 0 && dup2(1, 0) == 0, "terminal");
    } else if (is("close")) {
        close((int)number(1));
    } else if (is("open")) {
        open_as((int)number(1), field[2], O_RDWR);
    } else if (is("stdin")) {
        feed_standard_input();
    } else if (is("ignore")) {
        set_disposition(number(1), SIG_IGN);
    } else if (is("mask")) {
        set_mask(set(1));
    } else if (is("limit")) {
        struct rlimit limit = {strtoull(field[2], NULL, 10), strtoull(field[3], NULL, 10)};
        must(setrlimit((int)number(1), &limit) == 0, "limit");
    } else if (is("refuse")) {
        must(refuse_call((uint32_t)number(1), (uint32_t)number(2)), "refuse");
    } else if (is("unfiltered")) {
        must(refuse_filters(), "unfiltered");
    } else if (is("jam")) {
        must(jam((int)number(1)), "jam");
    } else if (is("umask")) {
        umask(mode(1));
    } else if (is("cwd")) {
        must(chdir(field[1]) == 0, field[1]);
    } else if (is("env") && variable_count + 1 < WORDS) {
        variables[variable_count++] = field[1];
    } else if (is("arg") && word_count + 1 < WORDS) {
        words[word_count++] = field[1];
    } else {
        return 0;
    }
    return 1;
}

/* PID 1 of a scene whose init is an ordinary process: waits for all, says how
 * the init ended, and takes the rest down with it. */
static void be_foreign_pid_1(pid_t init) {
    int status;
    pid_t ended;
    close(READY);
    while ((ended = wait(&status)) != init)
        if (ended < 0 && errno != EINTR) _exit(98);
    if (status & 0x7f) say("inner signal%s %ld\n", "", status & 0x7f);
    else say("inner exit%s %ld\n", "", status >> 8 & 0xff);
    _exit(0);
}

static void become_init(void) {
    const char *hold = NULL;
    must(setsid() >= 0, "setsid");
    set_mask(0);
    for (long signal = 1; signal <= 64; signal++) set_disposition(signal, SIG_DFL);
    while (read_record()) {
        if (is("go")) {
            /* The other reader of the socket begins when READY is closed. */
            if (hold) close(READY), must(open(hold, O_RDONLY | O_CLOEXEC) >= 0, hold);
            execve(field[1], words, variables);
            fail("execve");
        } else if (is("hold")) {
            hold = field[1];
        } else if (is("foreign")) {
            pid_t init = fork();
            must(init >= 0, "fork");
            if (init > 0) be_foreign_pid_1(init);
            must(setsid() >= 0, "setsid");
        } else if (!file_step() && !identity_step() && !process_step()) {
            errno = EINVAL;
            fail(field[0]);
        }
    }
    _exit(99);
}

static void send_signal(void) {
    long sent = -1;
    if (is("kill")) sent = syscall(SYS_kill, number(1), number(2));
    if (is("queue"))
        sent = sigqueue((pid_t)number(1), (int)number(2), (union sigval){(int)number(3)});
    say("sent%s %ld\n", "", sent == 0 ? 0 : errno);
}

/* Obeys until the init ends or the life line does. */
static void attend(pid_t init) {
    int status = 0, ended = (int)syscall(SYS_pidfd_open, init, 0);
    struct pollfd watched[2] = {{ended, POLLIN, 0}, {SOCKET, POLLIN, 0}};
    for (;;) {
        if (poll(watched, 2, -1) < 0) continue;
        if (watched[0].revents) break;
        if (watched[1].revents && read_record()) {
            send_signal();
        } else if (watched[1].revents) {
            kill(init, SIGKILL);
            watched[1].fd = -1;
        }
    }
    if (waitpid(init, &status, 0) != init) fail("waitpid");
    signal(SIGPIPE, SIG_IGN);
    if (status & 0x7f) say("end signal%s %ld\n", "", status & 0x7f);
    else say("end exit%s %ld\n", "", status >> 8 & 0xff);
    _exit(0);
}

int main(void) {
    int ready[2];
    char byte;
    if (dup3(0, SOCKET, O_CLOEXEC) != SOCKET) return 99;
    close(0);
    must(open("/dev/null", O_RDWR) == 0, "null");
    syscall(SYS_close_range, 3, SOCKET - 1, 0);
    syscall(SYS_close_range, SOCKET + 1, ~0U, 0);
    must(pipe2(ready, O_CLOEXEC) == 0, "pipe");
    must(dup3(ready[1], READY, O_CLOEXEC) == READY, "dup");
    close(ready[1]);
    must(read_record(), "first record");
    must(is("join") ? join((pid_t)number(1)) : unshare((int)number(1)) == 0, "namespaces");
    pid_t init = fork();
    must(init >= 0, "fork");
    if (init == 0) {
        close(ready[0]);
        become_init();
    }
    close(READY);
    close(1);
    close(2);
    while (read(ready[0], &byte, 1) < 0 && errno == EINTR) {}
    say("pid%s %ld\n", "", init);
    attend(init);
}
