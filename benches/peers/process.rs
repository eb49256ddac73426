//! The kernel's side of a measurement: a PID 1 in a new namespace, signals,
//! clocks, the cores to run on.
//!
//! In: a program with its arguments. Out: its process, and how it ended.
//!
//! **Never:** a runtime between clone and exec, whose time would be taken for
//! the launcher's; a process that outlives the bench.

#![expect(
    unsafe_code,
    reason = "clone, the clock, signals with a value, affinity: libc's own calls"
)]

use std::ffi::{CString, c_int, c_void};
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::ptr;
use std::time::Duration;

/// Enough for three dup2(2) and one execve(2).
const STACK_BYTES: usize = 16 * 1024;
/// An init that has not ended by then never will; the alarm ends the bench.
const PATIENCE_SECONDS: u32 = 180;
/// What the child says when the program cannot be executed.
const NOT_EXECUTED: c_int = 99;

/// A program to execute, in the form that execve(2) takes.
pub(crate) struct Program {
    path: *const libc::c_char,
    words: Vec<*const libc::c_char>,
    environment: Vec<*const libc::c_char>,
    /// What the pointers lead to.
    _text: Vec<CString>,
}

impl Program {
    /// The first word is the path; the environment is the same for everybody.
    pub(crate) fn new(words: &[String]) -> Self {
        let environment = [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "LANG=C.UTF-8",
        ];
        let all = words.iter().map(String::as_str).chain(environment);
        let text: Vec<CString> = all
            .map(|word| CString::new(word).expect("no NUL in a word"))
            .collect();
        let vector = |part: &[CString]| {
            let pointers = part.iter().map(|word| word.as_ptr());
            pointers.chain([ptr::null()]).collect()
        };
        let (before, after) = text.split_at(words.len());
        Self {
            path: text[0].as_ptr(),
            words: vector(before),
            environment: vector(after),
            _text: text,
        }
    }
}

/// Standard input, output and error of a program.
#[derive(Clone, Copy)]
pub(crate) struct Standard(pub(crate) [RawFd; 3]);

/// Whether the bench waits until the program is executed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meanwhile {
    /// It is suspended: the cheapest way to start a program.
    Suspended,
    /// It goes on at once, to send a signal at any moment.
    GoesOn,
}

/// A PID 1 of its own namespace. Killed when dropped, with all below it.
pub(crate) struct Process<'a> {
    /// When it was asked for.
    pub(crate) begun: u64,
    pid: c_int,
    ended: bool,
    /// The child's stack and orders, in use until the program is executed.
    _stack: Vec<u8>,
    _orders: Box<Orders<'a>>,
}

struct Orders<'a> {
    standard: Standard,
    program: &'a Program,
}

/// Starts `program` as PID 1. It dies with the bench.
pub(crate) fn start(program: &Program, standard: Standard, meanwhile: Meanwhile) -> Process<'_> {
    let orders = Box::new(Orders { standard, program });
    let mut stack = vec![0_u8; STACK_BYTES];
    let flags = libc::CLONE_VM | libc::CLONE_NEWPID | libc::SIGCHLD;
    let flags = match meanwhile {
        Meanwhile::Suspended => flags | libc::CLONE_VFORK,
        Meanwhile::GoesOn => flags,
    };
    // SAFETY: it sets a timer of this process.
    unsafe { libc::alarm(PATIENCE_SECONDS) };
    let top = stack.as_mut_ptr_range().end.cast::<c_void>();
    // Both calling conventions want the stack on a multiple of 16.
    let top = top.map_addr(|address| address & !15);
    let argument = ptr::from_ref(&*orders).cast_mut().cast::<c_void>();
    let begun = now();
    // SAFETY: stack and orders live in the `Process`, which ends before they
    // do; the child touches nothing else and never returns.
    let pid = unsafe { libc::clone(execute, top, flags, argument) };
    assert!(pid > 0, "clone(2): {}", std::io::Error::last_os_error());
    Process {
        begun,
        pid,
        ended: false,
        _stack: stack,
        _orders: orders,
    }
}

