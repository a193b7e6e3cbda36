//! A volume that is edited, and those who judge it.

use std::fmt::Write as _;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::FileDevice;
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{self, Change, Edit, Findings, Kind};

use crate::check_ntfs::ntfsresize_is_content;
use crate::oracle::{sh, sh_output};

/// Mounts `$IMG` at `$M` by ntfs-3g, with these options, for what follows; unmounted at the end, come what may.
/// ntfs-3g runs in the foreground and is waited for: of an image file, `umount` returns before the last write.
pub(crate) fn mounted(image: &Path, options: &str, script: &str) -> String {
    format!(
        "M={0}.mnt; mkdir -p $M\nntfs-3g -o no_detach,streams_interface=xattr,{options} {0} $M >&2 & P=$!\n\
         trap 'cd /; umount $M 2>/dev/null; wait $P' EXIT\n\
         until mountpoint -q $M; do kill -0 $P; sleep 0.02; done\ncd $M\n{script}\ncd /; umount $M; wait $P; trap - EXIT; rmdir $M\n",
        image.display()
    )
}

/// Every file with its length, digest, times and attributes, but for Lifeboat's own; directories without their times,
/// which a mount that writes beside changes.
const WALK: &str = "find . -not -path './LIFEBOAT*' -not -name beside -type f -printf '%p %s %T@ %n\\n' | sort; \
    find . -not -path './LIFEBOAT*' -not -name beside -type f -size -1048576k -exec sha256sum {} + | sort -k 2; \
    find . -not -path './LIFEBOAT*' -not -type f -printf '%p %y %l\\n' | sort; \
    getfattr -Rhd -m 'user|system.ntfs_attrib$' -e hex . 2>/dev/null | { grep -v LIFEBOAT || true; } | sha256sum";

/// A volume in a file.
pub(crate) struct Volume {
    pub(super) dir: PathBuf,
    pub(super) image: PathBuf,
}

impl Volume {
    pub(crate) fn new(dir: &Path, image: PathBuf) -> Self {
        Self { dir: dir.to_owned(), image }
    }

    /// Another one like it.
    pub(super) fn copy(&self, name: &str) -> Self {
        let image = self.dir.join(name);
        sh(&self.dir, &format!("cp --sparse=always {} {}", self.image.display(), image.display()));
        Self { dir: self.dir.clone(), image }
    }

    pub(super) fn edit(&self) -> Box<dyn Edit> {
        fs::edit::open_unchecked(Arc::new(FileDevice::open(&self.image).unwrap()), Kind::Ntfs).unwrap()
    }

