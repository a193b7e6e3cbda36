//! Running other people's tools.
#![allow(dead_code, reason = "each test module uses its own part")]

use std::path::Path;
use std::process::{Command, Output};

/// Runs a shell script with `bash -euo pipefail`, in `dir`; panics with its whole output when it fails.
pub(crate) fn sh(dir: &Path, script: &str) -> String {
    let output = sh_output(dir, script);
    assert!(
        output.status.success(),
        "{script}\nended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The same, for scripts that may fail.
pub(crate) fn sh_output(dir: &Path, script: &str) -> Output {
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(dir)
        .env("LC_ALL", "C.UTF-8")
        .env("MTOOLS_SKIP_CHECK", "1")
        .output()
        .expect("bash runs")
}

/// The binary under test.
pub(crate) fn lifeboat() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lifeboat"))
}

/// True when long sweeps are asked for: `scripts/test --long`.
pub(crate) fn long() -> bool {
    std::env::var_os("LIFEBOAT_LONG").is_some()
}
