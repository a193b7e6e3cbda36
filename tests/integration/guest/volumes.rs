//! Volumes of every shape of the zoo: the kernel and Lifeboat see the same files, sizes, times, attributes and bytes.

use std::path::{Path, PathBuf};

use super::{own, walk};
use crate::oracle::{long, sh};
use crate::zoo::{Shape, ext, fat, ntfs};

/// Shapes that the kernel does not mount or not show whole, each with the reason.
type Excuse = (&'static str, &'static str);

/// Long sweeps only: makes the shapes, has the guest walk them, and finds no difference.
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
    for (listing, image) in listings.iter().zip(&images) {
        let said = listing.errors.iter().chain(&listing.complaints).map(|text| format!("{}: {text}", listing.address));
        wrong.extend(said);
        // A reader that is wrong about one thing is wrong about it everywhere.
        wrong.extend(own::differences(listing, image).into_iter().take(8));
    }
    let entries: usize = listings.iter().map(|listing| listing.entries.len()).sum();
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
    let huge = "it has a file of 300 GB, all of it a hole, which takes an hour to read";
    same_as_the_kernel(&shapes, &[("ntfs-sparse", huge)]);
}

#[test]
fn the_kernel_sees_the_same_on_ext() {
    let shapes: Vec<&Shape> = ext::SHAPES.iter().collect();
    let large = "the kernel mounts no blocks larger than its pages, which are of 4 KiB here";
    let deep = "its paths are longer than the 4,095 bytes that a program may name to the kernel at once";
    same_as_the_kernel(&shapes, &[("ext4-64k", large), ("ext4-deep-tree", deep)]);
}

/// Small volumes, a disk with two of them in a table, and two that are none or damaged.
const STAGE: &str = r#"export MTOOLS_SKIP_CHECK=1
    mkdir f; seq 3000 > f/text; head -c 60000 /dev/urandom > f/noise; touch -d '2001-02-03 04:05:06 UTC' f/*
    truncate -s 6M e.img; mke2fs -q -t ext4 -b 1024 -d f e.img
    truncate -s 5M f.img; mkfs.fat -F 16 -s 1 f.img > /dev/null; mcopy -s -m -i f.img f/* ::/
    truncate -s 20M 'disk, of two.img'; printf 'label: dos
start=2048,size=12288
start=20480,size=10240
' | sfdisk -q 'disk, of two.img'
    dd if=e.img of='disk, of two.img' bs=512 seek=2048 conv=notrunc status=none
    dd if=f.img of='disk, of two.img' bs=512 seek=20480 conv=notrunc status=none
    head -c 1M /dev/urandom > none.img
    cp e.img damaged.img; inode=$(debugfs -R 'imap text' e.img 2>/dev/null | sed -n 's/.*located at block \([0-9]*\), offset 0x\(.*\)/\1 \2/p')
    read -r block at <<< "$inode"; head -c 40 /dev/urandom | dd of=damaged.img bs=1 seek=$((block * 1024 + 16#$at + 40)) conv=notrunc status=none
    dd if=e.img of=beyond.img bs=1M count=5 status=none"#;

#[test]
fn the_guest_says_what_it_cannot_read() {
    if !long() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), STAGE);
    let names = ["e.img", "disk, of two.img", "disk, of two.img@10485760", "none.img", "damaged.img", "beyond.img"];
    let paths: Vec<PathBuf> = names.iter().map(|name| dir.path().join(name)).collect();
    let Some(listings) = walk(&paths.iter().map(PathBuf::as_path).collect::<Vec<&Path>>()) else { return };
    let [whole, one, two, place, none, damaged, beyond] = listings.as_slice() else { panic!("{listings:?}") };
    for sound in [whole, one, two, place] {
        sound.assert_sound();
        let expected = sh(dir.path(), "sha256sum f/noise f/text | cut -c 1-64");
        let digests = ["/noise", "/text"].map(|path| sound.entry(path).unwrap().sha256.clone().unwrap());
        assert_eq!(expected.split_whitespace().collect::<Vec<&str>>(), digests);
        assert_eq!(sound.entry("/text").unwrap().modified, 981_173_106);
    }
    assert!(one.address.ends_with("two.img:1") && two.address.ends_with("two.img:2"), "{one:?} {two:?}");
    assert!(place.address.ends_with("@10485760") && place.driver == "vfat", "{place:?}");
    assert!(none.driver == "unknown" && none.errors.len() == 1 && none.entries.is_empty(), "{none:?}");
    assert!(
        damaged.errors.iter().any(|error| error.starts_with("/text")) && damaged.entry("/text").is_none(),
        "{damaged:?}"
    );
    assert!(damaged.complaints.iter().any(|text| text.contains("EXT4-fs error")), "{damaged:?}");
    assert!(beyond.errors.len() == 1 && !beyond.complaints.is_empty(), "{beyond:?}");
}
