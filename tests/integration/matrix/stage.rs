//! A disk with one partition, whose volume carries a factory image and a user image that the real binary made.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use lifeboat::inventory::{Address, container_of, open_source};

use super::family::{Family, START, Structures, alter, fill};
use crate::inside::stage::{Stage as Volume, Walk};
use crate::oracle::{lifeboat, sh};

/// Bytes behind the partition: room for the second copy of a GPT.
const BEHIND: u64 = 1 << 20;

pub(super) struct Stage {
    pub(super) family: Family,
    /// The volume as a file of its own, cut out of the disk for those who judge it.
    pub(super) volume: Volume,
    pub(super) structures: Structures,
    /// The files when the factory image was made, and when the user image was.
    pub(super) factory: Walk,
    pub(super) user: Walk,
    /// What sfdisk tells of the disk's table.
    pub(super) table: String,
    /// The container's files: name, and where on the disk.
    pub(super) files: Vec<(String, Vec<Range<u64>>)>,
}

/// How the binary ended, and what it said.
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    /// The last thing that was said.
    pub(super) fn words(&self) -> String {
        let all = format!("{} {}", self.out.trim(), self.err.trim());
        all.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Stage {
    /// Makes the disk, its files, and both images.
    pub(super) fn new(family: Family) -> Self {
        let mut stage = Self::bare(family);
        stage.make_images_with(|stage| alter(stage.family.structure, stage.dir()));
        stage
    }

    /// Makes the disk and its files.
    pub(super) fn bare(family: Family) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        sh(path, family.make);
        fill(family.structure, path);
        sh(
            path,
            &format!(
                "len=$(stat -c %s volume.img); truncate -s $(({START} + len + {BEHIND})) disk.img
                 printf 'label: {}\\nstart=2048,size=%s,type={}\\n' $((len / 512)) | sfdisk -q disk.img
                 dd if=volume.img of=disk.img bs=1M seek=1 conv=notrunc,sparse status=none",
                family.table, family.type_id
            ),
        );
        let structures = Structures::of(family.structure, path);
        let volume = Volume { name: family.name.into(), image: path.join("volume.img"), dir };
        let (factory, user) = (volume.walk(), Walk::new());
        Self { family, volume, structures, factory, user, table: String::new(), files: Vec::new() }
    }

    /// Makes the factory image, changes the files, and makes the user image.
    pub(super) fn make_images_with(&mut self, change: impl Fn(&Self)) {
        self.expect("backup disk.img:1 --inside --kind factory", 0);
        self.cut_out();
        assert!(self.volume.walk() == self.factory, "{}: the files are what they were", self.family.name);
        change(self);
        self.put_back();
        self.user = self.volume.walk();
        assert_ne!(self.factory, self.user);
        self.expect("backup disk.img:1 --inside", 0);
        self.cut_out();
        self.judge("both images are inside").unwrap();
        assert!(self.volume.walk() == self.user, "{}: the files are what they were", self.family.name);
        self.structures = Structures::of(self.family.structure, self.dir());
        self.table = self.dump();
        self.files = self.container();
        sh(self.dir(), "cp --sparse=always disk.img first.img");
    }

    /// The container's files: name, and where on the disk.
    pub(super) fn container(&self) -> Vec<(String, Vec<Range<u64>>)> {
        let address = Address::Partition(self.disk(), 1);
        let container = container_of(&open_source(&address).unwrap(), &address).unwrap().unwrap();
        let range = |run: &lifeboat::volume::ByteRange| START + run.offset.0..START + run.offset.0 + run.len.0;
        container.toc.files.iter().map(|file| (file.name.clone(), file.runs.iter().map(range).collect())).collect()
    }

    pub(super) fn dir(&self) -> &Path {
        self.volume.dir.path()
    }

    pub(super) fn disk(&self) -> PathBuf {
        self.dir().join("disk.img")
    }

    /// Puts the disk back to what it was made as.
    pub(super) fn reset(&self) {
        sh(self.dir(), "cp --sparse=always first.img disk.img");
    }

    /// The volume's bytes, into a file of their own.
    pub(super) fn cut_out(&self) {
        let blocks = self.volume.image.metadata().unwrap().len() >> 20;
        sh(
            self.dir(),
            &format!(
                "rm volume.img; dd if=disk.img of=volume.img bs=1M skip=1 count={blocks} conv=sparse status=none
                 truncate -s {blocks}M volume.img"
            ),
        );
    }

    /// The file's bytes, back onto the disk.
    pub(super) fn put_back(&self) {
        sh(self.dir(), "dd if=volume.img of=disk.img bs=1M seek=1 conv=notrunc status=none");
    }

    /// Where the container's files of these names lie on the disk.
    pub(super) fn places(&self, names: &[&str]) -> Vec<Range<u64>> {
        let named = self.files.iter().filter(|(name, _)| names.contains(&name.as_str()));
        let found: Vec<_> = named.flat_map(|(_, runs)| runs.clone()).collect();
        assert!(found.len() >= names.len(), "{names:?}: {:?}", self.files);
        found
    }

    /// Where the container begins on the disk.
    pub(super) fn begin(&self) -> u64 {
        self.files.iter().flat_map(|(_, runs)| runs).map(|run| run.start).min().unwrap()
    }

    /// Both copies of a GPT, or the one sector of an MBR: primary, secondary.
    pub(super) fn partition_table(&self) -> Vec<Range<u64>> {
        let end = self.disk().metadata().unwrap().len();
        if self.family.table == "dos" { vec![0..512] } else { vec![0..34 * 512, end - 33 * 512..end] }
    }

    /// Overwrites ranges of the disk with zeros or with noise.
    pub(super) fn destroy(&self, ranges: &[Range<u64>], random: bool) {
        let disk = OpenOptions::new().write(true).open(self.disk()).unwrap();
        for range in ranges {
            let mut bytes = vec![0; (range.end - range.start) as usize];
            if random {
                File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
            }
            disk.write_all_at(&bytes, range.start).unwrap();
        }
    }

    /// Cuts the disk off behind so many bytes.
    pub(super) fn cut_off(&self, len: u64) {
        OpenOptions::new().write(true).open(self.disk()).unwrap().set_len(len).unwrap();
    }

    pub(super) fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        std::io::copy(&mut File::open(self.disk()).unwrap(), &mut hasher).unwrap();
        hasher.finalize()
    }

    pub(super) fn run(&self, words: &str) -> Said {
        let output = lifeboat()
            .args(words.split_whitespace())
            .current_dir(self.dir())
            .env("XDG_STATE_HOME", self.dir())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Runs the binary, which must end with this code.
    pub(super) fn expect(&self, words: &str, code: i32) -> Said {
        let said = self.run(words);
        assert_eq!(said.code, Some(code), "{}: lifeboat {words}\n{}", self.family.name, said.words());
        said
    }

    pub(super) fn dump(&self) -> String {
        sh(self.dir(), "sfdisk --dump disk.img")
    }

    /// The strangers' verdict on the volume that was cut out, and our own; a refusal of theirs is the error.
    pub(super) fn judge(&self, what: &str) -> Result<(), String> {
        let judge = || self.volume.judge(what);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(judge)).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.unwrap_or_else(|| "the volume is not sound".into())
        })
    }
}
