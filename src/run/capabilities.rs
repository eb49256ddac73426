//! Which capabilities main keeps: always fewer than PID 1 could use against us.
//!
//! In: the policy's list or none, and who main is. Out: the four sets and the
//! bounding set of this process, reduced (capabilities(7)).
//!
//! **Never:** one of `DANGEROUS` beside a withheld secret, unless the policy
//! names it: each opens a way around file permissions, Landlock or the border
//! between processes.

use caps::{CapSet, Capability, CapsHashSet};
use nix::errno::Errno;

use crate::sys::process;

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

    fn keeps(&self, capability: Capability) -> bool {
        match self {
            Self::Untouched => true,
            Self::Harmless => !DANGEROUS.contains(&capability),
            Self::Named(named) => named.contains(&capability),
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
        let held = caps::read(None, CapSet::Permitted).unwrap_or_default();
        named.iter().copied().find(|one| !held.contains(one))
    }

    /// Takes the others out of the bounding set, while the process still may.
    /// Without CAP_SETPCAP they stay there: then `no_new_privs` keeps execve(2)
    /// from bringing them back.
    pub fn limit_future(&self) {
        if *self != Self::Untouched {
            process::limit_bounding_set(&|number| {
                caps::all()
                    .into_iter()
                    .find(|one| u64::from(one.index()) == number)
                    .is_some_and(|one| self.keeps(one))
            });
        }
    }

    /// Reduces what the process has. Ambient ones carry those of a user other
    /// than root across execve(2).
    pub fn limit_present(&self, is_root: bool) -> Result<(), Errno> {
        if *self == Self::Untouched {
            return Ok(());
        }
        let refused = |_| Errno::EPERM;
        let held = caps::read(None, CapSet::Permitted).map_err(refused)?;
        let held = held.into_iter().filter(|one| self.keeps(*one));
        let kept: CapsHashSet = held.collect();
        let inheritable = caps::read(None, CapSet::Inheritable).map_err(refused)?;
        // An ambient one must be permitted and inheritable: it goes with those.
        let inheritable = if is_root {
            inheritable.intersection(&kept).copied().collect()
        } else {
            kept.clone()
        };
        for (set, wanted) in [
            (CapSet::Inheritable, &inheritable),
            (CapSet::Effective, &kept),
            (CapSet::Permitted, &kept),
        ] {
            if caps::read(None, set).map_err(refused)? != *wanted {
                caps::set(None, set, wanted).map_err(refused)?;
            }
        }
        if !is_root {
            for capability in kept {
                caps::raise(None, CapSet::Ambient, capability).map_err(refused)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use caps::Capability;

    use super::{DANGEROUS, Kept, Main};

    #[test]
    fn root_beside_a_withheld_secret_keeps_all_but_the_dangerous_ones() {
        let kept = Kept::choose(None, true, Main::Root);
        assert!(DANGEROUS.iter().all(|one| !kept.keeps(*one)));
        assert!(kept.keeps(Capability::CAP_CHOWN) && kept.keeps(Capability::CAP_NET_RAW));
    }

    #[test]
    fn another_user_keeps_only_what_is_named() {
        for main in [Main::Container, Main::Other] {
            assert_eq!(Kept::choose(None, true, main), Kept::Named(Vec::new()));
        }
        let named = [Capability::CAP_NET_BIND_SERVICE];
        let kept = Kept::choose(Some(&named), false, Main::Other);
        assert!(kept.outlives_root() && kept.accepted().is_empty());
        assert!(!kept.keeps(Capability::CAP_CHOWN));
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
