//! Who is measured: each launcher with its options.
//!
//! In: what this machine has. Out: launchers, and the names of those that are
//! missing, which the report then says.
//!
//! **Never:** a peer left out in silence.

use std::path::{Path, PathBuf};

use crate::stage::{Scene, Stage, output};

/// What the ratios are taken to.
pub(crate) const REFERENCE: &str = "tini-static";
/// Our name in the tables.
pub(crate) const OURS: &str = "vestibule";
/// Ours in front of three secrets.
pub(crate) const OURS_WITH_SECRETS: &str = "vestibule, three secrets";
/// Ours as a group-signalling init.
pub(crate) const OURS_GROUP: &str = "vestibule -g";
/// Ours in front of three secrets, for a group.
pub(crate) const OURS_GROUP_WITH_SECRETS: &str = "vestibule -g, three secrets";
/// Ours with secrets and another user.
pub(crate) const OURS_WITH_USER: &str = "vestibule, three secrets, user";
/// Ours with everything: three URLs, another user, a withheld secret that only
/// Landlock can hide, and the proof.
pub(crate) const OURS_WHOLE: &str = "vestibule, the whole road";
/// What no start can cost less than that executes PID 1 anew.
pub(crate) const FLOOR: &str = "the floor";
/// The usual chain.
pub(crate) const CHAIN: &str = "tini, sh with three cat, gosu";

/// The peers, with Debian's names of their packages.
const KNOWN: [(&str, &[&str]); 4] = [
    ("tini", &["-g"]),
    (REFERENCE, &["-g"]),
    // Signals the group unless told otherwise.
    ("dumb-init", &["-c"]),
    ("catatonit", &["-g"]),
];

/// One way to start a command.
#[derive(Clone, Debug)]
pub(crate) struct Launcher {
    /// Its name in the tables.
    pub(crate) name: String,
    /// Program and options, before the command.
    pub(crate) words: Vec<String>,
    /// What it finds when it starts.
    pub(crate) scene: Scene,
}

/// All launchers of this machine.
pub(crate) struct Roster {
    vestibule: PathBuf,
    /// Name, path and the option for the other way to signal.
    peers: Vec<(&'static str, PathBuf, &'static str)>,
    gosu: Option<PathBuf>,
    /// The names of peers that this machine does not have.
    pub(crate) missing: Vec<&'static str>,
}

impl Roster {
    /// Looks for everybody.
    pub(crate) fn find(vestibule: PathBuf) -> Self {
        let mut missing = Vec::new();
        let mut peers = Vec::new();
        for (name, other_way) in KNOWN {
            match locate(name) {
                Some(path) => peers.push((name, path, other_way[0])),
                None => missing.push(name),
            }
        }
        let gosu = locate("gosu");
        if gosu.is_none() {
            missing.push("gosu");
        }
        Self {
            vestibule,
            peers,
            gosu,
            missing,
        }
    }

    /// For start-up: each peer as most people call it, then ours.
    pub(crate) fn for_start(&self, stage: &Stage) -> Vec<Launcher> {
        let plain = |(name, path, _): &(&str, PathBuf, &str)| launcher(name, path, &["--"]);
        let mut all = vec![launcher("no launcher", Path::new(""), &[])];
        all[0].words.clear();
        all.extend(self.peers.iter().map(plain));
        all.push(launcher(FLOOR, stage.floor(), &[]));
        all.extend(self.ours_alone());
        let policy = stage.policy().display().to_string();
        all.push(Launcher {
            name: OURS_WITH_USER.into(),
            words: words(&self.vestibule, &["--policy", &policy, "--"]),
            scene: Scene::Secrets,
        });
        let whole = stage.whole_policy().display().to_string();
        all.push(Launcher {
            name: OURS_WHOLE.into(),
            words: words(&self.vestibule, &["--policy", &whole, "--"]),
            scene: Scene::WholeRoad,
        });
        all.extend(self.chain(stage));
        all
    }

