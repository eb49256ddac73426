//! What a kubelet makes of a pod, as far as `examples/kubernetes` goes: volumes
//! with a `..data` link that is swapped in one step, init containers, security
//! contexts, the token of the service account.
//!
//! In: a pod, as JSON. Out: containers of Docker's.
//!
//! **Never:** a field that is passed over. One that is not known here fails the
//! claim.

use std::cell::Cell;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::engine::{self, Finished};

/// A pod, its volumes and its containers; all of it goes with it.
pub(crate) struct Pod {
    name: String,
    spec: Value,
    objects: Vec<Value>,
    directory: PathBuf,
    images: Vec<(&'static str, String)>,
    snapshots: Cell<u32>,
}

impl Pod {
    /// The pod in the documents of a manifest, be it that of a deployment.
    pub(crate) fn new(
        name: String,
        objects: Vec<Value>,
        images: Vec<(&'static str, String)>,
    ) -> Self {
        let spec = objects
            .iter()
            .find_map(|object| match object["kind"].as_str() {
                Some("Deployment") => Some(object["spec"]["template"]["spec"].clone()),
                Some("Pod") => Some(object["spec"].clone()),
                _ => None,
            });
        let directory = engine::workplace().join(&name);
        Self {
            name,
            spec: spec.expect("a pod"),
            objects,
            directory,
            images,
            snapshots: Cell::new(0),
        }
    }

    /// Its description, to be changed before it starts.
    pub(crate) fn spec(&mut self) -> &mut Value {
        &mut self.spec
    }

    /// Makes the volumes, runs the init containers to their end, starts the others.
    pub(crate) fn start(&self) {
        known(&self.spec, POD);
        for volume in array(&self.spec["volumes"]) {
            self.fill(volume);
        }
        let values = ["token", "ca.crt", "namespace"].map(|key| (key, key.to_owned()));
        self.publish("account", &values, 0o640);
        if self.spec["shareProcessNamespace"] == true {
            self.pause();
        }
        for container in array(&self.spec["initContainers"]) {
            let run = self.run(container, &["--rm"]);
            run.success("an init container");
        }
        for container in array(&self.spec["containers"]) {
            self.run(container, &["--detach"]).success("a container");
        }
    }

    /// Waits until the startup probe of a container succeeds.
    pub(crate) fn wait_until_started(&self, container: &str) {
        engine::wait_for("the startup probe", || {
            assert_eq!(self.state(container), "running", "{}", self.logs(container));
            (self.probe(container, "startupProbe").code == Some(0)).then_some(())
        });
    }

    /// One attempt of a probe.
    pub(crate) fn probe(&self, container: &str, kind: &str) -> Finished {
        let all = array(&self.spec["containers"]);
        let found = all.iter().find(|one| one["name"] == container);
        let words = strings(&found.expect("the container")[kind]["exec"]["command"]);
        assert!(!words.is_empty(), "{container} has no {kind}");
        self.exec(
            container,
            &words.iter().map(String::as_str).collect::<Vec<_>>(),
        )
    }

    pub(crate) fn exec(&self, container: &str, words: &[&str]) -> Finished {
        engine::docker(&[&["exec", &self.container(container)], words].concat())
    }

    pub(crate) fn logs(&self, container: &str) -> String {
        engine::docker(&["logs", &self.container(container)]).said
    }

    pub(crate) fn state(&self, container: &str) -> String {
        let format = ["inspect", "--format", "{{.State.Status}}"];
        let name = self.container(container);
        let said = engine::docker(&[&format[..], &[&name]].concat()).said;
        said.trim().to_owned()
    }

    pub(crate) fn container(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }

    /// Fills a volume anew, as after a change of its secret: a new directory, and
    /// a link that is renamed over the old one.
    pub(crate) fn publish(&self, volume: &str, values: &[(&str, String)], mode: u32) {
        let place = self.directory.join(volume);
        let group = self.number("fsGroup");
        let number = self.snapshots.replace(self.snapshots.get() + 1);
        let snapshot = format!("..2026_11_22_09_00_00.{number}");
        make_directory(&place, 0o3777, group);
        make_directory(&place.join(&snapshot), 0o2755, group);
        for (key, value) in values {
            let file = place.join(&snapshot).join(key);
            fs::write(&file, value).expect("a file of a volume");
            fs::set_permissions(&file, Permissions::from_mode(mode)).expect("its mode");
            chown(&file, Some(0), group).expect("its group");
            let link = place.join(key);
            if !link.is_symlink() {
                symlink(format!("..data/{key}"), link).expect("a link");
            }
        }
        let old = fs::read_link(place.join("..data"));
        symlink(&snapshot, place.join("..data_tmp")).expect("the new link");
        fs::rename(place.join("..data_tmp"), place.join("..data")).expect("the swap");
        if let Ok(old) = old {
            fs::remove_dir_all(place.join(old)).expect("the old directory");
        }
    }

    fn fill(&self, volume: &Value) {
        let name = volume["name"].as_str().expect("a volume's name");
        if let Some(kind) = volume.get("emptyDir") {
            if kind["medium"] != "Memory" {
                make_directory(&self.directory.join(name), 0o2777, self.number("fsGroup"));
            }
            return;
        }
        let (reference, mode) = if let Some(projected) = volume.get("projected") {
            let sources = array(&projected["sources"]);
            assert_eq!(sources.len(), 1, "one source");
            (&sources[0]["secret"]["name"], &projected["defaultMode"])
        } else {
            (&volume["configMap"]["name"], &Value::Null)
        };
        let object = self.objects.iter().find(|object| {
            ["Secret", "ConfigMap"].contains(&object["kind"].as_str().unwrap_or_default())
                && object["metadata"]["name"] == *reference
        });
        let object = object.expect("what the volume refers to");
        let data = object.get("stringData").or(object.get("data"));
        let values: Vec<_> = data
            .and_then(Value::as_object)
            .expect("data")
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str().expect("text").to_owned()))
            .collect();
        let mode = mode.as_u64().unwrap_or(0o644);
        self.publish(name, &values, u32::try_from(mode).expect("a mode"));
    }

