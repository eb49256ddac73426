//! What the figures belong to: machine, kernel, date, versions.
//!
//! In: `/proc`, the clock. Out: lines for the head of the report.
//!
//! **Never:** a path, a host name, or whatever else says where this ran.

use std::collections::BTreeMap;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

#[cfg(target_arch = "x86_64")]
use crate::process::now;

/// Processor, cores, memory, kernel, system.
pub(crate) fn describe() -> String {
    let processors = fields("/proc/cpuinfo", ':');
    let memory = fields("/proc/meminfo", ':');
    let system = fields("/etc/os-release", '=');
    let known = |map: &BTreeMap<String, String>, name: &str| {
        map.get(name).map_or("unknown", String::as_str).to_owned()
    };
    let kilobytes = known(&memory, "MemTotal");
    let kilobytes = kilobytes
        .split(' ')
        .next()
        .and_then(|word| word.parse::<u64>().ok());
    format!(
        "{} ({}), {} cores, {} GiB, Linux {}, {}",
        known(&processors, "model name"),
        std::env::consts::ARCH,
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        kilobytes.unwrap_or(0) / (1 << 20),
        kernel(),
        known(&system, "PRETTY_NAME").trim_matches('"'),
    )
}

/// What one CPUID instruction takes, in microseconds. A hypervisor intercepts
/// it, and the start of a glibc program executes dozens: on a virtual machine
/// that can be most of what a small glibc init costs.
#[cfg(target_arch = "x86_64")]
pub(crate) fn cpuid() -> String {
    const TIMES: u32 = 200;
    let begin = now();
    for _ in 0..TIMES {
        std::hint::black_box(std::arch::x86_64::__cpuid_count(4, 0));
    }
    let each = (now() - begin) as f64 / 1000.0 / f64::from(TIMES);
    format!("{each:.1} us (the start of a glibc program executes dozens, musl's none)")
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn cpuid() -> String {
    "not of this architecture".into()
}

/// How many processes wanted a core in the last minute.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

/// The numbers of the release; what follows them is the builder's own.
fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let numbers = release.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
    numbers.into_iter().next().unwrap_or_default().to_owned()
}

fn fields(path: &str, separator: char) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(separator))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

/// Today in UTC, as year-month-day.
pub(crate) fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let days = since.map_or(0, |since| since.as_secs() / 86_400);
    let (year, month, day) = date(days);
    format!("{year}-{month:02}-{day:02}")
}

/// The Gregorian date of a day since 1970, counted in years that begin in
/// March, so that the leap day is the last one.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}
