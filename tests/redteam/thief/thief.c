/* The thief: a main that tries every known way to a value that was withheld
 * from it, and says what came of each.
 *
 * In: /thief.key, or the file in THIEF_KEY: lines "canary NAME HEX HEX" with the
 * two halves of a value, each byte xor 0x5a, and lines "p|a|h|l|s|u|v|i PATH" with the
 * places where it lies. The clear value is nowhere in the thief until an attack
 * has it: the search veils what it looks at. Out: on standard output a line
 * "attack {json}" for each way, then "done N". No line holds a value.
 *
 * Every way is tried in a process of its own, since it may hang, die, change its
 * identity or hold what it stole. That also keeps one way's loot out of the next
 * way's memory.
 *
 * Never: harm to the machine. What would hurt the host (core_pattern, a disk) is
 * opened and closed, not written. A file that was moved is moved back.
 */
#include "thief.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CANARIES = 16, HALF = 16, PATIENCE_SECONDS = 8, LARGEST = 1 << 20 };

struct canary {
    char name[64];
    unsigned char half[2][HALF];
};

/* What an attack's process leaves behind, in memory shared with the thief. */
struct finding {
    int has_stolen, went_through, refusal, absence;
    char canary[64], where[NAME], refused_at[NAME];
};

struct place places[PATHS];
int place_count;
static struct canary canaries[CANARIES];
static int canary_count;
static struct finding *finding;
/* Kept back: one of the attacks reads what is in our own output. */
static char report[1 << 18];
static int report_size;

static int is_veiled(const char *bytes, const unsigned char *half) {
    for (int i = 0; i < HALF; i++)
        if (((unsigned char)bytes[i] ^ 0x5a) != half[i]) return 0;
    return 1;
}

static void note(char to[NAME], const char *text) { snprintf(to, NAME, "%s", text); }

void look(const char *where, const char *bytes, size_t size) {
    finding->went_through = 1;
    for (size_t at = 0; at + HALF <= size; at++)
        for (int i = 0; i < canary_count; i++)
            if (is_veiled(bytes + at, canaries[i].half[0]) ||
                is_veiled(bytes + at, canaries[i].half[1])) {
                finding->has_stolen = 1;
                snprintf(finding->canary, sizeof finding->canary, "%s", canaries[i].name);
                note(finding->where, where);
                _exit(0);
            }
}

void took(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->where, NAME, format, arguments);
    va_end(arguments);
    finding->has_stolen = 1;
    _exit(0);
}

/* Not there at all, or not known to this kernel: nothing was refused. */
static int is_absence(int error) {
    return error == ENOENT || error == ENOSYS || error == ESRCH || error == ENODEV ||
           error == ENXIO || error == ENOTDIR || error == EOPNOTSUPP || error == EINVAL ||
           error == EBADF || error == ENOTTY || error == EIO;
}

long step(const char *what, long answer) {
    int error = errno;
    if (answer >= 0) {
        finding->went_through = 1;
    } else if (is_absence(error)) {
        finding->absence = error;
    } else if (!finding->refusal) {
        finding->refusal = error;
        note(finding->refused_at, what);
    }
    errno = error;
    return answer;
}

void read_descriptor(const char *where, int descriptor) {
    static char page[65536];
    off_t at = 0;
    for (;;) {
        ssize_t got = pread(descriptor, page, sizeof page, at);
        if (got < 0 && errno == ESPIPE) got = read(descriptor, page, sizeof page);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) step(where, -1);
        if (got <= 0 || at > LARGEST) return;
        look(where, page, (size_t)got);
        /* A value may lie across two pieces. */
        at += got > 64 ? got - 64 : got;
    }
}

int read_path(const char *path) {
    int file = (int)step(path, open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (file < 0) return -1;
    read_descriptor(path, file);
    close(file);
    return 0;
}

size_t process_ids(int *ids, size_t room) {
    size_t count = 0;
    DIR *all = opendir("/proc");
    if (all == NULL) {
        step("/proc", -1);
        return 0;
    }
    for (struct dirent *entry; (entry = readdir(all)) && count < room;) {
        int id = atoi(entry->d_name);
        if (id > 0 && id != getpid()) ids[count++] = id;
    }
    closedir(all);
    return count;
}

void for_places(const char *kinds, void (*each)(const char *path)) {
    for (int i = 0; i < place_count; i++)
        if (strchr(kinds, places[i].kind)) each(places[i].path);
}

const char *split(const char *path, char directory[NAME]) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL) slash = path;
    snprintf(directory, NAME, "%.*s", (int)(slash - path), path);
    return slash + 1;
}

