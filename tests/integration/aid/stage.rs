//! A disk with a volume that holds images, and a small partition behind it.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use lifeboat::device::{FileDevice, SharedDevice, Window};
use lifeboat::fs::{self, EntryKind, Probe};
use lifeboat::image::Kind;
use lifeboat::image::container::{Role, Toc};
use lifeboat::inventory::{Address, container_of, open_source};
use lifeboat::job::{self, Monitor, Outcome};
use lifeboat::plan::{BackupRequest, ImageTarget};
use lifeboat::unit::{ByteLen, ByteOffset};

use crate::oracle::{lifeboat, sh, sh_output};

/// Where the volume begins.
pub(super) const START: u64 = 1 << 20;
/// Length of the small partition behind it.
pub(super) const SMALL_LEN: u64 = 1 << 20;

/// A kind of volume: its length in MiB, what makes one with files in `$IMG`, and who judges it.
pub(super) const FAMILIES: [(&str, u64, &str, &str); 4] = [
    (
        "fat16",
        10,
        "mkfs.fat -F 16 -s 1 -n SYSTEM $IMG >/dev/null; mmd -i $IMG ::/docs; mcopy -i $IMG -s files/* ::/docs",
        "fsck.fat -n volume.img",
    ),
    (
        "ntfs",
        10,
        "mkntfs -F -Q -q -c 4096 -p 2048 -L SYSTEM $IMG >/dev/null 2>&1
         for f in files/*; do ntfscp -q $IMG $f $(basename $f) >/dev/null; done",
        "ntfsfix -n volume.img; ntfsinfo -m volume.img >/dev/null",
    ),
    ("ext4", 10, "mke2fs -q -t ext4 -L SYSTEM -d files $IMG", "e2fsck -fn volume.img 2>&1"),
    (
        "fat32",
        36,
        "mkfs.fat -F 32 -s 1 -n SYSTEM $IMG >/dev/null; mmd -i $IMG ::/docs; mcopy -i $IMG -s files/* ::/docs",
        "fsck.fat -n volume.img",
    ),
];

pub(super) struct Stage {
    pub(super) dir: tempfile::TempDir,
    pub(super) disk: PathBuf,
    judge: &'static str,
    /// Length of the volume.
    pub(super) len: u64,
}

impl Stage {
    /// A disk with a table of this kind, and the factory image of the volume inside it.
    pub(super) fn make(family: &str, table: &str) -> Self {
        let (_, mib, script, judge) = *FAMILIES.iter().find(|(name, ..)| *name == family).unwrap();
        let len = mib << 20;
        let small = START + len;
        let dir = tempfile::tempdir().unwrap();
        let id = if table == "gpt" { "6F0B1A4C-9F3E-4B7B-8F64-3C8F2D5A7A10" } else { "0x1badcafe" };
        sh(
            dir.path(),
            &format!(
                "set -e; mkdir files; for n in $(seq 1 20); do head -c $((n * 3001)) /dev/urandom > files/file-$n; done
                 IMG=$PWD/volume.img; truncate -s {len} $IMG; {script}
                 truncate -s $(({small} + {SMALL_LEN} + 1048576)) disk.img
                 printf 'label: {table}\\nlabel-id: {id}\\nstart={}, size={}\\nstart={}, size={}\\n' | sfdisk -q disk.img
                 dd if=volume.img of=disk.img bs=1M seek=1 conv=notrunc,sparse status=none; rm volume.img",
                START / 512,
                len / 512,
                small / 512,
                SMALL_LEN / 512
            ),
        );
        let stage = Self { disk: dir.path().join("disk.img"), dir, judge, len };
        stage.back_up(Kind::Factory);
        stage
    }

    pub(super) fn volume(&self) -> Address {
        Address::Partition(self.disk.clone(), 1)
    }

    pub(super) fn small(&self) -> Address {
        Address::Partition(self.disk.clone(), 2)
    }

    /// Where the small partition begins.
    pub(super) fn small_start(&self) -> u64 {
        START + self.len
    }

    pub(super) fn back_up(&self, kind: Kind) {
        let request = BackupRequest { kind, threads: 1, ..BackupRequest::new(self.volume(), ImageTarget::Inside) };
        let monitor = Arc::new(Monitor::new());
        let plan = job::plan_backup(&request, &monitor).unwrap();
        let report = job::run(&plan, &monitor);
        assert_eq!(report.outcome, Outcome::Done, "{report:#?}");
    }

    pub(super) fn toc(&self) -> Toc {
        container_of(&open_source(&self.volume()).unwrap(), &self.volume()).unwrap().expect("a container").toc
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs the binary in the stage's folder.
    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        let output =
            lifeboat().current_dir(self.dir.path()).env("XDG_STATE_HOME", self.dir.path()).args(arguments).output();
        output.unwrap()
    }

    /// The same, which must end with this code.
    pub(super) fn says(&self, arguments: &[&str], code: i32) -> (String, String) {
        let output = self.run(arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
        (out, err)
    }

    /// What `images` finds: address, how, and whether it is whole.
    pub(super) fn images(&self, more: &[&str]) -> Vec<(String, String, bool)> {
        let (out, _) = self.says(&[&["images", "disk.img", "--json"], more].concat(), 0);
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let images = json["images"].as_array().unwrap().iter();
        images.map(|one| (text(&one["address"]), text(&one["found_by"]), one["whole"].as_bool().unwrap())).collect()
    }

    /// Zeros a range of the disk.
    pub(super) fn zero(&self, at: u64, len: u64) {
        let file = OpenOptions::new().write(true).open(&self.disk).unwrap();
        file.write_all_at(&vec![0; len as usize], at).unwrap();
    }

    /// Zeros the whole disk but for the images' own bytes and these ranges.
    pub(super) fn zero_all_but(&self, toc: &Toc, kept: &[(u64, u64)]) {
        let parts = toc.files.iter().filter(|file| matches!(file.role, Role::Part { .. }));
        let mut kept: Vec<(u64, u64)> = kept.to_vec();
        kept.extend(parts.flat_map(|file| &file.runs).map(|run| (START + run.offset.0, run.len.0)));
        kept.sort_unstable();
        let len = self.disk.metadata().unwrap().len();
        let mut at = 0;
        for (start, bytes) in kept.into_iter().chain([(len, 0)]) {
            if start > at {
                self.zero(at, start - at);
            }
            at = at.max(start + bytes);
        }
    }

    /// Every file of the volume with its digest, the container's folder left out.
    pub(super) fn walk(&self) -> Vec<String> {
        let disk = FileDevice::open(&self.disk).unwrap();
        let device: SharedDevice = Arc::new(Window::new(disk, ByteOffset(START), ByteLen(self.len)).unwrap());
        let Probe::One(kind) = fs::probe(&device).unwrap() else { panic!("no volume") };
        let volume = fs::open(device, kind).unwrap();
        let mut found = Vec::new();
        let mut folders = vec![PathBuf::from("/")];
        while let Some(folder) = folders.pop() {
            for entry in volume.tree().list(&folder).unwrap() {
                let path = folder.join(&entry.name);
                match entry.kind {
                    _ if path == Path::new("/LIFEBOAT") => {}
                    EntryKind::Directory => folders.push(path),
                    _ => {
                        let mut hasher = blake3::Hasher::new();
                        std::io::copy(&mut volume.tree().open(&path).unwrap(), &mut hasher).unwrap();
                        found.push(format!("{} {:?} {}", path.display(), entry.modified, hasher.finalize()));
                    }
                }
            }
        }
        found.sort();
        found
    }

    /// What a stranger says of the volume.
    pub(super) fn judge(&self) {
        let script =
            format!("dd if=disk.img of=volume.img bs=1M skip=1 count={} status=none && {}", self.len >> 20, self.judge);
        let output = sh_output(self.dir.path(), &script);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    /// What `sfdisk` says of the table.
    pub(super) fn dump(&self) -> Vec<String> {
        sh(self.dir.path(), "sfdisk --dump disk.img").lines().map(str::to_owned).collect()
    }
}
