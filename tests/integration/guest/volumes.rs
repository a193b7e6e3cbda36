//! Volumes of every shape of the zoo: the kernel and Lifeboat see the same files, sizes, times, attributes and bytes.

use std::path::{Path, PathBuf};

use super::{own, walk};
use crate::oracle::long;
use crate::zoo::{Shape, ext, fat, ntfs};

/// Shapes that the kernel does not mount or not show whole, each with the reason.
type Excuse = (&'static str, &'static str);

fn same_as_the_kernel(shapes: &[&Shape], excused: &[Excuse]) {
    if !long() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let is_excused = |shape: &Shape| excused.iter().any(|(name, _)| *name == shape.name);
    for (name, reason) in excused {
        assert!(shapes.iter().any(|shape| shape.name == *name), "there is no shape {name}");
        eprintln!("skipped: {name}: {reason}");
    }
    let images: Vec<PathBuf> =
        shapes.iter().filter(|shape| !is_excused(shape)).map(|shape| shape.make(dir.path())).collect();
    let paths: Vec<&Path> = images.iter().map(PathBuf::as_path).collect();
    let Some(listings) = walk(&paths) else { return };
    assert_eq!(listings.len(), images.len());
    let mut wrong = Vec::new();
    let mut entries = 0;
    for (listing, image) in listings.iter().zip(&images) {
        wrong.extend(listing.errors.iter().map(|error| format!("{}: {error}", listing.address)));
        wrong.extend(listing.complaints.iter().map(|error| format!("{}: {error}", listing.address)));
        let differences = own::differences(listing, image);
        wrong.extend(differences.iter().take(8).cloned());
        entries += listing.entries.len();
    }
    eprintln!("{} volumes, {entries} entries", listings.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_kernel_sees_the_same_on_fat() {
    let shapes: Vec<&Shape> = fat::SHAPES.iter().chain(fat::FEW_CLUSTERS).collect();
    same_as_the_kernel(&shapes, &[]);
}

#[test]
fn the_kernel_sees_the_same_on_ntfs() {
    let shapes: Vec<&Shape> = ntfs::SHAPES.iter().collect();
    same_as_the_kernel(
        &shapes,
        &[("ntfs-sparse", "it has a file of 300 GB, all of it a hole, which takes an hour to read")],
    );
}

#[test]
fn the_kernel_sees_the_same_on_ext() {
    let shapes: Vec<&Shape> = ext::SHAPES.iter().collect();
    same_as_the_kernel(
        &shapes,
        &[("ext4-64k", "the kernel mounts no blocks larger than its pages, which are of 4 KiB here")],
    );
}
