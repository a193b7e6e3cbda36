//! `lifeboat completions`: what a shell needs to complete our command line.

use std::io::Write;

use clap::CommandFactory;

use super::arguments::{Arguments, Completions};

/// Prints the completions of one shell.
pub(super) fn run(command: &Completions) -> u8 {
    let mut text = Vec::new();
    clap_complete::generate(command.shell, &mut Arguments::command(), "lifeboat", &mut text);
    // A reader that has closed the pipe has read enough.
    let _ = std::io::stdout().write_all(&text);
    0
}
