//! Shapes of FAT volumes: made by mkfs.fat, filled by mtools.
//!
//! Every shape of [`SHAPES`] is sound to `fsck.fat -n`. Types × cluster sizes × fills are not all crossed: each fill
//! comes with a FAT12, a FAT16 and a FAT32 volume, and each cluster size from 512 bytes to 32 KiB with each type that
//! can have it. A FAT32 volume has at least 65,525 clusters (mtools and Windows do not see it else) but for those of
//! [`FEW_CLUSTERS`].

use super::Shape;

/// How a volume is filled, from `$DIR/in`, which is empty; `$IMG` is there.
macro_rules! fill {
    (fresh) => {
        ":"
    };
    // To the last cluster.
    (full) => {
        r#"head -c 400K /dev/urandom > in/a; mcopy -i $IMG in/a '::/a file of some length'
           free=$(mdir -i $IMG ::/ | tail -n 2 | tr -dc 0-9); head -c $((free / 3)) /dev/zero > in/b; mcopy -i $IMG in/b ::/B.BIN
           free=$(mdir -i $IMG ::/ | tail -n 2 | tr -dc 0-9); head -c $free /dev/zero > in/b; mcopy -i $IMG in/b ::/C.BIN"#
    };
    // Every second of many small files goes, and one large file takes their place.
    (fragmented) => {
        r#"mkdir in/parts; head -c 900K /dev/urandom | split -b 3000 -a 3 - in/parts/part-; mcopy -s -Q -i $IMG in/parts ::/
           mdel -i $IMG '::/parts/part-*[acegikmoqsuwy]'; rm -r in/parts; head -c 500000 /dev/urandom > in/scattered
           mcopy -i $IMG in/scattered ::/; mmd -i $IMG ::/more; mcopy -i $IMG in/scattered ::/more/again.bin 2>/dev/null || true
           head -c 40000 /dev/urandom > in/small; mcopy -i $IMG in/small ::/more/small"#
    };
    // Thousands of entries in one directory: three a file, of which some are deleted.
    (huge) => {
        r#"mkdir in/many; for n in $(seq 1000 1899); do : > in/many/$n-a-longish-file-name; done; mcopy -s -Q -i $IMG in/many ::/
           mdel -i $IMG '::/many/17?3-*' '::/many/1899-*'"#
    };
    (deep) => {
        r#"mkdir -p in/$(printf 'd/%.0s' {1..40}) in/side/by/side; echo bottom > in/$(printf 'd/%.0s' {1..40})file
           echo x > in/side/by/leaf; mcopy -s -Q -i $IMG in/* ::/"#
    };
    // Long (mtools makes room for one of 255 letters in a small directory only if it comes first), of other alphabets, with collision tails, in lower case without a long name, and the rests of deleted ones.
    (names) => {
        r#"echo 2 > "in/$(printf 'n%.0s' {1..251}).txt"; mmd -i $IMG ::/n; mcopy -i $IMG in/n* ::/n; rm in/n*
           mkdir in/n; echo 1 > 'in/n/Grüße, 世界 😀.txt'; echo 3 > in/n/.hidden.dots
           echo 5 > in/n/UPPER.TXT; echo 6 > in/n/MiXeD.TxT; echo 7 > 'in/n/with space'; echo 8 > in/n/a+b,c=d; : > in/n/å
           echo 9 > in/n/lower.txt; echo 10 > in/n/Lower2.txt; echo 11 > in/n/no; echo 12 > in/n/thirteen-and; echo 13 > in/n/13.of.units.x
           for n in $(seq 1 14); do echo $n > "in/n/collision tail $n.txt"; done; touch -d '1999-12-31 23:59:58' in/n/no
           mcopy -s -m -Q -i $IMG in/n/* in/n/.h* ::/n; mmd -i $IMG '::/A Directory With A Long Name' ::/gone; mdel -i $IMG '::/n/collision tail 3.txt' ::/n/no
           mrd -i $IMG ::/gone; mattrib -i $IMG +h +s +r ::/n/UPPER.TXT; echo 14 > in/x; mcopy -i $IMG in/x '::/n/collision tail new.txt'"#
    };
    // A bit of each.
    (mixed) => {
        r#"mkdir -p in/t/u/v; for n in $(seq 1 40); do head -c $((n * 411)) /dev/urandom > "in/t/file $n.bin"; done
           : > in/t/u/empty; head -c 300000 /dev/urandom > in/t/u/v/large; mcopy -s -Q -i $IMG in/t ::/
           mdel -i $IMG '::/t/file *3.bin'; head -c 50000 /dev/urandom > in/y; mcopy -i $IMG in/y ::/README.TXT"#
    };
    // A root directory without a free entry; FAT12 and FAT16 only.
    (root) => {
        r#"echo x > in/x; for n in $(seq 1 40); do cp in/x in/F$n; done; mcopy -Q -i $IMG in/F* ::/ 2>/dev/null || true
           mmd -i $IMG ::/SUB 2>/dev/null || true"#
    };
}

/// A shape: its name, its length, what mkfs.fat is told, how it is filled, and what is done at the end.
macro_rules! shape {
    ($name:literal, $len:literal, $options:literal, $fill:ident) => {
        shape!($name, $len, $options, $fill, ":")
    };
    ($name:literal, $len:literal, $options:literal, $fill:ident, $end:literal) => {
        Shape {
            name: $name,
            script: concat!(
                "cd $DIR; rm -rf in; mkdir in; truncate -s ",
                $len,
                " $IMG; mkfs.fat ",
                $options,
                " $IMG >/dev/null\n",
                fill!($fill),
                "\n",
                $end,
                "; rm -rf in\n"
            ),
        }
    };
}

/// Small enough for every run.
pub(crate) const SHAPES: &[Shape] = &[
    shape!("fat12-floppy-names", "1440K", "-F 12 -s 1 -n FLOPPY", names),
    shape!("fat12-512-fresh", "1900K", "-F 12 -s 1", fresh),
    shape!("fat12-512-full", "1900K", "-F 12 -s 1", full),
    shape!("fat12-1k-fragmented", "3M", "-F 12 -s 2 -n TRIP", fragmented),
    shape!("fat12-2k-huge", "6M", "-F 12 -s 4", huge),
    shape!("fat12-4k-deep", "12M", "-F 12 -s 8 -f 1", deep),
    shape!("fat12-8k-mixed", "24M", "-F 12 -s 16 -r 224", mixed),
    shape!("fat12-32k-mixed", "64M", "-F 12 -s 64 -n 'WITH A NAME'", mixed),
    shape!("fat12-root-full", "1M", "-F 12 -s 1 -r 32", root),
    shape!("fat16-512-full", "5M", "-F 16 -s 1", full),
    shape!("fat16-512-mixed-1-fat", "5M", "-F 16 -s 1 -f 1", mixed),
    shape!("fat16-1k-huge", "9M", "-F 16 -s 2 -n HUGE", huge),
    shape!("fat16-2k-fragmented", "17M", "-F 16 -s 4", fragmented),
    shape!("fat16-4k-names", "20M", "-F 16 -s 8 -a -R 3 -r 208", names),
    shape!("fat16-8k-deep", "40M", "-F 16 -s 16 -n DEEP", deep),
    shape!("fat16-32k-mixed", "200M", "-F 16 -s 64 -R 64", mixed),
    shape!("fat16-root-full", "5M", "-F 16 -s 1 -r 32 -f 1", root),
    shape!("fat16-4k-sectors", "20M", "-F 16 -S 4096 -s 1", mixed),
    shape!("fat32-512-fresh", "36M", "-F 32 -s 1 -n FRESH", fresh),
    shape!("fat32-512-full", "34M", "-F 32 -s 1", full),
    shape!("fat32-512-huge", "36M", "-F 32 -s 1", huge),
    shape!("fat32-512-names", "36M", "-F 32 -s 1 -n 'A LABEL'", names),
    shape!("fat32-512-mixed-1-fat", "36M", "-F 32 -s 1 -f 1", mixed),
    shape!("fat32-1k-fragmented", "72M", "-F 32 -s 2 -a -R 33", fragmented),
    shape!("fat32-4k-deep", "300M", "-F 32 -s 8", deep),
    shape!("fat32-32k-mixed", "2200M", "-F 32 -s 64 -n LARGE", mixed),
    shape!("fat32-4k-sectors", "300M", "-F 32 -S 4096 -s 1", mixed),
    // Mirroring is off, and FAT 1 is the active one: its copy is as it was before, and that is as it should be. Both
    // still are equal, so that fsck.fat, which knows nothing of this, has nothing to say.
    shape!(
        "fat32-not-mirrored",
        "36M",
        "-F 32 -s 1",
        mixed,
        r"for at in 0x28 $((6 * 512 + 0x28)); do printf '\x80' | dd of=$IMG bs=1 seek=$((at)) conv=notrunc status=none; done"
    ),
];

/// FAT32 in fewer clusters than the specification has it, which mkfs.fat makes and fsck.fat takes: empty, since mtools
/// takes it for another type.
pub(crate) const FEW_CLUSTERS: &[Shape] = &[
    shape!("fat32-few-4k", "24M", "-F 32 -s 8 -f 1", fresh),
    shape!("fat32-few-64k", "40M", "-F 32 -s 128 -n FEW", fresh),
    shape!("fat32-few-4k-sectors", "40M", "-F 32 -S 4096 -s 1", fresh),
];
