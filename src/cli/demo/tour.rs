//! The reason Lifeboat exists, from end to end and in plain words, on the practice disk: each partition gets its own
//! factory image inside, everything is broken, the images are found, the partitions come back, and that is proven.

use std::path::Path;
use std::sync::Arc;

use super::super::console::Console;
use super::super::{disks, preview, progress};
use super::disk::{self, PARTS, VOLUMES};
use super::fingerprint::Fingerprint;
use crate::error::{Error, Result};
use crate::image::{Image, Kind};
use crate::inventory::{self, Address, Container, LocateRequest, LookRequest, Thoroughness};
use crate::job::{self, Monitor, Outcome, Report};
use crate::plan::{BackupRequest, ImageTarget, Plan, RestoreRequest};

/// What each partition was before it was broken.
pub(super) type Before = Vec<Fingerprint>;

/// Makes a factory image inside each partition, and breaks the disk.
///
/// # Errors
/// When a step fails, or nothing was broken by breaking it.
pub(super) fn prepare(console: &Console, disk: &Path) -> Result<Before> {
    console.line("");
    console.line("1. Look (this never writes): lifeboat disks");
    look(console, disk);
    console.line("");
    console.line("2. Each partition gets its factory image inside, hidden at its end");
    let mut before = Before::new();
    for part in &PARTS[..VOLUMES] {
        let volume = Address::Partition(disk.to_owned(), part.number);
        let request = BackupRequest { kind: Kind::Factory, ..BackupRequest::new(volume.clone(), ImageTarget::Inside) };
        work(console, |monitor| job::plan_backup(&request, monitor))?;
        let image = image_of(&volume)?;
        before.push(Fingerprint::of(&volume, &image)?);
    }
    console.line("");
    console.line("3. Break it: partition table, boot records, FATs, MFT, superblock, group descriptors");
    disk::break_all(disk)?;
    for (part, before) in PARTS[..VOLUMES].iter().zip(&before) {
        let volume = Address::At(disk.to_owned(), part.start);
        if Fingerprint::of_files(&volume, before.left_out()).is_ok_and(|after| after == *before) {
            return Err(Error::damaged("the broken partition looks unharmed: the comparison is worth nothing"));
        }
    }
    look(console, disk);
    Ok(before)
}

/// Finds the images, brings the partitions back, and proves it; gives the exit code.
///
/// # Errors
/// When a step fails or the volumes differ afterwards.
pub(super) fn run(console: &Console, disk: &Path, before: &[Fingerprint]) -> Result<u8> {
    console.line("");
    console.line(&format!("4. Search: lifeboat images {}", disk.display()));
    let request = LocateRequest {
        sources: vec![Address::Whole(disk.to_owned())],
        aids: Vec::new(),
        thoroughness: Thoroughness::Full,
    };
    let monitor = Arc::new(Monitor::new());
    let found = progress::watch(&monitor, |monitor| job::locate(&request, monitor))??;
    for view in found.iter().flat_map(Container::views) {
        console.line(&format!("   {}", view.address));
    }
    for (index, (part, before)) in PARTS[..VOLUMES].iter().zip(before).enumerate() {
        console.line("");
        console.line(&format!("{}. Bring back {}", index + 5, part.name));
        let lost = found.iter().find(|container| container.source.place.start.0 == part.start);
        let image = lost.and_then(|container| container.images.first().map(|image| container.address_of(image)));
        let image = image.ok_or_else(|| Error::damaged(format!("the image of {} was not found", part.name)))?;
        work(console, |monitor| job::plan_restore(&RestoreRequest::home(image.clone()), monitor))?;
        prove(console, &Address::Partition(disk.to_owned(), part.number), before)?;
    }
    console.line("");
    console.line("All three partitions came back, file by file, with their images inside.");
    Ok(Outcome::Done.exit_code())
}

/// Compares a partition with what it was; checks it, and the image inside.
fn prove(console: &Console, volume: &Address, before: &Fingerprint) -> Result<()> {
    if Fingerprint::of_files(volume, before.left_out())? != *before {
        return Err(Error::damaged(format!("{volume} is not what it was before")));
    }
    for file in before.left_out() {
        console.line(&format!("   Left out, since Windows makes it anew: {}", file.display()));
    }
    console.line(&format!("   Compared: all {} files are as before", before.count()));
    let monitor = Arc::new(Monitor::new());
    tell(console, progress::watch(&monitor, |monitor| job::check_address(volume, monitor))?)?;
    let image = Address::Inside(Box::new(volume.clone()), Kind::Factory.name().to_owned());
    let monitor = Arc::new(Monitor::new());
    tell(console, progress::watch(&monitor, |monitor| job::verify_address(&image, monitor))?)
}

fn look(console: &Console, disk: &Path) {
    let inventory = inventory::look(&LookRequest { paths: vec![disk.to_owned()], machine: false });
    for line in disks::lines(&inventory) {
        console.line(&format!("   {line}"));
    }
}

/// The factory image inside a volume, opened.
fn image_of(volume: &Address) -> Result<Image> {
    let address = Address::Inside(Box::new(volume.clone()), Kind::Factory.name().to_owned());
    inventory::image_at(&address, &Monitor::new())
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
