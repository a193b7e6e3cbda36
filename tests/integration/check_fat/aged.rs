//! Volumes that mtools aged: no false alarms.

use std::fmt::Write;

use super::owners::compare_with_mshowfat;
use super::{both_are_content, check, fsck, open};
use crate::oracle::{long, sh, sh_output};
use crate::random::Random;

/// What the volumes are made of.
const KINDS: [&str; 9] = [
    "2M -F 12 -s 1 -n AGED",
    "3M -F 12 -s 2 -f 1",
    "12M -F 12 -s 8 -r 64",
    "5M -F 16 -s 1 -n AGED",
    "17M -F 16 -s 4",
    "200M -F 16 -s 64 -f 1",
    "36M -F 32 -s 1 -n AGED",
    "72M -F 32 -s 2 -f 1",
    "300M -F 32 -s 8",
];

/// A name: short, long, of another alphabet, with a collision tail, or deep down.
fn name(seed: &mut Random) -> String {
    let n = seed.below(12);
    let directory = ["", "dir one/", "D/", "D/below me/", "D/below me/E/"][seed.below(5) as usize];
    let file = match seed.below(6) {
        0 => format!("F{n}.TXT"),
        1 => format!("lower{n}.txt"),
        2 => format!("a longer name, number {n}.text"),
        3 => format!("Größe 世界 {n}.dat"),
        4 => format!("{}{n}", "long".repeat(30)),
        _ => format!("Mixed.Dots.{n}"),
    };
    format!("::/{directory}{file}")
}

/// Some acts of mtools; many fail, since the file is there already or is not.
fn acts(seed: &mut Random) -> String {
    let mut script = String::new();
    for _ in 0..8 {
        let (one, other) = (name(seed), name(seed));
        let _ = match seed.below(10) {
            0..5 => writeln!(script, "head -c {} numbers > f; mcopy -D s -i v.img f '{one}' || :", seed.below(60_000)),
            5 | 6 => writeln!(script, "mdel -i v.img '{one}' || :"),
            7 => writeln!(script, "mren -i v.img -D s '{one}' '{other}' || :"),
            8 => writeln!(script, "mattrib -i v.img +r +h '{one}' || :"),
            _ => writeln!(
                script,
                "mmove -D s -i v.img '{one}' '::/dir one' || :; mdeltree -i v.img '::/D/below me/E' || :
                mmd -D s -i v.img ::/D/'below me'/E || :"
            ),
        };
    }
    script
}

#[test]
fn volumes_that_mtools_aged_are_as_sound_to_us_as_to_fsck() {
    let mut seed = Random(0xA6ED);
    let (mut tried, mut unsound, mut held) = (0, 0, 0);
    for kind in KINDS {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let (len, options) = kind.split_once(' ').unwrap();
        sh(
            dir,
            &format!(
                "seq 1 20000 > numbers; truncate -s {len} v.img; mkfs.fat {options} v.img >/dev/null
                 mmd -i v.img '::/dir one' ::/D '::/D/below me' ::/D/'below me'/E"
            ),
        );
        let image = dir.join("v.img");
        for round in 0..if long() { 150 } else { 12 } {
            let script = acts(&mut seed);
            let _ = sh_output(dir, &format!("{{ {script} }} 2>/dev/null </dev/null"));
            let what = format!("{kind}, round {round}, after {script}");
            // A disk that is full leaves lost clusters: mtools takes them before it sees that they are too few.
            if fsck(&image).0 == 0 {
                both_are_content(&image, &what);
            } else {
                let findings = check(open(&image).as_ref());
                assert!(!findings.is_sound(), "{what}: {}", fsck(&image).1);
                unsound += 1;
            }
            tried += 1;
        }
        held += if fsck(&image).0 == 0 { compare_with_mshowfat(dir, &image, kind) } else { 0 };
    }
    assert!(held > 200, "mtools made only {held} files and directories");
    println!("{tried} aged volumes, {unsound} of them unsound to both; {held} files and directories at last");
    assert!(unsound * 4 < tried, "too few sound ones to prove anything");
}
