//! What other people's tools show of a volume: mtools, the kernel, ntfs-3g.

use std::collections::BTreeMap;
use std::path::Path;

use lifeboat::fs::Kind;

use crate::edit_ntfs::volume::mounted;
use crate::oracle::{sh, sh_output};

/// A file or directory as a stranger shows it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Seen {
    pub(super) is_directory: bool,
    /// Length of a file.
    pub(super) bytes: u64,
    /// When it was changed last, as `find` prints it; not of a directory on FAT.
    pub(super) modified: String,
    /// Permission bits, or attributes: `R`, `H`, `S`, `A`; and whose it is.
    pub(super) look: String,
    /// How many names it has.
    pub(super) names: u64,
    /// SHA-256 of a file's content.
    pub(super) digest: String,
    /// Extended attributes; on NTFS named streams.
    pub(super) others: Vec<String>,
}

/// All files and directories but those whose names no tool prints unchanged.
pub(super) type Walk = BTreeMap<String, Seen>;

/// Lists files and directories below the current directory; then digests, then what `LAST` prints.
const LIST: &str = r"find . -mindepth 1 \( -type f -o -type d \) -printf '%P\t%y\t%s\t%T@\t%m %U:%G\t%n\0'
    printf '\1'; find . -type f -size -100M -print0 | { xargs -0r sha256sum -z || true; }; printf '\1'
    ";

/// As mtools (FAT), the kernel (ext) and ntfs-3g show it; `None` when the kernel does not take the volume.
pub(super) fn walk(kind: Kind, dir: &Path, image: &Path) -> Option<Walk> {
    let image_text = image.display().to_string();
    let attributes = format!("{LIST} getfattr -Rhd -m - -e hex . 2>/dev/null || true");
    // ntfs-3g does not list this one among the others.
    let flags = "find . -mindepth 1 -print0 | xargs -0r getfattr -hn system.ntfs_attrib_be -e hex 2>/dev/null || true";
    let text = match kind {
        Kind::Ntfs => sh(dir, &mounted(image, "ro", &format!("{attributes}; {flags}"))),
        Kind::Ext2 | Kind::Ext3 | Kind::Ext4 => {
            let script = format!(
                "mkdir -p m; mount -o ro,noload,loop {image_text} m 2>/dev/null || mount -o ro,loop {image_text} m 2>/dev/null || exit 7
                 trap 'cd /; umount {}/m' EXIT; cd m\n{}",
                dir.display(),
                attributes
            );
            let output = sh_output(dir, &script);
            if output.status.code() == Some(7) {
                return None;
            }
            assert!(output.status.success(), "{image_text}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        _ => sh(
            dir,
            &format!(
                "export TZ=UTC; chmod -R u+w seen 2>/dev/null || true; rm -rf seen; mkdir seen
                 mcopy -s -m -Q -n -i {image_text} ::/ seen/ || true; mkdir -p seen; cd seen\n{LIST} mattrib -/ -i {image_text} ::/ || true; cd ..
                 chmod -R u+w seen; rm -rf seen"
            ),
        ),
    };
    let mut parts = text.split('\u{1}');
    let mut walk = listed(parts.next().unwrap(), kind);
    for line in parts.next().unwrap().split('\0').filter(|line| !line.is_empty()) {
        let (digest, path) = line.split_once("  .").unwrap();
        if let Some(seen) = walk.get_mut(path) {
            seen.digest = digest.to_owned();
        }
    }
    let last = parts.next().unwrap();
    if matches!(kind, Kind::Fat12 | Kind::Fat16 | Kind::Fat32) {
        add_letters(last, &mut walk);
    } else {
        add_attributes(last, kind, &mut walk);
    }
    Some(walk)
}

fn listed(text: &str, kind: Kind) -> Walk {
    let is_fat = matches!(kind, Kind::Fat12 | Kind::Fat16 | Kind::Fat32);
    let mut walk = Walk::new();
    for line in text.split('\0').filter(|line| !line.is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [path, form, bytes, modified, look, names] = fields[..] else { panic!("{line:?}") };
        let is_directory = form == "d";
        let known = !(is_fat && is_directory);
        let seen = Seen {
            is_directory,
            bytes: if is_directory { 0 } else { bytes.parse().unwrap() },
            modified: if known { modified.to_owned() } else { String::new() },
            look: if matches!(kind, Kind::Ntfs) || is_fat { String::new() } else { look.to_owned() },
            names: if is_directory { 0 } else { names.parse().unwrap() },
            ..Seen::default()
        };
        walk.insert(format!("/{path}"), seen);
    }
    walk
}

/// `mattrib` prints a column for each attribute, then the path.
fn add_letters(text: &str, walk: &mut Walk) {
    for line in text.lines() {
        let Some((letters, path)) = line.split_once("::") else { continue };
        if let Some(seen) = walk.get_mut(path) {
            seen.look = "RHSA".chars().filter(|letter| letters.contains(*letter)).collect();
        }
    }
}

/// `getfattr` prints the name of a file, its unusual bytes as `\ooo`, then a line for each attribute.
fn add_attributes(text: &str, kind: Kind, walk: &mut Walk) {
    let mut at = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("# file: ") {
            at = Some(format!("/{}", plain(name)));
        } else if let Some(seen) = at.as_ref().and_then(|path| walk.get_mut(path)) {
            match line.strip_prefix("system.ntfs_attrib_be=0x").filter(|_| kind == Kind::Ntfs) {
                Some(flags) => seen.look = letters(u32::from_str_radix(flags, 16).unwrap()),
                None if !line.is_empty() => seen.others.push(line.to_owned()),
                None => {}
            }
        }
    }
    walk.values_mut().for_each(|seen| seen.others.sort());
}

/// The attributes of NTFS that a guise has, and the rest as a number.
fn letters(flags: u32) -> String {
    let named = [('R', 1), ('H', 2), ('S', 4), ('A', 0x20)];
    let mut text: String = named.iter().filter(|(_, bit)| flags & bit != 0).map(|(letter, _)| *letter).collect();
    // That it is normal (0x80) or sparse (0x200) is gone when it is filled anew.
    let rest = flags & !0x2A7;
    text += &format!(" {rest:x}");
    text
}

fn plain(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let octal =
            (*first == b'\\').then(|| more.get(..3)).flatten().and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[3..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
