//! Volumes that Lifeboat has changed: the kernel mounts them, reads everything, and has nothing to complain of.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::job::{self, Monitor, Outcome};

use super::{Item, Listing, own, walk};
use crate::journal::edits::{FAMILIES, Family, MORE, all_edits, stage};
use crate::oracle::{long, sh};

/// A volume with a change planned, changed in place; what it was is kept beside it.
struct Changed {
    name: &'static str,
    before: PathBuf,
    after: PathBuf,
    /// Where both lie.
    _dir: tempfile::TempDir,
}

fn change(family: &Family) -> Changed {
    let stage = stage(family, &all_edits);
    let before = stage.dir.path().join("before.img");
    std::fs::copy(&stage.image, &before).unwrap();
    let report = job::run(&stage.plan, &Arc::new(Monitor::new()));
    assert_eq!(report.outcome, Outcome::Done, "{}: {report:?}", family.name);
    sh(stage.dir.path(), family.check);
    Changed { name: family.name, before, after: stage.image, _dir: stage.dir }
}

/// What must not have changed: all of an entry but the size that a driver gives a directory.
fn kept(item: &Item) -> Item {
    let bytes = if item.kind == 'd' { 0 } else { item.bytes };
    Item { bytes, ..item.clone() }
}

fn judge(changed: &Changed, before: &Listing, after: &Listing) {
    before.assert_sound();
    after.assert_sound();
    assert!(before.entries.len() > 4, "{}: {:?}", changed.name, before.entries);
    let differences = [own::differences(before, &changed.before), own::differences(after, &changed.after)].concat();
    assert!(differences.is_empty(), "{}:\n{}", changed.name, differences.join("\n"));
    for item in &before.entries {
        let now = after.entry(item.path.to_str().unwrap());
        match item.path.to_str().unwrap() {
            "/released" => assert_eq!(now, None, "{}", changed.name),
            "/replaced" => assert_ne!(now.unwrap().sha256, item.sha256, "{}", changed.name),
            // Not a byte, a time or an attribute.
            _ => assert_eq!(now.map(kept), Some(kept(item)), "{}", changed.name),
        }
    }
    let new: Vec<&Path> = after.entries.iter().map(|item| item.path.as_path()).collect();
    let new: Vec<&&Path> = new.iter().filter(|path| before.entry(path.to_str().unwrap()).is_none()).collect();
    assert_eq!(new, [&Path::new("/LIFEBOAT"), &Path::new("/LIFEBOAT/toc-begin.lbc")], "{}", changed.name);
    if after.driver != "ext4" {
        for path in new {
            let attributes = after.entry(path.to_str().unwrap()).unwrap().attributes.unwrap();
            assert_eq!(attributes & 0x06, 0x06, "{}: {} is hidden and the system's", changed.name, path.display());
        }
    }
}

#[test]
fn the_kernel_reads_what_was_changed() {
    if !long() {
        return;
    }
    let all: Vec<Changed> = FAMILIES.iter().chain(MORE).map(change).collect();
    let images: Vec<&Path> = all.iter().flat_map(|one| [one.before.as_path(), one.after.as_path()]).collect();
    let Some(listings) = walk(&images) else { return };
    assert_eq!(listings.len(), images.len());
    for (changed, pair) in all.iter().zip(listings.chunks_exact(2)) {
        judge(changed, &pair[0], &pair[1]);
    }
    eprintln!("{} changed volumes, {} entries", all.len(), listings.iter().map(|one| one.entries.len()).sum::<usize>());
}
