//! Checking NTFS volumes, beside strangers' checkers.

mod damages;
mod mutants;
mod owners;
mod wreck;

use std::path::Path;
use std::sync::Arc;

use lifeboat::device::{FileDevice, MemoryDevice, SharedDevice};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{self, Findings, Kind};

use self::wreck::Wreck;
use crate::zoo::ntfs::SHAPES;

/// What our check says of a volume.
fn check(device: SharedDevice) -> Findings {
    let volume = fs::open(device, Kind::Ntfs).unwrap();
    let mut findings = Findings::default();
    volume.check().check(&Unwatched, &mut |finding| findings.add(finding)).unwrap();
    findings.finish();
    findings
}

fn check_file(image: &Path) -> Findings {
    check(Arc::new(FileDevice::open(image).unwrap()))
}

/// Findings as lines, for messages.
fn lines(findings: &Findings) -> String {
    let line = |f: &fs::Finding| {
        let path = f.path.as_deref().unwrap_or("-");
        let place = f.place.offset.map(|at| at.to_string()).unwrap_or_default();
        format!("{} {} {place} {path}: {}\n", f.severity, f.rule, f.message)
    };
    findings.list.iter().map(line).collect()
}

#[test]
fn every_shape_is_sound() {
    let dir = tempfile::tempdir().unwrap();
    let mut bad = String::new();
    for shape in SHAPES {
        let at = std::time::Instant::now();
        let image = shape.make(dir.path());
        let made = at.elapsed();
        let findings = check_file(&image);
        println!("{} {made:?} {:?}", shape.name, at.elapsed() - made);
        if !findings.list.is_empty() {
            bad += &format!("{}\n{}\n", shape.name, lines(&findings));
        }
        // Others agree; the damaged volumes below show that they would not always.
        let mut others = others(dir.path(), &image, crate::oracle::long());
        // rust-fs-ntfs does not open a volume of 4 KiB sectors, nor follow the attribute list of $MFT.
        let beyond = ["4k-sectors", "listed-mft"].iter().any(|end| shape.name.ends_with(end));
        others.retain(|other| *other != "rust-fs-ntfs" || !beyond);
        assert!(others.is_empty(), "{}: {others:?}", shape.name);
    }
    if let Ok(keep) = std::env::var("KEEP") {
        crate::oracle::sh(dir.path(), &format!("mkdir -p {keep}; cp --sparse=always *.img {keep}"));
    }
    assert!(bad.is_empty(), "{bad}");
}

/// A volume for breaking.
fn specimen(dir: &Path, cluster: u32) -> Wreck {
    let script = format!(
        "truncate -s 14M v.img; mkntfs -F -Q -q -c {cluster} v.img >/dev/null 2>&1; mkdir -p m
        ntfs-3g -o no_detach,compression,streams_interface=xattr v.img m & P=$!
        trap 'cd {here}; umount m 2>/dev/null; wait $P' EXIT
        until mountpoint -q m; do kill -0 $P; sleep 0.02; done; cd m
        {fill}
        cd {here}; umount m; wait $P; trap - EXIT",
        here = dir.display(),
        fill = damages::FILL
    );
    crate::oracle::sh(dir, &script);
    Wreck::new(std::fs::read(dir.join("v.img")).unwrap())
}

const TABLES: [&[damages::Damage]; 7] = [
    damages::BOOT,
    damages::RECORDS,
    damages::ATTRIBUTES,
    damages::NAMES,
    damages::INDEXES,
    damages::LISTS,
    damages::SYSTEM,
];

