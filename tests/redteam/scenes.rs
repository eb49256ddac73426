//! A mode becomes a scene: the withheld value in its place, accomplices around
//! it, and the thief as main.
//!
//! In: a `Mode`, a `Protector`. Out: a `Scene`.
//!
//! **Never:** the clear value where the thief could find it by our fault: its
//! key file has it veiled.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::Scene;
use crate::modes::{Lies, Mode, Proc, Who};
use crate::protectors::Protector;
use crate::robbery::{thief, veiled};
use crate::setup::{self, GROUND};

/// Where a main waits that has a setup phase before it: its neighbours come after.
pub(crate) const GATE: &str = "/begin";
const WAIT: &str = "echo main; : < /begin; exec /thief";

/// What is wrong with a container on purpose, for a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// Nothing but what the accomplices do.
    Nothing,
    /// The secrets are covered by a mount.
    Covered,
    /// Standard input holds the value.
    Fed,
}

impl Mode {
    /// The scene, with the thief as main; `rows` is what it tries in setup,
    /// nothing means all.
    pub(crate) fn scene(
        &self,
        protector: &Protector,
        accomplices: &[&str],
        confinement: &str,
        rows: &[&str],
    ) -> Scene {
        let mut arguments = self.at_first(accomplices);
        arguments.push("/init".into());
        let mut options = protector.command((self.who == Who::Dropped).then_some("app"));
        if let Some(option) = self.option.filter(|_| protector.is_vestibule()) {
            options.insert(0, option.into());
        }
        if self.has_setup {
            options.pop();
            options.extend(["/bin/sh", "-c", WAIT].map(String::from));
        }
        arguments.extend(options);
        let mut scene = Scene::raw(&arguments)
            .named("thief")
            .init(thief())
            .bind(thief(), "/thief")
            .copy(&protector.path, "/init")
            .bind(crate::harness::vestibule(), "/protector")
            .own_network()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("SHELL", "/bin/sh")
            .env_secret(self.variable())
            .directory("/workspace", 0o777, (1000, 1000))
            .directory("/workspace/src", 0o777, (1000, 1000))
            .file("/suid", 0o4755, (0, 0), program_bytes());
        if protector.is_vestibule()
            && let Some(policy) = self.policy(confinement, rows)
        {
            scene = scene.policy(&policy.to_string());
        }
        scene = self.place(self.prepare_setup(scene));
        let key = self.key(&scene);
        scene = scene.file("/thief.key", 0o444, (0, 0), key);
        scene = match self.proc {
            Proc::Guarded => scene.guarded_proc(),
            Proc::Open => scene,
            Proc::Absent => scene.without_proc(),
        };
        if self.is_read_only {
            scene = scene.read_only();
        }
        if !self.is_pid_1 {
            scene = scene.not_pid_1();
        }
        match self.who {
            Who::Root | Who::Dropped => scene.capabilities(self.capabilities),
            Who::Same => scene
                .user(1000, 1000, &[2000])
                .capabilities(self.capabilities),
        }
    }

    /// What a setup phase needs, as a container has it.
    fn prepare_setup(&self, scene: Scene) -> Scene {
        if !self.has_setup {
            return scene;
        }
        let owner = if self.who == Who::Root { 0 } else { 1000 };
        let scene = self.place_token(scene).fifo(GATE, 0o666).message_queues();
        if self.is_read_only {
            return scene.tmpfs("/var/tmp", "", "mode=1777").tmpfs(
                GROUND,
                "",
                &format!("mode=0755,uid={owner}"),
            );
        }
        scene
            .directory("/var/tmp", 0o1777, (0, 0))
            .directory(GROUND, 0o755, (owner, owner))
    }

    /// The credential lies as the withheld value does, so that the same means
    /// keeps it from main.
    fn place_token(&self, scene: Scene) -> Scene {
        let line = |value: &str| format!("{value}\n");
        let (path, root) = (self.token(), (0, 0));
        match self.lies {
            Lies::Mounted(mode, owner) => scene.secret_at(&path, mode, owner, line),
            Lies::Later | Lies::Below => scene.secret_at(&path, 0o400, root, line),
            Lies::Alone => {
                let source = format!("/source/{}", setup::TOKEN);
                let scene = scene.secret_at(&source, 0o444, root, line);
                scene
                    .file(&path, 0o444, root, "")
                    .mount_again(&source, &path)
            }
            Lies::Snapshot
            | Lies::InProject(..)
            | Lies::Twice
            | Lies::TwiceInHome
            | Lies::HardLink
            | Lies::OnRoot
            | Lies::Conventional
            | Lies::Variable => scene.secret_at(&path, 0o444, root, line),
        }
    }

