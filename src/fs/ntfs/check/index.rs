//! Indexes: directories, and the view indexes of `$Secure`, `$ObjId`, `$Quota` and `$Reparse`.
//!
//! An index is three attributes of one name: the root, its blocks, and a bitmap with a bit for each block in use. The
//! root tells what it indexes, by which rule it is ordered, and how large its blocks are (as the boot sector does).
//! Source: Linux-NTFS documentation, "$INDEX_ROOT", "$BITMAP".

use super::super::content::Content;
use super::super::owners::Bits;
use super::super::record::{Reference, kind};
use super::super::view::{FileName, Header};
use super::Checker;
use super::collation::Rule;
use super::tree::{Event, Tree};
use crate::bytes::{u32_at, u64_at};
use crate::error::Result;
use crate::fs::Finding;
use crate::unit::ByteOffset;

/// Bytes of an index's bitmap that are read: for every block that is looked at.
const MAX_BITMAP_BYTES: usize = 16 << 20;

/// Sizes of an index's blocks: NTFS has 4 KiB, or a cluster where that is larger; fixups cover no more than 64 KiB.
pub(super) const BLOCK_BYTES: std::ops::RangeInclusive<u32> = 512..=65536;

/// The name of a directory's index.
pub(super) fn names() -> Vec<u16> {
    "$I30".encode_utf16().collect()
}

/// The blocks of an index and its bitmap.
pub(super) type Blocks<'b> = (&'b Content, Option<&'b Content>);

