/* The actor: main's part in every measurement but start-up.
 *
 * In: a part and what it takes. Out: one byte on standard output once the part
 * can begin, then what the part says. Ends with 7 where an end is asked for.
 *
 *   sleep                 waits for ever, as an idle service
 *   last MS               runs to its normal end: exit code 0 after MS
 *   echo                  USR1: the time of the handler's first line
 *   count FILE            counts USR1 and signal 36 in FILE; USR2 marks it
 *   orphans COUNT live    orphans that end at once; says how long until none
 *   orphans COUNT held    the same, once a byte on standard input says that
 *                         init is stopped; continues it when all are zombies
 *   open COUNT SECRET FILE...
 *                         for each byte on standard input, how long it takes to
 *                         open and close each FILE that often; not if SECRET opens
 *   expect UID NAME...    0 if this user has a value in each variable
 *
 * C, because signal handlers and 10,000 forks need no runtime in between.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REAL_TIME = 36, ASKED = 7, BROKEN = 99 };

/* The layout of FILE: counts of USR1 and of signal 36, the mark of USR2, and
 * when the last one of either came. storm.rs reads the same. */
struct board {
    volatile uint64_t usr1, real_time, usr2, last;
};

static struct board *board;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void must(int passed) {
    if (!passed) _exit(BROKEN);
}

static void say(const void *bytes, size_t size) {
    must(write(1, bytes, size) == (ssize_t)size);
}

static void handle(int number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigfillset(&action.sa_mask);
    must(sigaction(number, &action, NULL) == 0);
}

static void doze(long microseconds) {
    struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
    nanosleep(&time, NULL);
}

static void end(int number) {
    (void)number;
    _exit(ASKED);
}

static void stamp(int number) {
    uint64_t time = now();
    (void)number;
    say(&time, sizeof time);
}

static void tally(int number) {
    board->last = now();
    if (number == SIGUSR1) board->usr1++;
    if (number == REAL_TIME) board->real_time++;
    if (number == SIGUSR2) board->usr2++;
}

static void wait_for_ever(void) {
    say("r", 1);
    for (;;) pause();
}

static void echo(void) {
    handle(SIGUSR1, stamp);
    handle(SIGTERM, end);
    wait_for_ever();
}

static void count(const char *path) {
    int file = open(path, O_RDWR | O_CLOEXEC);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    must(board != MAP_FAILED);
    handle(SIGUSR1, tally);
    handle(SIGUSR2, tally);
    handle(REAL_TIME, tally);
    handle(SIGTERM, end);
    wait_for_ever();
}

/* One process makes all of them and ends, which orphans them in one go. Each
 * lives until `release` has no writer, and holds a writer of `living`. */
static void make_orphans(int amount, pid_t *pids, const int *release, const int *living) {
    pid_t maker = fork();
    must(maker >= 0);
    if (maker == 0) {
        close(release[1]);
        close(living[0]);
        for (int i = 0; i < amount; i++) {
            pid_t orphan = fork();
            must(orphan >= 0);
            if (orphan == 0) {
                char byte;
                (void)!read(release[0], &byte, 1);
                _exit(0);
            }
            pids[i] = orphan;
        }
        _exit(0);
    }
    int status;
    must(waitpid(maker, &status, 0) == maker && status == 0);
    close(living[1]);
}

/* Each number is free again only once its zombie was reaped. */
static void await_none(int amount, const pid_t *pids) {
    for (int i = 0; i < amount; i++)
        while (kill(pids[i], 0) == 0 || errno != ESRCH) doze(100);
}

static void orphans(int amount, int held) {
    int release[2], living[2];
    char byte;
    size_t size = (size_t)amount * sizeof(pid_t);
    pid_t *pids = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(pids != MAP_FAILED && pipe(release) == 0 && pipe(living) == 0);
    make_orphans(amount, pids, release, living);
    say("r", 1);
    must(read(0, &byte, 1) == 1);
    uint64_t begin = now();
    close(release[1]);
    if (held) {
        must(read(living[0], &byte, 1) == 0);
        /* Files are closed a moment before a process is a zombie. */
        doze(100000);
        begin = now();
        must(kill(getppid(), SIGCONT) == 0);
    }
    await_none(amount, pids);
    uint64_t taken = now() - begin;
    say(&taken, sizeof taken);
    _exit(ASKED);
}

static void open_and_close(int amount, const char *secret, int files, char **file) {
    char byte;
    must(open(secret, O_RDONLY | O_CLOEXEC) < 0);
    say("r", 1);
    while (read(0, &byte, 1) == 1) {
        for (int i = 0; i < files; i++) {
            uint64_t begin = now();
            for (int turn = 0; turn < amount; turn++) {
                int opened = open(file[i], O_RDONLY | O_CLOEXEC);
                must(opened >= 0 && close(opened) == 0);
            }
            uint64_t taken = now() - begin;
            say(&taken, sizeof taken);
        }
    }
    _exit(ASKED);
}

static int expect(int words, char **word) {
    if ((long)getuid() != strtol(word[0], NULL, 10)) return 1;
    for (int i = 1; i < words; i++) {
        const char *value = getenv(word[i]);
        if (value == NULL || *value == 0) return i + 1;
    }
    return 0;
}

int main(int words, char **word) {
    must(words >= 2);
    const char *part = word[1];
    if (strcmp(part, "sleep") == 0) wait_for_ever();
    if (strcmp(part, "echo") == 0) echo();
    if (strcmp(part, "expect") == 0 && words >= 3) return expect(words - 2, word + 2);
    must(words >= 3);
    if (strcmp(part, "last") == 0) {
        doze(strtol(word[2], NULL, 10) * 1000);
        return 0;
    }
    if (strcmp(part, "count") == 0) count(word[2]);
    must(words >= 4);
    if (strcmp(part, "open") == 0)
        open_and_close(atoi(word[2]), word[3], words - 4, word + 4);
    must(strcmp(part, "orphans") == 0);
    orphans(atoi(word[2]), strcmp(word[3], "held") == 0);
}
