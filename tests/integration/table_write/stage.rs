//! Disks with tables, damages, and power cuts.

use std::path::Path;
use std::sync::Arc;

use lifeboat::device::{MemoryDevice, ReadDevice, SharedDevice, WriteDevice};
use lifeboat::table::{self, Entry, Health, Kind, SectorWrite, Table};
use lifeboat::unit::ByteOffset;

use crate::oracle::sh;
use crate::random::Random;

pub(super) const MIB: u64 = 1 << 20;

/// A kind of disk: its name, sector size, length in MiB, and a script that makes the table on `$D`.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) sector: u32,
    pub(super) mib: u64,
    pub(super) script: &'static str,
}

const fn shape(name: &'static str, sector: u32, mib: u64, script: &'static str) -> Shape {
    Shape { name, sector, mib, script }
}

pub(super) const GPT: &str = "sfdisk -q $D <<< $'label: gpt\\nsize=2MiB, type=U, name=\"EFI ä\"\\n5: size=4MiB, type=L, name=\"data\", attrs=\"LegacyBIOSBootable\"\\n3: size=1MiB, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7'";
pub(super) const PRIMARIES: &str = "sfdisk -q $D <<< $'label: dos\\nlabel-id: 0x1234abcd\\nsize=2MiB, type=7, bootable\\nsize=2MiB, type=c\\n4: size=1MiB, type=83'";
pub(super) const LOGICALS: &str = "sfdisk -q $D <<< $'label: dos\\nlabel-id: 0x1234abcd\\nsize=1MiB, type=7, bootable\\nsize=1MiB, type=c\\nsize=14MiB, type=f\\nsize=1MiB, type=83\\nsize=2MiB, type=83\\nsize=1MiB, type=82\\nsize=3MiB, type=7\\nsize=1MiB, type=b'";

pub(super) const FULL: &str =
    "sfdisk -q $D <<< $(echo label: gpt; echo grain: 4K; for n in {1..128}; do echo size=16KiB,name=p$n; done)";

pub(super) const SHAPES: [Shape; 13] = [
    shape("gpt", 512, 12, GPT),
    shape("gpt with large sectors", 4096, 12, GPT),
    shape("gpt with one", 512, 8, "sgdisk -n 1:0:0 $D"),
    shape("gpt full", 512, 5, FULL),
    shape("gpt full with large sectors", 4096, 6, FULL),
    shape("gpt of 256", 512, 12, "sgdisk -o -S 256 -n 7:0:+4M -t 7:8200 -c 7:swap -n 200:0:+3M $D"),
    shape("gpt with its entries elsewhere", 512, 12, "sgdisk -o -j 1000 -n 1:0:+4M -n 2:0:+3M $D"),
    shape("hybrid", 512, 12, "GPT; sgdisk --hybrid=1:3 $D"),
    shape("mbr", 512, 12, PRIMARIES),
    shape("mbr with large sectors", 4096, 12, PRIMARIES),
    shape("logicals", 512, 22, LOGICALS),
    shape("logicals with large sectors", 4096, 22, LOGICALS),
    shape(
        "logicals out of order",
        512,
        16,
        "sfdisk -q $D <<< $'label: dos\\n1: start=2048, size=28000, type=5\\n5: start=20000, size=2000, type=83\\n6: start=4096, size=2000, type=7\\n7: start=10000, size=3000, type=c'",
    ),
];

impl Shape {
    pub(super) fn make(&self) -> Disk {
        let script = format!("{} >/dev/null", self.script.replace("GPT;", &format!("{GPT};")));
        Disk::make(self.sector, self.mib * MIB, &script)
    }
}

/// A disk in memory, which is written to a file where another tool is to look at it.
pub(super) struct Disk {
    dir: tempfile::TempDir,
    pub(super) device: Arc<MemoryDevice>,
    sector: u32,
}

impl Disk {
    pub(super) fn make(sector: u32, len: u64, script: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        sh(dir.path(), &format!("truncate -s {len} d.img"));
        on_disk(dir.path(), sector, script);
        let bytes = std::fs::read(dir.path().join("d.img")).unwrap();
        Self { dir, device: Arc::new(MemoryDevice::with_sectors(bytes, sector)), sector }
    }

    pub(super) fn shared(&self) -> SharedDevice {
        self.device.clone()
    }

    pub(super) fn read(&self) -> Table {
        table::read(&self.shared()).unwrap()
    }

    pub(super) fn write(&self, at: u64, bytes: &[u8]) {
        self.device.write_at(ByteOffset(at), bytes).unwrap();
    }

    pub(super) fn bytes(&self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.device.read_at(ByteOffset(at), &mut bytes).unwrap();
        bytes
    }

    pub(super) fn len(&self) -> u64 {
        self.device.len().0
    }

    /// The same bytes with another length.
    pub(super) fn resized(&self, len: u64) -> Self {
        let mut bytes = self.device.to_vec();
        bytes.resize(len as usize, 0);
        let device = Arc::new(MemoryDevice::with_sectors(bytes, self.sector));
        Self { dir: tempfile::tempdir().unwrap(), device, sector: self.sector }
    }

    /// A copy to be damaged.
    pub(super) fn twin(&self) -> Self {
        self.resized(self.len())
    }

    /// Lets another tool look at it, or change it.
    pub(super) fn run(&self, script: &str) -> String {
        let path = self.dir.path().join("d.img");
        std::fs::write(&path, self.device.to_vec()).unwrap();
        let said = on_disk(self.dir.path(), self.sector, script);
        let bytes = std::fs::read(path).unwrap();
        self.device.write_at(ByteOffset(0), &bytes).unwrap();
        said
    }

