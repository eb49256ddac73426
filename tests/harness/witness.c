/* The witness: the main process of most scenes. It says what it finds itself
 * to be, and plays the parts that claims need.
 *
 * In: words, each the name of a part followed by what the part takes; "--"
 * ends them. Out: lines on standard output, "report {json}" among them. Text
 * that may hold a secret (argv, environment, contents) is printed *veiled*:
 * each byte xor 0x5a, in hex, so that a canary found in any output was put
 * there by somebody else.
 *
 * C without a handler, a changed disposition or a thread: Rust's runtime would
 * ignore SIGPIPE before we could look. Signals by the kernel's own calls, since
 * the C library hides 32 and 33.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static char *page;
static size_t filled, room;

static void put(const char *format, ...) {
    va_list arguments;
    char piece[512];
    va_start(arguments, format);
    int size = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    if (filled + (size_t)size + 1 > room) page = realloc(page, room = 2 * room + 4096);
    memcpy(page + filled, piece, (size_t)size);
    filled += (size_t)size;
}

/* One write for all that was put, so that lines of several processes keep apart. */
static void flush(void) {
    for (size_t done = 0; done < filled;) {
        ssize_t wrote = write(1, page + done, filled - done);
        if (wrote < 0 && errno != EINTR) break;
        if (wrote > 0) done += (size_t)wrote;
    }
    filled = 0;
}

static void put_veiled(const char *bytes, size_t size) {
    put("\"");
    for (size_t i = 0; i < size; i++) put("%02x", (unsigned char)bytes[i] ^ 0x5a);
    put("\"");
}

static void put_texts(const char *name, char **texts) {
    put("\"%s\":[", name);
    for (int i = 0; texts[i]; i++) {
        if (i) put(",");
        put_veiled(texts[i], strlen(texts[i]));
    }
    put("],");
}

/* Without /proc the numbers are still known, the targets are not. */
static void put_descriptors(void) {
    const char *comma = "";
    put("\"fds\":{");
    for (int fd = 0; fd < 1024; fd++) {
        char link[64], target[512];
        if (fcntl(fd, F_GETFD) < 0) continue;
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(link, target, sizeof target - 1);
        put("%s\"%d\":", comma, fd);
        put_veiled(target, size > 0 ? (size_t)size : 0);
        comma = ",";
    }
    put("},");
}

static void put_identity(void) {
    uid_t ru, eu, su;
    gid_t rg, eg, sg, groups[256];
    getresuid(&ru, &eu, &su);
    getresgid(&rg, &eg, &sg);
    put("\"uids\":[%u,%u,%u,%d],", ru, eu, su, setfsuid((uid_t)-1));
    put("\"gids\":[%u,%u,%u,%d],\"groups\":[", rg, eg, sg, setfsgid((gid_t)-1));
    int count = getgroups(256, groups);
    for (int i = 0; i < count; i++) put("%s%u", i ? "," : "", groups[i]);
    put("],");
}

static void put_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    uint64_t bounding = 0, ambient = 0;
    syscall(SYS_capget, &header, data);
    for (unsigned long cap = 0; cap < 64; cap++) {
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1) bounding |= 1ULL << cap;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1) ambient |= 1ULL << cap;
    }