    /// The scene of a control: see `Open`.
    pub(crate) fn open(&self, protector: &Protector, accomplices: &[&str], open: Open) -> Scene {
        let scene = self.scene(protector, accomplices, "", &[]);
        match open {
            Open::Nothing => scene,
            Open::Covered => scene.tmpfs("/run/secrets", "", "mode=0755"),
            Open::Fed => {
                let value = scene.value("withheld").to_owned();
                scene.stdin(value.as_bytes())
            }
        }
    }

    /// The words before the init's own. A setup phase ends whoever is beside PID 1.
    fn at_first(&self, accomplices: &[&str]) -> Vec<String> {
        let mut words = vec!["accomplice".into(), "inherit".into(), self.path().into()];
        if !self.has_setup {
            words.extend(self.neighbours(accomplices));
        } else if accomplices.contains(&"no-landlock") {
            words.extend(["no-landlock".into(), self.path().into()]);
        }
        words.push("--".into());
        words
    }

    /// The accomplices beside main, in the words of the thief's program.
    pub(crate) fn neighbours(&self, kinds: &[&str]) -> Vec<String> {
        let user = match self.who {
            Who::Root => "0",
            Who::Dropped | Who::Same => "1000",
        };
        let mut words = Vec::new();
        if self.lies == Lies::Later {
            words.extend(["later".into(), self.path().into()]);
        }
        words.extend(["user".into(), user.into()]);
        for kind in kinds {
            words.extend([(*kind).into(), self.path().into()]);
        }
        words
    }

    fn policy(&self, confinement: &str, rows: &[&str]) -> Option<Value> {
        let mut policy = json!({ "version": 1 });
        let user = (self.who == Who::Dropped).then_some("app");
        if self.has_setup {
            policy["setup"] = setup::phase(user, None, rows);
        }
        match self.lies {
            // By the name alone: a setup phase is all that a policy says then.
            Lies::Conventional => return self.has_setup.then_some(policy),
            Lies::Variable => return Some(policy),
            Lies::OnRoot | Lies::Later => policy["secret_dirs"] = json!([self.directory()]),
            Lies::Mounted(..)
            | Lies::Snapshot
            | Lies::InProject(..)
            | Lies::Twice
            | Lies::TwiceInHome
            | Lies::HardLink
            | Lies::Alone
            | Lies::Below => {}
        }
        policy["secrets"] = json!({ "dropped": { "from": "env:DROPPED" } });
        policy["run"] = json!({ "env": { "PERMITTED": "permitted" }, "confinement": confinement });
        if let Some(user) = user {
            policy["run"]["user"] = user.into();
        }
        Some(policy)
    }