extern "C" fn execute(orders: *mut c_void) -> c_int {
    // SAFETY: `start` passes a pointer to live orders.
    let Orders { standard, program } = unsafe { &*orders.cast::<Orders>() };
    // SAFETY: prctl(2) takes integers here.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    for (number, descriptor) in (0..).zip(standard.0) {
        // SAFETY: the table of descriptors is a copy of the bench's.
        unsafe { libc::dup2(descriptor, number) };
    }
    let (words, environment) = (program.words.as_ptr(), program.environment.as_ptr());
    // SAFETY: both vectors end with null, and all strings are live.
    unsafe { libc::execve(program.path, words, environment) };
    // SAFETY: it takes an integer and does not return.
    unsafe { libc::_exit(NOT_EXECUTED) }
}

impl Process<'_> {
    /// Its number outside of its namespace.
    pub(crate) fn pid(&self) -> c_int {
        self.pid
    }

    /// Waits for its end: the exit code, or 128 and the signal.
    pub(crate) fn wait(&mut self) -> i32 {
        let mut status = 0;
        // SAFETY: `status` is a live integer.
        let answer = unsafe { libc::waitpid(self.pid, &raw mut status, 0) };
        assert_eq!(answer, self.pid, "waitpid(2)");
        self.ended = true;
        decode(status)
    }

    /// The same, but gives up after `limit`.
    pub(crate) fn wait_within(&mut self, limit: Duration) -> Option<i32> {
        let deadline = now() + u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let mut status = 0;
        while now() < deadline {
            // SAFETY: `status` is a live integer.
            let answer = unsafe { libc::waitpid(self.pid, &raw mut status, libc::WNOHANG) };
            if answer == self.pid {
                self.ended = true;
                return Some(decode(status));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        None
    }

    /// Stops it, and returns once the kernel says so.
    pub(crate) fn stop(&self) {
        self.signal(libc::SIGSTOP);
        let mut status = 0;
        // SAFETY: `status` is a live integer.
        let answer = unsafe { libc::waitpid(self.pid, &raw mut status, libc::WUNTRACED) };
        assert!(answer == self.pid && libc::WIFSTOPPED(status), "init stops");
    }

    /// Sends a signal as kill(2) does.
    pub(crate) fn signal(&self, signal: c_int) {
        // SAFETY: kill(2) takes two integers.
        unsafe { libc::kill(self.pid, signal) };
    }

    /// Queues a signal; tries again while the kernel's queue is full. Unlike
    /// kill(2) this never loses a real-time signal before init has it.
    pub(crate) fn queue(&self, signal: c_int) {
        let value = libc::sigval {
            sival_ptr: ptr::null_mut(),
        };
        // SAFETY: sigqueue(3) takes two integers and a value that nobody reads.
        while unsafe { libc::sigqueue(self.pid, signal, value) } != 0 {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.signal(libc::SIGKILL);
            let _ = self.wait();
        }
    }
}

fn decode(status: c_int) -> i32 {
    if libc::WIFEXITED(status) {
        libc::WEXITSTATUS(status)
    } else {
        128 + libc::WTERMSIG(status)
    }
}

/// CLOCK_MONOTONIC in nanoseconds, as the C programs read it.
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a live timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Sleeps until a moment of CLOCK_MONOTONIC, as exactly as the kernel can. A bench
/// that waited in a loop would keep the new PID 1 off the core that both share.
pub(crate) fn sleep_until(moment: u64) {
    let at = libc::timespec {
        tv_sec: i64::try_from(moment / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(moment % 1_000_000_000).unwrap_or(0),
    };
    // SAFETY: prctl(2) takes integers here.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
    let none = std::ptr::null_mut();
    // SAFETY: `at` is a live timespec; an absolute sleep reports no remainder.
    unsafe {
        libc::clock_nanosleep(
            libc::CLOCK_MONOTONIC,
            libc::TIMER_ABSTIME,
            &raw const at,
            none,
        )
    };
}

/// A pipe whose reading end does not block, so that an empty one is seen.
pub(crate) fn pipe() -> (File, OwnedFd) {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for two descriptors.
    let answer = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    assert_eq!(answer, 0, "pipe2(2)");
    // SAFETY: fcntl(2) takes integers here.
    unsafe { libc::fcntl(ends[0], libc::F_SETFL, libc::O_NONBLOCK) };
    // SAFETY: pipe2(2) has just made this descriptor, and nobody owns it.
    let reading = unsafe { File::from_raw_fd(ends[0]) };
    // SAFETY: as above.
    let writing = unsafe { OwnedFd::from_raw_fd(ends[1]) };
    (reading, writing)
}

/// Reads exactly `SIZE` bytes of a pipe, or `None` if they are not all there
/// within `limit`.
pub(crate) fn read_within<const SIZE: usize>(pipe: &File, limit: Duration) -> Option<[u8; SIZE]> {
    let mut bytes = [0; SIZE];
    let mut pipe_reader = pipe;
    let mut filled = 0;
    while filled < SIZE {
        match pipe_reader.read(&mut bytes[filled..]) {
            Ok(0) => return None,
            Ok(count) => filled += count,
            Err(_) if !is_readable(pipe, limit) => return None,
            Err(_) => {}
        }
    }
    Some(bytes)
}

fn is_readable(pipe: &File, limit: Duration) -> bool {
    let mut asked = libc::pollfd {
        fd: pipe.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let milliseconds = c_int::try_from(limit.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: `asked` is one live pollfd.
    let ready = unsafe { libc::poll(&raw mut asked, 1, milliseconds) };
    ready == 1 && asked.revents & libc::POLLIN != 0
}

/// A file of 64-bit words that another process maps, too.
pub(crate) struct Board {
    words: *const u64,
}

/// The number of words in a `Board`.
pub(crate) const BOARD_WORDS: usize = 4;

impl Board {
    /// Makes the file, all zero.
    pub(crate) fn create(path: &Path) -> Self {
        let size = BOARD_WORDS * size_of::<u64>();
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(true);
        let file = options.open(path).expect("the board is made");
        file.set_len(u64::try_from(size).expect("a small size"))
            .expect("the board has its size");
        // SAFETY: a new mapping of a file that has the size; it is never removed.
        let words = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        assert_ne!(words, libc::MAP_FAILED, "mmap(2)");
        Self {
            words: words.cast_const().cast(),
        }
    }

    /// One word, as it is now.
    pub(crate) fn read(&self, index: usize) -> u64 {
        assert!(index < BOARD_WORDS, "a word of the board");
        // SAFETY: the index was checked, and the mapping is aligned to a page.
        let word = unsafe { self.words.add(index) };
        // SAFETY: it lies in the mapping, which lives as long as the bench.
        unsafe { word.read_volatile() }
    }
}

/// The cores that this process may run on, as a mask of the first 64.
pub(crate) fn cores() -> u64 {
    let mut mask = 0_u64;
    // SAFETY: `mask` is a live set of the size that is passed.
    unsafe { libc::sched_getaffinity(0, size_of::<u64>(), (&raw mut mask).cast()) };
    mask
}

/// Confines the bench, and all that it starts, to these cores.
pub(crate) fn run_on(mask: u64) {
    // SAFETY: as above; the kernel only reads it.
    unsafe { libc::sched_setaffinity(0, size_of::<u64>(), (&raw const mask).cast()) };
}

/// Leaves the mount namespace that this process was started in.
pub(crate) fn leave_mount_namespace() -> std::io::Result<()> {
    // SAFETY: unshare(2) takes an integer; there is no other thread.
    match unsafe { libc::unshare(libc::CLONE_NEWNS) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}
