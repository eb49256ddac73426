/* What the stage needs beyond an ordinary scene: a process beside one, a kernel
 * that lacks something, a pipe that nobody empties.
 *
 * Never: a word to the harness; each answers whether it was done.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Enters the namespaces of a scene's init, as `docker exec` does: the next
 * child is one of its processes, with its root. */
static int join(pid_t init) {
    int namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET;
    int scene = (int)syscall(SYS_pidfd_open, init, 0);
    return scene >= 0 && setns(scene, namespaces) == 0 && close(scene) == 0;
}

/* From here on this system call fails so, as on a kernel without it or below
 * the filter of a container runtime. Root needs no no_new_privs for that. */
static int refuse_call(uint32_t call, uint32_t error) {
    struct sock_filter program[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    struct sock_fprog filter = {sizeof program / sizeof *program, program};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

/* From here on nobody gets a filter, as on a kernel without seccomp: prctl(2)
 * fails so for this option alone. */
static int refuse_filters(void) {
    struct sock_filter program[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, SYS_prctl},
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, args)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, PR_SET_SECCOMP},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EINVAL},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    struct sock_fprog filter = {sizeof program / sizeof *program, program};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

/* Fills a pipe to the brim: who writes to it next waits until somebody reads. */
static int jam(int number) {
    char page[4096] = {0};
    int flags = fcntl(number, F_GETFL);
    ssize_t wrote = 0;
    if (fcntl(number, F_SETPIPE_SZ, sizeof page) < 0) return 0;
    if (fcntl(number, F_SETFL, flags | O_NONBLOCK) < 0) return 0;
    while (wrote >= 0) wrote = write(number, page, sizeof page);
    return errno == EAGAIN && fcntl(number, F_SETFL, flags) == 0;
}