    /// The secret directory.
    fn directory(&self) -> &'static str {
        if matches!(self.lies, Lies::OnRoot | Lies::Later) {
            "/vault/secrets"
        } else {
            "/run/secrets"
        }
    }

    /// The file of the credential that setup has.
    fn token(&self) -> String {
        format!("{}/{}", self.directory(), setup::TOKEN)
    }

    /// Where the withheld value lies by its ordinary name.
    fn path(&self) -> &'static str {
        match self.lies {
            Lies::OnRoot => "/vault/secrets/withheld",
            Lies::Later => "/vault/secrets/listed",
            Lies::Below => "/run/secrets/team/withheld",
            Lies::Conventional => "/run/secrets/github_token",
            Lies::Variable => "/etc/passwd",
            Lies::Mounted(..)
            | Lies::Snapshot
            | Lies::InProject(..)
            | Lies::Twice
            | Lies::TwiceInHome
            | Lies::HardLink
            | Lies::Alone => "/run/secrets/withheld",
        }
    }

    /// The variable that is withheld.
    fn variable(&self) -> &'static str {
        if self.lies == Lies::Variable {
            "STRAY_TOKEN"
        } else {
            "DROPPED"
        }
    }

    /// The name of the withheld file.
    fn secret(&self) -> &'static str {
        self.path().rsplit('/').next().unwrap_or_default()
    }

    fn place(&self, scene: Scene) -> Scene {
        let root = (0, 0);
        let line = |value: &str| format!("{value}\n");
        let permitted = |scene: Scene| scene.secret("permitted").permits(&["permitted"]);
        match self.lies {
            Lies::Mounted(mode, owner) => scene
                .secret_at("/run/secrets/permitted", mode, owner, line)
                .permits(&["permitted"])
                .secret_at(self.path(), mode, owner, line),
            Lies::Snapshot => permitted(scene)
                .secret_at("/run/secrets/..2026_11_22/withheld", 0o444, root, line)
                .link("/run/secrets/..data", "..2026_11_22")
                .link("/run/secrets/withheld", "..data/withheld"),
            Lies::InProject(mode, owner) => permitted(scene)
                .secret_at("/workspace/secrets/withheld", mode, owner, line)
                .file("/run/secrets/withheld", 0o444, root, "")
                .mount_again("/workspace/secrets/withheld", "/run/secrets/withheld"),
            Lies::Twice => permitted(scene)
                .secret_at(self.path(), 0o444, root, line)
                .directory("/srv/again", 0o755, root)
                .mount_again("/run/secrets", "/srv/again"),
            Lies::TwiceInHome => permitted(scene)
                .secret_at(self.path(), 0o444, root, line)
                .directory("/home/app", 0o700, (1000, 1000))
                .directory("/home/app/again", 0o755, (1000, 1000))
                .mount_again("/run/secrets", "/home/app/again"),
            Lies::HardLink => permitted(scene)
                .secret_at("/workspace/secrets/withheld", 0o444, (1000, 1000), line)
                .directory("/workspace/notes", 0o755, root)
                .hard_link(
                    "/workspace/notes/of-yesterday",
                    "/workspace/secrets/withheld",
                )
                .file("/run/secrets/withheld", 0o444, root, "")
                .mount_again("/workspace/secrets/withheld", "/run/secrets/withheld"),
            Lies::Alone => permitted(scene)
                .secret_at("/source/withheld", 0o444, root, line)
                .file("/run/secrets/withheld", 0o444, root, "")
                .mount_again("/source/withheld", "/run/secrets/withheld")
                .tmpfs("/source", "", "mode=0755"),
            Lies::Below => permitted(scene)
                .secret_at("/run/secrets/listed", 0o400, root, line)
                .secret_at(self.path(), 0o444, root, line),
            Lies::Conventional => permitted(scene).secret_at(self.path(), 0o444, root, line),
            Lies::Variable => scene,
            Lies::Later => scene
                .secret_at("/vault/secrets/permitted", 0o444, root, line)
                .permits(&["permitted"])
                .secret_at(self.path(), 0o400, root, line),
            Lies::OnRoot => scene
                .secret_at("/vault/secrets/permitted", 0o444, root, line)
                .permits(&["permitted"])
                .secret_at(self.path(), 0o444, root, line),
        }
    }

    fn key(&self, scene: &Scene) -> String {
        let mut key = String::new();
        let mut names = vec![self.variable()];
        if self.lies != Lies::Variable {
            names.push(self.secret());
        }
        if self.has_setup {
            names.push(setup::TOKEN);
        }
        // Without a policy the container's variables are main's.
        names.retain(|name| self.lies != Lies::Conventional || *name != "DROPPED");
        for name in names {
            key.push_str(&veiled(name, scene.value(name)));
        }
        let mut places = vec![
            ('p', self.path()),
            ('u', "/suid"),
            ('v', "/protector"),
            ('i', "/init"),
        ];
        places.extend_from_slice(match self.lies {
            Lies::Mounted(..)
            | Lies::OnRoot
            | Lies::Alone
            | Lies::Below
            | Lies::Conventional
            | Lies::Variable => &[],
            Lies::Later => &[('l', "/vault/secrets/late")],
            Lies::Snapshot => &[
                ('a', "/run/secrets/..data/withheld"),
                ('a', "/run/secrets/..2026_11_22/withheld"),
            ],
            Lies::InProject(..) => &[('a', "/workspace/secrets/withheld")],
            Lies::Twice => &[('a', "/srv/again/withheld")],
            Lies::TwiceInHome => &[('a', "/home/app/again/withheld")],
            Lies::HardLink => &[
                ('a', "/workspace/secrets/withheld"),
                ('h', "/workspace/notes/of-yesterday"),
            ],
        });
        let token = self.token();
        if self.has_setup {
            places.push(('a', &token));
        }
        for (kind, path) in places {
            // Without a list of mounts nobody can know: one row judges that.
            let kind = if kind == 'a' && self.proc == Proc::Absent {
                'h'
            } else {
                kind
            };
            let _ = writeln!(key, "{kind} {path}");
        }
        key
    }
}

/// The thief's own bytes, for a copy of it that is set-uid.
fn program_bytes() -> Vec<u8> {
    std::fs::read(thief()).expect("the thief was compiled")
}