void apart(void (*attempt)(const char *), const char *argument) {
    pid_t child = fork();
    if (child == 0) {
        attempt(argument);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    if (finding->has_stolen) _exit(0);
}

static void say(const struct attack *attack, int hung) {
    const char *outcome = "absent";
    if (finding->has_stolen) outcome = "got";
    else if (finding->refusal) outcome = "refused";
    else if (finding->went_through) outcome = "clean";
    else if (hung) outcome = "hung";
    report_size += snprintf(report + report_size, sizeof report - (size_t)report_size,
           "attack {\"row\":\"%s\",\"way\":\"%s\",\"outcome\":\"%s\",\"canary\":\"%s\","
           "\"where\":\"%s\",\"errno\":%d}\n",
           attack->row, attack->way, outcome, finding->has_stolen ? finding->canary : "",
           finding->has_stolen ? finding->where : finding->refused_at,
           finding->refusal ? finding->refusal : finding->absence);
}

static void publish(void) {
    for (int said = 0; said < report_size;) {
        ssize_t wrote = write(1, report + said, (size_t)(report_size - said));
        if (wrote > 0) said += (int)wrote;
        if (wrote < 0 && errno != EINTR && errno != EAGAIN) break;
    }
    report_size = 0;
}

static int has_ended_in_time(pid_t child) {
    struct timespec pause = {0, 2000000};
    for (time_t end = time(NULL) + PATIENCE_SECONDS; time(NULL) < end; nanosleep(&pause, NULL))
        if (waitpid(child, NULL, WNOHANG) != 0) return 1;
    kill(-child, SIGKILL);
    waitpid(child, NULL, 0);
    return 0;
}

static void carry_out(const struct attack *attack) {
    memset(finding, 0, sizeof *finding);
    /* A main that is PID 1 itself: nobody else is there to be robbed. */
    if (getpid() == 1 && strstr(attack->way, "PID 1") && strcmp(attack->row, "E2")) {
        say(attack, 0);
        return;
    }
    if (strcmp(attack->row, "Z9") == 0) publish();
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        attack->attempt();
        _exit(0);
    }
    setpgid(child, child);
    say(attack, !has_ended_in_time(child));
}

static void unhex(unsigned char *to, const char *text) {
    for (int i = 0; i < HALF; i++) {
        unsigned int byte = 0;
        sscanf(text + 2 * i, "%2x", &byte);
        to[i] = (unsigned char)byte;
    }
}

static int read_key(void) {
    char line[512], name[64], first[64], second[64];
    const char *path = getenv("THIEF_KEY");
    FILE *key = fopen(path ? path : "/thief.key", "re");
    if (key == NULL) return 0;
    while (fgets(line, sizeof line, key)) {
        struct canary *canary = &canaries[canary_count];
        struct place *place = &places[place_count];
        if (sscanf(line, "canary %63s %63s %63s", name, first, second) == 3 &&
            canary_count < CANARIES) {
            snprintf(canary->name, sizeof canary->name, "%s", name);
            unhex(canary->half[0], first);
            unhex(canary->half[1], second);
            canary_count++;
        } else if (place_count < PATHS && sscanf(line, "%c %255s", &place->kind, place->path) == 2) {
            place_count++;
        }
    }
    fclose(key);
    return canary_count;
}

/* A file that comes once main runs: asked for, waited for, and then one more name. */
static void wait_for_later(struct place *place) {
    struct timespec pause = {0, 2000000};
    close(open("/tmp/main-runs", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    for (int i = 0; i < 2000 && access(place->path, F_OK) != 0; i++) nanosleep(&pause, NULL);
    place->kind = 'h';
}

static int is_wanted(const struct attack *attack, char **rows) {
    if (rows[0] == NULL) return 1;
    for (; *rows; rows++)
        if (strcmp(*rows, attack->row) == 0) return 1;
    return 0;
}

/* Signals that bounce off PID 1 come back; only its end counts. By the kernel's
 * own call, since the C library keeps 32 and 33 to itself. */
static void ignore_signals(void) {
    struct { void (*handler)(int); unsigned long rest[3]; } action = {SIG_IGN, {0, 0, 0}};
    for (long number = 1; number <= 64; number++)
        if (number != SIGCHLD) syscall(SYS_rt_sigaction, number, &action, NULL, 8);
}

int main(int count, char **words) {
    const struct attack *const all[] = {process_attacks, file_attacks, mount_attacks,
                                        kernel_attacks, power_attacks, place_attacks};
    int carried_out = 0;
    (void)count;
    if (words[1] && strcmp(words[1], "accomplice") == 0) return be_accomplice(words + 2);
    if (words[1] && strcmp(words[1], "cat") == 0) return be_cat(words[2]);
    if (words[1] && strcmp(words[1], "capabilities") == 0) return be_exec_probe();
    if (!read_key()) return 90;
    ignore_signals();
    finding = mmap(NULL, sizeof *finding, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (finding == MAP_FAILED) return 91;
    for (int i = 0; i < place_count; i++)
        if (places[i].kind == 'l') wait_for_later(&places[i]);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (const struct attack *attack = all[i]; attack->row; attack++)
            if (is_wanted(attack, words + 1)) {
                carry_out(attack);
                carried_out++;
            }
    report_size += snprintf(report + report_size, sizeof report - (size_t)report_size, "done %d\n", carried_out);
    publish();
    return 0;
}