impl Checker<'_> {
    /// Looks at one index of a file.
    pub(super) fn index(
        &mut self,
        file: u64,
        header: &Header,
        name: &[u16],
        root: &[u8],
        place: ByteOffset,
        blocks: Option<Blocks<'_>>,
    ) -> Result<()> {
        let Some((rule, block_bytes)) = self.index_root(file, name, root, place) else {
            self.names.break_directory(file);
            return Ok(());
        };
        let is_directory = *name == names();
        let volume = self.volume;
        if let Some((content, _)) = blocks {
            let problem = match content.check(&volume.boot) {
                Ok(()) => {
                    content.runs().iter().any(|run| run.lcn.is_none()).then(|| "its blocks have holes".to_owned())
                }
                Err(error) => Some(error.without_advice()),
            };
            if let Some(problem) = problem {
                let message = format!("the index of record {file} cannot be read: {problem}");
                self.report.of(file, Finding::error("ntfs.index.blocks", message).at(content.place));
                self.names.break_directory(file);
                return Ok(());
            }
            if !self.spend(file, content.len()) {
                self.names.break_directory(file);
                return Ok(());
            }
        }
        let tree = Tree {
            device: &*volume.device,
            boot: &volume.boot,
            upcase: volume.upcase(),
            rule,
            block_bytes,
            blocks: blocks.map(|(content, _)| content),
            is_view: !is_directory,
        };
        let own = header.reference(file);
        let mut incomplete = false;
        let mut walked = 0u64;
        let reached = tree.walk(root, place, &mut |event| {
            match event {
                Event::Wrong(rule, place, message) => {
                    let message = format!("index of record {file}: {message}");
                    self.report.of(file, Finding::error(rule, message).at(place));
                }
                Event::Incomplete => incomplete = true,
                Event::Entry(entry, key, place) if is_directory => self.entry(own, entry, key, place),
                Event::Entry(..) => {}
            }
            walked += 1;
            if walked.is_multiple_of(4096) { self.watch.proceed() } else { Ok(()) }
        })?;
        if incomplete {
            self.names.break_directory(file);
        }
        let count = tree.block_count();
        match blocks {
            Some((_, bitmap)) if !incomplete => self.index_bitmap(file, place, bitmap, &reached, count),
            _ => Ok(()),
        }
    }

    /// What an index's root says: its rule and the size of its blocks; `None` when nothing can be done with it.
    fn index_root(&mut self, file: u64, name: &[u16], root: &[u8], place: ByteOffset) -> Option<(Rule, usize)> {
        let mut wrong = |rule, message: String| {
            let message = format!("index \"{}\" of record {file}: {message}", String::from_utf16_lossy(name));
            self.report.of(file, Finding::error(rule, message).at(place));
        };
        let field = |at| u32_at(root, at).unwrap_or(u32::MAX);
        let (indexed, rule, block_bytes) = (field(0), Rule(field(4)), field(8));
        let expected = Rule::expected(&String::from_utf16_lossy(name), indexed);
        if *name == names() && (indexed != kind::FILE_NAME || rule != Rule::FILE_NAME) {
            wrong("ntfs.index.root", format!("it indexes type 0x{indexed:x} by the rule 0x{:x}, not names", rule.0));
            return None;
        }
        if !rule.is_known() || expected.is_some_and(|expected| expected != rule) {
            wrong("ntfs.index.root", format!("it is ordered by the rule 0x{:x}", rule.0));
            return None;
        }
        if block_bytes != self.volume.boot.index_bytes || !BLOCK_BYTES.contains(&block_bytes) {
            let message =
                format!("blocks of {block_bytes} bytes, but the boot sector says {}", self.volume.boot.index_bytes);
            wrong("ntfs.index.root", message);
            return None;
        }
        Some((rule, block_bytes as usize))
    }

    /// An entry of a directory: it takes away what the name of its file adds.
    fn entry(&mut self, directory: Reference, entry: &[u8], key: &[u8], place: ByteOffset) {
        let (Some(target), Some(name)) = (u64_at(entry, 0).map(Reference), FileName::read(key)) else { return };
        let file = directory.number();
        if name.parent != directory {
            let message = format!(
                "an entry says that its directory is record {} (sequence {}), but lies in record {file} (sequence {})",
                name.parent.number(),
                name.parent.sequence(),
                directory.sequence()
            );
            self.report.of(file, Finding::error("ntfs.index.parent", message).at(place));
        }
        if target.number() >= self.records.count {
            let shown = String::from_utf16_lossy(&name.units());
            let message = format!("\"{shown}\" leads to record {}, which is not there", target.number());
            self.report.of(file, Finding::error("ntfs.index.dangling", message).at(place));
            return;
        }
        // What counts is the directory in which the entry lies, not what it says of it.
        self.names.remove(target, &FileName { parent: directory, ..name });
    }

    /// The bitmap of an index against the blocks that its tree reaches.
    fn index_bitmap(
        &mut self,
        file: u64,
        place: ByteOffset,
        bitmap: Option<&Content>,
        reached: &Bits,
        count: u64,
    ) -> Result<()> {
        let Some(bitmap) = bitmap else {
            let message = format!("the index of record {file} has blocks, and no bitmap of them");
            self.report.of(file, Finding::error("ntfs.index.bitmap", message).at(place));
            return Ok(());
        };
        let volume = self.volume;
        let marked = match bitmap.value(&*volume.device, &volume.boot, MAX_BITMAP_BYTES) {
            Ok(bytes) => Bits::from_bytes(&bytes),
            Err(error) => return self.report.error_of(file, "ntfs.index.bitmap", error),
        };
        for word in 0..count.div_ceil(64) {
            let differing = marked.word(word) ^ reached.word(word);
            let bits = (0..64).map(|bit| word * 64 + bit).filter(|at| *at < count && differing & (1 << (at % 64)) != 0);
            for at in bits {
                let finding = if reached.contains(at) {
                    let message =
                        format!("block {at} of the index of record {file} is in use, but its bitmap calls it free");
                    Finding::error("ntfs.index.unmarked", message)
                } else {
                    let message =
                        format!("block {at} of the index of record {file} is marked, but its tree does not reach it");
                    Finding::warning("ntfs.index.lost", message)
                };
                self.report.of(file, finding.at(bitmap.place));
            }
        }
        if let Some(behind) = (count..marked.len()).find(|at| marked.contains(*at)) {
            let message = format!("the bitmap of the index of record {file} marks block {behind} of {count}");
            self.report.of(file, Finding::warning("ntfs.index.lost", message).at(bitmap.place));
        }
        Ok(())
    }
}
