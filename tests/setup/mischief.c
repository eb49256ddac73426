/* What a command of setup may do and leave, and what main then looks for.
 *
 * In: words, each the name of a part followed by what the part takes; the value
 * is the variable TOKEN. Out: lines on standard output.
 *
 * C, since a chain of forks has to be faster than whoever hunts it, and a
 * command may leave what no shell can make.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

extern char **environ;

static const char *token(void) { return getenv("TOKEN") ? getenv("TOKEN") : "no token"; }

static void must(int passed, const char *what) {
    if (passed) return;
    printf("failed %s %d\n", what, errno);
    exit(90);
}

static void be_deaf(void) {
    setsid();
    for (int s = 1; s < 32; s++) signal(s, SIG_IGN);
}

/* daemon: a grandchild in a session of its own that holds the value, a listening
 * socket and all outputs, and heeds nothing but KILL. */
static void leave_daemon(void) {
    int ready[2];
    char byte;
    must(pipe(ready) == 0, "pipe");
    if (fork() == 0) {
        if (fork() != 0) _exit(0);
        be_deaf();
        char *held = strdup(token());
        mlock(held, strlen(held));
        close(ready[0]);
        close(ready[1]);
        for (;;) pause();
    }
    close(ready[1]);
    (void)!read(ready[0], &byte, 1);
    close(ready[0]);
}

/* comet: a chain of processes of which each ends once it has a child. */
static void leave_comet(void) {
    if (fork() != 0) return;
    be_deaf();
    signal(SIGCHLD, SIG_IGN);
    for (;;)
        if (fork() > 0) _exit(0);
}

/* What a child of leave_kind does once it holds the value: stay in a state that
 * is hard to end. It says so through `ready` as the last thing that it can. */
static void stay_stopped(int ready) {
    close(ready);
    for (;;) raise(SIGSTOP);
}

static void stay_traced(int ready) {
    (void)!ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    stay_stopped(ready);
}

/* Its parent cannot go on, nor be stopped, before it ends. */
static void stay_in_vfork(int ready) {
    close(ready);
    if (vfork() == 0)
        for (;;) pause();
    _exit(93);
}

/* A subreaper with a family of orphans that it never waits for. */
static void stay_as_reaper(int ready) {
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    for (int child = 0; child < 5; child++) {
        if (fork() != 0) continue;
        if (fork() != 0) _exit(0);
        setsid();
        close(ready);
        for (;;) pause();
    }
    close(ready);
    for (;;) pause();
}

/* Where it may: the init of a process namespace of its own. */
static void stay_nested(int ready) {
    (void)!unshare(CLONE_NEWUSER | CLONE_NEWPID);
    (void)!fork();
    close(ready);
    for (;;) pause();
}

static void leave_kind(void (*stay)(int)) {
    int ready[2];
    char byte;
    must(pipe2(ready, O_CLOEXEC) == 0, "pipe");
    if (fork() == 0) {
        be_deaf();
        char *held = strdup(token());
        mlock(held, strlen(held));
        close(ready[0]);
        stay(ready[1]);
    }
    close(ready[1]);
    (void)!read(ready[0], &byte, 1);
    close(ready[0]);
}

/* leave-keys NAME: the value in every keyring that a process has by number. */
static void leave_keys(const char *name) {
    printf("left");
    for (long ring = -1; ring >= -5; ring--) {
        long key = syscall(SYS_add_key, "user", name, token(), strlen(token()), ring);
        printf(" %d", key < 0 ? errno : 0);
        /* For whoever else has the user's keyrings. */
        if (key >= 0) syscall(SYS_keyctl, 5L /* SETPERM */, key, 0x3f3f3f3fL, 0, 0);
    }
    printf("\n");
}

/* keys NAME: in which keyrings it is; and it is removed from them. */
static void find_keys(const char *name) {
    int found = 0;
    for (long ring = -1; ring >= -5; ring--) {
        long key = syscall(SYS_keyctl, 10L /* SEARCH */, ring, "user", name, 0);
        if (key < 0) continue;
        found++;
        syscall(SYS_keyctl, 9L /* UNLINK */, key, ring, 0, 0);
    }
    printf("keys %d error %d\n", found, errno);
}

/* shutdown PATH: the file system loses power: nothing more reaches its disk. */
static void shut_down(const char *path) {
    unsigned int without_log = 2;
    int top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(top >= 0 && ioctl(top, _IOR('X', 125, unsigned int), &without_log) == 0, "shutdown");
}

