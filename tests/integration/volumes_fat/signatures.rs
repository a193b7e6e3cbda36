//! What a volume is taken for: after it was made over another, with a destroyed first sector, and where no tool at
//! hand makes the kind.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use lifeboat::device::{MemoryDevice, SharedDevice};
use lifeboat::fs::{Kind, Probe, foreign, probe};

use super::{device, open};
use crate::oracle::{sh, sh_output};

/// The usual ways to make a volume, with blkid's name for it.
const MAKERS: [(&str, &str); 8] = [
    ("ext4", "mkfs.ext4 -q -F v.img"),
    ("vfat", "mkfs.fat -F 32 v.img"),
    ("ntfs", "mkntfs -QF -q v.img"),
    ("xfs", "mkfs.xfs -q -f v.img"),
    ("btrfs", "mkfs.btrfs -q -f v.img"),
    ("exfat", "mkfs.exfat v.img"),
    ("swap", "mkswap -f v.img"),
    ("crypto_LUKS", "echo s | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 v.img -"),
];

fn named(name: &str) -> Kind {
    match name {
        "ext4" => Kind::Ext4,
        "vfat" => Kind::Fat32,
        "ntfs" => Kind::Ntfs,
        "xfs" => Kind::Xfs,
        "btrfs" => Kind::Btrfs,
        "exfat" => Kind::ExFat,
        "swap" => Kind::Swap,
        "crypto_LUKS" => Kind::Luks,
        other => panic!("{other}"),
    }
}

#[test]
fn a_volume_made_over_another_is_the_new_one_unless_blkid_cannot_tell_either() {
    let dir = tempfile::tempdir().unwrap();
    for (old, make_old) in MAKERS {
        for (new, make_new) in MAKERS {
            if old == new {
                continue;
            }
            sh(dir.path(), &format!("rm -f v.img; truncate -s 320M v.img; ({make_old}; {make_new}) &>/dev/null"));
            let blkid = sh_output(dir.path(), "blkid -p -o value -s TYPE v.img");
            let theirs = String::from_utf8(blkid.stdout).unwrap();
            let ours = probe(&device(&dir.path().join("v.img"))).unwrap();
            if blkid.status.success() {
                assert_eq!((theirs.trim(), ours), (new, Probe::One(named(new))), "{new} over {old}");
            } else {
                let both = matches!(&ours, Probe::Ambiguous(kinds) if kinds.contains(&named(old)) && kinds.contains(&named(new)));
                assert!(both, "{new} over {old}: {ours:?}");
            }
        }
    }
}

fn of_bytes(bytes: Vec<u8>) -> Probe {
    probe(&(Arc::new(MemoryDevice::new(bytes)) as SharedDevice)).unwrap()
}

/// The image with these bytes put into it.
fn with(bytes: &[u8], offset: usize, piece: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[offset..offset + piece.len()].copy_from_slice(piece);
    changed
}

#[test]
fn a_volume_with_a_destroyed_first_sector_is_known_by_its_backup_when_nothing_else_is_there() {
    for (maker, size, kind) in [
        ("mkfs.fat -F 32 -s 1 v.img", "36M", Kind::Fat32),
        ("mkntfs -QF -q v.img", "8M", Kind::Ntfs),
        ("mkfs.ext4 -q -b 1024 v.img", "12M", Kind::Ext4),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.img");
        sh(dir.path(), &format!("truncate -s {size} v.img; {maker} &>/dev/null"));
        let used: Vec<_> = open(&path).used().unwrap().runs().collect();
        let bytes = fs::read(&path).unwrap();
        for filler in [0, 0xFF, 0x5A] {
            // The superblock of ext is at 1024, a boot sector at 0.
            let broken = with(&bytes, 0, &[filler; 2048]);
            assert_eq!(of_bytes(broken.clone()), Probe::One(kind), "{maker}");
            fs::write(&path, broken).unwrap();
            let volume = open(&path);
            let notes = &volume.summary().notes;
            assert!(notes.iter().any(|note| note.contains("backup") || note.contains("copy")), "{notes:?}");
            assert!(volume.used().unwrap().runs().eq(used.iter().copied()), "{maker}");
        }
        let broken = with(&bytes, 0, &[0; 2048]);
        // Another volume's sign, and the backup is only what an older one left.
        assert_eq!(of_bytes(with(&broken, 0x10040, b"_BHRfS_M")), Probe::One(Kind::Btrfs), "{maker}");
        assert_eq!(of_bytes(with(&broken, 0x400, b"\x10\x20\xF5\xF2")), Probe::None, "{maker} under F2FS");
        assert_eq!(of_bytes(with(&broken, 0x200, b"EFI PART")), Probe::None, "{maker} under a GPT");
        let mut entry = [0; 66];
        entry[4] = 7;
        entry[8] = 63;
        entry[13] = 8;
        entry[64..].copy_from_slice(&[0x55, 0xAA]);
        assert_eq!(of_bytes(with(&broken, 0x1BE, &entry)), Probe::None, "{maker} under an MBR");
        // Nor does a backup count when the place where it lies is not where it says it lies.
        let mut moved = vec![0; 1 << 20];
        moved.extend(broken);
        assert_eq!(of_bytes(moved), Probe::None, "{maker}, moved");
    }
}

