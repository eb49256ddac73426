//! A mode becomes a scene: the withheld value in its place, accomplices around
//! it, and the thief as main.
//!
//! In: a `Mode`, a `Protector`. Out: a `Scene`.
//!
//! **Never:** the clear value where the thief could find it by our fault: its
//! key file has it veiled.

use std::fmt::Write as _;

use crate::harness::Scene;
use crate::modes::{Lies, Mode, Proc, Who};
use crate::protectors::Protector;
use crate::robbery::{thief, veiled};

/// The credential of a setup phase, and where its commands work.
const OF_SETUP: &str = "of-setup";
const GROUND: &str = "/srv/ground";
/// Git asks for it, a tool has it as a variable, both leave what they can.
const SETUP: [&str; 2] = [
    r#"{ "argv": ["/bin/sh", "-c", "printf 'protocol=https\nhost=github.com\npath=acme/app.git\n\n' | git credential fill > \"$HOME/.filled\" && grep -q ^password= \"$HOME/.filled\" && { sleep 1000 & }"], "git": true }"#,
    r#"{ "argv": ["/bin/sh", "-c", "echo \"$TOKEN\" > \"$HOME/.netrc\"; echo \"$TOKEN\" > /dev/shm/left; (sleep 1000; echo $TOKEN) & echo $TOKEN"], "env": { "TOKEN": "of-setup" } }"#,
];

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
    /// The scene, with the thief as main.
    pub(crate) fn scene(&self, protector: &Protector) -> Scene {
        self.scene_with(
            protector,
            &["environment", "descriptor", "memory", "abstract"],
            "required",
        )
    }

    /// The same with other accomplices, and another word for the confinement.
    pub(crate) fn scene_with(
        &self,
        protector: &Protector,
        accomplices: &[&str],
        confinement: &str,
    ) -> Scene {
        let mut arguments = self.accomplices(accomplices);
        arguments.push("/init".into());
        let mut options = protector.command((self.who == Who::Dropped).then_some("app"));
        if let Some(option) = self.option.filter(|_| protector.is_vestibule()) {
            options.insert(0, option.into());
        }
        arguments.extend(options);
        let mut scene = Scene::raw(&arguments)
            .named("thief")
            .init(thief())
            .bind(thief(), "/thief")
            .bind(&protector.path, "/init")
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
        if protector.is_vestibule() && self.lies != Lies::Conventional {
            scene = scene.policy(&self.policy(confinement));
        }
        scene = self.place(scene);
        if self.has_setup {
            let owner = if self.who == Who::Root { 0 } else { 1000 };
            let token = format!("/run/secrets/{OF_SETUP}");
            scene = scene
                .secret_at(&token, 0o444, (0, 0), |value| format!("{value}\n"))
                .directory("/var/tmp", 0o1777, (0, 0))
                .directory(GROUND, 0o755, (owner, owner));
        }
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

    /// The scene of a control: see `Open`.
    pub(crate) fn open(&self, protector: &Protector, accomplices: &[&str], open: Open) -> Scene {
        let scene = self.scene_with(protector, accomplices, "");
        match open {
            Open::Nothing => scene,
            Open::Covered => scene.tmpfs("/run/secrets", "", "mode=0755"),
            Open::Fed => {
                let value = scene.value("withheld").to_owned();
                scene.stdin(value.as_bytes())
            }
        }
    }

    fn accomplices(&self, kinds: &[&str]) -> Vec<String> {
        let user = match self.who {
            Who::Root => "0",
            Who::Dropped | Who::Same => "1000",
        };
        let mut words = vec!["accomplice".into(), "inherit".into(), self.path().into()];
        if self.lies == Lies::Later {
            words.extend(["later".into(), self.path().into()]);
        }
        words.extend(["user".into(), user.into()]);
        for kind in kinds {
            words.extend([(*kind).into(), self.path().into()]);
        }
        words.push("--".into());
        words
    }

    fn policy(&self, confinement: &str) -> String {
        let user = match self.who {
            Who::Dropped => r#""user": "app","#,
            Who::Root | Who::Same => "",
        };
        let directories = if matches!(self.lies, Lies::OnRoot | Lies::Later) {
            r#""secret_dirs": ["/vault/secrets"],"#
        } else {
            ""
        };
        if self.lies == Lies::Variable {
            return r#"{ "version": 1 }"#.into();
        }
        let setup = if self.has_setup {
            format!(
                r#""setup": {{ {user} "directory": "{GROUND}", "commands": [{}],
                    "git": {{ "https://github.com/acme": {{ "username": "u", "password": "{OF_SETUP}" }} }} }},"#,
                SETUP.join(",")
            )
        } else {
            String::new()
        };
        format!(
            r#"{{ "version": 1, {directories} {setup} "secrets": {{ "dropped": {{ "from": "env:DROPPED" }} }},
                "run": {{ {user} "env": {{ "PERMITTED": "permitted" }}, "confinement": "{confinement}" }} }}"#
        )
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
            Lies::Mounted(mode, owner) => {
                permitted(scene).secret_at(self.path(), mode, owner, line)
            }
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
            names.push(OF_SETUP);
        }
        // Without a policy the container's variables are main's.
        names.retain(|name| self.lies != Lies::Conventional || *name != "DROPPED");
        for name in names {
            key.push_str(&veiled(name, scene.value(name)));
        }
        let mut places = vec![('p', self.path()), ('u', "/suid"), ('v', "/protector")];
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
            Lies::HardLink => &[
                ('a', "/workspace/secrets/withheld"),
                ('h', "/workspace/notes/of-yesterday"),
            ],
        });
        if self.has_setup {
            places.push(('a', "/run/secrets/of-setup"));
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