/* rid: every call by which the journal's attribute could go or change. */
static void try_to_be_rid(void) {
    const char *name = "user.vestibule.journal", *text = "vestibule-journal 1";
    int top = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct { uint64_t value; uint32_t size, flags; } arguments = {(uintptr_t)text, 19, 0};
    long answers[] = {
        removexattr(".", name) ? errno : 0,
        lremovexattr(".", name) ? errno : 0,
        fremovexattr(top, name) ? errno : 0,
        setxattr(".", name, text, 19, 0) ? errno : 0,
        lsetxattr(".", name, text, 19, 0) ? errno : 0,
        fsetxattr(top, name, text, 19, 0) ? errno : 0,
        syscall(463, AT_FDCWD, ".", 0, name, &arguments, sizeof arguments) ? errno : 0,
        syscall(466, AT_FDCWD, ".", 0, name) ? errno : 0,
        syscall(SYS_io_uring_setup, 1, calloc(1, 120)) < 0 ? errno : 0,
    };
    printf("rid");
    for (size_t at = 0; at < sizeof answers / sizeof *answers; at++) printf(" %ld", answers[at]);
    printf("\n");
    close(top);
}

/* limits: PID 1's processor time, then this process's own. */
static void limit_others(void) {
    struct rlimit one = {1, 1}, most = {1000, 1000};
    int init = prlimit(1, RLIMIT_CPU, &one, NULL) ? errno : 0;
    int own = prlimit(getpid(), RLIMIT_CPU, &most, NULL) ? errno : 0;
    printf("limits %d %d\n", init, own);
}

/* segment KEY: the value in shared memory. */
static void leave_segment(const char *key) {
    int id = shmget(atoi(key), 4096, IPC_CREAT | 0666);
    printf("segment %d\n", id < 0 ? errno : 0);
    if (id >= 0) strcpy(shmat(id, NULL, 0), token());
}

/* queue NAME: the value in a queue; has-queue NAME: whether there is one. */
static void leave_queue(const char *name, int flags) {
    struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 256};
    mqd_t queue = mq_open(name, flags | O_WRONLY | O_NONBLOCK, 0666, &attributes);
    printf("queue %d\n", queue < 0 ? errno : 0);
    if (queue >= 0 && flags) must(mq_send(queue, token(), strlen(token()), 0) == 0, "mq_send");
    if (queue >= 0) mq_close(queue);
}

static void leave_objects(void) {
    size_t size = strlen(token()) + 1;
    int id = shmget(0x7e57, 4096, IPC_CREAT | 0666);
    must(id >= 0, "shmget");
    char *shared = shmat(id, NULL, 0);
    must(shared != (void *)-1, "shmat");
    memcpy(shared, token(), size);
    must(semget(0x7e57, 1, IPC_CREAT | 0666) >= 0, "semget");
    struct { long type; char text[256]; } message = {1, ""};
    snprintf(message.text, sizeof message.text, "%s", token());
    id = msgget(0x7e57, IPC_CREAT | 0666);
    must(id >= 0 && msgsnd(id, &message, size, 0) == 0, "msgsnd");
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 256};
    /* For writing only: Landlock's file rules know no path to a queue. */
    mqd_t queue = mq_open("/left", O_CREAT | O_WRONLY, 0666, &attributes);
    must(queue >= 0 && mq_send(queue, token(), size, 0) == 0, "mq_send");
    id = shm_open("/left", O_CREAT | O_RDWR, 0666);
    must(id >= 0 && write(id, token(), size) == (ssize_t)size, "shm_open");
}

