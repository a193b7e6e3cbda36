//! What Lifeboat recognises but has no driver for, and what it does not recognise: every sector comes back.

use super::stage::Stage;

/// Makes `v.img` with the script, images it, and compares every byte.
fn every_byte(kind: &str, script: &str) {
    let stage = Stage::new();
    stage.sh(script);
    assert_eq!(stage.volume("v.img")["kind"], kind);
    stage.back_up("v.img", "");
    stage.restore("v.img", "w.img");
    assert!(stage.digest("v.img") == stage.digest("w.img"), "{kind}: other bytes came back");
    // The stock path, too: a raw image is a partclone image of all its blocks.
    stage.old_target("s.img", stage.len("v.img"));
    stage.sh("zstd -qdc x.lbi | partclone.restore -L log -q -C -s - -O s.img >/dev/null 2>&1; cmp v.img s.img");
    assert!(stage.len("x.lbi") < stage.len("v.img"), "{kind}: zeros were stored");
}

#[test]
fn an_xfs_volume_comes_back_byte_for_byte() {
    every_byte("xfs", "truncate -s 300M v.img; mkfs.xfs -q v.img");
}

#[test]
fn swap_space_comes_back_byte_for_byte() {
    every_byte(
        "swap",
        "truncate -s 5M v.img; mkswap -q v.img; head -c 100000 /dev/urandom | dd of=v.img bs=4096 seek=7 conv=notrunc status=none",
    );
}

#[test]
fn an_exfat_volume_comes_back_byte_for_byte() {
    every_byte("exfat", "truncate -s 20M v.img; mkfs.exfat v.img >/dev/null");
}

#[test]
fn an_encrypted_volume_comes_back_byte_for_byte() {
    every_byte(
        "luks",
        "truncate -s 20M v.img; printf secret | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 v.img -",
    );
}

#[test]
fn an_unknown_volume_whose_length_is_no_multiple_of_a_page_comes_back() {
    let stage = Stage::new();
    stage.sh("head -c 1000 /dev/urandom > v.img; head -c 3000064 /dev/zero >> v.img; truncate -s 3001344 v.img");
    stage.back_up("v.img", "");
    stage.restore("v.img", "w.img");
    assert!(stage.digest("v.img") == stage.digest("w.img"));
}
