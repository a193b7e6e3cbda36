//! The command line: the same jobs without the screen. One file a sub-command.
//!
//! What was asked for goes to standard output, everything about it (progress, questions, errors) to standard
//! error. Exit codes: 0 done, 1 failed, 2 usage, 3 refused and nothing written, 4 done with warnings,
//! 130 cancelled.

mod address;
mod aid;
mod arguments;
mod backup;
mod check;
mod completions;
mod consent;
mod console;
mod demo;
mod disks;
mod drop;
mod export;
mod extract;
mod images;
mod info;
mod interrupt;
mod journal;
mod ls;
mod man;
mod preview;
mod progress;
mod restore;
mod resume;
mod size;
mod table;
mod tidy;
mod verify;
mod words;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

use crate::error::Error;
use crate::settings::Settings;
use arguments::{Arguments, Command};
use console::Console;

/// What `main` shall do after the command line is done with.
#[derive(Debug)]
pub enum Next {
    /// Leave with this exit code.
    Exit(u8),
    /// Run the wizard.
    Wizard(WizardRequest),
}

/// How to start the wizard. The `ui` floor is a sibling: `main` brings the two together.
#[derive(Debug, Default)]
pub struct WizardRequest {
    /// Disks to look at; none = all of this machine.
    pub disks: Vec<PathBuf>,
    /// The folder for image files.
    pub images: Option<PathBuf>,
    /// Draw with ASCII alone.
    pub ascii: bool,
    /// The log file, to be named in reports.
    pub log: Option<PathBuf>,
    /// What the settings file says.
    pub settings: Settings,
}

/// The exit code of a command line that makes no sense.
const USAGE: u8 = 2;

/// Reads the command line and does what it says. The wizard is only asked for: see [`Next`].
pub fn run(args: impl IntoIterator<Item = OsString>) -> Next {
    let args: Vec<OsString> = args.into_iter().collect();
    match Arguments::try_parse_from(&args) {
        Ok(arguments) => dispatch(arguments),
        Err(error) => Next::Exit(usage(&error, args.iter().any(|arg| arg == "--json"))),
    }
}

/// Says what went wrong outside a sub-command; gives the exit code that fits.
pub fn complain(error: &Error) -> u8 {
    Console::new(false).error(error)
}

fn dispatch(arguments: Arguments) -> Next {
    let Arguments { command, disks, log, ascii, config, aid } = arguments;
    if !disks.is_empty() && !matches!(command, None | Some(Command::Disks(_))) {
        return Next::Exit(complain_usage("--disk goes with the wizard and with `disks`, not with this command"));
    }
    if ascii && !matches!(command, None | Some(Command::Demo(_))) {
        return Next::Exit(complain_usage("--ascii goes with the wizard, and not with this command"));
    }
    if let Err(code) = aid::used(&aid, command.as_ref()) {
        return Next::Exit(code);
    }
    let settings = match Settings::load(config.as_deref()) {
        Ok(settings) => settings,
        Err(error) => return Next::Exit(complain(&error)),
    };
    let Some(command) = command else { return wizard(disks, ascii, log.as_deref(), settings) };
    let log = if is_job(&command) { journal::open(log.as_deref()) } else { None };
    Next::Exit(match command {
        Command::Disks(mut command) => {
            command.disks.splice(0..0, disks);
            disks::run(&command)
        }
        Command::Backup(command) => {
            complain_of(&settings);
            backup::run(&command, &settings)
        }
        Command::Drop(command) => drop::run(&command),
        Command::Aid(command) => aid::run(&command),
        Command::Tidy(command) => tidy::run(&command),
        Command::Restore(command) => restore::run(&command),
        Command::Resume(command) => resume::run(&command),
        Command::Verify(command) => verify::run(&command),
        Command::Check(command) => check::run(&command),
        Command::Demo(command) => {
            return match demo::run(&command) {
                Next::Wizard(request) => Next::Wizard(WizardRequest { ascii, log, settings, ..request }),
                exit => exit,
            };
        }
        Command::Export(command) => export::run(&command),
        Command::Images(command) => images::run(&command),
        Command::Extract(command) => extract::run(&command),
        Command::Info(command) => info::run(&command),
        Command::Ls(command) => ls::run(&command),
        Command::Completions(command) => completions::run(&command),
        Command::Man => man::run(),
    })
}

/// True for what leaves a log: whatever writes, or reads so much that someone may ask later what came of it.
fn is_job(command: &Command) -> bool {
    match command {
        Command::Backup(_) | Command::Restore(_) | Command::Export(_) | Command::Demo(_) => true,
        Command::Drop(_) | Command::Tidy(_) | Command::Aid(_) | Command::Resume(_) => true,
        Command::Verify(_) | Command::Check(_) => true,
        Command::Disks(_) | Command::Images(_) | Command::Info(_) | Command::Ls(_) | Command::Extract(_) => false,
        Command::Completions(_) | Command::Man => false,
    }
}

fn wizard(disks: Vec<PathBuf>, ascii: bool, log: Option<&std::path::Path>, settings: Settings) -> Next {
    if !(console::is_terminal(&std::io::stdout()) && console::is_terminal(&std::io::stdin())) {
        return Next::Exit(complain_usage(
            "the wizard needs a terminal, and this is none. On the command line: `lifeboat disks`, \
             `lifeboat backup SOURCE --to FILE`, `lifeboat restore IMAGE --to TARGET`; `lifeboat --help` shows all",
        ));
    }
    let log = journal::open(log);
    Next::Wizard(WizardRequest { disks, images: None, ascii, log, settings })
}

/// What was not understood of the settings; the job goes on without it.
fn complain_of(settings: &Settings) {
    for problem in &settings.problems {
        Console::new(false).say(&format!("lifeboat: warning: {problem}"));
    }
}

fn complain_usage(message: &str) -> u8 {
    Console::new(false).say(&format!("lifeboat: {message}"));
    USAGE
}

/// Prints what clap has to say: help and version to standard output, errors to standard error.
fn usage(error: &clap::Error, json: bool) -> u8 {
    // A closed standard error leaves nobody to tell.
    let _ = error.print();
    if !error.use_stderr() {
        return 0;
    }
    if json {
        let message = error.to_string();
        Console::new(true).document(&serde_json::json!({
            "error": { "kind": "usage", "message": message.trim_end(), "advice": "lifeboat --help" }
        }));
    }
    USAGE
}
