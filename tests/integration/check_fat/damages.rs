//! Damages, field by field: each is found and named, and the verdict is that of `fsck.fat -n` or differs for a reason.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use lifeboat::fs::{Kind, Severity};

use super::table::TABLE;
use super::{check, fsck, open};
use crate::oracle::{long, sh};

/// One damage.
pub(super) struct Damage {
    /// What is damaged: structure and field.
    pub(super) name: &'static str,
    /// The types that have the field: 12, 16, 32.
    pub(super) on: &'static [u32],
    pub(super) edit: fn(&mut Stage),
    /// The rule that must be named.
    pub(super) rule: &'static str,
    /// How bad it is to us.
    pub(super) severity: Severity,
    /// Why `fsck.fat` thinks otherwise; empty when it does not.
    pub(super) differs: &'static str,
}

/// What a volume looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Geometry {
    /// As `mkfs.fat` has it.
    Usual,
    /// Other clusters, and another number of reserved sectors.
    Other,
    /// Without a copy of the FAT.
    OneFat,
    /// Sectors of 4 KiB.
    LargeSectors,
}

/// A volume whose bytes are changed one damage at a time.
pub(super) struct Stage {
    path: PathBuf,
    original: Vec<u8>,
    now: Vec<u8>,
    pub(super) bits: u32,
    dirty: Vec<(usize, usize)>,
}

const FILL: &str = r"
mkdir -p in/SUB/BELOW
head -c $((5 * C)) /dev/urandom > in/BIG.BIN; head -c $((3 * C)) /dev/urandom > in/OTHER.BIN; echo small > in/SMALL.TXT
: > in/EMPTY; echo long > 'in/a long name of three parts, no less.txt'; echo inner > in/SUB/INNER.TXT
echo leaf > in/SUB/BELOW/LEAF.TXT; echo second > 'in/SUB/another long name here.text'
mcopy -Q -i v.img in/BIG.BIN in/OTHER.BIN in/SMALL.TXT in/EMPTY in/a* ::/; mcopy -s -Q -i v.img in/SUB ::/
";

impl Stage {
    /// A volume of this type and geometry.
    pub(super) fn make(dir: &Path, bits: u32, geometry: Geometry) -> Self {
        let (len, cluster, options) = match (bits, geometry) {
            (12, Geometry::Usual) => ("3M", 1024, ""),
            (12, Geometry::Other) => ("12M", 4096, "-a -R 2 -r 224"),
            (12, Geometry::OneFat) => ("3M", 1024, "-f 1"),
            (12, Geometry::LargeSectors) => ("12M", 4096, ""),
            (16, Geometry::Usual) => ("9M", 1024, ""),
            (16, Geometry::Other) => ("20M", 2048, "-a -R 7"),
            (16, Geometry::OneFat) => ("9M", 1024, "-f 1"),
            (16, Geometry::LargeSectors) => ("40M", 8192, ""),
            (_, Geometry::Usual) => ("36M", 512, ""),
            (_, Geometry::Other) => ("72M", 1024, "-a -R 40"),
            (_, Geometry::OneFat) => ("36M", 512, "-f 1"),
            (_, Geometry::LargeSectors) => ("300M", 4096, ""),
        };
        let sector = if geometry == Geometry::LargeSectors { 4096 } else { 512 };
        sh(
            dir,
            &format!(
                "truncate -s {len} v.img; mkfs.fat {options} -F {bits} -S {sector} -s {} -n 'A LABEL' v.img >/dev/null; C={cluster}\n{FILL}",
                cluster / sector
            ),
        );
        let path = dir.join("v.img");
        let original = std::fs::read(&path).unwrap();
        Self { path, now: original.clone(), original, bits, dirty: Vec::new() }
    }

    pub(super) fn u16(&self, at: usize) -> usize {
        u16::from_le_bytes(self.now[at..at + 2].try_into().unwrap()).into()
    }

