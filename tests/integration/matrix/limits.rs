//! Where room is short or places are odd: images in each other's way, the smallest and the largest volumes, every
//! cluster size, disks that were copied onto larger ones, other partitions.

use super::cells::{act, cells};
use super::family::{EXT4, FAT16, FAT32, Family, NTFS, START, Structure, within};
use super::stage::Stage;
use crate::inside::stage::open;
use crate::oracle::{long, sh};

/// The container, the table and all before the images are gone: everything comes back.
fn survives(family: Family) {
    let stage = Stage::new(family);
    let cell = cells(&stage).into_iter().find(|cell| cell.row == "that and the table, zeroed").unwrap();
    act(&stage, &cell).unwrap_or_else(|error| panic!("{}: {error}", family.name));
}

/// Left free below the large file: the user image has room there when that comes back.
const GAP: u64 = 2 << 20;

/// A file that fills the volume but for a few MiB goes after the factory image was made. The user image comes to lie
/// where that file was, and so where the factory image has clusters: the user image moves when the file comes back.
fn collision(family: Family) {
    let mut stage = Stage::bare(family);
    let (_, system) = open(&stage.volume.image);
    let free = system.grid().clusters - system.used().unwrap().used();
    let fill = system.grid().bytes_of(free).0 - 1_150_000 - GAP;
    drop(system);
    let script = match family.structure {
        Structure::Fat32 | Structure::Fat => {
            "mcopy -i volume.img gap ::/gap; mcopy -i volume.img big ::/big; mdel -i volume.img ::/gap"
        }
        _ => "cp ../gap gap; cp ../big big; rm gap",
    };
    sh(
        stage.dir(),
        &format!(
            "truncate -s {fill} big; truncate -s {GAP} gap; for f in big gap; do tr '\\0' 'z' < $f > t; mv t $f; done"
        ),
    );
    within(family.structure, stage.dir(), script);
    stage.put_back();
    stage.factory = stage.volume.walk();
    stage.make_images_with(|stage| {
        let script = match family.structure {
            Structure::Fat32 | Structure::Fat => "mdel -i volume.img ::/big",
            _ => "rm big",
        };
        within(family.structure, stage.dir(), script);
    });
    let user = stage.places(&["user.lbi"]);
    stage.expect("restore disk.img:1/factory --yes", 0);
    stage.cut_out();
    stage.judge("the large file is back").unwrap();
    assert!(stage.volume.walk() == stage.factory, "{}", family.name);
    stage.files = stage.container();
    assert_ne!(stage.places(&["user.lbi"]), user, "{}: the user image was in the way", family.name);
    // And there and back again.
    for (name, walk) in [("user", &stage.user), ("factory", &stage.factory)] {
        stage.expect(&format!("verify disk.img:1/{name}"), 0);
        stage.expect(&format!("restore disk.img:1/{name} --yes"), 0);
        stage.cut_out();
        stage.judge(name).unwrap();
        assert!(stage.volume.walk() == *walk, "{}: {name}", family.name);
    }
}

#[test]
fn images_in_the_way_of_a_large_file_move() {
    for family in if long() { &[FAT32, FAT16, NTFS, EXT4][..] } else { &[FAT16] } {
        collision(*family);
    }
}

/// A floppy disk has no table: the volume is the whole.
#[test]
fn a_floppy_disk_comes_back_from_itself() {
    let stage =
        Stage::bare(Family { make: "truncate -s 1M volume.img; mkfs.fat -F 12 volume.img >/dev/null", ..FAT16 });
    let dir = stage.dir();
    sh(
        dir,
        "truncate -s 1440K floppy.img; mkfs.fat -F 12 -s 1 floppy.img >/dev/null; seq 20000 > f; mcopy -i floppy.img f ::/
         head -c 90000 /dev/urandom > g; mcopy -i floppy.img g ::/",
    );
    stage.expect("backup floppy.img --inside --kind factory", 0);
    // Boot record, FATs and root directory.
    sh(dir, "dd if=/dev/zero of=floppy.img bs=512 count=33 conv=notrunc status=none");
    let found = stage.expect("images floppy.img --json", 0);
    assert!(found.out.contains("floppy.img/factory") && found.out.contains("\"toc\""), "{}", found.out);
    stage.expect("restore floppy.img/factory --yes", 0);
    sh(
        dir,
        "fsck.fat -n floppy.img; mcopy -n -i floppy.img ::/f f2; mcopy -n -i floppy.img ::/g g2; cmp f f2; cmp g g2",
    );
    stage.expect("verify floppy.img/factory", 0);
}