#[test]
fn physical_volumes_of_lvm_are_recognised_and_described() {
    let dir = tempfile::tempdir().unwrap();
    let script = "truncate -s 16M v.img; L=$(losetup -f --show v.img); trap 'losetup -d $L' EXIT
        pvcreate -ff -y --nolocking --config devices/use_devicesfile=0 $L &>/dev/null || exit 3";
    let made = sh_output(dir.path(), script);
    let path = dir.path().join("v.img");
    if made.status.code() == Some(3) {
        // Where pvcreate has no device-mapper: the label as lvm2 describes it.
        let mut bytes = vec![0; 1 << 20];
        bytes[0x200..0x220].copy_from_slice(b"LABELONE\x01\0\0\0\0\0\0\0\0\0\0\0\x20\0\0\0LVM2 001");
        bytes[0x220..0x240].copy_from_slice(b"gy35Qu02i0yEB0HKnWW4Csr3eoTlrStV");
        fs::write(&path, bytes).unwrap();
    }
    let device = device(&path);
    assert_eq!(probe(&device).unwrap(), Probe::One(Kind::Lvm2));
    let id = foreign::describe(&device, Kind::Lvm2).id.unwrap();
    if made.status.success() {
        assert_eq!(id, sh(dir.path(), "blkid -p -s UUID -o value v.img").trim());
    } else {
        assert_eq!(id, "gy35Qu-02i0-yEB0-HKnW-W4Cs-r3eo-TlrStV");
    }
}

/// What blkid says of these bytes.
fn blkid(dir: &Path, bytes: &[u8]) -> String {
    fs::write(dir.join("crafted.img"), bytes).unwrap();
    String::from_utf8(sh_output(dir, "blkid -p -o value -s TYPE crafted.img").stdout).unwrap().trim().to_owned()
}

#[test]
fn crafted_signatures_of_hfs_plus_and_bitlocker_are_recognised() {
    let dir = tempfile::tempdir().unwrap();
    // TN1150: signature, version, attributes … block size at 40, blocks at 44; blkid looks at these, too.
    for (signature, version) in [(b"H+", 4), (b"HX", 5)] {
        let mut bytes = with(&vec![0; 2 << 20], 0x400, signature);
        bytes[0x403] = version;
        bytes[0x428..0x430].copy_from_slice(&[0, 0, 0x10, 0, 0, 0, 2, 0]);
        assert_eq!(of_bytes(bytes.clone()), Probe::One(Kind::HfsPlus));
        assert_eq!(blkid(dir.path(), &bytes), "hfsplus");
        bytes[0x403] = 9;
        assert_eq!(of_bytes(bytes), Probe::None);
    }
    // A volume under BitLocker To Go looks like FAT32 to those who do not know its identifier.
    sh(dir.path(), "truncate -s 36M v.img; mkfs.fat -F 32 -s 1 v.img");
    let fat = fs::read(dir.path().join("v.img")).unwrap();
    let ids = [
        "4967d63b-2e29-4ad8-8399-f6a339e3d001".parse::<uuid::Uuid>().unwrap(),
        "92a84d3b-dd80-4d0e-9e4e-b1e3284eaed8".parse().unwrap(),
    ];
    for id in ids {
        let to_go = with(&with(&fat, 3, b"MSWIN4.1"), 0x1A8, &id.to_bytes_le());
        assert_eq!(of_bytes(to_go), Probe::One(Kind::BitLocker));
    }
    let mut whole = with(&with(&fat, 0, b"\xEB\x58\x90-FVE-FS-"), 0xA0, &ids[0].to_bytes_le());
    // The places of its metadata, and the signature there, for blkid.
    whole[0xB0..0xB8].copy_from_slice(&(1u64 << 20).to_le_bytes());
    let whole = with(&whole, 1 << 20, b"-FVE-FS-\x40\0\x02\0");
    assert_eq!(of_bytes(whole.clone()), Probe::One(Kind::BitLocker));
    assert_eq!(blkid(dir.path(), &whole), "BitLocker");
}
