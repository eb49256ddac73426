/* Everybody but main: whoever else holds the value in a container, as PID 1
 * before the init, and as processes beside main. Also the set-uid cat.
 *
 * In: words "KIND FILE ..." up to "--", then the init's command. Each kind puts
 * what FILE holds where the kind says. Out: nothing; the process becomes the init.
 *
 * Never: a value in a message.
 */
#include "thief.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <mqueue.h>

static char value[4096];
static size_t value_size;
static unsigned int as_user;
static int ready[2];

static void must(int passed, const char *what) {
    if (passed) return;
    perror(what);
    _exit(95);
}

static void take(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    must(file >= 0, path);
    ssize_t got = read(file, value, sizeof value - 1);
    must(got > 0, path);
    value_size = (size_t)got;
    value[value_size] = 0;
    close(file);
}

static void change_user(void) {
    if (as_user) must(setresgid(as_user, as_user, as_user) == 0 && setresuid(as_user, as_user, as_user) == 0, "user");
}

/* A process that calls `hold` and then stays; ready when `hold` is through. */
static void beside(void (*hold)(const char *), const char *path) {
    char byte;
    must(pipe2(ready, O_CLOEXEC) == 0, "pipe");
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        take(path);
        change_user();
        /* As after any exec: open to whoever may trace this user. */
        syscall(SYS_prctl, 4, 1, 0, 0, 0);
        hold(path);
        close(ready[0]);
        close(ready[1]);
        for (;;) pause();
    }
    close(ready[1]);
    while (read(ready[0], &byte, 1) < 0 && errno == EINTR) {}
    close(ready[0]);
}

static void in_environment(const char *path) {
    char entry[sizeof value + 16];
    (void)path;
    snprintf(entry, sizeof entry, "HELD=%s", value);
    execle("/thief", "thief", "accomplice", "stay", NULL, (char *[]){entry, NULL});
    _exit(96);
}

static void in_arguments(const char *path) {
    (void)path;
    execle("/thief", "thief", "accomplice", "stay", value, NULL, (char *[]){NULL});
    _exit(96);
}

static void in_descriptor(const char *path) {
    (void)path;
    int copy = (int)syscall(SYS_memfd_create, "held", 0);
    must(write(copy, value, value_size) == (ssize_t)value_size, "memfd");
    memset(value, 0, sizeof value);
}

static void in_memory(const char *path) { (void)path; }

static void in_directory(const char *path) {
    char directory[NAME];
    split(path, directory);
    memset(value, 0, sizeof value);
    must(chdir(directory) == 0, directory);
}

/* Serves the value to whoever connects. */
static void serve(const struct sockaddr_un *address, size_t size) {
    int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(line, (const struct sockaddr *)address, (socklen_t)size) == 0 && listen(line, 64) == 0, "socket");
    if (address->sun_path[0]) chmod(address->sun_path, 0777);
    if (fork() != 0) return;
    close(ready[0]);
    close(ready[1]);
    for (int other; (other = accept4(line, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(other))
        if (write(other, value, value_size) < 0) continue;
}

static void at_abstract_socket(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0accomplice"};
    (void)path;
    serve(&address, offsetof(struct sockaddr_un, sun_path) + 11);
}

static void at_path_socket(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/accomplice.socket"};
    (void)path;
    serve(&address, sizeof address);
}

static void in_shared_memory(const char *path) {
    (void)path;
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0666);
    char *mapped = shmat(id, NULL, 0);
    must(mapped != (char *)-1, "shmat");
    memcpy(mapped, value, value_size);
}

static void in_message_queue(const char *path) {
    struct { long kind; char text[4096]; } message = {.kind = 1};
    (void)path;
    memcpy(message.text, value, value_size);
    umask(0);
    must(msgsnd(msgget(IPC_PRIVATE, IPC_CREAT | 0666), &message, value_size, 0) == 0, "msgsnd");
    mqd_t queue = mq_open("/accomplice", O_CREAT | O_WRONLY, 0666, NULL);
    must(mq_send(queue, value, value_size, 0) == 0, "mq_send");
}

static void in_keyring(const char *path) {
    (void)path;
    long key = syscall(SYS_add_key, "user", "accomplice", value, value_size, -4); /* user keyring */
    must(key > 0 && syscall(SYS_keyctl, 5, key, 0x3f3f3f3f) == 0, "add_key");
}

static void in_shelter(const char *path) {
    (void)path;
    int file = open("/dev/shm/left", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    must(write(file, value, value_size) == (ssize_t)value_size && fchmod(file, 0644) == 0, "left");
    file = open("/tmp/left", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    must(write(file, value, value_size) == (ssize_t)value_size && fchmod(file, 0644) == 0, "left");
}

/* A file that whoever mounts the secrets adds while main runs. */
static void in_later_file(const char *path) {
    char directory[NAME], late[NAME + 8];
    split(path, directory);
    snprintf(late, sizeof late, "%s/late", directory);
    if (fork() != 0) return;
    close(ready[0]);
    close(ready[1]);
    while (access("/tmp/main-runs", F_OK) != 0) usleep(2000);
    int file = open(late, O_CREAT | O_WRONLY | O_CLOEXEC, 0444);
    must(write(file, value, value_size) == (ssize_t)value_size && fchmod(file, 0444) == 0, late);
}

/* Descriptors that the init itself inherits. */
static void inherit(const char *path) {
    char directory[NAME];
    int queue[2];
    split(path, directory);
    /* A control may have covered the file. */
    if (access(path, F_OK) != 0) return;
    int file = open(path, O_RDONLY), below = open(directory, O_RDONLY | O_DIRECTORY);
    must(file >= 0 && below >= 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, queue) == 0, path);
    char byte = 0, control[CMSG_SPACE(sizeof file)] = {0};
    struct iovec bytes = {&byte, 1};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof file);
    memcpy(CMSG_DATA(header), &file, sizeof file);
    must(sendmsg(queue[0], &message, 0) == 1, "sendmsg");
}

/* A kernel without Landlock, as far as this container can tell. */
static void hide_landlock(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SYS_landlock_create_ruleset, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_landlock_restrict_self, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "seccomp");
}

static const struct { const char *kind; void (*hold)(const char *); } kinds[] = {
    {"environment", in_environment}, {"arguments", in_arguments}, {"descriptor", in_descriptor},
    {"memory", in_memory}, {"directory", in_directory}, {"abstract", at_abstract_socket},
    {"socket", at_path_socket}, {"shared", in_shared_memory}, {"queue", in_message_queue},
    {"keyring", in_keyring}, {"left", in_shelter}, {"later", in_later_file},
};

int be_accomplice(char **words) {
    signal(SIGCHLD, SIG_DFL);
    for (; *words && strcmp(*words, "--"); words++) {
        if (strcmp(*words, "stay") == 0)
            for (;;) pause();
        const char *kind = *words++;
        if (strcmp(kind, "user") == 0) as_user = (unsigned int)atoi(*words);
        if (strcmp(kind, "inherit") == 0) inherit(*words);
        if (strcmp(kind, "no-landlock") == 0) hide_landlock();
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (strcmp(kind, kinds[i].kind) == 0) beside(kinds[i].hold, *words);
    }
    memset(value, 0, sizeof value);
    execv(words[1], words + 1);
    perror(words[1]);
    return 97;
}

int be_cat(const char *path) {
    char piece[4096];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 1;
    ssize_t got = read(file, piece, sizeof piece);
    return got > 0 && write(1, piece, (size_t)got) == got ? 0 : 1;
}