/// An image in pieces comes back like any other.
#[test]
fn a_scattered_image_brings_its_volume_back() {
    let mut stage = Stage::bare(FAT16);
    stage.expect("backup disk.img:1 --inside --kind factory --scattered", 0);
    stage.cut_out();
    stage.files = stage.container();
    let damage = stage.structures.find("both FATs").unwrap()[0].start;
    stage.destroy(&[0..512, START..damage + 9000], false);
    stage.expect(&format!("restore disk.img@{START}/factory --yes"), 0);
    stage.cut_out();
    stage.judge("restored from scattered storage").unwrap();
    assert!(stage.volume.walk() == stage.factory);
    stage.expect("verify disk.img:1/factory", 0);
}

const SIZES: [Family; 12] = [
    Family { name: "fat32-1k", make: "truncate -s 68M volume.img; mkfs.fat -F 32 -s 2 volume.img >/dev/null", ..FAT32 },
    Family {
        name: "fat32-4k",
        make: "truncate -s 270M volume.img; mkfs.fat -F 32 -s 8 volume.img >/dev/null",
        ..FAT32
    },
    Family {
        name: "fat32-32k",
        make: "truncate -s 2100M volume.img; mkfs.fat -F 32 -s 64 volume.img >/dev/null",
        ..FAT32
    },
    Family { name: "fat16-512", make: "truncate -s 5M volume.img; mkfs.fat -F 16 -s 1 volume.img >/dev/null", ..FAT16 },
    Family {
        name: "fat16-32k",
        make: "truncate -s 140M volume.img; mkfs.fat -F 16 -s 64 volume.img >/dev/null",
        ..FAT16
    },
    Family {
        name: "fat16-64k",
        make: "truncate -s 280M volume.img; mkfs.fat -F 16 -s 128 volume.img >/dev/null",
        ..FAT16
    },
    Family {
        name: "ntfs-512",
        make: "truncate -s 16M volume.img; mkntfs -F -Q -q -c 512 -p 2048 -H 255 -S 63 volume.img >/dev/null 2>&1",
        ..NTFS
    },
    Family {
        name: "ntfs-4k",
        make: "truncate -s 24M volume.img; mkntfs -F -Q -q -c 4096 -p 2048 -H 255 -S 63 volume.img >/dev/null 2>&1",
        ..NTFS
    },
    Family {
        name: "ntfs-16k",
        make: "truncate -s 48M volume.img; mkntfs -F -Q -q -c 16384 -p 2048 -H 255 -S 63 volume.img >/dev/null 2>&1",
        ..NTFS
    },
    Family {
        name: "ntfs-64k",
        make: "truncate -s 96M volume.img; mkntfs -F -Q -q -c 65536 -p 2048 -H 255 -S 63 volume.img >/dev/null 2>&1",
        ..NTFS
    },
    Family { name: "ext4-2k", make: "truncate -s 40M volume.img; mke2fs -q -t ext4 -b 2048 volume.img", ..EXT4 },
    Family { name: "ext4-4k", make: "truncate -s 64M volume.img; mke2fs -q -t ext4 -b 4096 volume.img", ..EXT4 },
];

#[test]
fn every_cluster_size_comes_back() {
    for family in SIZES.into_iter().filter(|family| long() || family.name == "fat16-64k") {
        survives(family);
        eprintln!("{}: ok", family.name);
    }
}

