//! The table of damages.

use lifeboat::fs::Severity;
use lifeboat::fs::Severity::{Error, Note, Warning};

use super::damages::{Damage, Stage};

const ALL: &[u32] = &[12, 16, 32];
const WIDE: &[u32] = &[32];
const NARROW: &[u32] = &[12, 16];
const STATEFUL: &[u32] = &[16, 32];
const BIG: &[u8; 11] = b"BIG     BIN";
const OTHER: &[u8; 11] = b"OTHER   BIN";
const SMALL: &[u8; 11] = b"SMALL   TXT";
const EMPTY: &[u8; 11] = b"EMPTY      ";
const LONG: &[u8; 11] = b"ALONGN~1TXT";
const SUB: &[u8; 11] = b"SUB        ";
const LABEL: &[u8; 11] = b"A LABEL    ";

/// Why our verdict is another one than that of fsck.fat.
const TIDIED: &str = "nothing is lost by a dirty bit or a count; fsck.fat ends with 1 because it would tidy it";
const NAMED: &str =
    "a label in one place only takes nothing from anyone; fsck.fat ends with 1 because it would copy it";
const LOSES: &str = "fsck.fat takes the chain of a label for owned; no system finds it, and Windows calls it lost";
const READS_ON: &str =
    "fsck.fat reads on after the end mark; Windows and the specification do not, and the files are lost";

type Edit = fn(&mut Stage);

const fn row(
    name: &'static str,
    on: &'static [u32],
    rule: &'static str,
    severity: Severity,
    differs: &'static str,
    edit: Edit,
) -> Damage {
    Damage { name, on, edit, rule, severity, differs }
}

/// The last byte of the state: in the boot sector, and the bits of FAT entry 1.
fn state_at(stage: &Stage) -> usize {
    if stage.bits == 32 { 0x41 } else { 0x25 }
}

fn clear_in_entry_1(stage: &mut Stage, bit: u32) {
    let value = stage.next(1) & !(1 << (if stage.bits == 32 { 27 } else { 15 } - bit));
    stage.set(1, value);
}

/// Where the boot sector's copy lies: mkfs.fat makes it sector 6.
fn backup(stage: &Stage) -> usize {
    6 * stage.sector_bytes()
}

/// Where FSInfo lies, and how far behind the boot sector's copy its own is.
fn info(stage: &Stage) -> usize {
    stage.sector_bytes()
}

/// The long name of [`LONG`] becomes that of [`OTHER`], in other letters: its last two parts go.
fn rename_long(stage: &mut Stage) {
    let at = stage.entry(LONG);
    stage.put(at - 96, &[0xE5]);
    stage.put(at - 64, &[0xE5]);
    stage.put(at - 32, &[0x41]);
    let units: Vec<u8> = "other.bin\0".encode_utf16().chain([0xFFFF; 3]).flat_map(u16::to_le_bytes).collect();
    for (to, from) in [(1, 0..10), (14, 10..22), (28, 22..26)] {
        stage.put(at - 32 + to, &units[from]);
    }
}

/// The end mark.
fn end(stage: &Stage) -> u32 {
    0xFFFF_FFFF >> (32 - stage.bits.min(28))
}

/// Where `.` of SUB is.
fn dot(stage: &Stage) -> usize {
    stage.at_cluster(stage.start(stage.entry(SUB)))
}

