//! Images with references to a base, restored by the real binary and judged by strangers.

use lifeboat::image::Image;

use super::stage::{Family, Stage};
use crate::hostile_references::incremental;

/// Makes `x.lbi` of `v.img` an image with references to `base`, which is made of it as well when it is not there; gives
/// how many chunks are references, and of how many.
fn refer(stage: &Stage, base: &str) -> (usize, usize) {
    stage.ends("backup v.img --to full.lbi", 0);
    let full = Image::open(&stage.path("full.lbi")).unwrap();
    let bytes = incremental(&full, &Image::open(&stage.path(base)).unwrap(), None).unwrap();
    std::fs::remove_file(stage.path("full.lbi")).unwrap();
    std::fs::write(stage.path("x.lbi"), bytes).unwrap();
    let page = Image::open(&stage.path("x.lbi")).unwrap().page(0).unwrap();
    (page.iter().filter(|entry| entry.is_reference()).count(), page.len())
}

/// Two images behind a base, each of the volume as it then was; the last is restored and compared.
fn round_trip(family: Family, make: &str, changes: [&str; 2]) {
    let stage = Stage::new();
    stage.sh(make);
    stage.ends("backup v.img --to base.lbi --kind factory", 0);
    for (change, base) in changes.into_iter().zip(["base.lbi", "second.lbi"]) {
        stage.sh(change);
        let (references, chunks) = refer(&stage, base);
        assert!(references > 0 && references < chunks, "{references} of {chunks}");
        if base == "base.lbi" {
            stage.sh("mv x.lbi second.lbi");
        }
    }
    stage.ends("verify x.lbi", 0);
    stage.restore("v.img", "w.img");
    stage.same(family, "v.img", "w.img");
    let listed = stage.ends("ls x.lbi", 0);
    assert!(listed.contains("third"), "{listed}");
    // A chunk that both later images take from the base: its damage is blamed on it.
    let base = Image::open(&stage.path("base.lbi")).unwrap();
    let image = Image::open(&stage.path("x.lbi")).unwrap();
    let page = image.page(0).unwrap();
    let held = page.iter().filter_map(|entry| image.holder(entry).unwrap());
    let (_, held) = held.filter(|(holder, _)| holder.header().image_id == base.header().image_id).last().unwrap();
    let at = held.frame_offset().0 + u64::from(held.stored_len.get()) / 2;
    let id = base.header().image_id;
    stage.sh(&format!("printf 'damaged here' | dd of=base.lbi bs=1 seek={at} conv=notrunc status=none"));
    let said = stage.ends("verify x.lbi", 1);
    assert!(said.contains(&format!("it is in the base image {id}")), "{said}");
    let before = stage.digest("w.img");
    stage.ends("restore x.lbi --to w.img --yes", 3);
    stage.sh("mv base.lbi base.away");
    for words in ["verify x.lbi", "restore x.lbi --to w.img --yes", "restore x.lbi --to w.img --yes --trust"] {
        let said = stage.ends(words, 3);
        assert!(said.contains(&id.to_string()), "{said}");
    }
    assert_eq!(stage.digest("w.img"), before, "a refusal touched the target");
    let said = stage.sh(&format!(
        "{} restore - --to w.img --yes < x.lbi 2>&1 && exit 9; test $? = 3; true",
        env!("CARGO_BIN_EXE_lifeboat")
    ));
    assert!(said.contains("pipe"), "{said}");
    assert_eq!(stage.digest("w.img"), before);
}

#[test]
fn ext4_comes_back_from_a_chain_of_images() {
    round_trip(
        Family::Ext,
        "mkdir tree; head -c 14M /dev/urandom > tree/large; seq 9000 > tree/numbers; truncate -s 40M v.img
         mke2fs -q -F -t ext4 -d tree v.img",
        [
            "head -c 300K /dev/urandom > s; debugfs -w -R 'write s second' v.img 2>/dev/null",
            "seq 30000 > t; debugfs -w -R 'write t third' v.img 2>/dev/null; debugfs -w -R 'rm numbers' v.img 2>/dev/null",
        ],
    );
}

#[test]
fn fat32_comes_back_from_a_chain_of_images() {
    round_trip(
        Family::Fat,
        "head -c 14M /dev/urandom > large; truncate -s 40M v.img; mkfs.fat -F 32 -s 1 v.img >/dev/null; mcopy -i v.img large ::/",
        ["head -c 300K /dev/urandom > s; mcopy -i v.img s ::/second", "seq 30000 > t; mcopy -i v.img t ::/third.txt"],
    );
}