#[test]
fn every_damage_is_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let clusters: &[u32] = if crate::oracle::long() { &[512, 1024, 2048, 4096, 8192, 65536] } else { &[512, 4096] };
    let mut tried = 0;
    let mut missed = String::new();
    for cluster in clusters {
        let whole = specimen(dir.path(), *cluster);
        let sound = check(Arc::new(MemoryDevice::new(whole.bytes.clone())));
        assert!(sound.list.is_empty(), "{cluster}: {}", lines(&sound));
        for (name, rule, _, damage) in TABLES.iter().flat_map(|table| *table) {
            // Files are not compressed in larger clusters.
            if *cluster > 4096 && ["packed", "stored"].iter().any(|word| name.contains(word)) {
                continue;
            }
            let mut broken = whole.clone();
            damage(&mut broken);
            assert!(broken.bytes != whole.bytes, "{cluster} {name}: nothing was broken");
            let findings = check(Arc::new(MemoryDevice::new(broken.bytes)));
            tried += 1;
            if !findings.list.iter().any(|finding| finding.rule == *rule) {
                missed += &format!("{cluster} {name}: expected {rule}, found\n{}\n", lines(&findings));
            }
        }
    }
    println!("{tried} damages on {} volumes", clusters.len());
    assert!(missed.is_empty(), "{missed}");
}

/// Who else sees each damage, as the tables say. It takes a mount for each row.
#[test]
fn strangers_see_fewer_of_the_damages() {
    if !crate::oracle::long() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let whole = specimen(dir.path(), 4096);
    let image = dir.path().join("broken.img");
    let mut differing = String::new();
    let (mut tried, mut seen) = (0, std::collections::BTreeMap::<&str, usize>::new());
    for (name, _, expected, damage) in TABLES.iter().flat_map(|table| *table) {
        let mut broken = whole.clone();
        damage(&mut broken);
        std::fs::write(&image, &broken.bytes).unwrap();
        let others = others(dir.path(), &image, true);
        let found = if others.is_empty() { "nobody".to_owned() } else { others.join(", ") };
        if found != *expected {
            differing += &format!("{name}: {expected}, now {found}\n");
        }
        tried += 1;
        for other in others {
            *seen.entry(other).or_default() += 1;
        }
    }
    println!("{tried} damages; seen by {seen:?}");
    assert!(differing.is_empty(), "{differing}");
}

/// Whether `ntfsresize --info` found each cluster's bit in `$Bitmap` as the records have it. It looks at that before it
/// says how small the volume could be, and ends with an error when that is not at all.
pub(crate) fn ntfsresize_is_content(text: &str, success: bool) -> bool {
    let resizing =
        ["is full", "can't be shrunk", "nothing to do"].iter().any(|word| text.to_lowercase().contains(word));
    text.contains("Accounting clusters") && !text.contains("accounting failed") && (success || resizing)
}

/// What strangers say of a volume: their names, for those that see something wrong.
fn others(dir: &Path, image: &Path, mount: bool) -> Vec<&'static str> {
    let mut seen = Vec::new();
    let report = std::panic::catch_unwind(|| {
        let mut io = fs_ntfs::fsck::PathIo::open(image).ok()?;
        fs_ntfs::fsck::check_io(&mut io).ok()
    });
    match report {
        Ok(Some(report)) if report.findings.is_empty() && !report.dirty => {}
        _ => seen.push("rust-fs-ntfs"),
    }
    if mount {
        let run = |script: &str| crate::oracle::sh_output(dir, &script.replace("IMG", &image.display().to_string()));
        let fix = run("timeout 10 ntfsfix -n IMG");
        let text = String::from_utf8_lossy(&fix.stdout).to_lowercase();
        if !fix.status.success() || ["error", "corrupt", "failed", "different"].iter().any(|word| text.contains(word)) {
            seen.push("ntfsfix -n");
        }
        let sizes = run("timeout 20 ntfsresize --info --force --force IMG 2>&1");
        if !ntfsresize_is_content(&String::from_utf8_lossy(&sizes.stdout), sizes.status.success()) {
            seen.push("ntfsresize");
        }
        let read = run("mkdir -p r; timeout 10 ntfs-3g -o ro,no_detach IMG r 2>log & P=$!
            trap 'umount r 2>/dev/null; wait $P || true' EXIT
            for i in $(seq 100); do mountpoint -q r && break; kill -0 $P; sleep 0.02; done
            timeout 10 find r -type f -size -100000k -exec cat {} + >/dev/null; timeout 10 ls -lR r >/dev/null");
        let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
        if !read.status.success() || log.contains("orrupt") || log.contains("rror") {
            seen.push("ntfs-3g");
        }
    }
    seen
}

