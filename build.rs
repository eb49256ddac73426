//! Tells the linker to leave the unwinding tables out of the static binary.
//! Debug builds, and targets other than static musl, keep theirs.

use std::env::var;

fn main() {
    println!("cargo:rerun-if-changed=build/no-unwind-tables.ld");
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_ENV", "musl") && is("PROFILE", "release") {
        let root = var("CARGO_MANIFEST_DIR").unwrap_or_default();
        let script = format!("{root}/build/no-unwind-tables.ld");
        // `.cargo/config.toml` has lld itself link both targets.
        let options = [
            // Nothing unwinds, so the tables for it are dead weight.
            format!("--script={script}"),
            "--no-eh-frame-hdr".to_owned(),
            // Functions and constants of equal bytes exist once: nothing here
            // compares the addresses of functions.
            "--icf=all".to_owned(),
        ];
        for option in options {
            println!("cargo:rustc-link-arg-bins={option}");
        }
    }
}