#define WHOLE(which) ((uint64_t)data[1].which << 32 | data[0].which)
    put("\"effective\":\"%016lx\",\"permitted\":\"%016lx\",", WHOLE(effective), WHOLE(permitted));
    put("\"inheritable\":\"%016lx\",\"bounding\":\"%016lx\",", WHOLE(inheritable), bounding);
    put("\"ambient\":\"%016lx\",\"securebits\":%d,", ambient, prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
    put("\"no_new_privs\":%d,", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

static void put_signals(void) {
    uint64_t mask = 0, pending = 0, ignored = 0, caught = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &mask, 8);
    syscall(SYS_rt_sigpending, &pending, 8);
    for (long signal = 1; signal <= 64; signal++) {
        struct { void *handler; unsigned long rest[3]; } action = {0};
        syscall(SYS_rt_sigaction, signal, NULL, &action, 8);
        if (action.handler == (void *)SIG_IGN) ignored |= 1ULL << (signal - 1);
        else if (action.handler) caught |= 1ULL << (signal - 1);
    }
    put("\"mask\":\"%016lx\",\"pending\":\"%016lx\",", mask, pending);
    put("\"ignored\":\"%016lx\",\"caught\":\"%016lx\",", ignored, caught);
}

static void put_limits(void) {
    put("\"limits\":[");
    for (int resource = 0; resource < 16; resource++) {
        struct rlimit limit;
        getrlimit(resource, &limit);
        put("%s[%lu,%lu]", resource ? "," : "", limit.rlim_cur, limit.rlim_max);
    }
    put("],");
}

static void put_place(void) {
    char directory[4096] = "";
    mode_t mask = umask(0);
    int death = 0, subreaper = 0;
    umask(mask);
    prctl(PR_GET_PDEATHSIG, &death);
    prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
    if (!getcwd(directory, sizeof directory)) directory[0] = 0;
    put("\"umask\":%u,\"cwd\":", mask);
    put_veiled(directory, strlen(directory));
    put(",\"pid\":%d,\"ppid\":%d,\"pgid\":%d,\"sid\":%d,", getpid(), getppid(), getpgrp(), getsid(0));
    put("\"foreground\":%d,\"dumpable\":%d,", tcgetpgrp(0), prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    put("\"death_signal\":%d,\"subreaper\":%d}\n", death, subreaper);
}

/* Where a scene has a gate, main lives until the harness has looked around. */
static void wait_at_gate(void) {
    char byte;
    int gate = open("/gate", O_RDONLY | O_CLOEXEC);
    while (gate >= 0 && read(gate, &byte, 1) != 0) {}
    if (gate >= 0) close(gate);
}

static void report(char **arguments) {
    put("report {");
    put_texts("argv", arguments);
    put_texts("env", environ);
    put_descriptors();
    put_identity();
    put_capabilities();
    put_signals();
    put_limits();
    put_place();
    flush();
    wait_at_gate();
}

/* read PATH: what a file holds, or why it cannot be read. */
static void read_file(const char *path) {
    char *bytes = malloc(1 << 21);
    struct stat found = {0};
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : 0, got;
    int error = errno;
    while (size >= 0 && (got = read(file, bytes + size, (1 << 21) - (size_t)size)) != 0) {
        error = errno;
        size = got < 0 ? -1 : size + got;
    }
    if (size < 0) {
        put("unread %d\n", error);
    } else {
        fstat(file, &found);
        put("content %04o %u ", found.st_mode & 07777, found.st_uid);
        put_veiled(bytes, (size_t)size);
        put("\n");
    }
    if (file >= 0) close(file);
    free(bytes);
    flush();
}

/* touch PATH: the side effect that shows that main was started. */
static void touch(const char *path) { close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); }

/* regain: tries to get root and capabilities back; says what worked. */
static void regain(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct all[2] = {{~0U, ~0U, 0}, {~0U, ~0U, 0}};
    int user = setuid(0) == 0 || seteuid(0) == 0 || setresuid(0, 0, 0) == 0 || setfsuid(0) == 0;
    setfsuid(0);
    user = user && (geteuid() == 0 || setfsuid((uid_t)-1) == 0);
    int group = setgid(0) == 0 || setresgid(0, 0, 0) == 0;
    int capability = syscall(SYS_capset, &header, all) == 0;
    put("regained user %d group %d capability %d\n", user, group, capability);
    flush();
}

static void set_mask(uint64_t mask) { syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8); }

static void line(const char *text) {
    put("%s\n", text);
    flush();
}

/* signals LAST: prints each signal that comes, until LAST did. Traces of the
 * terminal and of children included; nothing is missed, since all are blocked
 * before "ready" and queued by the kernel. */
static void count_signals(long last) {
    uint64_t all = ~0ULL;
    siginfo_t came;
    set_mask(all);
    line("ready");
    for (long signal = 0; signal != last;) {
        signal = syscall(SYS_rt_sigtimedwait, &all, &came, NULL, 8);
        if (signal <= 0) continue;
        put("signal %ld value %d from %d code %d\n", signal, came.si_value.sival_int, came.si_pid,
            came.si_code);
        flush();
    }
}

