//! Checking ext2/3/4 volumes, beside `e2fsck -fn`: sound exactly where that exits with 0.

mod ageing;
mod damage;
mod features;
mod fields;
mod mutation;
mod owners;
mod seal;

use std::path::Path;
use std::sync::Arc;

use lifeboat::device::{FileDevice, MemoryDevice, SharedDevice};
use lifeboat::fs::{self, Finding, Findings, Probe};

use crate::oracle::{long, sh, sh_output};
use crate::zoo::ext::SHAPES;

/// As [`findings_of_bytes`]; none when it is no ext volume any more, or has features that are refused by name.
fn findings_of_damaged(bytes: Vec<u8>) -> Option<Findings> {
    let device: SharedDevice = Arc::new(MemoryDevice::new(bytes));
    let Ok(Probe::One(kind)) = fs::probe(&device) else { return None };
    let refused = fs::open(Arc::clone(&device), kind).err().map(|error| error.kind());
    (refused != Some(lifeboat::error::Kind::Unsupported)).then(|| findings(device))
}

/// What the check says. A volume that cannot be opened because it is damaged has that as its finding.
fn findings(device: SharedDevice) -> Findings {
    let mut findings = Findings::default();
    let opened = match fs::probe(&device) {
        Ok(Probe::One(kind)) => fs::open(device, kind),
        other => panic!("{other:?}"),
    };
    match opened {
        Ok(volume) => volume.check().check(&fs::check::Unwatched, &mut |finding| findings.add(finding)).unwrap(),
        Err(error) => findings.add(Finding::from_error("ext.open", error).unwrap()),
    }
    findings.finish();
    findings
}

fn findings_of_file(path: &Path) -> Findings {
    findings(Arc::new(FileDevice::open(path).unwrap()))
}

fn findings_of_bytes(bytes: Vec<u8>) -> Findings {
    findings(Arc::new(MemoryDevice::new(bytes)))
}

/// `e2fsck -fn`: whether it exits with 0, and what it said.
fn e2fsck(path: &Path) -> (bool, String) {
    let output = sh_output(Path::new("/"), &format!("e2fsck -fn {} 2>&1", path.display()));
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// True in this run: all with long sweeps, else some.
fn takes(index: usize, every: usize) -> bool {
    long() || index.is_multiple_of(every)
}

#[test]
fn shapes_are_sound() {
    let mut count = 0;
    for (_, shape) in SHAPES.iter().enumerate().filter(|(index, _)| takes(*index, 6)) {
        let dir = tempfile::tempdir().unwrap();
        let image = shape.make(dir.path());
        let found = findings_of_file(&image);
        assert!(found.list.is_empty(), "{}: {:#?}", shape.name, found.list);
        let (is_sound, said) = e2fsck(&image);
        assert!(is_sound, "{}: {said}", shape.name);
        count += 1;
    }
    println!("{count} shapes sound");
}

/// Random work of the kernel: files and directories come, grow, shrink, are renamed, linked and deleted.
const AGE: &str = r#"
    my ($seed, $rounds) = @ARGV; srand $seed; my @names;
    sub name { my $d = int rand 6; mkdir "d$d"; my $sub = rand() < .3 ? "/s" . int rand 5 : ""; mkdir "d$d$sub" if $sub; "d$d$sub/" . "n" x (1 + rand 40) . int rand 500 }
    for (1 .. $rounds) {
        my $what = rand; my $old = @names ? $names[rand @names] : undef;
        if ($what < .35 || !$old) { my $n = name; if (open F, ">", $n) { print F "x" x int(rand() < .1 ? rand 300000 : rand 3000); close F; push @names, $n } }
        elsif ($what < .50) { unlink $old }
        elsif ($what < .60) { my $n = name; rename $old, $n and push @names, $n }
        elsif ($what < .68) { truncate $old, int rand 100000 }
        elsif ($what < .76) { if (open F, "+<", $old) { seek F, int rand 2_000_000, 0; print F "y" x int rand 5000; close F } }
        elsif ($what < .82) { my $n = name; link $old, $n and push @names, $n }
        elsif ($what < .86) { my $n = name; symlink "z" x (1 + rand 200), $n }
        elsif ($what < .90) { system "fallocate", "-n", "-o", int rand 100000, "-l", 1 + int rand 200000, $old if -f $old && $_ % 4 == 0 }
        elsif ($what < .94) { my ($a, $v) = ("user.a" . int rand 3, "v" x int rand 700); my $p = "$old"; syscall 188, $p, $a, $v, length $v, 0 if -f $old }
        elsif ($what < .97) { system "rm", "-rf", "d" . int rand 6 if rand() < .2 }
        else { system "fallocate", "-p", "-o", int rand 50000, "-l", 1 + int rand 50000, $old if -f $old }
    }
"#;

#[test]
fn volumes_aged_by_the_kernel_are_sound() {
    let mut count = 0;
    for (index, options) in [
        "-t ext4 -b 1024",
        "-t ext2 -b 1024",
        "-t ext4 -b 4096 -O bigalloc -C 16384",
        "-t ext4 -b 1024 -O inline_data",
        "-t ext3 -b 2048",
        "-t ext4 -b 1024 -O ^metadata_csum,uninit_bg,^resize_inode",
        "-t ext4 -b 1024 -O meta_bg,^resize_inode -g 2048",
        "-t ext4 -b 4096 -O ^flex_bg,^has_journal",
        "-t ext4 -b 1024 -O ea_inode,orphan_file",
        "-t ext4 -b 2048 -O ^64bit,sparse_super2,^resize_inode",
    ]
    .iter()
    .enumerate()
    .filter(|(index, _)| takes(*index, 4))
    {
        let dir = tempfile::tempdir().unwrap();
        let here = dir.path().display();
        sh(dir.path(), &format!("truncate -s 48M v.img; mke2fs -q -F {options} v.img 2>/dev/null; mkdir m"));
        for round in 0..if long() { 6 } else { 2 } {
            let seed = index * 100 + round;
            let rounds = if long() { 3000 } else { 600 };
            let script = format!(
                "mount -o loop v.img m; trap 'cd /; umount {here}/m' EXIT; cd m
                 perl - {seed} {rounds} 2>/dev/null <<'AGE'\n{AGE}\nAGE"
            );
            sh(dir.path(), &script);
            let image = dir.path().join("v.img");
            let found = findings_of_file(&image);
            assert!(found.list.is_empty(), "{options}, round {round}: {:#?}", found.list);
            let (is_sound, said) = e2fsck(&image);
            assert!(is_sound, "{options}, round {round}: {said}");
            count += 1;
        }
    }
    println!("{count} aged volumes sound");
}
