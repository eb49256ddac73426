//! Tells the linker to leave the unwinding tables out of the static binary.
//! Debug builds, and targets other than static musl, keep theirs.

use std::env::var;

fn main() {
    println!("cargo:rerun-if-changed=build/no-unwind-tables.ld");
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_ENV", "musl") && is("PROFILE", "release") {
        let root = var("CARGO_MANIFEST_DIR").unwrap_or_default();
        let script = format!("{root}/build/no-unwind-tables.ld");
        // `.cargo/config.toml` links aarch64 by lld itself, x86-64 through cc.
        let prefix = if is("CARGO_CFG_TARGET_ARCH", "aarch64") {
            ""
        } else {
            "-Wl,"
        };
        for option in [format!("--script={script}"), "--no-eh-frame-hdr".to_owned()] {
            println!("cargo:rustc-link-arg-bins={prefix}{option}");
        }
    }
}
