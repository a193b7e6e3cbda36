//! What all round trips share: a folder, the binary in it, the checkers' verdicts and the walks over the files.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::oracle::{lifeboat, sh, sh_output};

/// A file system family: who checks it, and who reads its files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    Ext,
    Fat,
    Ntfs,
}

/// A temporary folder with the volumes and images of one test.
pub(super) struct Stage {
    dir: tempfile::TempDir,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    /// Runs a script in the folder.
    pub(super) fn sh(&self, script: &str) -> String {
        sh(self.dir(), script)
    }

    /// Runs the binary with these words, separated by blanks.
    pub(super) fn run(&self, words: &str) -> Output {
        lifeboat()
            .args(words.split_whitespace())
            .current_dir(self.dir())
            .env("XDG_STATE_HOME", self.path("state"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The same; it must end with this exit code. Gives all it said.
    pub(super) fn ends(&self, words: &str, code: i32) -> String {
        let output = self.run(words);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "lifeboat {words}\n{said}");
        said
    }

    /// One of the binary's JSON documents.
    pub(super) fn json(&self, words: &str) -> serde_json::Value {
        let output = self.run(words);
        assert!(output.status.success(), "lifeboat {words}\n{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What `lifeboat disks` says of a file with a volume.
    pub(super) fn volume(&self, file: &str) -> serde_json::Value {
        self.json(&format!("disks --disk {file} --json"))["disks"][0]["volume"].clone()
    }

    /// A target full of what must not survive in used clusters, and must survive in free ones.
    pub(super) fn old_target(&self, name: &str, len: u64) {
        let mut file = File::create(self.path(name)).unwrap();
        let block = [0xA5; 1 << 16];
        let mut left = len;
        while left > 0 {
            let now = left.min(block.len() as u64);
            file.write_all(&block[..now as usize]).unwrap();
            left -= now;
        }
    }

    pub(super) fn len(&self, name: &str) -> u64 {
        self.path(name).metadata().unwrap().len()
    }

    pub(super) fn digest(&self, name: &str) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        std::io::copy(&mut File::open(self.path(name)).unwrap(), &mut hasher).unwrap();
        hasher.finalize()
    }

    /// Backs `source` up to `x.lbi` with further words; the source must be the same bytes afterwards.
    pub(super) fn back_up(&self, source: &str, words: &str) {
        let before = self.digest(source);
        self.ends(&format!("backup {source} --to x.lbi {words}"), 0);
        assert_eq!(self.digest(source), before, "the source was written to");
    }

    /// Restores `x.lbi` over an old target as large as `source`.
    pub(super) fn restore(&self, source: &str, target: &str) {
        self.old_target(target, self.len(source));
        self.ends(&format!("restore x.lbi --to {target} --yes"), 0);
    }

    /// Backs up and restores `v.img` to `w.img`; both must be the same to strangers.
    pub(super) fn round_trip(&self, family: Family, words: &str) {
        self.back_up("v.img", words);
        self.restore("v.img", "w.img");
        self.same(family, "v.img", "w.img");
        for name in ["x.lbi", "w.img"] {
            std::fs::remove_file(self.path(name)).unwrap();
        }
    }

    /// The checker says the same of both, and the files are the same.
    pub(super) fn same(&self, family: Family, one: &str, other: &str) {
        self.same_verdict(family, one, other);
        let (expected, found) = (self.files(family, one), self.files(family, other));
        assert!(expected == found, "the files differ:\n{}", first_difference(&expected, &found));
    }

    pub(super) fn same_verdict(&self, family: Family, one: &str, other: &str) {
        assert_eq!(self.verdict(family, one), self.verdict(family, other), "the checkers' verdicts differ");
    }

    /// The whole output of the family's checkers, without the file's name.
    pub(super) fn verdict(&self, family: Family, name: &str) -> String {
        let script = match family {
            // dumpe2fs lists every group's free blocks and inodes.
            Family::Ext => format!("e2fsck -fn {name} 2>&1; echo code $?; dumpe2fs {name} 2>&1"),
            Family::Fat => format!("fsck.fat -n -v {name} 2>&1; echo code $?"),
            Family::Ntfs => format!(
                "ntfsfix -n {name} 2>&1; echo code $?; ntfsinfo -f -m {name} 2>&1; echo code $?
                 ntfscluster -f -i {name} 2>&1; echo code $?"
            ),
        };
        let output = sh_output(self.dir(), &format!("set +e; {script}"));
        String::from_utf8_lossy(&output.stdout).replace(name, "VOLUME")
    }

    /// The verdict must be that nothing is wrong.
    pub(super) fn clean(&self, family: Family, name: &str) {
        let script = match family {
            Family::Ext => format!("e2fsck -fn {name}"),
            Family::Fat => format!("fsck.fat -n {name}"),
            Family::Ntfs => format!("ntfsfix -n {name}; ntfsinfo -m {name}"),
        };
        self.sh(&script);
    }

    /// Every name with kind, size, time, link, attributes and content digest.
    pub(super) fn files(&self, family: Family, name: &str) -> String {
        match family {
            Family::Ext => self.sh(&format!("mkdir -p m; {MOUNT_EXT} {name}; trap 'umount m' EXIT; {WALK}")),
            Family::Ntfs => self.sh(&format!(
                "{MOUNT_NTFS} mount_ntfs {name} -o ro,streams_interface=windows; trap umount_ntfs EXIT; {WALK}"
            )),
            Family::Fat => {
                // Read-only files come out writable, so attributes are asked for by themselves.
                let script = format!(
                    "mkdir m; trap 'rm -rf m' EXIT; mcopy -s -n -m -i {name} '::/*' m 2>/dev/null || true
                     mdir -a -/ -i {name} :: 2>/dev/null | grep -v '^ Volume' || true; mattrib -/ -i {name} :: 2>/dev/null || true; {WALK}"
                );
                self.sh(&script)
            }
        }
    }

    /// Files with their bytes only, for comparing volumes that were not made in the same second.
    pub(super) fn mounted_digest(&self, family: Family, name: &str, path: &str) -> String {
        match family {
            Family::Ext => {
                self.sh(&format!("mkdir -p m; {MOUNT_EXT} {name}; trap 'umount m' EXIT; sha256sum <m/{path}"))
            }
            Family::Ntfs => {
                self.sh(&format!("{MOUNT_NTFS} mount_ntfs {name} -o ro; trap umount_ntfs EXIT; sha256sum <m/{path}"))
            }
            Family::Fat => self.sh(&format!("mcopy -i {name} ::/{path} - | sha256sum")),
        }
    }
}

/// Read-only and without replaying a journal; without that option where there is no journal.
const MOUNT_EXT: &str = "mount_ext() { mount -o loop,ro,noload $1 m 2>/dev/null || mount -o loop,ro $1 m; }; mount_ext";

/// ntfs-3g in the foreground, so that its end, when the last byte is written, can be waited for.
pub(super) const MOUNT_NTFS: &str = r#"
mount_ntfs() {
    mkdir -p m; ntfs-3g -o no_detach "$@" m & ntfs_pid=$!
    for _ in $(seq 200); do mountpoint -q m && return; kill -0 $ntfs_pid || break; sleep 0.02; done
    echo 'ntfs-3g did not mount' >&2; return 1
}
umount_ntfs() { umount m && wait $ntfs_pid; }
"#;

/// Prints a tree under `m`.
const WALK: &str = r#"
cd m; find . -mindepth 1 -printf '%P|%y|%m|%U:%G|%T@|%l|%n|' \( -type f -printf '%s' -o -true \) -printf '\0' | LC_ALL=C sort -z | tr '\0' '\n'
find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum
find . -print0 | LC_ALL=C sort -z | xargs -0 -r getfattr -h -d -m - 2>/dev/null || true
cd ..
"#;

/// The first lines that differ, with their surroundings.
fn first_difference(expected: &str, found: &str) -> String {
    let mut text = String::new();
    let mut found_lines = found.lines();
    for line in expected.lines() {
        let other = found_lines.next().unwrap_or("(nothing)");
        if line != other {
            let _ = writeln!(text, "- {line}\n+ {other}");
            if text.len() > 1000 {
                break;
            }
        }
    }
    text
}

/// The number behind `name` in a tool's output.
pub(super) fn number(text: &str, name: &str) -> u64 {
    let line =
        text.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_else(|| panic!("{name}\n{text}"));
    let digits: String = line.trim_start()[name.len()..]
        .chars()
        .skip_while(|character| !character.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap()
}

/// The content digest `sha256sum` gives for this many zeros.
pub(super) fn digest_of_zeros(stage: &Stage, len: u64) -> String {
    stage.sh(&format!("head -c {len} /dev/zero | sha256sum"))
}
