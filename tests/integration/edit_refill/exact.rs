//! Single cases, each with what exactly must come out.

use std::path::Path;

use lifeboat::fs::{Attributes, Guise};

use super::bench::{Bench, Target};
use super::guise;
use crate::oracle::{long, sh, sh_output};
use crate::zoo::{Shape, ext, fat, ntfs};

fn shape(name: &str) -> &'static Shape {
    let all = fat::SHAPES.iter().chain(ext::SHAPES).chain(ntfs::SHAPES);
    all.clone().find(|shape| shape.name == name).unwrap()
}

fn look(mode: u16, second: i64, nanosecond: i32) -> Guise {
    let attributes = Attributes { mode: Some(mode), ..Attributes::default() };
    Guise { attributes, modified: Some(jiff::Timestamp::new(second, nanosecond).unwrap()) }
}

/// Many hundred pieces take maps and lists of their own, which go with them.
#[test]
fn a_file_falls_to_pieces_and_is_whole_again() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["ext3-1k-mixed", "ntfs-files-512", "ext4-1k-mixed", "fat32-512-names"];
    for name in &names[..if long() { 4 } else { 2 }] {
        let mut bench = Bench::make(shape(name), dir.path()).unwrap();
        let path = bench.victims().remove(0);
        let free = bench.free_units();
        for (round, target) in
            [Target::Pieces(1500), Target::Units(2), Target::Pieces(700), Target::Bytes(0)].iter().enumerate()
        {
            bench.put(&path, *target, &guise(round as u64, 1));
            bench.put("/another in pieces", *target, &guise(round as u64, 2));
            bench.judge(&format!("round {round}"));
        }
        assert!(bench.refused.is_empty(), "{name}: {:?}", bench.refused);
        // What was taken for maps and lists is free again; a directory may have grown by a block, $MFT by some records.
        let spent = free.saturating_sub(bench.free_units()) * bench.unit();
        assert!(spent <= 16 << 10, "{name}: {spent} bytes");
        sh(dir.path(), "rm -rf -- *");
    }
}

/// Whose it is, which rights it lends, and times that need more than 32 bits.
#[test]
fn owners_rights_and_times_on_ext() {
    let dir = tempfile::tempdir().unwrap();
    let owned = Shape {
        name: "ext4-owned",
        script: concat!(
            include_str!("../zoo/ext.sh"),
            "\nmake 16M -t ext4 -b 1024; into; mkdir u; echo x > u/plain; cp u/plain u/lends; cp u/plain wide; chown 1000:70000 u u/lends
            chown 123456:7 u/plain; chmod 4755 u/lends; attribute user.note kept u/plain; away"
        ),
    };
    let mut bench = Bench::make(&owned, dir.path()).unwrap();
    bench.put("/u/plain", Target::Units(3), &look(0o751, 5_000_000_000, 123_456_700));
    bench.put("/u/lends", Target::Units(1), &look(0o4711, 0, 0));
    bench.put("/u/new", Target::Units(1), &look(0o640, (1 << 32) + 5, 100_000_000));
    bench.make_directory("/u/folder", &look(0o2775, -86_400, 0));
    for path in ["/u/new", "/u/folder"] {
        let seen = bench.model.get_mut(path).unwrap();
        seen.look = seen.look.replace("0:0", "1000:70000");
    }
    bench.judge("owners");
    assert_eq!(bench.model["/u/plain"].look, "751 123456:7");
    assert_eq!(bench.model["/u/plain"].others, ["user.note=0x6b657074"]);
    // Rights that are lent are not given to what has them not.
    bench.put("/wide", Target::Units(1), &look(0o755, 1, 0));
    bench.put("/u/lent", Target::Units(1), &look(0o755, 1, 0));
    bench.model.get_mut("/u/lent").unwrap().look = "755 1000:70000".into();
    bench.judge("without lending");
    let wide = bench.model["/wide"].clone();
    let extents = bench.pick(1, 1);
    let len = lifeboat::unit::ByteLen(bench.len_of(&extents));
    bench.edit.put(Path::new("/wide"), &extents, len, &look(0o6755, -1, -250_000_000)).unwrap();
    bench.apply("lending");
    assert_eq!(bench.entry("/wide").attributes.mode, Some(0o755), "{wide:?}");
    assert_eq!(bench.entry("/wide").modified, Some(jiff::Timestamp::new(-1, -250_000_000).unwrap()));
    // Later than 34 bits of seconds tell: the last second that they do.
    bench.edit.make_directory(Path::new("/late"), &look(0o700, 90_000_000_000, 0)).unwrap();
    bench.apply("late");
    assert_eq!(bench.entry("/late").modified.unwrap().as_second(), (1 << 34) - (1 << 31) - 1);
    let checked = sh_output(dir.path(), &format!("e2fsck -fn {}", bench.image.display()));
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stdout));
}

