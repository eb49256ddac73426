//! What a session beside main would take that main was not started with.
//!
//! In: the digests that PID 1 shows, and what was gathered now. Out: the first
//! difference, which main may have made.
//!
//! **Never:** a difference that is let pass because it looks harmless. Secret files may
//! be others where main can change none of them: Kubernetes swaps those of a volume.

use std::path::PathBuf;

use crate::collect::accounts::Identity;
use crate::collect::replaceable::can_change_secrets;
use crate::exit::Exit;
use crate::gather::Gathered;
use crate::pin::Pin;
use crate::policy::Policy;
use crate::report::{Fault, list, quote};
use crate::seal::as_user::ask;

/// What is not as it was when main was started.
#[derive(Debug)]
pub(super) enum Changed {
    /// There was neither policy nor secret.
    Appeared,
    /// The policy, or that there is one.
    Policy(Option<PathBuf>),
    /// Who main would be, and whether the policy says so.
    Identity { uid: u32, is_named: bool },
    /// Which files the secrets come from.
    Files(Vec<PathBuf>),
}

impl Changed {
    /// The first thing that has changed.
    pub(super) fn since_the_start(pin: Option<Pin>, gathered: &Gathered) -> Option<Self> {
        let now = gathered.pinned?;
        let Some(Pin { inputs: then, .. }) = pin else {
            return Some(Self::Appeared);
        };
        let main = gathered.identity.clone().unwrap_or_else(Identity::own);
        let file = |policy: &Policy| policy.file.clone();
        if now.policy != then.policy {
            return Some(Self::Policy(gathered.policy.as_ref().map(file)));
        }
        if now.identity != then.identity {
            let (uid, is_named) = (main.uid, gathered.identity.is_some());
            return Some(Self::Identity { uid, is_named });
        }
        let places = &gathered.secret_places;
        let is_other = now.files != then.files && can_change_secrets(places, &main, ask);
        is_other.then(|| Self::Files(places.clone()))
    }
}

impl Fault for Changed {
    fn what(&self) -> String {
        match self {
            Self::Appeared => "main was started without policy and secrets, and now there are some",
            Self::Policy(_) => "the policy is not the one that main was started with",
            Self::Identity { .. } => "this session would not run as main's user",
            Self::Files(_) => "the secret files are not those that main was started with, and main could have exchanged them",
        }
        .into()
    }

    fn place(&self) -> String {
        match self {
            Self::Appeared => "the policy and the secret directories".into(),
            Self::Policy(Some(file)) => file.display().to_string(),
            Self::Policy(None) => "there is no policy now".into(),
            Self::Identity { uid, .. } => {
                format!("the session would be uid {uid}, or have other groups")
            }
            Self::Files(places) => {
                let places: Vec<String> = places
                    .iter()
                    .map(|path| quote(path.display().to_string()))
                    .collect();
                list(&places)
            }
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Appeared | Self::Policy(_) => "restart the container",
            Self::Identity { is_named: false, .. } => "start the session as the container's user (`docker exec` without `-u`), or restart the container",
            Self::Identity { .. } => "restart the container: `/etc/passwd` or `/etc/group` has changed",
            Self::Files(_) => "restart the container; mount the secrets read-only (`:ro`), and a new file is taken without",
        }
        .into()
    }

    fn exit(&self) -> Exit {
        Exit::Policy
    }
}