pub(super) const TABLE: &[Damage] = &[
    // The boot sector and its backup.
    row("boot: backup differs", WIDE, "fat.boot.backup", Warning, "", |s| s.flip(backup(s) + 0x5A, 0xFF)),
    row("boot: backup's serial number", WIDE, "fat.boot.backup", Warning, "", |s| s.flip(backup(s) + 0x43, 1)),
    row("boot: backup zeroed", WIDE, "fat.boot.backup", Warning, "", |s| s.put(backup(s), &[0; 512])),
    row("boot: no backup", WIDE, "fat.boot.backup", Error, "", |s| s.put(0x32, &[0, 0])),
    row("boot: backup out of its place", WIDE, "fat.boot.backup", Warning, "", |s| {
        s.put(0x32, &[0xFF, 0]);
        s.put(backup(s) + 0x32, &[0xFF, 0]);
    }),
    row("boot: FAT too short", ALL, "fat.boot.fat-length", Error, "", |s| {
        let at = if s.bits == 32 { 0x24 } else { 0x16 };
        // Sectors of 4 KiB have room for more entries than there are clusters.
        let len = s.u16(at) as u16;
        let less = if s.sector_bytes() > 512 { len / 2 } else { len - 1 };
        s.put(at, &less.to_le_bytes());
    }),
    row("boot: damaged first sector", WIDE, "fat.boot.sector", Error, "", |s| s.put(0x0B, &[0, 0])),
    row("boot: version", WIDE, "fat.boot.version", Warning, "", |s| {
        s.put(0x2A, &[1, 0]);
        s.put(backup(s) + 0x2A, &[1, 0]);
    }),
    row("boot: dirty bit", ALL, "fat.state.dirty", Warning, TIDIED, |s| s.flip(state_at(s), 1)),
    row("boot: surface test bit", ALL, "fat.state.errors", Warning, "", |s| s.flip(state_at(s), 2)),
    row("boot: label", NARROW, "fat.boot.label", Warning, NAMED, |s| s.put(0x2B, b"ANOTHER")),
    row("boot: label, both", WIDE, "fat.boot.label", Warning, NAMED, |s| {
        s.put(0x47, b"ANOTHER");
        s.put(backup(s) + 0x47, b"ANOTHER");
    }),
    row("boot: root entries not of whole sectors", NARROW, "fat.boot.root-entries", Error, "", |s| {
        s.put(0x11, &[0xFF, 1])
    }),
    row("boot: root cluster out of range", WIDE, "fat.entry.start", Error, "", |s| {
        s.put(0x2C, &[0xFF, 0xFF, 0xFF, 0]);
        s.put(backup(s) + 0x2C, &[0xFF, 0xFF, 0xFF, 0]);
    }),
    row("boot: root cluster free", WIDE, "fat.chain.free", Error, "", |s| {
        let free = s.free().to_le_bytes();
        s.put(0x2C, &free);
        s.put(backup(s) + 0x2C, &free);
    }),
    // FSInfo.
    row("info: lead signature", WIDE, "fat.info.signature", Error, "", |s| s.flip(info(s), 1)),
    row("info: struct signature", WIDE, "fat.info.signature", Error, "", |s| s.flip(info(s) + 0x1E4, 1)),
    row("info: trail signature", WIDE, "fat.info.signature", Error, "", |s| s.flip(info(s) + 0x1FE, 1)),
    row("info: free count", WIDE, "fat.info.free", Warning, TIDIED, |s| s.flip(info(s) + 0x1E8, 1)),
    row("info: next free", WIDE, "fat.info.next", Warning, "", |s| s.put(info(s) + 0x1EC, &[0xFF, 0xFF, 0xFF, 0x0F])),
    row("info: none", WIDE, "fat.info.missing", Warning, "", |s| {
        s.put(0x30, &[0, 0]);
        s.put(backup(s) + 0x30, &[0, 0]);
    }),
    row("info: copy's signature", WIDE, "fat.info.copy", Note, "", |s| s.flip(backup(s) + info(s), 1)),
    // The FATs.
    row("fat: copies differ in a free entry", ALL, "fat.table.copies", Error, "", |s| s.set_in(1, s.free(), end(s))),
    row("fat: copies differ in a chain", ALL, "fat.table.copies", Error, "", |s| s.set_in(1, s.chain(BIG)[2], 0)),
    row("fat: first copy's entry 0", ALL, "fat.table.copies", Error, "", |s| s.set_in(0, 0, 0)),
    row("fat: both copies' entry 0", ALL, "fat.table.media", Error, "", |s| s.set(0, 0)),
    row("fat: entry 0 of another medium", ALL, "fat.table.media", Warning, "", |s| s.set(0, end(s) & !0xFF | 0xF0)),
    row("fat: entry 1", ALL, "fat.table.second", Warning, "", |s| s.set(1, end(s) & !0xFF)),
    row("fat: clean bit", STATEFUL, "fat.state.dirty", Warning, TIDIED, |s| clear_in_entry_1(s, 0)),
    row("fat: error bit", STATEFUL, "fat.state.errors", Warning, "", |s| clear_in_entry_1(s, 1)),
    row("chain: lost cluster", ALL, "fat.chain.lost", Error, "", |s| s.set(s.free(), end(s))),
    row("chain: lost circle", ALL, "fat.chain.lost", Error, "", |s| {
        let free = s.free();
        s.set(free, free - 1);
        s.set(free - 1, free);
    }),
    row("chain: crossed", ALL, "fat.chain.crossed", Error, "", |s| s.set(s.chain(BIG)[3], s.chain(OTHER)[1])),
    row("chain: into the beginning of a file", ALL, "fat.chain.crossed", Error, "", |s| {
        s.set(s.chain(BIG)[4], s.chain(OTHER)[0]);
    }),
    row("chain: into a directory", ALL, "fat.chain.crossed", Error, "", |s| s.set(s.chain(BIG)[4], s.chain(SUB)[0])),
    row("chain: of one, looping", ALL, "fat.chain.loop", Error, "", |s| s.set(s.chain(SMALL)[0], s.chain(SMALL)[0])),
    row("chain: looping", ALL, "fat.chain.loop", Error, "", |s| s.set(s.chain(BIG)[4], s.chain(BIG)[1])),
    row("chain: directory looping", ALL, "fat.chain.loop", Error, "", |s| s.set(s.chain(SUB)[0], s.chain(SUB)[0])),
    row("chain: out of range", ALL, "fat.chain.range", Error, "", |s| s.set(s.chain(BIG)[2], s.last() + 1)),
    row("chain: to cluster 1", ALL, "fat.chain.range", Error, "", |s| s.set(s.chain(BIG)[2], 1)),
    row("chain: reserved value", ALL, "fat.chain.range", Error, "", |s| s.set(s.chain(BIG)[2], end(s) - 0xF)),
    row("chain: into free", ALL, "fat.chain.free", Error, "", |s| s.set(s.chain(BIG)[2], s.free())),
    row("chain: freed in the middle", ALL, "fat.chain.free", Error, "", |s| s.set(s.chain(BIG)[2], 0)),
    row("chain: freed at the beginning", ALL, "fat.chain.free", Error, "", |s| s.set(s.chain(BIG)[0], 0)),
    row("chain: bad in the middle", ALL, "fat.chain.bad", Error, "", |s| s.set(s.chain(BIG)[2], end(s) - 8)),
    row("chain: ends early", ALL, "fat.entry.size-long", Error, "", |s| s.set(s.chain(BIG)[2], end(s))),
    row("chain: goes on", ALL, "fat.entry.size-short", Error, "", |s| {
        let free = s.free();
        s.set(s.chain(BIG)[4], free);
        s.set(free, end(s));
    }),
    row("chain: directory freed", ALL, "fat.chain.free", Error, "", |s| s.set(s.chain(SUB)[0], 0)),
    // Entries.
    row("entry: size too long", ALL, "fat.entry.size-long", Error, "", |s| s.flip(s.entry(BIG) + 30, 1)),
    row("entry: size too short", ALL, "fat.entry.size-short", Error, "", |s| s.put(s.entry(BIG) + 28, &[1, 0, 0, 0])),
    row("entry: size 0 with a chain", ALL, "fat.entry.size-short", Error, "", |s| s.put(s.entry(SMALL) + 28, &[0; 4])),
    row("entry: size without a chain", ALL, "fat.entry.size-long", Error, "", |s| s.put(s.entry(EMPTY) + 28, &[1])),
    row("entry: start 0", ALL, "fat.entry.size-long", Error, "", |s| s.set_start(s.entry(SMALL), 0)),
    row("entry: start 1", ALL, "fat.entry.start", Error, "", |s| s.set_start(s.entry(SMALL), 1)),
    row("entry: start out of range", ALL, "fat.entry.start", Error, "", |s| s.set_start(s.entry(SMALL), s.last() + 1)),
    row("entry: start with the high four bits", WIDE, "fat.entry.start", Error, "", |s| {
        s.flip(s.entry(SMALL) + 21, 0x10)
    }),
    row("entry: start free", ALL, "fat.chain.free", Error, "", |s| s.set_start(s.entry(SMALL), s.free())),
    row("entry: start of another", ALL, "fat.chain.crossed", Error, "", |s| {
        s.set_start(s.entry(SMALL), s.chain(BIG)[0])
    }),
    row("entry: start within another", ALL, "fat.chain.crossed", Error, "", |s| {
        s.set_start(s.entry(SMALL), s.chain(BIG)[4])
    }),
    row("entry: directory's start 0", ALL, "fat.entry.start", Error, "", |s| s.set_start(s.entry(SUB), 0)),
    row("entry: directory's start a file", ALL, "fat.chain.crossed", Error, "", |s| {
        s.set_start(s.entry(SUB), s.chain(BIG)[0])
    }),
    row("entry: directory's size", ALL, "fat.entry.directory-size", Error, "", |s| s.put(s.entry(SUB) + 28, &[0, 2])),
    row("entry: directory becomes a file", ALL, "fat.entry.size-short", Error, "", |s| s.flip(s.entry(SUB) + 11, 0x10)),
    row("entry: file becomes a directory", ALL, "fat.entry.directory-size", Error, "", |s| {
        s.flip(s.entry(BIG) + 11, 0x10)
    }),
    row("entry: file becomes a label", ALL, "fat.label.second", Warning, LOSES, |s| s.flip(s.entry(SMALL) + 11, 0x08)),
    row("entry: label and directory at once", ALL, "fat.entry.attributes", Error, LOSES, |s| {
        s.flip(s.entry(SUB) + 11, 0x08)
    }),
    row("entry: reserved attributes", ALL, "fat.entry.attributes", Warning, "", |s| s.flip(s.entry(SMALL) + 11, 0x40)),
    row("entry: deleted", ALL, "fat.chain.lost", Error, "", |s| s.put(s.entry(SMALL), &[0xE5])),
    row("entry: end mark too early", ALL, "fat.directory.end", Warning, READS_ON, |s| s.put(s.entry(EMPTY), &[0])),
    row("entry: something behind the end mark", ALL, "fat.directory.end", Warning, "", |s| {
        let at = s.free_entry(s.entry(SUB)) + 64;
        s.put(at, b"BEHIND  TXT\x20");
    }),
    row("name: control byte", ALL, "fat.name.short", Error, "", |s| s.put(s.entry(SMALL) + 1, &[0x01])),
    row("name: forbidden sign", ALL, "fat.name.short", Error, "", |s| s.put(s.entry(SMALL) + 1, b"*")),
    row("name: slash", ALL, "fat.name.short", Error, "", |s| s.put(s.entry(SMALL) + 1, b"/")),
    row("name: space first", ALL, "fat.name.short", Error, "", |s| s.put(s.entry(SMALL), b" ")),
    row("name: lower case", ALL, "fat.name.unusual", Warning, "", |s| s.put(s.entry(SMALL), b"small")),
    row("name: unusual sign", ALL, "fat.name.unusual", Warning, "", |s| s.put(s.entry(SMALL) + 1, b"+")),
    row("name: gap", ALL, "fat.name.unusual", Warning, "", |s| s.put(s.entry(SMALL) + 2, b" ")),
    row("name: twice", ALL, "fat.name.duplicate", Error, "", |s| s.put(s.entry(SMALL), OTHER)),
    row("entry: leaf's size", ALL, "fat.entry.size-long", Error, "", |s| s.flip(s.entry(b"LEAF    TXT") + 30, 1)),
    row("entry: directory in itself", ALL, "fat.chain.crossed", Error, "", |s| {
        s.set_start(s.entry(b"BELOW      "), s.chain(SUB)[0]);
    }),
    row("entry: high half of the start", NARROW, "fat.entry.time", Note, "", |s| {
        // OS/2's extended attributes: nobody minds. A time that no clock shows is worth a note.
        s.put(s.entry(SMALL) + 20, &[1, 0]);
        s.put(s.entry(SMALL) + 24, &[0xFF, 0xFF]);
    }),
    // Long names.
    row("long: checksum of one part", ALL, "fat.long.checksum", Warning, "", |s| s.flip(s.entry(LONG) - 64 + 13, 1)),
    row("long: short name changed", ALL, "fat.long.checksum", Warning, "", |s| s.put(s.entry(LONG), b"B")),
    row("long: part's number", ALL, "fat.long.order", Warning, "", |s| s.flip(s.entry(LONG) - 64, 1)),
    row("long: last part's mark", ALL, "fat.long.order", Warning, "", |s| s.flip(s.entry(LONG) - 96, 0x40)),
    row("long: last part deleted", ALL, "fat.long.order", Warning, "", |s| s.put(s.entry(LONG) - 96, &[0xE5])),
    row("long: middle part deleted", ALL, "fat.long.orphan", Error, "", |s| s.put(s.entry(LONG) - 64, &[0xE5])),
    row("long: short name deleted", ALL, "fat.long.orphan", Error, "", |s| s.put(s.entry(LONG), &[0xE5])),
    row("long: first part gone", ALL, "fat.long.order", Warning, "", |s| {
        let other: Vec<u8> = b"NEWFILE TXT\x20".iter().copied().chain([0; 20]).collect();
        s.put(s.entry(LONG) - 32, &other);
    }),
    row("long: starts within another", ALL, "fat.long.order", Warning, "", |s| s.put(s.entry(LONG) - 64, &[0x42])),
    row("long: reserved type", ALL, "fat.long.reserved", Error, "", |s| s.put(s.entry(LONG) - 32 + 12, &[1])),
    row("long: reserved cluster", ALL, "fat.long.reserved", Error, "", |s| s.put(s.entry(LONG) - 32 + 26, &[1])),
    row("long: forbidden letter", ALL, "fat.name.long", Warning, "", |s| s.put(s.entry(LONG) - 32 + 3, b"*\0")),
    row("long: another's short name", ALL, "fat.name.long-duplicate", Warning, "", rename_long),
    // Dot entries.
    row("dot: . leads elsewhere", ALL, "fat.dot.start", Error, "", |s| s.set_start(dot(s), s.chain(BIG)[0])),
    row("dot: .. leads elsewhere", ALL, "fat.dot.start", Error, "", |s| s.set_start(dot(s) + 32, s.chain(BIG)[0])),
    row("dot: . renamed", ALL, "fat.dot.missing", Error, "", |s| s.put(dot(s), b"X")),
    row("dot: .. renamed", ALL, "fat.dot.missing", Error, "", |s| s.put(dot(s) + 32, b"X")),
    row("dot: . deleted", ALL, "fat.dot.missing", Error, "", |s| s.put(dot(s), &[0xE5])),
    row("dot: . is a file", ALL, "fat.dot.missing", Error, "", |s| s.flip(dot(s) + 11, 0x10)),
    row("dot: .'s size", ALL, "fat.entry.directory-size", Warning, "", |s| s.put(dot(s) + 28, &[1])),
    row("dot: in the root directory", ALL, "fat.dot.place", Error, "", |s| {
        let mut entry = [0; 32];
        entry[..12].copy_from_slice(b".          \x10");
        s.put(s.free_entry(s.behind_fats()), &entry);
    }),
    row("dot: . once more", ALL, "fat.dot.place", Error, "", |s| {
        let entry: Vec<u8> = (0..32).map(|at| s.byte(dot(s) + at)).collect();
        s.put(s.free_entry(dot(s)), &entry);
    }),
    // The label.
    row("label: a second one", ALL, "fat.label.second", Warning, "", |s| {
        let entry: Vec<u8> = (0..32).map(|at| s.byte(s.entry(LABEL) + at)).collect();
        s.put(s.free_entry(s.behind_fats()), &entry);
    }),
    row("label: not in the root directory", ALL, "fat.label.place", Warning, "", |s| {
        let entry: Vec<u8> = (0..32).map(|at| s.byte(s.entry(LABEL) + at)).collect();
        s.put(s.free_entry(dot(s)), &entry);
    }),
    row("label: with a length", ALL, "fat.label.content", Error, "", |s| s.put(s.entry(LABEL) + 28, &[1])),
    row("label: with a cluster", ALL, "fat.label.content", Error, "", |s| s.set_start(s.entry(LABEL), s.free())),
    row("label: with a file's cluster", ALL, "fat.label.content", Error, "", |s| {
        s.set_start(s.entry(LABEL), s.chain(BIG)[0])
    }),
    row("label: gone", ALL, "fat.boot.label", Warning, NAMED, |s| s.put(s.entry(LABEL), &[0xE5])),
];
