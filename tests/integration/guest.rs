//! Volumes as the Linux kernel's own drivers see them, in an emulated machine: `scripts/guest` for tests.
//!
//! A boot takes a few seconds, and the first one fetches a kernel: for long sweeps only, many volumes at once.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "../../scripts/guest-init/sha256.rs"]
mod sha256;

mod edits;
mod own;
mod volumes;

/// What the kernel saw of one volume.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Listing {
    /// The image as it was named, with `:N` behind it for partition N of a disk.
    pub(crate) address: String,
    /// `vfat`, `ntfs3`, `ext4` or `unknown`.
    pub(crate) driver: String,
    /// Everything below the root, in the order of the paths' bytes.
    pub(crate) entries: Vec<Item>,
    /// What could not be mounted or read: message and path. The listing is whole when there is none.
    pub(crate) errors: Vec<String>,
    /// What the kernel complained of while the volume was mounted.
    pub(crate) complaints: Vec<String>,
}

/// A file, directory, link or node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Item {
    pub(crate) path: PathBuf,
    /// `f`, `d`, `l`, `p`, `s`, `b` or `c`.
    pub(crate) kind: char,
    pub(crate) bytes: u64,
    /// Seconds since 1970; FAT's local times taken as UTC.
    pub(crate) modified: i64,
    /// Permission bits.
    pub(crate) mode: u32,
    /// The attribute bits of FAT or NTFS, or the flags of ext.
    pub(crate) attributes: Option<u32>,
    /// `USER:GROUP`.
    pub(crate) owner: String,
    /// A digest of all extended attributes and access control lists.
    pub(crate) extended: Option<String>,
    /// Of a file's bytes, or of where a link leads.
    pub(crate) sha256: Option<String>,
}

impl Listing {
    /// Panics unless all was mounted and read, and the kernel had nothing to complain of.
    pub(crate) fn assert_sound(&self) {
        assert!(
            self.errors.is_empty() && self.complaints.is_empty(),
            "{}: {:?} {:?}",
            self.address,
            self.errors,
            self.complaints
        );
    }

    pub(crate) fn entry(&self, path: &str) -> Option<&Item> {
        self.entries.iter().find(|item| item.path == Path::new(path))
    }
}

/// Has the kernel mount and read volumes: each image is a volume, a disk with partitions, or `FILE@BYTES`. The listings
/// come in the order of the images, and of the partitions within.
///
/// `None`, with a printed reason, where there is no emulator or no kernel to be had.
pub(crate) fn walk(images: &[&Path]) -> Option<Vec<Listing>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/guest");
    // A hang is found in two minutes; volumes with much on them may take their time, on a busy machine above all.
    let seconds = 120 + 10 * images.len();
    let output =
        Command::new(script).arg("--seconds").arg(seconds.to_string()).arg("--").args(images).output().unwrap();
    let reason = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(3) => {
            eprintln!("skipped: no guest here: {reason}");
            None
        }
        // With 1, the listings tell what is wrong.
        Some(0 | 1) => Some(parse(&output.stdout).unwrap_or_else(|| panic!("{reason}"))),
        Some(4) => panic!("{reason}\n{}", last_lines(&output.stdout)),
        _ => panic!("{}: {reason}", output.status),
    }
}

/// Where a machine that broke off was.
fn last_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let volume = text.lines().rfind(|line| line.starts_with("volume")).unwrap_or_default();
    format!("{volume}\n{}", text.lines().next_back().unwrap_or_default())
}

/// The listings of `scripts/guest`; `None` when the last is not whole.
fn parse(text: &[u8]) -> Option<Vec<Listing>> {
    let mut listings: Vec<Listing> = Vec::new();
    let mut is_whole = false;
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
        let text = |at: usize| String::from_utf8_lossy(fields[at]).into_owned();
        is_whole = fields[0] == b"end";
        match (fields[0], fields.len()) {
            (b"volume", 3) => listings.push(Listing {
                address: text(1),
                driver: text(2),
                entries: Vec::new(),
                errors: Vec::new(),
                complaints: Vec::new(),
            }),
            (b"end", 2) => {}
            (b"error", 3) => listings.last_mut()?.errors.push(format!("{}: {}", text(2), text(1))),
            (b"kernel", _) => {
                let words: Vec<String> = (1..fields.len()).map(text).collect();
                listings.last_mut()?.complaints.push(words.join(" "));
            }
            (_, 9) => listings.last_mut()?.entries.push(item(&fields)?),
            _ => panic!("{}", String::from_utf8_lossy(line)),
        }
    }
    is_whole.then_some(listings)
}

fn item(fields: &[&[u8]]) -> Option<Item> {
    let text = |at: usize| std::str::from_utf8(fields[at]).ok();
    let given = |at: usize| text(at).filter(|text| *text != "-").map(str::to_owned);
    Some(Item {
        path: unescaped(fields[8]),
        kind: text(0)?.chars().next()?,
        bytes: text(1)?.parse().ok()?,
        modified: text(2)?.parse().ok()?,
        mode: u32::from_str_radix(text(3)?, 8).ok()?,
        attributes: given(4).and_then(|bits| u32::from_str_radix(bits.strip_prefix("0x")?, 16).ok()),
        owner: text(5)?.to_owned(),
        extended: given(6),
        sha256: given(7),
    })
}

/// The path whose control characters and backslashes are `\xNN`.
fn unescaped(text: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let digits = text.get(at + 2..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if text[at..].starts_with(b"\\x") => {
                bytes.push(byte);
                at += 4;
            }
            _ => {
                bytes.push(text[at]);
                at += 1;
            }
        }
    }
    OsString::from_vec(bytes).into()
}

#[test]
fn the_digest_is_that_of_sha256sum() {
    let dir = tempfile::tempdir().unwrap();
    for len in [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 100_000] {
        let bytes: Vec<u8> = (0..len).map(|at: usize| (at * 7 + at / 256) as u8).collect();
        std::fs::write(dir.path().join("f"), &bytes).unwrap();
        let expected = crate::oracle::sh(dir.path(), "sha256sum f | cut -c 1-64");
        for piece in [1, 13, 64, 1000] {
            let mut digest = sha256::Sha256::new();
            bytes.chunks(piece).for_each(|chunk| digest.update(chunk));
            assert_eq!(digest.hex(), expected.trim(), "{len} bytes, {piece} at a time");
        }
    }
}

#[test]
fn a_listing_that_broke_off_is_none() {
    let whole = b"volume\ta b.img:2\tvfat\nf\t3\t-9\t0555\t0x27\t0:0\t-\tabc\t/a\\x0ab\\x5c\nkernel\tFAT-fs\nerror\tno\t/x\nend\t1\n";
    let listings = parse(whole).unwrap();
    let Listing { address, driver, entries, errors, complaints } = &listings[0];
    assert_eq!((address.as_str(), driver.as_str()), ("a b.img:2", "vfat"));
    assert_eq!((errors.as_slice(), complaints.as_slice()), (&["/x: no".to_owned()][..], &["FAT-fs".to_owned()][..]));
    assert_eq!(entries[0].path, Path::new("/a\nb\\"));
    assert_eq!((entries[0].kind, entries[0].bytes, entries[0].modified), ('f', 3, -9));
    assert_eq!((entries[0].mode, entries[0].attributes, entries[0].extended.as_deref()), (0o555, Some(0x27), None));
    assert_eq!(parse(&whole[..whole.len() - 6]), None);
    assert_eq!(parse(b""), None);
}
