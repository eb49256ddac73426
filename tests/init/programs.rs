//! What ordinary programs and the inits themselves say, for the head of the
//! table.
//!
//! **Never:** an init at work: those run in a `Scene`.

use crate::harness::program;
use crate::inits::Init;

/// What a program says on standard output, without the final newline.
pub(crate) fn output_of(name: &str, arguments: &[&str]) -> String {
    let output = program(name).args(arguments).output();
    let bytes = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

/// The version that an init states, with that of its Debian package.
pub(crate) fn version_of(init: &Init) -> String {
    let path = init.path.to_string_lossy();
    let output = program(&init.path).arg("--version").output();
    let said = output.map(|output| [output.stdout, output.stderr].concat());
    let said = String::from_utf8_lossy(&said.unwrap_or_default()).into_owned();
    let said = said.lines().next().unwrap_or_default().trim().to_owned();
    let owner = output_of("dpkg", &["-S", &path]);
    match owner.split_once(':') {
        Some((package, _)) => format!(
            "{said} (Debian package {package} {})",
            output_of("dpkg-query", &["-W", "-f=${Version}", package])
        ),
        None => said,
    }
}
