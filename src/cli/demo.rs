//! `lifeboat demo`: a practice disk in a file, so that nobody's first restore is onto a disk they love.

mod disk;
mod fat;
mod fingerprint;
mod tour;

use std::path::{Path, PathBuf};

use super::arguments::Demo;
use super::console::{Console, is_terminal};
use super::{Next, WizardRequest};
use crate::error::{Error, Result};

/// The practice disk's file name.
const DISK: &str = "practice.img";

/// More demos than this (100) in one folder for temporary files are forgotten ones.
const MAX_FOLDERS: u32 = 100;

/// Makes the practice disk, with images inside, and breaks it; then the wizard, or the whole job without it.
pub(super) fn run(command: &Demo) -> Next {
    let console = Console::new(false);
    match start(command, &console) {
        Ok(next) => next,
        Err(error) => Next::Exit(console.error(&error)),
    }
}

fn start(command: &Demo, console: &Console) -> Result<Next> {
    let folder = match &command.dir {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .map_err(|error| Error::io(format!("making the folder {}", folder.display()), error))?;
            folder.clone()
        }
        None => fresh_folder()?,
    };
    let path = folder.join(DISK);
    disk::make(&path)?;
    console.line(&format!("A practice disk: {} (a file; your own disks are not touched)", path.display()));
    console.line("On it: 1 FAT32, 2 NTFS, 3 ext4, and 4, which is empty and may be restored onto.");
    let before = if command.whole { None } else { Some(tour::prepare(console, &path)?) };
    let wizard = !command.no_wizard && is_terminal(&std::io::stdout()) && is_terminal(&std::io::stdin());
    if wizard {
        return Ok(Next::Wizard(WizardRequest { disks: vec![path], images: Some(folder), ..WizardRequest::default() }));
    }
    let code = before.map_or(Ok(0), |before| tour::run(console, &path, &before))?;
    console.line("");
    console.line(&format!("All of it is in {}; delete that folder when you are done.", folder.display()));
    Ok(Next::Exit(code))
}

/// A new folder under the system's folder for temporary files. Never one that is there: somebody else may have
/// made it, to have us write where they want.
fn fresh_folder() -> Result<PathBuf> {
    let base = std::env::temp_dir();
    for number in 0..MAX_FOLDERS {
        let folder = base.join(format!("lifeboat-demo-{}-{number}", std::process::id()));
        match make_private(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(Error::io(format!("making the folder {}", folder.display()), error)
                    .advise("Name another place with --dir"));
            }
            Ok(()) => return Ok(folder),
        }
    }
    Err(Error::refused(format!("{} is full of forgotten practice disks", base.display()))
        .advise("Delete its folders lifeboat-demo-*, or name a place with --dir"))
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700).create(folder)
}