/// Names stay as they are written; times are those that FAT has; boot files and short names are refused.
#[test]
fn names_and_times_on_fat() {
    let dir = tempfile::tempdir().unwrap();
    let boot = Shape {
        name: "fat16-boot-files",
        script: "cd $DIR; truncate -s 20M $IMG; mkfs.fat -F 16 -s 4 $IMG >/dev/null; mmd -i $IMG ::/dos; for f in IO.SYS LDLINUX.SYS README.TXT 'a long name.text' dos/IO.SYS
            do echo $f > x; mcopy -i $IMG x \"::/$f\"; done; rm x",
    };
    let mut bench = Bench::make(&boot, dir.path()).unwrap();
    for (path, reason) in [
        ("/io.sys", "finds it by its sectors"),
        ("/LDLINUX.SYS", "finds it by its sectors"),
        ("/ALONGN~1.TEX", "short name of a long name.text"),
        ("/dos", "is a directory"),
        ("/README.TXT/x", "is a file"),
        ("/con", "takes it for a device"),
        ("/a*b", "cannot be a name"),
        ("/dos/none/x", "there is no"),
    ] {
        let said = bench.refusal(path, &Guise::default());
        assert!(said.contains(reason), "{path}: {said}");
    }
    for (second, found) in [(-5, 315_532_800), (1_000_000_001, 1_000_000_000), (1_800_000_000, 1_800_000_000)] {
        let extents = bench.pick(1, 1);
        let len = lifeboat::unit::ByteLen(bench.len_of(&extents));
        bench.edit.put(Path::new("/readme.txt"), &extents, len, &look(0, second, 0)).unwrap();
        bench.apply("time");
        let time = bench.entry("/README.TXT").modified.unwrap().as_second();
        assert!(time == found || second < 0 && time >= found, "{second}: {time}");
    }
    bench.put("/dos/IO.SYS", Target::Units(2), &guise(1, 1));
    let listed = sh(dir.path(), &format!("fsck.fat -n {}; mdir -b -i {0} ::/", bench.image.display()));
    assert!(listed.contains("::/README.TXT"), "{listed}");
    // Without a time what is there keeps its own.
    bench.edit.put(Path::new("/README.TXT"), &[], lifeboat::unit::ByteLen(0), &Guise::default()).unwrap();
    bench.apply("empty");
    assert_eq!(bench.entry("/README.TXT").modified.unwrap().as_second(), 1_800_000_000);
    assert_eq!(bench.entry("/README.TXT").bytes, 0);
}

/// A file keeps its record, and what else the record holds; a sparse one is sparse no more.
#[test]
fn records_stay_on_ntfs() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::make(shape("ntfs-sparse"), dir.path()).unwrap();
    let records = |bench: &Bench| {
        let image = bench.image.display();
        sh(dir.path(), &format!("for f in comb x; do ntfsinfo -F $f {image} | grep 'Dumping Inode'; done"))
    };
    let before = records(&bench);
    assert!(flags(&bench, "comb") & 0x200 != 0);
    bench.put("/COMB", Target::Units(5), &guise(0, 5));
    let seen = bench.model.remove("/COMB").unwrap();
    let place = bench.places.remove("/COMB").unwrap();
    bench.model.insert("/comb".into(), seen);
    bench.places.insert("/comb".into(), place);
    bench.put("/x", Target::Bytes(0), &guise(0, 6));
    bench.put("/emoji 😀", Target::Units(1), &guise(0, 7));
    bench.apply("sparse");
    assert_eq!(records(&bench), before);
    assert_eq!(flags(&bench, "comb") & 0x200, 0);
    // The directory's copy of the name, too; guise 0, 5 asks for all four attributes.
    let index = sh(dir.path(), &format!("ntfsinfo -v -f -i 5 {}", bench.image.display()));
    let lines: Vec<&str> = index.lines().collect();
    let end = lines.iter().position(|line| line.contains("Filename:") && line.contains("'comb'")).unwrap();
    let entry = lines[end - 10..end].join("\n");
    let time =
        guise(0, 5).modified.unwrap().to_zoned(jiff::tz::TimeZone::UTC).strftime("%a %b %e %H:%M:%S %Y").to_string();
    let wanted = [
        format!("File Altered Time:\t {time}"),
        "(0x00000027)".into(),
        format!("Data Size:\t\t {}", bench.model["/comb"].bytes),
    ];
    for wanted in wanted {
        assert!(entry.contains(&wanted), "{wanted}: {entry}");
    }
    let names = sh(dir.path(), &format!("ntfsls {}", bench.image.display()));
    assert!(names.contains("comb") && names.contains("emoji 😀"), "{names}");
}

/// A file's attributes as ntfs-3g's record dump has them.
fn flags(bench: &Bench, name: &str) -> u32 {
    let script = format!("ntfscat -a 0x10 {} {name} | od -An -tx4 -j32 -N4", bench.image.display());
    u32::from_str_radix(sh(&bench.dir, &script).trim(), 16).unwrap()
}