    pub(super) fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.now[at..at + 4].try_into().unwrap())
    }

    pub(super) fn byte(&self, at: usize) -> u8 {
        self.now[at]
    }

    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.now[at..at + bytes.len()].copy_from_slice(bytes);
        self.dirty.push((at, bytes.len()));
    }

    pub(super) fn flip(&mut self, at: usize, bits: u8) {
        self.put(at, &[self.now[at] ^ bits]);
    }

    fn fat_bytes(&self) -> usize {
        self.sector_bytes() * if self.bits == 32 { self.u32(0x24) as usize } else { self.u16(0x16) }
    }

    /// As the undamaged volume has it, like all that the damages are placed by.
    pub(super) fn sector_bytes(&self) -> usize {
        usize::from(u16::from_le_bytes([self.original[0x0B], self.original[0x0C]]))
    }

    pub(super) fn fat(&self, copy: usize) -> usize {
        self.u16(0x0E) * self.sector_bytes() + copy * self.fat_bytes()
    }

    pub(super) fn fats(&self) -> usize {
        self.byte(0x10).into()
    }

    /// Where the root directory of FAT12 and FAT16, or cluster 2, begins.
    pub(super) fn behind_fats(&self) -> usize {
        self.fat(self.fats())
    }

    fn data(&self) -> usize {
        self.behind_fats() + self.u16(0x11) * 32
    }

    fn cluster_bytes(&self) -> usize {
        self.sector_bytes() * usize::from(self.byte(0x0D))
    }

    /// The highest cluster number.
    pub(super) fn last(&self) -> u32 {
        let sectors = if self.u16(0x13) == 0 { self.u32(0x20) as usize } else { self.u16(0x13) };
        ((sectors * self.sector_bytes() - self.data()) / self.cluster_bytes()) as u32 + 1
    }

    pub(super) fn at_cluster(&self, number: u32) -> usize {
        self.data() + (number as usize - 2) * self.cluster_bytes()
    }

    /// An entry of the first FAT.
    pub(super) fn next(&self, number: u32) -> u32 {
        let at = self.fat(0) + number as usize * self.bits as usize / 8;
        match self.bits {
            12 => (self.u16(at) as u32 >> (number % 2 * 4)) & 0xFFF,
            16 => self.u16(at) as u32,
            _ => self.u32(at) & 0x0FFF_FFFF,
        }
    }

    pub(super) fn set_in(&mut self, copy: usize, number: u32, value: u32) {
        let at = self.fat(copy) + number as usize * self.bits as usize / 8;
        match self.bits {
            12 => {
                let shift = number % 2 * 4;
                let rest = self.u16(at) as u32 & !(0xFFF << shift);
                self.put(at, &((rest | (value & 0xFFF) << shift) as u16).to_le_bytes());
            }
            16 => self.put(at, &(value as u16).to_le_bytes()),
            _ => self.put(at, &(value & 0x0FFF_FFFF).to_le_bytes()),
        }
    }

    /// Sets an entry in all copies.
    pub(super) fn set(&mut self, number: u32, value: u32) {
        for copy in 0..self.fats() {
            self.set_in(copy, number, value);
        }
    }

    /// Where the entry of this short name is, behind the FATs.
    pub(super) fn entry(&self, name: &[u8; 11]) -> usize {
        let from = self.behind_fats();
        let found = self.now[from..].chunks(32).position(|entry| entry.starts_with(name));
        from + 32 * found.unwrap_or_else(|| panic!("no {}", String::from_utf8_lossy(name)))
    }

    /// The first cluster that an entry names.
    pub(super) fn start(&self, entry: usize) -> u32 {
        self.u16(entry + 26) as u32 | if self.bits == 32 { (self.u16(entry + 20) as u32) << 16 } else { 0 }
    }

    pub(super) fn set_start(&mut self, entry: usize, number: u32) {
        self.put(entry + 26, &(number as u16).to_le_bytes());
        if self.bits == 32 {
            self.put(entry + 20, &((number >> 16) as u16).to_le_bytes());
        }
    }

    /// The clusters of a file or directory.
    pub(super) fn chain(&self, name: &[u8; 11]) -> Vec<u32> {
        let mut chain = vec![self.start(self.entry(name))];
        while self.next(chain[chain.len() - 1]) <= self.last() {
            chain.push(self.next(chain[chain.len() - 1]));
        }
        chain
    }

    /// A cluster that nobody has.
    pub(super) fn free(&self) -> u32 {
        (2..=self.last()).rev().find(|number| self.next(*number) == 0).unwrap()
    }

    /// The first free entry of a directory whose first entry is there.
    pub(super) fn free_entry(&self, from: usize) -> usize {
        (from..).step_by(32).find(|at| self.byte(*at) == 0).unwrap()
    }

    pub(super) fn write_now(&self) -> &Path {
        self.write(&self.now);
        &self.path
    }

    fn write(&self, from: &[u8]) {
        let file = File::options().write(true).open(&self.path).unwrap();
        for (at, len) in &self.dirty {
            file.write_all_at(&from[*at..*at + *len], *at as u64).unwrap();
        }
    }

    /// Undoes the last damage.
    fn reset(&mut self) {
        self.write(&self.original);
        for (at, len) in std::mem::take(&mut self.dirty) {
            self.now[at..at + len].copy_from_slice(&self.original[at..at + len]);
        }
    }
}