/// The disk was copied onto a larger one, and its volume enlarged: the images are found, and brought to the new end.
#[test]
fn a_volume_that_has_grown_gets_its_images_to_its_end() {
    for family in if long() { &[EXT4, NTFS][..] } else { &[EXT4] } {
        let mut stage = Stage::new(*family);
        sh(stage.dir(), "truncate -s +16M disk.img");
        let size = (stage.volume.image.metadata().unwrap().len() >> 20) + 14;
        sh(stage.dir(), &format!("sgdisk -e disk.img >/dev/null; sgdisk -d 1 -n 1:2048:+{size}M disk.img >/dev/null"));
        stage.expect("verify disk.img:1/user", 0);
        sh(stage.dir(), &format!("truncate -s {size}M volume.img"));
        stage.cut_out();
        let grow = match family.structure {
            Structure::Ntfs => "(yes || true) | ntfsresize -ff volume.img; ntfsfix -d volume.img",
            _ => "e2fsck -fp volume.img; resize2fs volume.img",
        };
        sh(stage.dir(), &format!("({grow}) >/dev/null 2>&1"));
        stage.put_back();
        let before = stage.begin();
        // ntfsresize leaves the copy of the boot record to chkdsk.
        stage.expect("check disk.img:1", if family.structure == Structure::Ntfs { 4 } else { 0 });
        stage.expect("tidy disk.img:1 --yes", 0);
        stage.files = stage.container();
        assert!(stage.begin() > before + (13 << 20), "{}: {before}, {}", family.name, stage.begin());
        stage.cut_out();
        stage.judge("tidied").unwrap();
        assert!(stage.volume.walk() == stage.user);
        for image in ["user", "factory"] {
            stage.expect(&format!("verify disk.img:1/{image}"), 0);
        }
    }
}

/// From inside one partition to another one of the same disk, on which something else was.
#[test]
fn an_image_inside_goes_to_another_partition() {
    let stage = Stage::new(NTFS);
    sh(
        stage.dir(),
        "truncate -s +20M disk.img; sgdisk -e disk.img >/dev/null; sgdisk -n 2:0:+17M disk.img >/dev/null
         mkfs.fat -F 16 --offset $(sfdisk -J disk.img | grep -o '\"start\": [0-9]*' | tail -1 | grep -o '[0-9]*') disk.img 17408 >/dev/null || true",
    );
    let first = sh(stage.dir(), "dd if=disk.img bs=1M count=17 status=none | sha256sum");
    stage.expect("restore disk.img:1/user --to disk.img:2", 3);
    stage.expect("restore disk.img:1/user --to disk.img:2 --yes", 0);
    let second = "$(( $(sfdisk -J disk.img | grep -o '\"start\": [0-9]*' | tail -1 | grep -o '[0-9]*') / 2048 ))";
    sh(
        stage.dir(),
        &format!(
            "rm volume.img; dd if=disk.img of=volume.img bs=1M skip={second} count=16 conv=sparse status=none; truncate -s 16M volume.img"
        ),
    );
    stage.judge("on another partition").unwrap();
    assert!(stage.volume.walk() == stage.user);
    assert_eq!(
        first,
        sh(stage.dir(), "dd if=disk.img bs=1M count=17 status=none | sha256sum"),
        "the source is as it was"
    );
}

/// 64 GiB, of which a few MiB are used: looking and restoring cost what is used, not what there is.
#[test]
fn a_large_sparse_volume_comes_back() {
    if !long() {
        return;
    }
    let stage = Stage::bare(FAT16);
    let dir = stage.dir();
    sh(
        dir,
        "truncate -s 65G large.img; printf 'label: gpt\\nstart=2048,size=134217728,type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\\n' | sfdisk -q large.img
         N=$(losetup -f --show -o 1M --sizelimit 64G large.img); trap 'losetup -d $N' EXIT
         mkntfs -F -Q -q -c 4096 -p 2048 -H 255 -S 63 $N >/dev/null 2>&1; head -c 3M /dev/urandom > one; ntfscp -f -q $N one one",
    );
    stage.expect("backup large.img:1 --inside --kind factory", 0);
    let table = sh(dir, "sfdisk --dump large.img");
    sh(
        dir,
        "fallocate -p -o 0 -l 65M large.img; end=$(stat -c %s large.img); fallocate -p -o $((end - 65536)) -l 65536 large.img",
    );
    let found = stage.expect("images large.img --json", 0);
    assert!(found.out.contains(&format!("large.img@{START}/factory")), "{}", found.out);
    stage.expect(&format!("restore large.img@{START}/factory --yes"), 0);
    assert_eq!(sh(dir, "sfdisk --dump large.img"), table);
    sh(
        dir,
        "N=$(losetup -f --show -r -o 1M --sizelimit 64G large.img); trap 'losetup -d $N' EXIT
         ntfsfix -n $N; ntfsinfo -m $N >/dev/null; ntfscat $N one | cmp - one",
    );
    stage.expect("verify large.img:1/factory", 0);
}