    /// Carries changes out: copies first, then patches, whose old bytes must be there.
    pub(super) fn apply(&self, changes: &[Change]) {
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&self.image).unwrap();
        for change in changes {
            for copy in &change.copies {
                let mut bytes = vec![0; copy.len.0 as usize];
                file.read_exact_at(&mut bytes, copy.from.0).unwrap();
                file.write_all_at(&bytes, copy.to.0).unwrap();
            }
            for patch in &change.patches {
                let mut old = vec![0; patch.old.len()];
                file.read_exact_at(&mut old, patch.offset.0).unwrap();
                assert!(old == patch.old, "{}: what a patch takes for old is there: {:?}", change.title, patch.tags);
                assert!(!patch.tags.is_empty(), "{}: a patch at {} says what it is", change.title, patch.offset);
                file.write_all_at(&patch.new, patch.offset.0).unwrap();
            }
        }
    }

    /// All that is in it, as ntfs-3g shows it.
    pub(super) fn walk(&self) -> String {
        sh(&self.dir, &mounted(&self.image, "ro", WALK))
    }

    /// What a script prints that runs in the mounted volume.
    pub(super) fn run(&self, script: &str) -> String {
        sh(&self.dir, &mounted(&self.image, "rw", script))
    }

    /// What our check, ntfsinfo, ntfsfix and `rust-fs-ntfs` say: all must be content.
    pub(crate) fn judge(&self, what: &str) {
        let volume = fs::open(Arc::new(FileDevice::open(&self.image).unwrap()), Kind::Ntfs).unwrap();
        let mut findings = Findings::default();
        volume.check().check(&Unwatched, &mut |finding| findings.add(finding)).unwrap();
        let mut bad = String::new();
        for finding in &findings.list {
            writeln!(bad, "{} {:?} {:?}: {}", finding.rule, finding.place, finding.path, finding.message).unwrap();
        }
        assert!(findings.errors + findings.warnings == 0, "{what}: our check\n{bad}");
        let mut io = fs_ntfs::fsck::PathIo::open(&self.image).unwrap();
        match fs_ntfs::fsck::check_io(&mut io) {
            Ok(report) => {
                // It does not follow the attribute list of $MFT, not even one that ntfs-3g made.
                let excused = report.findings.is_empty() || self.is_mft_listed();
                assert!(excused, "{what}: rust-fs-ntfs {:?}", report.findings.iter().take(9).collect::<Vec<_>>());
            }
            Err(_) if self.is_mft_listed() => {}
            // It takes fixups of 512 bytes on sectors of 4096 for damage; ntfs-3g makes and reads them so.
            Err(error) => assert!(format!("{error}").contains("bytes_per_sector 4096"), "{what}: {error}"),
        }
        let image = self.image.display();
        sh(&self.dir, &format!("ntfsinfo -m {image} >/dev/null"));
        // It walks all records and compares the clusters that they hold with $Bitmap.
        let sizes = sh_output(&self.dir, &format!("ntfsresize --info --force --force {image} 2>&1"));
        let text = String::from_utf8_lossy(&sizes.stdout);
        assert!(ntfsresize_is_content(&text, sizes.status.success()), "{what}: {text}");
        // Where mkntfs was told to leave sectors behind the volume, ntfsfix misses the backup in the last of them.
        let fix = sh(&self.dir, &format!("ntfsfix -n {image} 2>&1 || true"));
        let odd = fix.contains("Failed to fix the alternate boot sector") && what.contains("odd");
        assert!(fix.contains("processed successfully") || odd, "{what}: {fix}");
    }

    /// True when `$MFT` has an attribute list, as `ntfsinfo` has it.
    pub(super) fn is_mft_listed(&self) -> bool {
        sh(&self.dir, &format!("ntfsinfo -v -i 0 {}", self.image.display())).contains("Dumping attribute list")
    }

    /// The numbers and names of the files that hold these clusters of the grid, as `ntfscluster` has it.
    pub(super) fn ntfscluster(&self, extent: Extent) -> String {
        let factor = self.edit().units().clusters;
        let (first, last) = (extent.start.0 / factor, extent.end() / factor - 1);
        sh(&self.dir, &format!("ntfscluster -q -f -c {first}-{last} {} 2>/dev/null", self.image.display()))
    }

    /// The volume's used clusters, as its bitmap has them.
    pub(super) fn used(&self) -> ExtentSet {
        let volume = fs::open(Arc::new(FileDevice::open(&self.image).unwrap()), Kind::Ntfs).unwrap();
        volume.used().unwrap().runs().collect()
    }

    pub(super) fn cluster_bytes(&self) -> u64 {
        let volume = fs::open(Arc::new(FileDevice::open(&self.image).unwrap()), Kind::Ntfs).unwrap();
        u64::from(volume.grid().cluster_bytes)
    }

    /// The clusters of a holder that this predicate picks, on the grid.
    pub(super) fn held(&self, pick: impl Fn(&fs::Owner) -> bool) -> ExtentSet {
        let volume = fs::open(Arc::new(FileDevice::open(&self.image).unwrap()), Kind::Ntfs).unwrap();
        let all: ExtentSet = std::iter::once(Extent::new(0, volume.grid().clusters)).collect();
        let mut held = ExtentSet::new();
        let mut see = |owner: fs::Owner| {
            if pick(&owner) {
                held.insert(owner.extent);
            }
        };
        volume.owners().owners(&all, &Unwatched, &mut see).unwrap();
        held
    }

    /// Fills clusters with bytes that depend on their place in the file, and gives them.
    pub(super) fn fill(&self, extents: &[Extent]) -> Vec<u8> {
        let file = std::fs::OpenOptions::new().write(true).open(&self.image).unwrap();
        let (size, mut content) = (self.cluster_bytes(), Vec::new());
        for extent in extents {
            let bytes: Vec<u8> =
                (0..extent.clusters * size).map(|at| ((content.len() as u64 + at) / 7 % 251) as u8).collect();
            file.write_all_at(&bytes, extent.start.0 * size).unwrap();
            content.extend(bytes);
        }
        content
    }
}

/// Free runs of whole units, the last first; each at most `most` clusters, every `skip` clusters, until there are
/// `count` clusters.
pub(super) fn free(edit: &dyn Edit, count: u64, most: u64, skip: u64) -> Vec<Extent> {
    let (used, units) = (edit.used().unwrap(), edit.units());
    let end = units.origin.0 + units.clusters * units.count;
    let holes = used.runs().collect::<ExtentSet>().complement(end);
    let (mut found, mut missing) = (Vec::new(), count);
    for hole in holes.runs().iter().rev() {
        let mut at = hole.end();
        while missing > 0 && at > hole.start.0 {
            let len = most.min(missing).min(at - hole.start.0) / units.clusters * units.clusters;
            if len == 0 {
                break;
            }
            found.push(Extent::new(at - len, len));
            missing -= len;
            at = (at - len).saturating_sub(skip * units.clusters);
        }
    }
    found
}
