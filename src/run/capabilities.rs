//! Which capabilities main keeps: always fewer than PID 1 could use against us.
//!
//! In: the policy's list or none, and who main is. Out: the four sets and the
//! bounding set of this process, reduced (capabilities(7)).
//!
//! **Never:** one of `DANGEROUS` beside a withheld secret, unless the policy
//! names it: each opens a way around file permissions, Landlock or the border
//! between processes.

use caps::Capability;
use nix::errno::Errno;

use crate::sys::capability::{Sets, limit_bounding_set, make_ambient};

/// What root loses when a secret is withheld. SYS_ADMIN mounts and, with
/// PERFMON, reads `/proc/PID/environ` of any process; SYS_PTRACE,
/// CHECKPOINT_RESTORE and BPF look into memory; SYS_MODULE, SYS_RAWIO and SYS_BOOT
/// (a kernel of its own) reach the kernel's; DAC_READ_SEARCH opens files by handle, past every path rule.
/// AUDIT_WRITE is harmless and hardly ever used: a process may look into one of
/// its own user only if it has all of its capabilities (ptrace(2)), so PID 1,
/// which keeps it, is out of reach.
pub const DANGEROUS: [Capability; 10] = [
    Capability::CAP_SYS_ADMIN,
    Capability::CAP_SYS_PTRACE,
    Capability::CAP_PERFMON,
    Capability::CAP_BPF,
    Capability::CAP_CHECKPOINT_RESTORE,
    Capability::CAP_SYS_MODULE,
    Capability::CAP_SYS_RAWIO,
    Capability::CAP_SYS_BOOT,
    Capability::CAP_DAC_READ_SEARCH,
    Capability::CAP_AUDIT_WRITE,
];

/// With one of these a user changes files of others: it takes or makes itself an
/// owner, or becomes somebody who may.
pub const OVER_FILES: [Capability; 5] = [
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_FOWNER,
    Capability::CAP_SETGID,
    Capability::CAP_SETUID,
];

/// Every capability that has a name here; what a newer kernel adds is dropped.
const KNOWN: u64 = u64::MAX >> (u64::BITS - 41);

/// Who main is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Main {
    /// Root, by policy or as the container started.
    Root,
    /// Another user, which the container started as.
    Container,
    /// Another user, which main becomes.
    Other,
}

/// What main keeps of the container's capabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// All that the kernel leaves it: nothing is withheld.
    #[default]
    Untouched,
    /// All but the dangerous ones.
    Harmless,
    /// Exactly these.
    Named(Vec<Capability>),
}

impl Kept {
    /// The rule for main: root keeps what is harmless beside a withheld secret, a
    /// user that main becomes, or that must not read one, keeps none.
    #[must_use]
    pub fn choose(named: Option<&[Capability]>, withholds: bool, main: Main) -> Self {
        match (named, main) {
            (Some(named), _) => Self::Named(named.to_vec()),
            (None, Main::Root) if withholds => Self::Harmless,
            (None, Main::Container) if withholds => Self::Named(Vec::new()),
            (None, Main::Other) => Self::Named(Vec::new()),
            (None, Main::Root | Main::Container) => Self::Untouched,
        }
    }

    /// What main keeps of what there is.
    fn mask(&self) -> u64 {
        match self {
            Self::Untouched => u64::MAX,
            Self::Harmless => KNOWN & !mask_of(&DANGEROUS),
            Self::Named(named) => mask_of(named),
        }
    }

    /// The rule in a word, and the capabilities that it names.
    #[must_use]
    pub fn words(&self) -> (&'static str, Vec<String>) {
        let (rule, named): (_, &[Capability]) = match self {
            Self::Untouched => ("untouched", &[]),
            Self::Harmless => ("without", &DANGEROUS),
            Self::Named(named) => ("only", named),
        };
        (rule, named.iter().map(ToString::to_string).collect())
    }

