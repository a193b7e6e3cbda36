//! Volumes with images inside, made and restored, as the kernel's own drivers see them: in the emulated machine.

use std::path::{Path, PathBuf};

use super::cells::{act, cells};
use super::family::FAMILIES;
use super::stage::Stage;
use crate::guest::{Item, Listing, walk};
use crate::oracle::{long, sh};

/// What must be the same: all but the container, and the sizes of directories, which each driver makes up.
fn kept(listing: &Listing) -> Vec<Item> {
    let others = listing.entries.iter().filter(|item| !item.path.starts_with("/LIFEBOAT"));
    others.map(|item| Item { bytes: if item.kind == 'd' { 0 } else { item.bytes }, ..item.clone() }).collect()
}

/// A volume before the damage and after the restore, beside each other.
fn pair(stage: &Stage) -> [PathBuf; 2] {
    let [before, after] = ["before.img", "after.img"].map(|name| stage.dir().join(name));
    sh(stage.dir(), "cp --sparse=always volume.img before.img");
    let cell = cells(stage).into_iter().find(|cell| cell.row == "that and the table, random").unwrap();
    act(stage, &cell).unwrap_or_else(|error| panic!("{}: {error}", stage.family.name));
    sh(stage.dir(), "cp --sparse=always volume.img after.img");
    [before, after]
}

#[test]
fn the_kernel_reads_what_was_made_and_what_was_restored() {
    if !long() {
        return;
    }
    let stages: Vec<Stage> = FAMILIES.into_iter().map(Stage::new).collect();
    let images: Vec<PathBuf> = stages.iter().flat_map(pair).collect();
    let paths: Vec<&Path> = images.iter().map(PathBuf::as_path).collect();
    let Some(listings) = walk(&paths) else { return };
    for (stage, pair) in stages.iter().zip(listings.chunks_exact(2)) {
        let name = stage.family.name;
        pair.iter().for_each(Listing::assert_sound);

        assert_eq!(kept(&pair[0]), kept(&pair[1]), "{name}");
        assert!(kept(&pair[0]).len() > 25, "{name}: {:?}", pair[0].entries);
        for image in ["factory.lbi", "user.lbi"] {
            let digest = |listing: &Listing| {
                let item = listing.entries.iter().find(|item| item.path.ends_with(image)).expect("an image inside");
                item.sha256.clone()
            };
            assert_eq!(digest(&pair[0]), digest(&pair[1]), "{name}: {image}");
        }
    }
    eprintln!("{} volumes, {} entries", listings.len(), listings.iter().map(|one| one.entries.len()).sum::<usize>());
}
