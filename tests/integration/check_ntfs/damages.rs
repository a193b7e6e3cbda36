//! The table of damages: fields by structure, and the rule that must name each.

use super::wreck::{
    BITMAP, BLOCKS, DATA, LIST, NAME, ROOT, STANDARD, VOLUME_INFORMATION, Wreck, attribute, attributes, bump, u16_at,
    u32_at, u64_at,
};

/// A damage: what is broken, the rule that must tell it, who else sees that something is wrong (as measured by the
/// long test, with clusters of 4 KiB), and how to do it.
pub(super) type Damage = (&'static str, &'static str, &'static str, fn(&mut Wreck));

/// What the volume is filled with, through ntfs-3g.
pub(super) const FILL: &str = "mkdir many packed; for i in $(seq 100 260); do echo $i > many/entry-with-number-$i; done
    head -c 300000 /dev/urandom > big; head -c 60000 /dev/urandom > other; echo small > small; ln small link
    truncate -s 4M holes; printf end >> holes; mkdir -p one/inner two/inner
    setfattr -n system.ntfs_attrib_be -v 0x00000800 packed; seq 40000 > packed/text
    echo x > listed; for i in $(seq 30); do head -c 200 /dev/urandom | od -x > s; setfattr -n user.stream-$i -v \"$(head -c 200 s)\" listed; done
    for i in 1 2 3 4 5 6 7 8; do echo $i > gone-$i; done; rm gone-[357] s";

/// Rows of the boot sector and its backup.
pub(super) const BOOT: &[Damage] = &[
    ("boot: OEM id", "ntfs.boot.main", "ntfsfix -n, ntfsresize, ntfs-3g", |w| w.bytes[3] = b'X'),
    ("boot: bytes in a sector", "ntfs.boot.main", "rust-fs-ntfs, ntfsfix -n, ntfsresize, ntfs-3g", |w| {
        w.bytes[0x0B] = 7
    }),
    ("boot: sectors in a cluster", "ntfs.boot.main", "rust-fs-ntfs, ntfsfix -n, ntfsresize, ntfs-3g", |w| {
        w.bytes[0x0D] = 0
    }),
    ("boot: count of sectors", "ntfs.boot.backup", "ntfsfix -n, ntfsresize", |w| bump(&mut w.bytes, 0x28, 0xF8)),
    ("boot: first cluster of $MFT", "ntfs.boot.cluster", "rust-fs-ntfs, ntfsfix -n, ntfsresize, ntfs-3g", |w| {
        bump(&mut w.bytes, 0x30, 1)
    }),
    ("boot: first cluster of $MFTMirr", "ntfs.boot.contradiction", "ntfsfix -n, ntfsresize, ntfs-3g", |w| {
        bump(&mut w.bytes, 0x38, 1)
    }),
    ("boot: size of records", "ntfs.boot.main", "rust-fs-ntfs, ntfsfix -n, ntfsresize, ntfs-3g", |w| w.bytes[0x40] = 0),
    ("boot: size of index blocks", "ntfs.index.root", "ntfsfix -n", |w| w.bytes[0x44] = 0xF3),
    ("boot: serial", "ntfs.boot.contradiction", "ntfsfix -n", |w| bump(&mut w.bytes, 0x48, 1)),
    ("boot: code", "ntfs.boot.backup", "ntfsfix -n", |w| bump(&mut w.bytes, 0x100, 1)),
    ("backup: OEM id", "ntfs.boot.backup", "ntfsfix -n", |w| {
        let at = w.backup();
        w.bytes[at + 3] = 0;
    }),
    ("backup: hidden sectors", "ntfs.boot.backup", "ntfsfix -n", |w| {
        let at = w.backup();
        bump(&mut w.bytes, at + 0x1C, 1);
    }),
    ("backup: first cluster of $MFT", "ntfs.boot.contradiction", "ntfsfix -n", |w| {
        let at = w.backup();
        bump(&mut w.bytes, at + 0x30, 1);
    }),
    ("device cut off", "ntfs.boot.length", "ntfsfix -n, ntfsresize", |w| {
        let len = w.bytes.len() - 65536;
        w.bytes.truncate(len);
    }),
];

fn small(w: &mut Wreck, change: impl FnOnce(&mut [u8])) {
    let number = w.find("small");
    w.record(number, change);
}

/// Rows of record headers.
pub(super) const RECORDS: &[Damage] = &[
    ("record: magic", "ntfs.record.magic", "rust-fs-ntfs, ntfs-3g", |w| {
        let at = w.place(w.find("small"));
        w.bytes[at] = b'B';
    }),
    ("record: first fixup", "ntfs.record.fixup", "rust-fs-ntfs, ntfs-3g", |w| {
        let at = w.place(w.find("small"));
        bump(&mut w.bytes, at + 510, 1);
    }),
    ("record: last fixup", "ntfs.record.fixup", "rust-fs-ntfs, ntfs-3g", |w| {
        let at = w.place(w.find("small"));
        bump(&mut w.bytes, at + 1022, 1);
    }),
    ("record: place of the fixups", "ntfs.record.fixup", "rust-fs-ntfs", |w| {
        let at = w.place(w.find("small"));
        bump(&mut w.bytes, at + 4, 1);
    }),
    ("record: count of fixups", "ntfs.record.fixup", "rust-fs-ntfs", |w| {
        let at = w.place(w.find("small"));
        bump(&mut w.bytes, at + 6, 1);
    }),
    ("record: sequence", "ntfs.index.sequence", "nobody", |w| small(w, |r| bump(r, 0x10, 1))),
    ("record: sequence 0", "ntfs.record.sequence", "nobody", |w| small(w, |r| r[0x10..0x12].fill(0))),
    ("record: sequence of a directory", "ntfs.name.parent", "nobody", |w| {
        let many = w.find("many");
        w.record(many, |r| bump(r, 0x10, 1));
    }),
    ("record: links", "ntfs.record.links", "nobody", |w| small(w, |r| bump(r, 0x12, 1))),
    ("record: no links", "ntfs.record.links", "nobody", |w| small(w, |r| r[0x12] = 0)),
    ("record: first attribute", "ntfs.record.attributes", "rust-fs-ntfs, ntfs-3g", |w| small(w, |r| bump(r, 0x14, 8))),
    ("record: first attribute in the header", "ntfs.record.first", "rust-fs-ntfs, ntfs-3g", |w| {
        small(w, |r| r[0x14] = 0x30)
    }),
    ("record: first attribute, not on 8", "ntfs.record.first", "rust-fs-ntfs, ntfs-3g", |w| {
        small(w, |r| bump(r, 0x14, 4))
    }),
    ("record: free", "ntfs.mft.lost", "rust-fs-ntfs, ntfs-3g", |w| small(w, |r| r[0x16] = 0)),
    ("record: free, but in a directory", "ntfs.index.dangling", "rust-fs-ntfs, ntfs-3g", |w| small(w, |r| r[0x16] = 0)),
    ("record: a directory", "ntfs.record.directory", "ntfs-3g", |w| small(w, |r| r[0x16] |= 2)),
    ("record: no directory", "ntfs.record.directory", "ntfs-3g", |w| {
        let many = w.find("many");
        w.record(many, |r| r[0x16] = 1);
    }),
    ("record: bytes in use", "ntfs.record.used", "rust-fs-ntfs", |w| small(w, |r| bump(r, 0x18, 8))),
    ("record: too many bytes in use", "ntfs.record.used", "rust-fs-ntfs, ntfs-3g", |w| small(w, |r| r[0x19] = 0x7F)),
    ("record: bytes in use, too few", "ntfs.record.attributes", "rust-fs-ntfs, ntfs-3g", |w| {
        small(w, |r| r[0x18..0x1A].copy_from_slice(&[0x60, 0]))
    }),
    ("record: bytes allocated", "ntfs.record.size", "rust-fs-ntfs, ntfs-3g", |w| small(w, |r| r[0x1D] = 8)),
    ("record: base", "ntfs.record.unlisted", "nobody", |w| small(w, |r| r[0x20] = 26)),
    ("record: base that is not there", "ntfs.record.base", "nobody", |w| small(w, |r| r[0x23] = 0x7F)),
    ("record: next instance", "ntfs.attribute.instance", "rust-fs-ntfs", |w| small(w, |r| r[0x28] = 0)),
    ("record: number", "ntfs.record.number", "nobody", |w| small(w, |r| bump(r, 0x2C, 1))),
    ("record: number of $MFT", "ntfs.record.number", "nobody", |w| w.record(0, |r| bump(r, 0x2C, 1))),
];

/// Changes an attribute's header.
fn header(w: &mut Wreck, file: &str, kind: u32, change: fn(&mut [u8])) {
    let number = w.find(file);
    w.attribute(number, kind, |record, at| change(&mut record[at..]));
}

/// Rows of attribute headers, runs and values.
pub(super) const ATTRIBUTES: &[Damage] = &[
    ("attribute: type", "ntfs.attribute.type", "rust-fs-ntfs, ntfs-3g", |w| header(w, "small", DATA, |a| a[0] = 0x81)),
    ("attribute: type 0", "ntfs.attribute.type", "rust-fs-ntfs, ntfs-3g", |w| {
        header(w, "small", STANDARD, |a| a[0] = 0)
    }),
    ("attribute: type out of order", "ntfs.attribute.order", "rust-fs-ntfs, ntfs-3g", |w| {
        header(w, "small", STANDARD, |a| a[0] = 0x40)
    }),
    ("attribute: length 0", "ntfs.record.attributes", "rust-fs-ntfs, ntfs-3g", |w| {
        header(w, "small", DATA, |a| a[4] = 0)
    }),
    ("attribute: length too long", "ntfs.record.attributes", "rust-fs-ntfs, ntfs-3g", |w| {
        header(w, "small", DATA, |a| a[5] = 9)
    }),
    ("attribute: length, not of 8", "ntfs.record.attributes", "rust-fs-ntfs, ntfs-3g", |w| {
        header(w, "small", DATA, |a| bump(a, 4, 4))
    }),
    ("attribute: form", "ntfs.attribute.bounds", "rust-fs-ntfs, ntfsresize, ntfs-3g", |w| {
        header(w, "small", DATA, |a| a[8] = 2)
    }),
    ("attribute: a name in clusters", "ntfs.attribute.resident", "rust-fs-ntfs, ntfsresize, ntfs-3g", |w| {
        header(w, "small", NAME, |a| a[8] = 1)
    }),
    ("attribute: units of the name", "ntfs.attribute.bounds", "rust-fs-ntfs, ntfs-3g", |w| {
        header(w, "many", ROOT, |a| a[9] = 200)
    }),
    ("attribute: place of the name", "ntfs.attribute.bounds", "ntfs-3g", |w| header(w, "many", ROOT, |a| a[10] = 4)),
    ("attribute: name", "ntfs.record.directory", "ntfs-3g", |w| header(w, "many", ROOT, |a| a[a[10] as usize] = b'#')),
    ("attribute: flags", "ntfs.attribute.flags", "ntfs-3g", |w| header(w, "big", DATA, |a| a[12] = 1)),
    ("attribute: flags not known", "ntfs.attribute.flags", "nobody", |w| header(w, "big", DATA, |a| a[13] = 2)),
    ("attribute: instance of another", "ntfs.attribute.instance", "rust-fs-ntfs", |w| {
        header(w, "small", DATA, |a| a[14] = 0)
    }),
    ("attribute: length of the value", "ntfs.attribute.bounds", "rust-fs-ntfs, ntfs-3g", |w| {
        header(w, "small", DATA, |a| a[0x10] = 200)
    }),
    ("attribute: place of the value", "ntfs.attribute.bounds", "rust-fs-ntfs, ntfs-3g", |w| {
        header(w, "small", DATA, |a| a[0x14] = 0xF8)
    }),
    ("attribute: place of the value, not on 8", "ntfs.attribute.bounds", "rust-fs-ntfs", |w| {
        header(w, "small", DATA, |a| bump(a, 0x14, 1))
    }),
    ("clusters: lowest", "ntfs.runs.end", "rust-fs-ntfs, ntfsresize, ntfs-3g", |w| {
        header(w, "big", DATA, |a| a[0x10] = 1)
    }),
    ("clusters: highest", "ntfs.runs.end", "rust-fs-ntfs, ntfsresize, ntfs-3g", |w| {
        header(w, "big", DATA, |a| bump(a, 0x18, 1))
    }),
    ("clusters: place of the pairs", "ntfs.attribute.bounds", "rust-fs-ntfs, ntfsresize, ntfs-3g", |w| {
        header(w, "big", DATA, |a| a[0x20] = 0xF8)
    }),
    ("clusters: place of the pairs, not on 8", "ntfs.attribute.bounds", "rust-fs-ntfs, ntfsresize, ntfs-3g", |w| {
        header(w, "big", DATA, |a| bump(a, 0x20, 4))
    }),
    ("clusters: compression unit", "ntfs.attribute.unit", "nobody", |w| header(w, "big", DATA, |a| a[0x22] = 3)),
    ("clusters: compression unit of a packed file", "ntfs.attribute.unit", "ntfs-3g", |w| {
        header(w, "text", DATA, |a| a[0x22] = 0)
    }),
    ("clusters: allocated", "ntfs.attribute.allocated", "rust-fs-ntfs", |w| {
        header(w, "big", DATA, |a| bump(a, 0x2A, 1))
    }),
    ("clusters: length", "ntfs.attribute.length", "nobody", |w| header(w, "big", DATA, |a| a[0x33] = 1)),
    ("clusters: initialised", "ntfs.attribute.initialised", "nobody", |w| header(w, "big", DATA, |a| a[0x3B] = 1)),
    ("clusters: stored", "ntfs.attribute.stored", "nobody", |w| header(w, "text", DATA, |a| bump(a, 0x41, 2))),
    ("runs: header", "ntfs.runs.pairs", "rust-fs-ntfs, ntfsresize, ntfs-3g", |w| {
        header(w, "big", DATA, |a| a[a[0x20] as usize] = 0x9F)
    }),
    ("runs: end mark", "ntfs.runs.end", "rust-fs-ntfs, ntfsresize, ntfs-3g", |w| {
        header(w, "big", DATA, |a| a[a[0x20] as usize] = 0)
    }),
    ("runs: length", "ntfs.runs.end", "rust-fs-ntfs, ntfsresize, ntfs-3g", |w| {
        header(w, "big", DATA, |a| bump(a, a[0x20] as usize + 1, 1))
    }),
    ("runs: another place", "ntfs.runs.double", "rust-fs-ntfs, ntfsresize", |w| {
        let big = w.run(w.find("big"), DATA, "") / w.cluster;
        let other = w.find("other");
        w.attribute(other, DATA, |record, at| {
            let pairs = at + u16_at(record, at + 0x20);
            let (len, offset) = (usize::from(record[pairs] & 15), usize::from(record[pairs] >> 4));
            record[pairs + 1 + len..][..offset].copy_from_slice(&big.to_le_bytes()[..offset]);
        });
    }),
    ("runs: outside the volume", "ntfs.runs.pairs", "rust-fs-ntfs, ntfsresize, ntfs-3g", |w| {
        header(w, "big", DATA, |a| {
            let at = a[0x20] as usize;
            let (len, offset) = (usize::from(a[at] & 15), usize::from(a[at] >> 4));
            a[at + len + offset] = 0x80;
        });
    }),
    ("runs: a hole", "ntfs.runs.hole", "rust-fs-ntfs, ntfsresize", |w| {
        header(w, "big", DATA, |a| {
            let at = a[0x20] as usize;
            let len = usize::from(a[at] & 15);
            a[at] &= 15;
            a[at + 1 + len..at + 3 + len].fill(0);
        });
    }),
    ("standard information: length", "ntfs.record.standard", "ntfs-3g", |w| {
        header(w, "small", STANDARD, |a| a[0x10] -= 8)
    }),
    ("standard information: security id", "ntfs.security.unknown", "nobody", |w| {
        w.value(0, STANDARD, |value| value[52..56].copy_from_slice(&0x7777u32.to_le_bytes()));
    }),
];

/// Rows of names.
pub(super) const NAMES: &[Damage] = &[
    ("name: parent", "ntfs.name.unindexed", "nobody", |w| {
        let (small, one) = (w.find("small"), w.find("one"));
        let sequence = w.read(one)[0x10];
        w.value(small, NAME, |name| {
            name[..8].fill(0);
            name[..2].copy_from_slice(&(one as u16).to_le_bytes());
            name[6] = sequence;
        });
    }),
    ("name: parent that is a file", "ntfs.name.parent", "nobody", |w| {
        let (small, big) = (w.find("small"), w.find("big"));
        w.value(small, NAME, |name| name[..2].copy_from_slice(&(big as u16).to_le_bytes()));
    }),
    ("name: parent that is not there", "ntfs.name.parent", "nobody", |w| {
        let small = w.find("small");
        w.value(small, NAME, |name| name[3] = 0x7F);
    }),
    ("name: sequence of the parent", "ntfs.name.parent", "nobody", |w| {
        let small = w.find("small");
        w.value(small, NAME, |name| bump(name, 6, 1));
    }),
    ("name: a letter", "ntfs.name.unindexed", "nobody", |w| {
        let small = w.find("small");
        w.value(small, NAME, |name| name[66] = b'z');
    }),
    ("name: its case", "ntfs.index.name", "nobody", |w| {
        let small = w.find("small");
        w.value(small, NAME, |name| name[66] = b'S');
    }),
    ("name: units", "ntfs.name.value", "ntfs-3g", |w| {
        let small = w.find("small");
        w.value(small, NAME, |name| name[64] = 200);
    }),
    ("name: no units", "ntfs.name.value", "ntfs-3g", |w| {
        let small = w.find("small");
        w.value(small, NAME, |name| name[64] = 0);
    }),
    ("name: name space", "ntfs.name.unindexed", "nobody", |w| {
        let small = w.find("small");
        w.value(small, NAME, |name| name[65] ^= 1);
    }),
    ("name: name space not known", "ntfs.name.value", "nobody", |w| {
        let small = w.find("small");
        w.value(small, NAME, |name| name[65] = 9);
    }),
    ("directories in a circle", "ntfs.tree.circle", "nobody", circle),
];

/// `/one/inner` and `/one` change places in such a way that `one` lies in itself, though names and entries agree.
fn circle(w: &mut Wreck) {
    // `/two/inner` becomes its own parent: its index gets the entry that `two` had of it, and `two` loses it.
    let (two, root) = (w.find("two"), 5);
    let _ = root;
    let inner = (24..4096)
        .find(|number| {
            let at = w.place(*number);
            w.bytes[at..at + 4] == *b"FILE" && w.bytes[at + 0x16] == 3 && {
                let record = w.read(*number);
                let value = attribute(&record, NAME) + 0x18;
                u16_at(&record, value) == two
            }
        })
        .unwrap();
    let entries = |record: &[u8]| {
        let root = attribute(record, ROOT);
        let value = root + u16_at(record, root + 0x14);
        (value + 0x10 + u32_at(record, value + 0x10), value)
    };
    let (from, to) = (w.read(two), w.read(inner));
    let (sequence, own) = (to[0x10], entries(&from));
    let mut entry = from[own.0..own.0 + u16_at(&from, own.0 + 8)].to_vec();
    entry[16..24].fill(0);
    entry[16..18].copy_from_slice(&(inner as u16).to_le_bytes());
    entry[22] = sequence;
    w.value(inner, NAME, |name| name[..8].copy_from_slice(&entry[16..24]));
    // The empty root of `inner` is replaced by that of `two`, with the changed entry in it; and the other way round.
    w.record(inner, |record| swap_root(record, &from, &entry));
    w.record(two, |record| {
        let empty = to.clone();
        swap_root(record, &empty, &[]);
    });
}

/// Gives a record the index root of another one, whose first entry is replaced.
fn swap_root(record: &mut [u8], other: &[u8], entry: &[u8]) {
    let (at, from) = (attribute(record, ROOT), attribute(other, ROOT));
    let mut root = other[from..from + u32_at(other, from + 4)].to_vec();
    let value = u16_at(&root, 0x14);
    let first = value + 0x10 + u32_at(&root, value + 0x10);
    root[first..first + entry.len()].copy_from_slice(entry);
    root[14] = record[at + 14];
    let end = at + u32_at(record, at + 4);
    let used = u32_at(record, 0x18);
    let rest = record[end..used].to_vec();
    let whole = [root, rest].concat();
    record[at..at + whole.len()].copy_from_slice(&whole);
    record[0x18..0x1C].copy_from_slice(&((at + whole.len()) as u32).to_le_bytes());
}

fn many(w: &Wreck) -> usize {
    w.find("many")
}

/// Rows of directories' indexes.
pub(super) const INDEXES: &[Damage] = &[
    ("root: what it indexes", "ntfs.index.root", "nobody", |w| w.value(many(w), ROOT, |root| root[0] = 0x40)),
    ("root: rule", "ntfs.index.root", "nobody", |w| w.value(many(w), ROOT, |root| root[4] = 0x10)),
    ("root: size of blocks", "ntfs.index.root", "ntfs-3g", |w| w.value(many(w), ROOT, |root| root[9] ^= 0x30)),
    ("root: first entry", "ntfs.index.header", "ntfs-3g", |w| w.value(many(w), ROOT, |root| root[0x10] = 4)),
    ("root: bytes in use", "ntfs.index.header", "ntfs-3g", |w| w.value(many(w), ROOT, |root| root[0x15] = 8)),
    ("root: children", "ntfs.index.entry", "nobody", |w| w.value(many(w), ROOT, |root| root[0x1C] ^= 1)),
    ("root: child", "ntfs.index.child", "ntfs-3g", |w| {
        w.value(many(w), ROOT, |root| {
            let end = 0x10 + u32_at(root, 0x14);
            root[end - 8..end].fill(0x77);
        });
    }),
    ("root: rule of $SII", "ntfs.index.root", "nobody", |w| w.value(9, ROOT, |root| root[4] = 0x01)),
    ("block: magic", "ntfs.index.magic", "ntfs-3g", |w| {
        let at = w.run(many(w), BLOCKS, "$I30");
        w.bytes[at] = 0;
    }),
    ("block: fixup", "ntfs.index.fixup", "ntfs-3g", |w| {
        let at = w.run(many(w), BLOCKS, "$I30");
        bump(&mut w.bytes, at + 4094, 1);
    }),
    ("block: number", "ntfs.index.block", "ntfs-3g", |w| w.block(many(w), |block| bump(block, 0x10, 1))),
    ("block: first entry", "ntfs.index.header", "ntfs-3g", |w| w.block(many(w), |block| block[0x18] = 4)),
    ("block: bytes in use", "ntfs.index.header", "ntfs-3g", |w| w.block(many(w), |block| block[0x1D] = 0x7F)),
    ("block: bytes in use, shorter", "ntfs.index.entry", "ntfs-3g", |w| w.block(many(w), |block| block[0x1C] ^= 8)),
    ("block: bytes allocated", "ntfs.index.header", "ntfs-3g", |w| w.block(many(w), |block| bump(block, 0x20, 8))),
    ("entry: record", "ntfs.index.name", "nobody", |w| {
        let big = w.find("big") as u16;
        w.entry(many(w), 3, |entry| entry[..2].copy_from_slice(&big.to_le_bytes()));
    }),
    ("entry: record that is free", "ntfs.index.dangling", "ntfs-3g", |w| {
        let gone = w.find("gone-4") as u16 + 1;
        w.entry(many(w), 3, |entry| entry[..2].copy_from_slice(&gone.to_le_bytes()));
    }),
    ("entry: record that is not there", "ntfs.index.dangling", "ntfs-3g", |w| {
        w.entry(many(w), 3, |entry| entry[3] = 0x7F)
    }),
    ("entry: sequence", "ntfs.index.sequence", "nobody", |w| w.entry(many(w), 3, |entry| bump(entry, 6, 1))),
    ("entry: length 0", "ntfs.index.entry", "ntfs-3g", |w| w.entry(many(w), 3, |entry| entry[8] = 0)),
    ("entry: length", "ntfs.index.entry", "ntfs-3g", |w| w.entry(many(w), 3, |entry| bump(entry, 8, 4))),
    ("entry: length of the key", "ntfs.index.key", "ntfs-3g", |w| w.entry(many(w), 3, |entry| entry[10] = 250)),
    ("entry: flags", "ntfs.index.entry", "nobody", |w| w.entry(many(w), 3, |entry| entry[12] = 1)),
    ("entry: last", "ntfs.index.entry", "ntfs-3g", |w| w.entry(many(w), 3, |entry| entry[12] = 2)),
    ("entry: parent", "ntfs.index.parent", "nobody", |w| w.entry(many(w), 3, |entry| entry[16] = 5)),
    ("entry: sequence of the parent", "ntfs.index.parent", "nobody", |w| {
        w.entry(many(w), 3, |entry| bump(entry, 22, 1))
    }),
    ("entry: name out of order", "ntfs.index.order", "ntfs-3g", |w| w.entry(many(w), 3, |entry| entry[16 + 66] = b'z')),
    ("entry: case of the name", "ntfs.index.name", "nobody", |w| w.entry(many(w), 3, |entry| entry[16 + 66] = b'E')),
    ("entry: units of the name", "ntfs.index.key", "ntfs-3g", |w| w.entry(many(w), 3, |entry| entry[16 + 64] = 250)),
    ("entry: name space", "ntfs.index.name", "nobody", |w| w.entry(many(w), 3, |entry| entry[16 + 65] ^= 1)),
    ("entries: two change places", "ntfs.index.order", "ntfs-3g", |w| {
        w.block(many(w), |block| {
            let first = 0x18 + u32_at(block, 0x18);
            let len = u16_at(block, first + 8);
            for at in 0..len {
                block.swap(first + at, first + len + at);
            }
        });
    }),
    ("entries: one is gone", "ntfs.name.unindexed", "nobody", |w| {
        w.block(many(w), |block| {
            let first = 0x18 + u32_at(block, 0x18);
            let len = u16_at(block, first + 8);
            let end = 0x18 + u32_at(block, 0x1C);
            block.copy_within(first + len..end, first);
            let used = (end - 0x18 - len) as u32;
            block[0x1C..0x20].copy_from_slice(&used.to_le_bytes());
        });
    }),
    ("index bitmap: a bit is missing", "ntfs.index.unmarked", "nobody", |w| {
        w.value(many(w), BITMAP, |bits| bits[0] &= !1)
    }),
    ("index bitmap: a bit too many", "ntfs.index.lost", "ntfs-3g", |w| w.value(many(w), BITMAP, |bits| bits[7] = 0x80)),
];

/// Rows of attribute lists.
pub(super) const LISTS: &[Damage] = &[
    ("list: type", "ntfs.list.entry", "ntfsresize, ntfs-3g", |w| listed(w, 2, |entry| entry[0] ^= 0xC0)),
    ("list: length 0", "ntfs.list.entry", "ntfsresize, ntfs-3g", |w| listed(w, 2, |entry| entry[4] = 0)),
    ("list: units of the name", "ntfs.list.entry", "ntfsresize", |w| listed(w, 4, |entry| entry[6] = 0)),
    ("list: a letter of the name", "ntfs.list.entry", "ntfsresize", |w| listed(w, 4, |entry| bump(entry, 0x1A, 1))),
    ("list: first cluster", "ntfs.list.entry", "nobody", |w| listed(w, 4, |entry| bump(entry, 8, 1))),
    ("list: record", "ntfs.list.reference", "ntfsresize", |w| listed(w, 4, |entry| entry[16] = 30)),
    ("list: record that is not there", "ntfs.list.reference", "ntfsresize", |w| listed(w, 4, |entry| entry[19] = 0x7F)),
    ("list: sequence", "ntfs.list.reference", "ntfsresize", |w| listed(w, 4, |entry| bump(entry, 22, 1))),
    ("list: instance", "ntfs.list.entry", "ntfsresize", |w| listed(w, 4, |entry| bump(entry, 24, 1))),
    ("list: out of order", "ntfs.list.order", "ntfsresize, ntfs-3g", |w| listed(w, 0, |entry| entry[0] = 0xF0)),
    ("list: a record is missing", "ntfs.record.unlisted", "ntfsresize, ntfs-3g", |w| {
        let number = w.find("listed");
        w.attribute(number, LIST, |record, at| {
            if record[at + 8] == 0 {
                record[at + 0x10..at + 0x14].copy_from_slice(&0x40u32.to_le_bytes())
            } else {
                record[at + 0x30..at + 0x34].copy_from_slice(&0x40u32.to_le_bytes());
                record[at + 0x38..at + 0x3C].copy_from_slice(&0x40u32.to_le_bytes())
            }
        });
    }),
    ("extension: free", "ntfs.list.reference", "rust-fs-ntfs", |w| extension(w, |record| record[0x16] = 0)),
    ("extension: base", "ntfs.list.reference", "nobody", |w| extension(w, |record| record[0x20] = 30)),
    ("extension: sequence of the base", "ntfs.list.reference", "nobody", |w| {
        extension(w, |record| bump(record, 0x26, 1))
    }),
    ("extension: instance", "ntfs.list.missing", "nobody", |w| {
        extension(w, |record| {
            let at = attributes(record)[0].1;
            let next = record[0x28];
            record[at + 14] = next;
            record[0x28] = next + 1;
        });
    }),
];

/// Changes the n-th entry of the list of `listed`, wherever it lies.
fn listed(w: &mut Wreck, nth: usize, change: impl FnOnce(&mut [u8])) {
    let number = w.find("listed");
    let record = w.read(number);
    let at = attribute(&record, LIST);
    let go = |list: &mut [u8]| {
        let mut at = 0;
        for _ in 0..nth {
            at += u16_at(list, at + 4);
        }
        change(&mut list[at..]);
    };
    if record[at + 8] == 0 {
        w.value(number, LIST, go);
    } else {
        let from = w.run(number, LIST, "");
        let cluster = w.cluster;
        go(&mut w.bytes[from..from + cluster]);
    }
}

/// Changes the last extension record of `listed`.
fn extension(w: &mut Wreck, change: impl FnOnce(&mut [u8])) {
    let base = w.find("listed") as u64;
    let number = (24..4096).rev().find(|number| {
        let at = w.place(*number);
        w.bytes.get(at..at + 4) == Some(b"FILE")
            && w.bytes[at + 0x16] & 1 != 0
            && u64_at(&w.bytes, at + 0x20) & 0xFFFF_FFFF == base
    });
    w.record(number.unwrap(), change);
}

fn bit(w: &mut Wreck, cluster: usize, set: bool) {
    let at = w.run(6, DATA, "") + cluster / 8;
    w.bytes[at] = if set { w.bytes[at] | 1 << (cluster % 8) } else { w.bytes[at] & !(1 << (cluster % 8)) };
}

/// The bit of a record in `$MFT`'s bitmap.
fn mark(w: &mut Wreck, record: usize, set: bool) {
    let at = w.run(0, BITMAP, "") + record / 8;
    w.bytes[at] = if set { w.bytes[at] | 1 << (record % 8) } else { w.bytes[at] & !(1 << (record % 8)) };
}

/// Rows of bitmaps and of the file system's own files.
pub(super) const SYSTEM: &[Damage] = &[
    ("$Bitmap: a used cluster is free", "ntfs.bitmap.unmarked", "rust-fs-ntfs, ntfsresize", |w| {
        let at = w.run(w.find("big"), DATA, "") / w.cluster;
        bit(w, at + 1, false);
    }),
    ("$Bitmap: a cluster of $MFT is free", "ntfs.bitmap.unmarked", "rust-fs-ntfs, ntfsresize", |w| {
        bit(w, w.mft / w.cluster, false)
    }),
    ("$Bitmap: the boot sector is free", "ntfs.bitmap.unmarked", "rust-fs-ntfs, ntfsresize", |w| bit(w, 0, false)),
    ("$Bitmap: a free cluster is used", "ntfs.bitmap.lost", "rust-fs-ntfs, ntfsresize", |w| {
        let clusters = w.backup() / w.cluster;
        let at = w.run(6, DATA, "");
        let free = (0..clusters).rev().find(|n| w.bytes[at + n / 8] & (1 << (n % 8)) == 0).unwrap();
        bit(w, free, true);
    }),
    ("$Bitmap: behind the last cluster", "ntfs.bitmap.tail", "ntfsresize", |w| {
        let clusters = w.backup() / w.cluster;
        bit(w, clusters, false);
    }),
    ("$MFT bitmap: a used record is free", "ntfs.mft.unmarked", "nobody", |w| mark(w, w.find("small"), false)),
    ("$MFT bitmap: a system record is free", "ntfs.mft.unmarked", "nobody", |w| mark(w, 3, false)),
    ("$MFT bitmap: a free record is used", "ntfs.mft.lost", "rust-fs-ntfs", |w| mark(w, w.find("gone-4") + 1, true)),
    ("$MFTMirr: magic", "ntfs.mirror", "rust-fs-ntfs, ntfsfix -n, ntfsresize, ntfs-3g", |w| {
        let at = w.mirror;
        w.bytes[at] = 0;
    }),
    ("$MFTMirr: $Volume", "ntfs.mirror", "rust-fs-ntfs, ntfsfix -n, ntfsresize, ntfs-3g", |w| {
        let at = w.mirror + 3 * 1024;
        w.edit(at, 1024, |record| bump(record, 0x60, 1));
    }),
    ("$MFTMirr: its place", "ntfs.boot.cluster", "rust-fs-ntfs, ntfsfix -n, ntfsresize, ntfs-3g", |w| {
        w.attribute(1, DATA, |record, at| {
            let pairs = at + u16_at(record, at + 0x20);
            let len = usize::from(record[pairs] & 15);
            bump(record, pairs + 1 + len, 1);
        });
    }),
    ("$Volume: dirty", "ntfs.volume.dirty", "rust-fs-ntfs", |w| w.value(3, VOLUME_INFORMATION, |value| value[10] |= 1)),
    ("$Volume: version", "ntfs.volume.version", "ntfsfix -n, ntfsresize", |w| {
        w.value(3, VOLUME_INFORMATION, |value| value[8] = 4)
    }),
    ("$Volume: upgrade", "ntfs.volume.flags", "nobody", |w| w.value(3, VOLUME_INFORMATION, |value| value[10] |= 4)),
    ("$Volume: flags not known", "ntfs.volume.flags", "nobody", |w| {
        w.value(3, VOLUME_INFORMATION, |value| value[11] |= 2)
    }),
    ("$LogFile: restart pages", "ntfs.log.unreadable", "nobody", |w| {
        let at = w.run(2, DATA, "");
        w.bytes[at..at + 8192].fill(0);
    }),
    ("$UpCase: a letter", "ntfs.upcase", "ntfsfix -n, ntfsresize, ntfs-3g", |w| {
        let at = w.run(10, DATA, "");
        bump(&mut w.bytes, at + 2 * 0x61, 1);
    }),
    ("$AttrDef: a type", "ntfs.attrdef", "nobody", |w| {
        let at = w.run(4, DATA, "");
        w.bytes[at + 160 + 0x80] = 0x05;
    }),
    ("$Secure: id of a descriptor", "ntfs.secure.descriptor", "nobody", |w| {
        let at = w.run(9, DATA, "$SDS");
        bump(&mut w.bytes, at + 4, 1);
    }),
    ("$Secure: a descriptor", "ntfs.secure.hash", "nobody", |w| {
        let at = w.run(9, DATA, "$SDS");
        bump(&mut w.bytes, at + 30, 1);
    }),
    ("$Secure: its copy", "ntfs.secure.copy", "nobody", |w| {
        let at = w.run(9, DATA, "$SDS") + (256 << 10);
        bump(&mut w.bytes, at + 30, 1);
    }),
    ("$Secure: order of $SDH", "ntfs.index.order", "nobody", |w| {
        w.value(9, ROOT, |root| {
            // The first index of the record is $SDH, by name; its first entry's hash becomes the largest.
            let first = 0x10 + u32_at(root, 0x10);
            root[first + 16..first + 20].fill(0xFF);
        });
    }),
];