    fn number(&self, key: &str) -> Option<u32> {
        let number = self.spec["securityContext"][key].as_u64();
        number.map(|number| u32::try_from(number).expect("an id"))
    }

    /// The process that has the pod's namespace, and number 1 in it.
    fn pause(&self) {
        let name = self.container("pause");
        let image = &self.images.first().expect("an image").1;
        let run = ["run", "--detach", "--name", &name, "--entrypoint", "sleep"];
        engine::docker(&[&run[..], &[image, "infinity"]].concat()).success("pause");
    }

    fn run(&self, container: &Value, how: &[&str]) -> Finished {
        known(container, CONTAINER);
        let mut words: Vec<String> = vec!["run".into()];
        words.extend(how.iter().map(ToString::to_string));
        let name = container["name"].as_str().expect("a name");
        words.push(format!("--name={}", self.container(name)));
        words.push("--env=KUBERNETES_SERVICE_HOST=10.96.0.1".into());
        words.extend(self.identity());
        words.extend(rights(container));
        words.extend(self.mounts(container));
        if self.spec["shareProcessNamespace"] == true {
            words.push(format!("--pid=container:{}", self.container("pause")));
        }
        let mut command = strings(&container["command"]);
        if !command.is_empty() {
            words.push(format!("--entrypoint={}", command.remove(0)));
        }
        let image = self
            .images
            .iter()
            .find(|(name, _)| container["image"] == **name);
        words.push(image.expect("the image").1.clone());
        words.extend(command);
        words.extend(strings(&container["args"]));
        engine::finish(engine::program("docker").args(words))
    }

    fn identity(&self) -> Vec<String> {
        let context = &self.spec["securityContext"];
        assert_eq!(context["runAsNonRoot"], true, "root, for nothing");
        let (user, group) = (&context["runAsUser"], &context["runAsGroup"]);
        vec![
            format!("--user={user}:{group}"),
            format!("--group-add={}", context["fsGroup"]),
        ]
    }

    fn mounts(&self, container: &Value) -> Vec<String> {
        let mut mounts = Vec::new();
        for mount in array(&container["volumeMounts"]) {
            let path = mount["mountPath"].as_str().expect("a path");
            let source = self
                .directory
                .join(mount["name"].as_str().expect("a volume"));
            if source.exists() {
                let end = if mount["readOnly"] == true { ":ro" } else { "" };
                mounts.push(format!("--volume={}:{path}{end}", source.display()));
            } else {
                mounts.push(format!("--tmpfs={path}:mode=1777"));
            }
        }
        if self.spec["automountServiceAccountToken"] != false {
            let account = self.directory.join("account");
            let place = "/var/run/secrets/kubernetes.io/serviceaccount";
            mounts.push(format!("--volume={}:{place}:ro", account.display()));
        }
        mounts
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let containers = array(&self.spec["containers"]).iter();
        let mut names: Vec<_> = containers
            .filter_map(|container| container["name"].as_str())
            .collect();
        names.push("pause");
        for name in names {
            engine::docker(&["rm", "--force", "--volumes", &self.container(name)]);
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// What is carried out here, or has no part in how a container starts.
const POD: &[&str] = &[
    "automountServiceAccountToken",
    "containers",
    "initContainers",
    "securityContext",
    "serviceAccountName",
    "shareProcessNamespace",
    "terminationGracePeriodSeconds",
    "volumes",
];
const CONTAINER: &[&str] = &[
    "args",
    "command",
    "image",
    "name",
    "ports",
    "readinessProbe",
    "securityContext",
    "startupProbe",
    "volumeMounts",
];
const RIGHTS: &[&str] = &[
    "allowPrivilegeEscalation",
    "capabilities",
    "readOnlyRootFilesystem",
];

fn rights(container: &Value) -> Vec<String> {
    let context = &container["securityContext"];
    known(context, RIGHTS);
    let mut options = Vec::new();
    if context["allowPrivilegeEscalation"] == false {
        options.push("--security-opt=no-new-privileges".to_owned());
    }
    if context["readOnlyRootFilesystem"] == true {
        options.push("--read-only".to_owned());
    }
    for capability in strings(&context["capabilities"]["drop"]) {
        options.push(format!("--cap-drop={capability}"));
    }
    options
}

#[track_caller]
fn known(object: &Value, keys: &[&str]) {
    for key in object.as_object().expect("an object").keys() {
        assert!(keys.contains(&key.as_str()), "`{key}` is not simulated");
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn strings(value: &Value) -> Vec<String> {
    let texts = array(value).iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn make_directory(path: &Path, mode: u32, group: Option<u32>) {
    fs::create_dir_all(path).expect("a directory of a volume");
    chown(path, Some(0), group).expect("its group");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode");
}