/* die N: by that signal, whatever was inherited. */
static void die(long signal) {
    struct { void *handler; unsigned long rest[3]; } action = {0};
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    syscall(SYS_rt_sigaction, signal, &action, NULL, 8);
    set_mask(0);
    syscall(SYS_kill, getpid(), signal);
    for (;;) pause();
}

static void nap(long milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&time, &time) < 0 && errno == EINTR) {}
}

/* slow MS: on TERM works that long, then says "done". */
static void end_slowly(long milliseconds) {
    uint64_t term = 1ULL << (SIGTERM - 1);
    set_mask(~0ULL);
    line("ready");
    while (syscall(SYS_rt_sigtimedwait, &term, NULL, NULL, 8) != SIGTERM) {}
    nap(milliseconds);
    line("done");
}

/* orphans N: that many grandchildren end without a parent that reaps them. */
static void leave_orphans(long count) {
    for (long i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0) {
            if (fork() == 0) _exit(0);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    line("orphaned");
}

/* leftover deaf|polite: a grandchild in its own session that outlives main;
 * it heeds TERM, or it does not. */
static void leave_one(const char *kind) {
    int ready[2];
    char byte;
    if (pipe(ready) < 0 || fork() != 0) {
        close(ready[1]);
        (void)!read(ready[0], &byte, 1);
        close(ready[0]);
        return;
    }
    setsid();
    set_mask(0);
    if (strcmp(kind, "deaf") == 0) signal(SIGTERM, SIG_IGN);
    put("leftover %d\n", getpid());
    flush();
    close(ready[0]);
    close(ready[1]);
    for (;;) pause();
}

/* leak WHERE NAME: what the canary has to find; a variable's value goes out. */
static void leak(const char *where, const char *name) {
    const char *value = getenv(name) ? getenv(name) : "";
    if (strcmp(where, "arguments") == 0) {
        char *words[] = {"witness", "report", "--", (char *)value, NULL};
        execv("/witness", words);
        _exit(97);
    }
    FILE *out = strcmp(where, "stderr") == 0 ? stderr : stdout;
    for (const char *at = value; *at; at++)
        fprintf(out, strcmp(where, "hex") == 0 ? "%02x" : "%c", (unsigned char)*at);
    fputc('\n', out);
    fflush(out);
}

int main(int count, char **words) {
    for (int at = 1; at < count; at++) {
        const char *part = words[at], *next = at + 1 < count ? words[at + 1] : "0";
        if (strcmp(part, "--") == 0) break;
        if (strcmp(part, "report") == 0) { report(words); continue; }
        if (strcmp(part, "regain") == 0) { regain(); continue; }
        if (strcmp(part, "wait") == 0) { line("ready"); for (;;) pause(); }
        if (strcmp(part, "deaf") == 0) { signal(SIGTERM, SIG_IGN); continue; }
        if (strcmp(part, "stop") == 0) { line("stopping"); raise(SIGSTOP); line("continued"); continue; }
        if (strcmp(part, "gate") == 0) { wait_at_gate(); continue; }
        at++;
        if (strcmp(part, "say") == 0) line(next);
        else if (strcmp(part, "read") == 0) read_file(next);
        else if (strcmp(part, "touch") == 0) touch(next);
        else if (strcmp(part, "exit") == 0) _exit((int)strtol(next, NULL, 10));
        else if (strcmp(part, "die") == 0) die(strtol(next, NULL, 10));
        else if (strcmp(part, "signals") == 0) count_signals(strtol(next, NULL, 10));
        else if (strcmp(part, "slow") == 0) end_slowly(strtol(next, NULL, 10));
        else if (strcmp(part, "orphans") == 0) leave_orphans(strtol(next, NULL, 10));
        else if (strcmp(part, "leftover") == 0) leave_one(next);
        else if (strcmp(part, "leak") == 0) leak(next, at + 1 < count ? words[++at] : "");
        else { put("no part %s\n", part); flush(); _exit(96); }
    }
    return 0;
}
