/* Ways to rights that main was to lose, and to power over PID 1. No value is
 * read here: having the power counts. Catalogue rows E7, E10, Z5, Z9.
 *
 * Never: a stop of PID 1 that nobody ends; whoever stops it lets it go on.
 */
#include "thief.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <grp.h>
#include <unistd.h>

static const struct { int number; const char *name; } dangerous[] = {
    {CAP_SYS_ADMIN, "SYS_ADMIN"}, {CAP_SYS_PTRACE, "SYS_PTRACE"}, {38, "PERFMON"}, {39, "BPF"},
    {40, "CHECKPOINT_RESTORE"}, {CAP_SYS_MODULE, "SYS_MODULE"}, {CAP_SYS_RAWIO, "SYS_RAWIO"},
    {CAP_DAC_READ_SEARCH, "DAC_READ_SEARCH"},
};
enum { DANGEROUS = sizeof dangerous / sizeof *dangerous };

static uint64_t set_of(int id, const char *name) {
    char path[64], line[256];
    unsigned long long bits = 0;
    snprintf(path, sizeof path, "/proc/%d/status", id);
    FILE *status = fopen(path, "re");
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, name, strlen(name)) == 0) sscanf(line + strlen(name) + 1, "%llx", &bits);
    if (status) fclose(status);
    return bits;
}

static void any_dangerous(uint64_t held, const char *where) {
    for (int i = 0; i < DANGEROUS; i++)
        if (held >> dangerous[i].number & 1) took("CAP_%s in %s", dangerous[i].name, where);
    errno = EPERM;
    step(where, -1);
}

static void dangerous_capabilities(void) {
    uint64_t held = 0;
    for (int capability = 0; capability < 64; capability++)
        if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) held |= 1ULL << capability;
    /* Where it cannot be reduced, no_new_privs keeps a user from using it. */
    if (geteuid() == 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) any_dangerous(held, "the bounding set");
    any_dangerous(set_of(getpid(), "CapPrm"), "the permitted set");
    any_dangerous(set_of(getpid(), "CapAmb"), "the ambient set");
}

/* As root after an exec: what the bounding set gives back. */
int be_exec_probe(void) {
    uint64_t held = set_of(getpid(), "CapEff");
    for (int i = 0; i < DANGEROUS; i++)
        if (held >> dangerous[i].number & 1) return 1;
    return geteuid() == 0 ? 2 : 0;
}

static int run_probe(const char *program) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        execl(program, "thief", "capabilities", NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

static void regain_by_exec(const char *program) {
    int answer = run_probe(program);
    if (answer == 1) took("capabilities return with exec of %s", program);
    if (answer == 2 && geteuid() != 0) took("exec of %s makes root", program);
    errno = answer == 127 ? ENOENT : EPERM;
    step(program, -1);
}

static void by_exec(void) {
    regain_by_exec("/proc/self/exe");
    for_places("u", regain_by_exec);
}

static void become_root(void) {
    if (geteuid() == 0) return;
    gid_t root_group = 0;
    step("setuid", setuid(0));
    step("setresuid", setresuid(0, 0, 0));
    step("setreuid", setreuid(0, 0));
    step("setgid", setresgid(0, 0, 0));
    if (step("setgroups", setgroups(1, &root_group)) == 0) took("setgroups");
    if (syscall(SYS_setfsuid, 0) == 0 && syscall(SYS_setfsuid, -1) == 0) took("fsuid 0");
    if (geteuid() == 0) took("uid 0");
}

static void raise_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    uint64_t before = set_of(getpid(), "CapEff");
    for (int i = 0; i < DANGEROUS; i++) {
        syscall(SYS_capget, &header, data);
        int half = dangerous[i].number / 32;
        uint32_t bit = 1U << dangerous[i].number % 32;
        data[half].effective |= bit;
        data[half].permitted |= bit;
        data[half].inheritable |= bit;
        step("capset", syscall(SYS_capset, &header, data));
        step("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, dangerous[i].number, 0, 0));
    }
    prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
    prctl(PR_SET_SECUREBITS, 0, 0, 0, 0);
    if (set_of(getpid(), "CapEff") & ~before) took("capset");
    any_dangerous(set_of(getpid(), "CapEff"), "the effective set");
}

static void limits(void) {
    struct rlimit now, whole = {RLIM_INFINITY, RLIM_INFINITY};
    if (step("prlimit", prlimit(1, RLIMIT_NOFILE, NULL, &now)) == 0 &&
        step("prlimit", prlimit(1, RLIMIT_NOFILE, &now, NULL)) == 0)
        took("the limits of PID 1");
    if (step("prlimit", prlimit(1, RLIMIT_CORE, &whole, NULL)) == 0) took("the core limit of PID 1");
}

static void write_into_pid_1(void) {
    const char *files[] = {"mem", "clear_refs", "comm", "uid_map", "setgroups"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/1/%s", files[i]);
        int file = (int)step(path, open(path, O_WRONLY | O_CLOEXEC));
        if (file < 0) continue;
        /* These are open to all, and it is the write that is judged. */
        const char *text = strcmp(files[i], "comm") == 0 ? "stolen" : "0";
        if (strcmp(files[i], "mem") == 0 || write(file, text, strlen(text)) > 0) took("%s", path);
        step(path, -1);
        close(file);
    }
}

static char state_of_pid_1(void) {
    char text[512] = "";
    int file = open("/proc/1/stat", O_RDONLY | O_CLOEXEC);
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    const char *end = got > 0 ? strrchr(text, ')') : NULL;
    return end ? end[2] : '?';
}

static void send(int number) {
    union sigval value = {.sival_int = 1};
    int process = (int)syscall(SYS_pidfd_open, 1, 0);
    step("kill", kill(1, number));
    step("tgkill", syscall(SYS_tgkill, 1, 1, number));
    step("sigqueue", sigqueue(1, number, value));
    step("pidfd_send_signal", syscall(SYS_pidfd_send_signal, process, number, NULL, 0));
    close(process);
}

/* If one of these ends PID 1, this process ends too, and no "done" is said. */
static void signals(void) {
    struct timespec pause = {0, 20000000};
    if (getppid() == 1 || getpid() == 1) return;
    for (int number = 1; number < 65; number++) send(number);
    nanosleep(&pause, NULL);
    /* An init that passes on a stop signal has stopped the thief. */
    kill(getppid(), SIGCONT);
    char state = state_of_pid_1();
    if (state == 'T' || state == 't') {
        kill(1, SIGCONT);
        took("PID 1 was stopped");
    }
    if (state == 'Z' || (kill(1, 0) != 0 && errno == ESRCH)) took("PID 1 has ended");
}

const struct attack power_attacks[] = {
    {"E7", "capabilities that see through everything", dangerous_capabilities},
    {"E10", "capset and ambient", raise_capabilities},
    {"Z5", "uid 0 again", become_root},
    {"Z5", "capabilities again, by exec", by_exec},
    {"Z9", "limits of PID 1", limits},
    {"Z9", "files of PID 1, written", write_into_pid_1},
    {"Z9", "all signals to PID 1", signals},
    {NULL, NULL, NULL},
};