    /// The dangerous ones that a policy names.
    #[must_use]
    pub fn accepted(&self) -> Vec<Capability> {
        match self {
            Self::Untouched | Self::Harmless => Vec::new(),
            Self::Named(named) => {
                let named = named.iter().copied();
                named.filter(|one| DANGEROUS.contains(one)).collect()
            }
        }
    }

    /// Whether main is to have capabilities although it is no longer root.
    #[must_use]
    pub fn outlives_root(&self) -> bool {
        matches!(self, Self::Named(named) if !named.is_empty())
    }

    /// A capability that the policy names and the container does not have.
    #[must_use]
    pub fn missing(&self) -> Option<Capability> {
        let Self::Named(named) = self else {
            return None;
        };
        let held = Sets::own().map_or(0, |own| own.permitted);
        let mut named = named.iter().copied();
        named.find(|one| held & one.bitmask() == 0)
    }

    /// Takes the others out of the bounding set, while the process still may.
    /// Without CAP_SETPCAP they stay there: then `no_new_privs` keeps execve(2)
    /// from bringing them back.
    pub fn limit_future(&self) {
        if *self != Self::Untouched {
            limit_bounding_set(self.mask());
        }
    }

    /// Reduces what the process has. Ambient ones carry those of a user other
    /// than root across execve(2).
    pub fn limit_present(&self, is_root: bool) -> Result<(), Errno> {
        if *self == Self::Untouched {
            return Ok(());
        }
        let own = Sets::own()?;
        let kept = own.permitted & self.mask();
        // An ambient one must be permitted and inheritable: it goes with those.
        let reduced = Sets {
            effective: kept,
            permitted: kept,
            inheritable: if is_root {
                own.inheritable & kept
            } else {
                kept
            },
        };
        if reduced != own {
            reduced.take_effect()?;
        }
        if is_root {
            return Ok(());
        }
        let mut numbers = (0..64_u8).filter(|number| kept >> number & 1 != 0);
        numbers.try_for_each(make_ambient)
    }
}

fn mask_of(capabilities: &[Capability]) -> u64 {
    let masks = capabilities.iter().map(Capability::bitmask);
    masks.fold(0, |all, one| all | one)
}

#[cfg(test)]
mod tests {
    use caps::Capability;

    use super::{DANGEROUS, KNOWN, Kept, Main, mask_of};

    fn keeps(kept: &Kept, one: Capability) -> bool {
        kept.mask() & one.bitmask() != 0
    }

    #[test]
    fn every_capability_with_a_name_is_known_and_no_other() {
        let all: Vec<Capability> = caps::all().into_iter().collect();
        assert_eq!(mask_of(&all), KNOWN);
    }

    #[test]
    fn root_beside_a_withheld_secret_keeps_all_but_the_dangerous_ones() {
        let kept = Kept::choose(None, true, Main::Root);
        assert!(DANGEROUS.iter().all(|one| !keeps(&kept, *one)));
        assert!(keeps(&kept, Capability::CAP_CHOWN) && keeps(&kept, Capability::CAP_NET_RAW));
    }

    #[test]
    fn another_user_keeps_only_what_is_named() {
        for main in [Main::Container, Main::Other] {
            assert_eq!(Kept::choose(None, true, main), Kept::Named(Vec::new()));
        }
        let named = [Capability::CAP_NET_BIND_SERVICE];
        let kept = Kept::choose(Some(&named), false, Main::Other);
        assert!(kept.outlives_root() && kept.accepted().is_empty());
        assert!(!keeps(&kept, Capability::CAP_CHOWN));
    }

    #[test]
    fn nothing_changes_where_nothing_is_withheld() {
        assert_eq!(Kept::choose(None, false, Main::Root), Kept::Untouched);
    }

    #[test]
    fn a_dangerous_one_is_accepted_only_by_name() {
        let named = [Capability::CAP_SYS_PTRACE, Capability::CAP_KILL];
        let kept = Kept::choose(Some(&named), true, Main::Root);
        assert_eq!(kept.accepted(), [Capability::CAP_SYS_PTRACE]);
    }
}