/// Tries one; what is wrong with our answer, if anything.
fn try_damage(stage: &mut Stage, damage: &Damage) -> Option<String> {
    (damage.edit)(stage);
    stage.write_now();
    let (status, said) = fsck(&stage.path);
    let findings = check(open(&stage.path).as_ref());
    stage.reset();
    let found = findings.list.iter().any(|found| (found.rule, found.severity) == (damage.rule, damage.severity));
    let agrees = findings.is_sound() == (status == 0);
    let placed = findings.list.iter().all(|found| found.place.offset.is_some() || found.message.contains("not listed"));
    let right = found && placed && agrees == damage.differs.is_empty();
    (!right).then(|| {
        let list: Vec<_> =
            findings.list.iter().map(|found| (found.severity, found.rule, &found.message, &found.path)).collect();
        format!(
            "FAT{} in sectors of {} with {} FATs, {}: wanted {:?} {}, fsck ended with {status} (differs: {:?})\n  ours: {list:?}\n  fsck: {}",
            stage.bits,
            stage.sector_bytes(),
            stage.fats(),
            damage.name,
            damage.severity,
            damage.rule,
            damage.differs,
            said.replace('\n', " | ")
        )
    })
}

#[test]
fn every_damage_is_found_and_named_and_judged_as_fsck_does_or_for_a_reason() {
    let (mut tried, mut differing, mut wrong) = (0, 0, Vec::new());
    let kinds = [(12, Kind::Fat12), (16, Kind::Fat16), (32, Kind::Fat32)];
    let geometries = [Geometry::Usual, Geometry::Other, Geometry::OneFat, Geometry::LargeSectors];
    for ((bits, kind), geometry) in kinds.into_iter().flat_map(|kind| geometries.map(|geometry| (kind, geometry))) {
        if bits == 32 && geometry == Geometry::LargeSectors && !long() {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let mut stage = Stage::make(dir.path(), bits, geometry);
        super::both_are_content(&stage.path, "undamaged");
        assert_eq!(open(&stage.path).summary().kind, kind);
        let has_copies = geometry != Geometry::OneFat;
        let applies = |damage: &&Damage| damage.on.contains(&bits) && (has_copies || damage.rule != "fat.table.copies");
        for damage in TABLE.iter().filter(applies) {
            wrong.extend(try_damage(&mut stage, damage));
            tried += 1;
            differing += usize::from(!damage.differs.is_empty());
        }
        super::both_are_content(&stage.path, "undamaged again");
    }
    println!("{tried} damages in {} fields, {differing} of them judged otherwise than by fsck.fat", TABLE.len());
    assert!(wrong.is_empty(), "{} of {tried} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
