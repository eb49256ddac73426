//! A claim about an init, and what was seen when it was put to one.
//!
//! In: a check that works for any init. Out: an ordinary test that vestibule
//! must pass, and a row of the table that `make compare-inits` prints.
//!
//! **Never:** a check that fails the comparison because of another init: what
//! a peer does wrong, a panic of the check included, is a result.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::inits::Init;

/// What an init did, and whether that is what it should do.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) right: bool,
    pub(crate) what: String,
}

impl Seen {
    /// `what` in a few words, for a cell of the table.
    pub(crate) fn new(right: bool, what: impl Into<String>) -> Self {
        Self {
            right,
            what: what.into(),
        }
    }

    /// Right if `found` is what is wanted, which the row's title names.
    pub(crate) fn same<T: PartialEq + std::fmt::Debug>(found: &T, wanted: &T) -> Self {
        Self::new(found == wanted, format!("{found:?}"))
    }

    /// Right if there is nothing to list.
    pub(crate) fn none_of<T: std::fmt::Display>(wrong: &[T], label: &str) -> Self {
        if wrong.is_empty() {
            return Self::new(true, "all right");
        }
        let shown: Vec<String> = wrong.iter().take(8).map(T::to_string).collect();
        let more = wrong.len().saturating_sub(shown.len());
        let more = if more == 0 {
            String::new()
        } else {
            format!(" and {more} more")
        };
        Self::new(false, format!("{label} {}{more}", shown.join(",")))
    }

    /// The init has no option for it.
    pub(crate) fn no_option() -> Self {
        Self::new(false, "no option")
    }
}

/// One row.
pub(crate) struct Claim {
    /// What is put to the inits, and what is wanted.
    pub(crate) title: &'static str,
    /// The test's name.
    pub(crate) name: &'static str,
    /// How it is found out.
    pub(crate) check: fn(&Init) -> Seen,
}

impl Claim {
    /// Puts the claim to an init that may do anything.
    pub(crate) fn put_to(&self, init: &Init) -> Seen {
        catch_unwind(AssertUnwindSafe(|| (self.check)(init))).unwrap_or_else(|panic| {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("panic");
            Seen::new(false, text.lines().next().unwrap_or_default())
        })
    }
}

/// Demands of vestibule what the others are only asked.
pub(crate) fn demand(title: &str, check: fn(&Init) -> Seen) {
    for init in [Init::vestibule(), Init::vestibule_with_secret()] {
        let seen = check(&init);
        assert!(seen.right, "{}: {title}: {}", init.name, seen.what);
    }
}

/// Declares the claims of a module: each becomes a test and a row.
macro_rules! claims {
    ($($name:ident, $title:literal, $check:expr;)*) => {
        /// The rows of this module.
        pub(crate) const CLAIMS: &[$crate::claim::Claim] = &[$(
            $crate::claim::Claim { title: $title, name: stringify!($name), check: $check },
        )*];

        $(
            #[test]
            fn $name() {
                $crate::claim::demand($title, $check);
            }
        )*
    };
}

pub(crate) use claims;
