//! What setup leaves behind is looked for before main may start.
//!
//! In: places and values. Out: a report.
//!
//! **Never:** a value in a report, or a place that was left out silently.

pub mod scan;
