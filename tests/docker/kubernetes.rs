//! The manifests of `examples/kubernetes`: right by the schema that Kubernetes
//! publishes, and started here the way a kubelet would.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::engine;
use crate::examples::Example;
use crate::images;
use crate::kubelet::Pod;

const MANIFESTS: [&str; 2] = ["deployment.yaml", "init-container.yaml"];

/// The Python that has the schemas, which `scripts/prepare.sh` installs.
fn python() -> PathBuf {
    let python = engine::repository().join("target/venv/bin/python");
    assert!(
        python.exists(),
        "{} is missing: scripts/prepare.sh",
        python.display()
    );
    python
}

/// The documents of a manifest.
fn documents(manifest: &str) -> Vec<Value> {
    let script =
        "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let path = engine::repository()
        .join("examples/kubernetes")
        .join(manifest);
    let mut convert = engine::program(python());
    let said = engine::finish(convert.args(["-c", script]).arg(path)).success("the conversion");
    serde_json::from_str(&said).expect("JSON")
}

/// The pod of a manifest; it has to go before the example.
fn pod(example: &Example, manifest: &str) -> Pod {
    static BUILDING: Mutex<()> = Mutex::new(());
    const INSTALLER: &str = "vestibule-docker-tests_installer";
    let images = {
        let _alone = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        let build = "docker build --file installer.Dockerfile \
            --build-arg BASE=$APP_IMAGE --build-arg VESTIBULE=$VESTIBULE_IMAGE --tag ";
        let line = format!("{build}{INSTALLER} .");
        example.run(&line).success("the installer");
        vec![
            ("app", example.keep("app-image")),
            ("vestibule-installer", INSTALLER.to_owned()),
            ("python", images::variable("APP_IMAGE").to_owned()),
        ]
    };
    let name = example.project().replace("example", "pod");
    Pod::new(name, documents(manifest), images)
}

#[test]
fn the_manifests_are_right_by_the_published_schema() {
    if !engine::answers() {
        return;
    }
    for manifest in MANIFESTS {
        let path = engine::repository()
            .join("examples/kubernetes")
            .join(manifest);
        for version in ["1.25", "1.37"] {
            let words = ["-m", "kubernetes_validate", "--strict", "-k", version];
            let mut validate = engine::program(python());
            let said = engine::finish(validate.args(words).arg(&path)).success(manifest);
            assert!(said.contains("passed"), "{said}");
        }
        for document in documents(manifest) {
            let Some(policy) = document["data"]["policy.json"].as_str() else {
                continue;
            };
            serde_json::from_str::<Value>(policy).expect("a policy in JSON");
        }
    }
}

#[test]
fn the_deployment_starts_and_keeps_its_promise_when_its_secrets_are_swapped() {
    if !engine::answers() {
        return;
    }
    let example = Example::new("kubernetes");
    let pod = pod(&example, "deployment.yaml");
    pod.start();
    pod.wait_until_started("app");
    engine::wait_for("the readiness probe", || {
        (pod.probe("app", "readinessProbe").code == Some(0)).then_some(())
    });
    let said = pod.logs("app");
    for line in [
        "app: has DATABASE_URL PGPASSFILE\n",
        "app: can read /secrets/db-password\n",
        "app: cannot read /secrets/github-token\n",
    ] {
        assert!(said.contains(line), "no `{line}` in {said}");
    }
    let values = [
        ("db-password", "another-one".to_owned()),
        ("github-token", "a-new-token".to_owned()),
    ];
    pod.publish("secrets", &values, 0o440);
    engine::docker(&["kill", "--signal", "HUP", &pod.container("app")]).success("docker kill");
    engine::wait_for("main's second look", || {
        let refused = "app: cannot read /secrets/github-token\n";
        (pod.logs("app").matches(refused).count() == 2).then_some(())
    });
    let said = pod.logs("app");
    assert!(
        !said.contains("app: can read /secrets/github-token"),
        "{said}"
    );
    // A process that is started now has the new value.
    let script = "test \"$DATABASE_URL\" = postgresql://app:another-one@db:5432/app";
    let exec = pod.exec("app", &["/vestibule", "exec", "--", "sh", "-c", script]);
    exec.success("vestibule exec after the swap");
}

#[test]
fn an_init_container_brings_the_binary_and_main_gets_the_token_that_it_may_have() {
    if !engine::answers() {
        return;
    }
    let example = Example::new("kubernetes");
    let pod = pod(&example, "init-container.yaml");
    pod.start();
    pod.wait_until_started("worker");
    let exec = |script: &str| {
        let words = ["/opt/vestibule/vestibule", "exec", "--", "sh", "-c", script];
        pod.exec("worker", &words)
    };
    let place = "/run/secrets/kubernetes.io/serviceaccount";
    let script = format!("cat \"$ACCOUNT_TOKEN_FILE\" /var{place}/ca.crt /var{place}/namespace");
    assert_eq!(exec(&script).success("the account"), "tokenca.crtnamespace");
    exec("test \"$DB_PASSWORD\" && cat /secrets/db-password").success("the password");
    assert_ne!(exec("cat /secrets/github-token").code, Some(0));
}

/// What main does in place of its work: on HUP it compares its token with `renewed`.
const READER: &str = "
import os, signal
def look(*_):
    print('renewed:', open(os.environ['ACCOUNT_TOKEN_FILE']).read() == 'renewed', flush=True)
signal.signal(signal.SIGHUP, look)
print('ready', flush=True)
while True:
    signal.pause()
";

#[test]
fn main_reads_the_renewed_token_of_its_service_account() {
    if !engine::answers() {
        return;
    }
    let example = Example::new("kubernetes");
    let mut pod = pod(&example, "init-container.yaml");
    pod.spec()["containers"][0]["args"] = serde_json::json!(["python3", "-c", READER]);
    pod.start();
    let wait_for = |line: &str| {
        engine::wait_for(line, || pod.logs("worker").contains(line).then_some(()));
    };
    wait_for("ready");
    let values = ["token", "ca.crt", "namespace"].map(|key| (key, "renewed".to_owned()));
    pod.publish("account", &values, 0o640);
    engine::docker(&["kill", "--signal", "HUP", &pod.container("worker")]).success("docker kill");
    wait_for("renewed: True");
}

#[test]
fn in_a_shared_process_namespace_main_runs_and_no_probe_of_vestibule_succeeds() {
    if !engine::answers() {
        return;
    }
    let example = Example::new("kubernetes");
    let mut pod = pod(&example, "deployment.yaml");
    pod.spec()["shareProcessNamespace"] = true.into();
    pod.start();
    engine::wait_for("main", || {
        pod.logs("app")
            .contains("app: cannot read /secrets/github-token\n")
            .then_some(())
    });
    let probe = pod.probe("app", "startupProbe");
    assert_eq!(probe.code, Some(1), "{}", probe.said);
    assert!(
        probe
            .said
            .contains("PID 1 of this container is not vestibule"),
        "{}",
        probe.said
    );
}