    /// For what an init does: each peer in both ways to signal, then ours.
    pub(crate) fn for_service(&self) -> Vec<Launcher> {
        let mut all = Vec::new();
        for (name, path, other_way) in &self.peers {
            all.push(launcher(name, path, &["--"]));
            let with_option = format!("{name} {other_way}");
            all.push(launcher(&with_option, path, &[other_way, "--"]));
        }
        all.extend(self.ours_alone());
        all.push(launcher(OURS_GROUP, &self.vestibule, &["-g", "--"]));
        all.push(Launcher {
            name: OURS_GROUP_WITH_SECRETS.into(),
            scene: Scene::Secrets,
            ..launcher("", &self.vestibule, &["-g", "--"])
        });
        all
    }

    /// The same without the second way to signal.
    pub(crate) fn for_rest(&self) -> Vec<Launcher> {
        let plain = |(name, path, _): &(&str, PathBuf, &str)| launcher(name, path, &["--"]);
        let peers = self.peers.iter().map(plain);
        peers.chain(self.ours_alone()).collect()
    }

    /// Ours in front of a scene.
    pub(crate) fn ours_in(&self, scene: Scene) -> Launcher {
        Launcher {
            scene,
            ..launcher(OURS, &self.vestibule, &["--"])
        }
    }

    /// Every binary with its name.
    pub(crate) fn binaries(&self) -> Vec<(&'static str, PathBuf)> {
        let peers = self
            .peers
            .iter()
            .map(|(name, path, _)| (*name, path.clone()));
        let gosu = self.gosu.iter().map(|path| ("gosu", path.clone()));
        let ours = [(OURS, self.vestibule.clone())];
        peers.chain(gosu).chain(ours).collect()
    }

    /// What each binary says of its version.
    pub(crate) fn versions(&self) -> Vec<String> {
        let version = |(name, path): (&str, PathBuf)| {
            let said = output(&path, &["--version"]);
            let number = said
                .split_ascii_whitespace()
                .map(|word| word.trim_start_matches('v').trim_end_matches("_catatonit"))
                .find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
            format!("{name} {}", number.unwrap_or("of unknown version"))
        };
        self.binaries().into_iter().map(version).collect()
    }

    fn ours_alone(&self) -> [Launcher; 2] {
        [
            self.ours_in(Scene::Bare),
            Launcher {
                name: OURS_WITH_SECRETS.into(),
                ..self.ours_in(Scene::Secrets)
            },
        ]
    }

    fn chain(&self, stage: &Stage) -> Option<Launcher> {
        let gosu = self.gosu.as_ref()?.display().to_string();
        let (_, tini, _) = self.peers.first()?;
        let script = stage.entrypoint().display().to_string();
        Some(Launcher {
            name: CHAIN.into(),
            words: words(tini, &["--", "/bin/sh", &script, &gosu]),
            scene: Scene::Secrets,
        })
    }
}

impl Launcher {
    /// The whole command line.
    pub(crate) fn with(&self, command: &[&str]) -> Vec<String> {
        let command = command.iter().map(ToString::to_string);
        self.words.iter().cloned().chain(command).collect()
    }

    /// Whether this is one of ours.
    pub(crate) fn is_ours(&self) -> bool {
        self.name.starts_with(OURS)
    }
}

fn launcher(name: &str, path: &Path, options: &[&str]) -> Launcher {
    Launcher {
        name: name.into(),
        words: words(path, options),
        scene: Scene::Bare,
    }
}

fn words(path: &Path, options: &[&str]) -> Vec<String> {
    let options = options.iter().map(ToString::to_string);
    [path.display().to_string()]
        .into_iter()
        .chain(options)
        .collect()
}

/// The system's own place of a program: a copy elsewhere would not be Debian's.
fn locate(name: &str) -> Option<PathBuf> {
    ["/usr/bin", "/usr/sbin", "/bin", "/sbin"]
        .iter()
        .map(|directory| Path::new(directory).join(name))
        .find(|path| path.is_file())
}