/// Random work through ntfs-3g, by a seed. There must be room for all of it: where a volume runs full, ntfs-3g leaves
/// extension records that no list names and link counts that are too high, and our check says so.
fn age(dir: &Path, cluster: u32, seed: u32, steps: u32) -> std::path::PathBuf {
    let mib = if cluster > 4096 { 200 } else { 20 };
    let script = format!(
        "truncate -s {mib}M a.img; mkntfs -F -Q -q -c {cluster} a.img >/dev/null 2>&1; mkdir -p m
        ntfs-3g -o no_detach,compression,streams_interface=xattr a.img m & P=$!
        trap 'cd {here}; umount m 2>/dev/null; wait $P' EXIT
        until mountpoint -q m; do kill -0 $P; sleep 0.02; done; cd m; mkdir d0 d1 d2 d3 packed
        setfattr -n system.ntfs_attrib_be -v 0x00000800 packed
        RANDOM={seed}; exec 3>/dev/urandom
        for i in $(seq {steps}); do
            d=d$((RANDOM % 4)); f=$d/name-of-a-file-$((RANDOM % 90)); g=d$((RANDOM % 4))/Other-$((RANDOM % 60)); n=$((RANDOM * RANDOM % 70000))
            case $((RANDOM % 12)) in
            0|1) head -c $n /dev/urandom > $f;;
            2) head -c $((n % 900)) /dev/urandom >> $f;;
            3) rm -f $f;;
            4) [ -e $f ] && mv $f $g;;
            5) [ -e $f ] && ln -f $f $g;;
            6) truncate -s $n $f;;
            7) mkdir -p $d/sub-$((RANDOM % 30))/x; : > $d/sub-$((RANDOM % 30))/leaf-$i;;
            8) rm -rf $d/sub-$((RANDOM % 30));;
            9) [ -e $f ] && setfattr -n user.s$((RANDOM % 9)) -v \"$(printf %$((n % 500))s x)\" $f;;
            10) seq $((n % 9000)) > packed/p-$((RANDOM % 20));;
            11) for k in 1 2 3 4 5 6; do printf %4096s $i >> $f; printf %4096s $i >> $g; done;;
            esac
        done 2>/dev/null || true
        cd {here}; umount m; wait $P; trap - EXIT",
        here = dir.display()
    );
    crate::oracle::sh(dir, &script.replace("exec 3>/dev/urandom", ""));
    dir.join("a.img")
}

#[test]
fn volumes_aged_by_ntfs_3g_are_sound() {
    let dir = tempfile::tempdir().unwrap();
    let (seeds, steps) = if crate::oracle::long() { (3, 1500) } else { (2, 250) };
    let mut bad = String::new();
    let mut tried = 0;
    for seed in 0..seeds {
        for cluster in [512, 4096, 65536] {
            let image = age(dir.path(), cluster, seed * 77 + cluster, steps);
            tried += 1;
            let findings = check_file(&image);
            if !findings.list.is_empty() {
                bad += &format!("cluster {cluster}, seed {seed}\n{}\n", lines(&findings));
            }
            let volume = fs::open(Arc::new(FileDevice::open(&image).unwrap()), Kind::Ntfs).unwrap();
            owners::agree(&*volume);
            assert!(others(dir.path(), &image, false).is_empty(), "cluster {cluster}, seed {seed}");
            std::fs::remove_file(&image).unwrap();
        }
    }
    println!("{tried} aged volumes, {steps} steps each");
    assert!(bad.is_empty(), "{bad}");
}
