/* Ways to a value through objects that outlive a process or belong to none, and
 * through what the kernel writes for others. Catalogue rows K, L, E12, F5.
 */
#include "thief.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { DEEPEST = 12, MOST_FILES = 20000, LARGEST = 1 << 20 };

static void shared_memory(void) {
    char line[512];
    int key, id;
    FILE *all = fopen("/proc/sysvipc/shm", "re");
    if (all == NULL) step("/proc/sysvipc/shm", -1);
    while (all && fgets(line, sizeof line, all)) {
        struct shmid_ds about;
        if (sscanf(line, "%d %d", &key, &id) != 2) continue;
        char *mapped = shmat(id, NULL, SHM_RDONLY);
        if (step("shmat", mapped == (char *)-1 ? -1 : 0) == 0 && shmctl(id, IPC_STAT, &about) == 0)
            look("shared memory", mapped, about.shm_segsz);
    }
}

static void message_queues(void) {
    struct { long kind; char text[4096]; } message;
    char line[512];
    int key, id;
    FILE *all = fopen("/proc/sysvipc/msg", "re");
    while (all && fgets(line, sizeof line, all)) {
        if (sscanf(line, "%d %d", &key, &id) != 2) continue;
        ssize_t got = msgrcv(id, &message, sizeof message.text, 0, IPC_NOWAIT | MSG_NOERROR);
        if (step("msgrcv", got) > 0) look("message queue", message.text, (size_t)got);
    }
    /* Posix ones by the name that the accomplice uses: no directory lists them here. */
    static char text[65536];
    int queue = (int)step("mq_open", syscall(SYS_mq_open, "accomplice", O_RDONLY | O_NONBLOCK, 0, NULL));
    if (queue < 0) return;
    long got = step("mq_receive", syscall(SYS_mq_timedreceive, queue, text, sizeof text, NULL, NULL));
    if (got > 0) look("posix message queue", text, (size_t)got);
}

static int files_left;

/* Every file that can be read below a directory, secrets and kernel files left out. */
static void walk(const char *directory, int depth) {
    DIR *all = depth < DEEPEST ? opendir(directory) : NULL;
    for (struct dirent *entry; all && (entry = readdir(all)) && files_left > 0;) {
        char path[1024];
        struct stat found;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(path, sizeof path, "%.700s/%s", strcmp(directory, "/") ? directory : "", entry->d_name);
        if (lstat(path, &found) != 0) continue;
        if (S_ISDIR(found.st_mode) && strcmp(path, "/proc") && strcmp(path, "/sys") && strcmp(path, "/usr"))
            walk(path, depth + 1);
        if (!S_ISREG(found.st_mode) || found.st_size > LARGEST) continue;
        files_left--;
        read_path(path);
    }
    if (all) closedir(all);
}

static void every_file(void) {
    files_left = MOST_FILES;
    walk("/", 0);
}

static void read_key_number(int key) {
    char value[4096];
    long got = step("keyctl", syscall(SYS_keyctl, KEYCTL_READ, key, value, sizeof value, 0));
    if (got > 0) look("keyring", value, (size_t)got < sizeof value ? (size_t)got : sizeof value);
}

static void keyrings(void) {
    int rings[] = {KEY_SPEC_SESSION_KEYRING, KEY_SPEC_USER_KEYRING, KEY_SPEC_USER_SESSION_KEYRING,
                   KEY_SPEC_PROCESS_KEYRING, KEY_SPEC_THREAD_KEYRING};
    char line[512];
    for (size_t i = 0; i < sizeof rings / sizeof *rings; i++) {
        long key = syscall(SYS_keyctl, KEYCTL_SEARCH, rings[i], "user", "accomplice", 0);
        if (step("keyctl", key) > 0) read_key_number((int)key);
    }
    FILE *all = fopen("/proc/keys", "re");
    while (all && fgets(line, sizeof line, all)) {
        unsigned int key;
        if (strstr(line, "user") && sscanf(line, "%x", &key) == 1) read_key_number((int)key);
    }
}