    /// What `sfdisk` says of the disk, without the names of nodes.
    pub(super) fn dump(&self) -> String {
        self.run("sfdisk --dump $D | sed \"s#^$D#d#; s#^device:.*##\"")
    }

    /// The lines of `sfdisk`'s dump about partitions, without what is the table's.
    pub(super) fn partitions(&self) -> Vec<String> {
        self.dump().lines().filter(|line| line.starts_with('d')).map(Into::into).collect()
    }

    /// `sgdisk` has nothing to say against it.
    pub(super) fn verify_gpt(&self) {
        let said = self.run("sgdisk -v $D");
        assert!(said.contains("No problems found"), "{said}");
    }

    /// Makes the writes, as a job does. Before each one what is there must be what the write says, and the power
    /// may go after it or amid it: what is read then is the old table or the new one.
    pub(super) fn apply(&self, writes: &[SectorWrite]) {
        let old = state(&self.read());
        let new = state(&table::read(&table::after(&self.shared(), writes)).unwrap());
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        for write in writes {
            let place = write.offset.0;
            assert_eq!(self.bytes(place, write.old.len()), write.old, "{}", write.what);
            assert_eq!(write.old.len(), write.new.len());
            assert!(
                place.is_multiple_of(u64::from(self.sector)) && write.new.len().is_multiple_of(self.sector as usize)
            );
            for _ in 0..4 {
                let mut torn = write.old.clone();
                for (index, sector) in torn.chunks_mut(self.sector as usize).enumerate() {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    if seed >> 60 & 1 == 1 {
                        let at = index * self.sector as usize;
                        sector.copy_from_slice(&write.new[at..at + sector.len()]);
                    }
                }
                self.write(place, &torn);
                let now = state(&self.read());
                assert!(now == old || now == new, "amid \"{}\": {now:?}\nold {old:?}\nnew {new:?}", write.what);
            }
            self.write(place, &write.new);
            let now = state(&self.read());
            assert!(now == old || now == new, "after \"{}\": {now:?}\nold {old:?}\nnew {new:?}", write.what);
        }
        assert_eq!(state(&self.read()), new);
    }
}

/// What counts of a table; `None` for one that cannot be used.
fn state(table: &Table) -> Option<(Kind, Option<String>, Vec<Entry>)> {
    let usable = table.kind != Kind::None && table.health != Health::Damaged;
    usable.then(|| (table.kind, table.id.clone(), table.entries.clone()))
}

/// Runs a script with the disk as `$D`: the file, or for large sectors a loop device that has them. Telling the kernel of
/// a new table costs a quarter of a second each time, and no one looks at the kernel's partitions here.
fn on_disk(dir: &Path, sector: u32, script: &str) -> String {
    let quick = "sfdisk() { command sfdisk --no-reread --no-tell-kernel \"$@\"; }";
    if sector == 512 {
        return sh(dir, &format!("{quick}; D=d.img; {script}"));
    }
    let node = format!("D=$(losetup -f --show --sector-size {sector} d.img); trap 'losetup -d $D' EXIT");
    sh(dir, &format!("{quick}; {node}; {script}"))
}

/// Noise that looks like nothing.
pub(super) fn noise(len: usize) -> Vec<u8> {
    let mut random = Random(0x1234_5678_9abc_def1);
    (0..len).map(|_| random.next() as u8).collect()
}

/// A part of the table that is overwritten: its name and where it is.
pub(super) fn parts(disk: &Disk) -> Vec<(&'static str, Vec<(u64, usize)>)> {
    let (table, sector, len) = (disk.read(), disk.sector as usize, disk.len());
    let unit = sector as u64;
    let mut parts = vec![("sector 0", vec![(0, 512)])];
    if table.kind == Kind::Gpt {
        let field = |at: u64| u64::from(u32::from_le_bytes(disk.bytes(unit + at, 4).try_into().unwrap()));
        let (at, array) = (field(72) * unit, (field(80) * field(84)) as usize);
        let backup = len - unit - array as u64;
        parts.push(("primary header", vec![(unit, sector)]));
        parts.push(("primary entries", vec![(at, array)]));
        parts.push(("the disk's beginning", vec![(0, 2 * sector), (at, array)]));
        parts.push(("backup header", vec![(len - unit, sector)]));
        parts.push(("backup", vec![(backup, array + sector)]));
        parts.push(("both", vec![(0, 2 * sector), (at, array), (backup, array + sector)]));
    } else {
        let links = links(disk);
        for link in &links {
            parts.push(("a link", vec![*link]));
        }
        parts.push(("all links", links.clone()));
        parts.push(("all", [vec![(0, 512)], links].concat()));
    }
    parts
}

/// The links of the chain of logical partitions, in its order: first the extended partition's own sector.
pub(super) fn links(disk: &Disk) -> Vec<(u64, usize)> {
    let table = disk.read();
    let Some(frame) = table.entries.iter().find(|entry| entry.is_extended()) else { return Vec::new() };
    let mut links = vec![frame.start.0];
    loop {
        let pointer = disk.bytes(links[links.len() - 1] + 462 + 8, 4);
        let next = u64::from(u32::from_le_bytes(pointer.try_into().unwrap())) * u64::from(disk.sector);
        if next == 0 {
            return links.into_iter().map(|at| (at, 512)).collect();
        }
        links.push(frame.start.0 + next);
    }
}