static int entries(const char *path) {
    DIR *directory = opendir(path);
    int count = 0;
    if (directory == NULL) return -errno;
    for (struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static int lines(const char *path) {
    FILE *file = fopen(path, "r");
    int count = 0, c;
    if (file == NULL) return -errno;
    while ((c = getc(file)) != EOF) count += c == '\n';
    fclose(file);
    return count - 1;
}

static void count_objects(void) {
    printf("objects shm %d sem %d msg %d queues %d files %d\n", lines("/proc/sysvipc/shm"),
           lines("/proc/sysvipc/sem"), lines("/proc/sysvipc/msg"), entries("/dev/mqueue"),
           entries("/dev/shm"));
}

/* others: how many processes there are but PID 1 and this one. */
static void count_others(void) {
    DIR *proc = opendir("/proc");
    int count = 0;
    must(proc != NULL, "proc");
    for (struct dirent *entry; (entry = readdir(proc));) {
        int pid = atoi(entry->d_name);
        count += pid > 1 && pid != getpid();
    }
    closedir(proc);
    printf("others %d\n", count);
}

/* open PATH: whether it opens for reading. */
static void try_open(const char *path) {
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    printf("open %s %d\n", path, file < 0 ? errno : 0);
    if (file >= 0) close(file);
}

static int is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

/* place: what the process was given besides its environment. */
static void tell_place(void) {
    char input[256] = "", directory[4096] = "";
    int more = 0, tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    int error = tty < 0 ? errno : 0;
    if (tty >= 0) close(tty);
    for (int fd = 3; fd < 1024; fd++) more += is_open(fd);
    (void)!readlink("/proc/self/fd/0", input, sizeof input - 1);
    if (!getcwd(directory, sizeof directory)) directory[0] = 0;
    printf("place input %s tty %d leader %d more %d nnp %d uid %d %d gid %d directory %s\n", input,
           error, getsid(0) == getpid(), more, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
           (int)getuid(), (int)geteuid(), (int)getgid(), directory);
}

static int by_name(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* variables: names only, sorted. */
static void tell_variables(void) {
    size_t count = 0;
    while (environ[count]) count++;
    char **names = malloc((count + 1) * sizeof *names);
    memcpy(names, environ, count * sizeof *names);
    qsort(names, count, sizeof *names, by_name);
    printf("variables");
    for (size_t i = 0; i < count; i++) printf(" %.*s", (int)strcspn(names[i], "="), names[i]);
    printf("\n");
    free(names);
}

static void tell_journal(void) {
    char content[4096];
    ssize_t size = getxattr(".", "user.vestibule.journal", content, sizeof content);
    if (size < 0) printf("no journal\n");
    else printf("journal\n%.*s", (int)size, content);
}

static void write_file(const char *path, mode_t mode) {
    int file = open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
    must(file >= 0, path);
    must(write(file, token(), strlen(token())) > 0 && fchmod(file, mode) == 0, path);
    close(file);
}

int main(int count, char **words) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int at = 1; at < count; at++) {
        const char *part = words[at], *next = at + 1 < count ? words[at + 1] : "";
        if (strcmp(part, "daemon") == 0) { leave_daemon(); continue; }
        if (strcmp(part, "comet") == 0) { leave_comet(); continue; }
        if (strcmp(part, "stopped") == 0) { leave_kind(stay_stopped); continue; }
        if (strcmp(part, "traced") == 0) { leave_kind(stay_traced); continue; }
        if (strcmp(part, "vfork") == 0) { leave_kind(stay_in_vfork); continue; }
        if (strcmp(part, "reaper") == 0) { leave_kind(stay_as_reaper); continue; }
        if (strcmp(part, "nested") == 0) { leave_kind(stay_nested); continue; }
        if (strcmp(part, "leave-objects") == 0) { leave_objects(); continue; }
        if (strcmp(part, "objects") == 0) { count_objects(); continue; }
        if (strcmp(part, "others") == 0) { count_others(); continue; }
        if (strcmp(part, "rid") == 0) { try_to_be_rid(); continue; }
        if (strcmp(part, "limits") == 0) { limit_others(); continue; }
        if (strcmp(part, "place") == 0) { tell_place(); continue; }
        if (strcmp(part, "journal") == 0) { tell_journal(); continue; }
        if (strcmp(part, "variables") == 0) { tell_variables(); continue; }
        if (strcmp(part, "wait") == 0) { for (;;) pause(); }
        at++;
        if (strcmp(part, "say") == 0) printf("%s\n", next);
        else if (strcmp(part, "open") == 0) try_open(next);
        else if (strcmp(part, "segment") == 0) leave_segment(next);
        else if (strcmp(part, "queue") == 0) leave_queue(next, O_CREAT);
        else if (strcmp(part, "has-queue") == 0) leave_queue(next, 0);
        else if (strcmp(part, "leave-keys") == 0) leave_keys(next);
        else if (strcmp(part, "keys") == 0) find_keys(next);
        else if (strcmp(part, "shutdown") == 0) shut_down(next);
        else if (strcmp(part, "file") == 0) write_file(next, 0644);
        else if (strcmp(part, "private-file") == 0) write_file(next, 0600);
        else if (strcmp(part, "forge") == 0)
            must(setxattr(".", "user.vestibule.journal", next, strlen(next), 0) == 0, "forge");
        else if (strcmp(part, "attribute") == 0)
            must(setxattr(next, "user.note", token(), strlen(token()), 0) == 0, "setxattr");
        else if (strcmp(part, "die") == 0) raise(atoi(next));
        else if (strcmp(part, "exit") == 0) exit(atoi(next));
        else { printf("no part %s\n", part); exit(96); }
    }
    return 0;
}