/* Connects, and reads what the other side says at once. */
static void listen_to(const char *name, size_t length) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (length >= sizeof address.sun_path) return;
    memcpy(address.sun_path, name, length);
    char shown[NAME] = "abstract ";
    snprintf(shown + (*name ? 0 : 9), sizeof shown - 9, "%.100s", *name ? name : name + 1);
    int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (step(shown, connect(line, (struct sockaddr *)&address, size)) == 0) {
        struct pollfd ready = {line, POLLIN, 0};
        if (poll(&ready, 1, 500) > 0) read_descriptor(shown, line);
    }
    close(line);
}

/* `first`: '@' for abstract names, '/' for paths. */
static void sockets_that_start(char first) {
    char line[512], name[200];
    FILE *all = fopen("/proc/net/unix", "re");
    while (all && fgets(line, sizeof line, all)) {
        if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %199s", name) != 1 || *name != first) continue;
        if (first == '@') *name = 0;
        listen_to(name, first == '@' ? 1 + strlen(name + 1) : strlen(name));
    }
}

static void abstract_sockets(void) {
    listen_to("\0accomplice", 11);
    sockets_that_start('@');
}

static void path_sockets(void) { sockets_that_start('/'); }

/* Our own output is a pipe: what others wrote may still be in it. */
static void output_pipes(void) {
    const char *ways[] = {"/proc/self/fd/%d", "/proc/1/fd/%d", "/dev/fd/%d"};
    for (size_t i = 0; i < 3; i++)
        for (int number = 0; number < 3; number++) {
            char path[64], piece[4096];
            snprintf(path, sizeof path, ways[i], number);
            int file = (int)step(path, open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
            if (file < 0) continue;
            ssize_t got = read(file, piece, sizeof piece);
            if (got > 0) look(path, piece, (size_t)got);
            close(file);
        }
}

/* Only opened: a write would change the machine. */
static void files_of_the_kernel(void) {
    const char *files[] = {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
                           "/proc/sys/fs/binfmt_misc/register", "/proc/sysrq-trigger",
                           "/sys/kernel/uevent_helper", "/sys/fs/cgroup/release_agent",
                           "/sys/fs/cgroup/memory/release_agent", "/sys/kernel/tracing/uprobe_events",
                           "/sys/kernel/debug/tracing/uprobe_events", "/sys/kernel/mm/hugepages"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        int file = (int)step(files[i], open(files[i], O_WRONLY | O_CLOEXEC));
        if (file >= 0) took("%s can be written", files[i]);
    }
}

static void observe(void) {
    struct perf_event_attr counter = {.type = PERF_TYPE_SOFTWARE, .size = sizeof counter,
                                      .config = PERF_COUNT_SW_CPU_CLOCK, .sample_period = 1000};
    if (step("perf_event_open", syscall(SYS_perf_event_open, &counter, 1, -1, -1, 0)) >= 0)
        took("perf_event_open of PID 1");
    /* r0 = 0; exit */
    struct bpf_insn program[] = {{.code = 0xb7}, {.code = 0x95}};
    union bpf_attr load = {.prog_type = BPF_PROG_TYPE_KPROBE, .insns = (uintptr_t)program, .insn_cnt = 2,
                           .license = (uintptr_t)"GPL"};
    if (step("bpf", syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load)) >= 0) took("a kprobe program");
}

const struct attack kernel_attacks[] = {
    {"E12", "perf and bpf", observe},
    {"F5", "output pipes, read", output_pipes},
    {"K1", "shared memory", shared_memory},
    {"K2", "message queues", message_queues},
    {"K3", "every file that can be read", every_file},
    {"K4", "keyrings", keyrings},
    {"K5", "abstract sockets", abstract_sockets},
    {"K6", "sockets with a path", path_sockets},
    {"L2", "files through which the kernel starts programs", files_of_the_kernel},
    {NULL, NULL, NULL},
};
