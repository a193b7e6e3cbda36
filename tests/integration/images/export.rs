//! Exported images are whole images of their own, for stock tools as well.

use super::stage::{EXT4, FAT32, How, Stage};
use crate::oracle::sh;

#[test]
fn an_exported_full_image_is_the_image() {
    let stage = Stage::new(FAT32);
    stage.run("export disk.img:1/factory --to out.lbi", 0);
    sh(stage.dir.path(), "cmp out.lbi factory.lbi");
    let said = stage.run("export disk.img:1/factory --to out.lbi", 3);
    assert!(said.contains("out.lbi is there already"), "{said}");
    stage.run("export disk.img:1/none --to none.lbi", 3);
    assert!(!stage.dir.path().join("none.lbi").exists());
}

#[test]
fn references_are_filled_in_and_partclone_restores_the_result() {
    let stage = Stage::new(EXT4);
    stage.run("export disk.img:1/user --to out.lbi", 0);
    // Alone in a folder, without its base.
    sh(stage.dir.path(), "mkdir alone; mv out.lbi alone");
    stage.run("verify alone/out.lbi", 0);
    assert!(!stage.run("info alone/out.lbi", 0).contains("Needs"));
    sh(
        stage.dir.path(),
        "truncate -s 16M t.img; zstd -q -d -c alone/out.lbi > stream
         partclone.restore -L log -q -C -s stream -O t.img >/dev/null 2>&1
         e2fsck -fn t.img 2>/dev/null; debugfs -R 'dump /one one' t.img 2>/dev/null; cmp one f/one",
    );
    stage.run("export disk.img:1/user --to parts.lbi --split 128K", 0);
    sh(stage.dir.path(), "test -e parts.001; mkdir parts; mv parts.* parts 2>/dev/null || mv parts.0* parts.lbi parts");
    stage.run("verify parts/parts.lbi", 0);
}

#[test]
fn a_damaged_image_is_not_exported() {
    let stage = Stage::new(FAT32);
    let place = stage.place_of("factory.lbi");
    let middle = (place.start + place.end) / 2;
    stage.destroy(&[middle..middle + 512], How::Random);
    for name in ["factory", "user"] {
        let said = stage.run(&format!("export disk.img:1/{name} --to out.lbi"), 1);
        assert!(said.contains("is damaged"), "{said}");
    }
    sh(stage.dir.path(), "! ls out.*");
}
