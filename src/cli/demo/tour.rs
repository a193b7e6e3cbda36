//! The main job from end to end, in plain words, on the practice disk: look, back up, verify, wreck, restore,
//! compare.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::console::Console;
use super::super::{disks, preview, progress};
use super::disk::{self, PARTS, Part};
use super::fingerprint::Fingerprint;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::inventory::{self, Address, LookRequest};
use crate::job::{self, Monitor, Outcome, Report};
use crate::plan::{BackupRequest, ImageSource, ImageTarget, Plan, RestoreRequest};

/// Does all of it; gives the exit code.
///
/// # Errors
/// When a step fails or the volumes differ afterwards.
pub(super) fn run(console: &Console, disk: &Path, folder: &Path) -> Result<u8> {
    console.line("");
    console.line("1. Look (this never writes): lifeboat disks");
    let inventory = inventory::look(&LookRequest { paths: vec![disk.to_owned()], machine: false });
    for line in disks::lines(&inventory) {
        console.line(&format!("   {line}"));
    }
    // The fourth partition holds no volume.
    for (index, part) in PARTS[..3].iter().enumerate() {
        console.line("");
        console.line(&format!("{}. Partition {}, {}", index + 2, part.number, part.name));
        volume(console, disk, folder, part)?;
    }
    console.line("");
    console.line("All three volumes came back, byte by byte and file by file.");
    Ok(Outcome::Done.exit_code())
}

fn volume(console: &Console, disk: &Path, folder: &Path, part: &Part) -> Result<()> {
    let source = Address::Partition(disk.to_owned(), part.number);
    let path = folder.join(format!("practice-{}.lbi", part.number));
    let request = BackupRequest::new(source.clone(), ImageTarget::File(path.clone()));
    work(console, |monitor| job::plan_backup(&request, monitor))?;
    let left_out: BTreeSet<PathBuf> =
        Image::open(&path)?.header().excluded.iter().map(|file| Path::new("/").join(&file.path)).collect();
    for file in &left_out {
        console.line(&format!("   Left out, since Windows makes it anew: {}", file.display()));
    }
    let before = Fingerprint::of(&source, &left_out)?;

    let monitor = Arc::new(Monitor::new());
    tell(console, progress::watch(&monitor, |monitor| job::verify(&path, monitor))?)?;

    disk::wreck(disk, part)?;
    console.line("   Wrecked: its first MiB is zeros now");
    if Fingerprint::of(&source, &left_out).is_ok_and(|after| after == before) {
        return Err(Error::damaged("the wrecked volume looks unharmed: the comparison is worth nothing"));
    }

    let request = RestoreRequest::new(ImageSource::File(path), source.clone());
    work(console, |monitor| job::plan_restore(&request, monitor))?;
    if Fingerprint::of(&source, &left_out)? != before {
        return Err(Error::damaged(format!("{source} is not what it was before")));
    }
    console.line(&format!("   Compared: every used byte and all {} files are as before", before.count()));
    Ok(())
}

fn work(console: &Console, plan: impl FnOnce(&Monitor) -> Result<Plan> + Send) -> Result<()> {
    let monitor = Arc::new(Monitor::new());
    let plan = progress::watch(&monitor, |monitor| plan(monitor))??;
    preview::log(&plan);
    console.line(&format!("   $ {}", plan.command));
    tell(console, progress::watch(&monitor, |monitor| job::run(&plan, monitor))?)
}

/// Nothing but `Done` goes on.
fn tell(console: &Console, report: Report) -> Result<()> {
    match report.outcome {
        Outcome::Done => {
            console.line(&format!("   {}", report.headline));
            Ok(())
        }
        Outcome::Cancelled => Err(Error::cancelled()),
        _ => Err(Error::damaged(format!("{} {}", report.headline, report.warnings.join("; ")))),
    }
}
