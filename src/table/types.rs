//! Partition types in words.
//!
//! The GUIDs are those of the UEFI specification's registry and the Discoverable Partitions
//! Specification; the MBR ids those in common use (Brouwer's list).

/// Lifeboat's own partition type on a GPT: the recovery aid. A GUID drawn at random for it.
pub const RECOVERY_TYPE_GPT: &str = "5549BFDB-6388-49D8-9696-C263A01E2289";
/// Lifeboat's own partition type in an MBR: an id that neither Brouwer's list nor util-linux gives to anything.
pub const RECOVERY_TYPE_MBR: u8 = 0xba;
const RECOVERY_NAME: &str = "Lifeboat recovery aid";

/// True for a type (as an [`Entry`](super::Entry) has it) of partitions that hold files: in those a file system is
/// missed. Others (Microsoft's reserved one, a boot loader's, LVM's) hold none.
#[must_use]
pub fn holds_files(type_id: &str) -> bool {
    const GPT: [&str; 4] = [
        "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
        "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
        "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
        "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC",
    ];
    const MBR: [&str; 11] = ["0x01", "0x04", "0x06", "0x07", "0x0b", "0x0c", "0x0e", "0x1b", "0x27", "0x83", "0xef"];
    GPT.iter().chain(&MBR).any(|known| known.eq_ignore_ascii_case(type_id))
}

/// True for a type (as an [`Entry`](super::Entry) has it) of an MBR's extended partition: a frame around logical ones,
/// never a volume.
#[must_use]
pub fn is_extended(type_id: &str) -> bool {
    type_byte(type_id).is_some_and(is_frame)
}

/// The same of the byte in an MBR's entry, and in a link's entry that points at the next link.
pub(super) fn is_frame(kind: u8) -> bool {
    matches!(kind, 0x05 | 0x0f | 0x85)
}

/// The byte in an MBR's entry that `0x07` means.
pub(super) fn type_byte(type_id: &str) -> Option<u8> {
    let digits = type_id.strip_prefix("0x").or_else(|| type_id.strip_prefix("0X"))?;
    u8::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// What a GPT type GUID (upper case, hyphenated) means, where it is known.
pub(super) fn gpt_name(guid: &str) -> Option<&'static str> {
    let found = GPT_TYPES.iter().find(|(id, _)| *id == guid);
    found.map(|(_, name)| *name)
}

/// What an MBR type id means, where it is known.
pub(super) fn mbr_name(id: u8) -> Option<&'static str> {
    Some(match id {
        0x01 => "FAT12",
        0x04 => "FAT16 (small)",
        0x05 => "Extended",
        0x06 => "FAT16",
        0x07 => "NTFS or exFAT",
        0x0b => "FAT32",
        0x0c => "FAT32 (LBA)",
        0x0e => "FAT16 (LBA)",
        0x0f => "Extended (LBA)",
        0x11 => "Hidden FAT12",
        0x12 => "Maker's recovery or diagnostics",
        0x14 => "Hidden FAT16 (small)",
        0x16 => "Hidden FAT16",
        0x17 => "Hidden NTFS",
        0x1b => "Hidden FAT32",
        0x1c => "Hidden FAT32 (LBA)",
        0x1e => "Hidden FAT16 (LBA)",
        0x27 => "Windows recovery",
        0x42 => "Windows dynamic disk",
        0x82 => "Linux swap",
        0x83 => "Linux",
        0x84 => "Hibernation",
        0x85 => "Linux extended",
        0x8e => "Linux LVM",
        RECOVERY_TYPE_MBR => RECOVERY_NAME,
        0xa5 => "FreeBSD",
        0xa6 => "OpenBSD",
        0xa8 => "macOS UFS",
        0xa9 => "NetBSD",
        0xab => "macOS boot",
        0xaf => "macOS HFS+",
        0xda => "Data without a file system",
        0xde => "Dell diagnostics",
        0xea => "Boot loader (XBOOTLDR)",
        0xee => "GPT protective",
        0xef => "EFI system",
        0xfb => "VMware VMFS",
        0xfc => "VMware swap",
        0xfd => "Linux RAID",
        _ => return None,
    })
}

const GPT_TYPES: [(&str, &str); 35] = [
    (RECOVERY_TYPE_GPT, RECOVERY_NAME),
    ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "EFI system"),
    ("024DEE41-33E7-11D3-9D69-0008C781F39F", "MBR partition scheme"),
    ("21686148-6449-6E6F-744E-656564454649", "BIOS boot"),
    ("E3C9E316-0B5C-4DB8-817D-F92DF00215AE", "Microsoft reserved"),
    ("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "Basic data"),
    ("DE94BBA4-06D1-4D40-A16A-BFD50179D6AC", "Windows recovery"),
    ("5808C8AA-7E8F-42E0-85D2-E1E90434CFB3", "Windows dynamic disk metadata"),
    ("AF9B60A0-1431-4F62-BC68-3311714A69AD", "Windows dynamic disk data"),
    ("E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D", "Windows Storage Spaces"),
    ("558D43C5-A1AC-43C0-AAC8-D1472B2923D1", "Windows storage replica"),
    ("D3BFE2DE-3DAF-11DF-BA40-E3A556D89593", "Intel fast flash"),
    ("F4019732-066E-4E12-8273-346C5641494F", "Sony boot"),
    ("BFBFAFE7-A34F-448A-9A5B-6213EB736C22", "Lenovo boot"),
    ("0FC63DAF-8483-4772-8E79-3D69D8477DE4", "Linux data"),
    ("44479540-F297-41B2-9AF7-D131D5F0458A", "Linux root (x86)"),
    ("4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", "Linux root (x86-64)"),
    ("69DAD710-2CE4-4E3C-B16C-21A1D49ABED3", "Linux root (ARM)"),
    ("B921B045-1DF0-41C3-AF44-4C6F280D3FAE", "Linux root (ARM64)"),
    ("8484680C-9521-48C6-9C11-B0720656F69E", "Linux /usr (x86-64)"),
    ("933AC7E1-2EB4-4F13-B844-0E14E2AEF915", "Linux home"),
    ("3B8F8425-20E0-4F3B-907F-1A25A76F98E8", "Linux server data"),
    ("4D21B016-B534-45C2-A9FB-5C16E091FD2D", "Linux variable data"),
    ("BC13C2FF-59E6-4262-A352-B275FD6F7172", "Boot loader (XBOOTLDR)"),
    ("0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", "Linux swap"),
    ("E6D6D379-F507-44C2-A23C-238F2A3DF928", "Linux LVM"),
    ("A19D880F-05FC-4D3B-A006-743F0F84911E", "Linux RAID"),
    ("CA7D7CCB-63ED-4C53-861C-1742536059CC", "Linux LUKS"),
    ("8DA63339-0007-60C0-C436-083AC8230908", "Linux reserved"),
    ("48465300-0000-11AA-AA11-00306543ECAC", "macOS HFS+"),
    ("7C3457EF-0000-11AA-AA11-00306543ECAC", "macOS APFS"),
    ("426F6F74-0000-11AA-AA11-00306543ECAC", "macOS boot"),
    ("516E7CB6-6ECF-11D6-8FF8-00022D09712B", "FreeBSD UFS"),
    ("516E7CBA-6ECF-11D6-8FF8-00022D09712B", "FreeBSD ZFS"),
    ("FE3A2A5D-4F32-41A7-B725-ACCC3285A309", "ChromeOS kernel"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guid_is_well_formed_and_stands_once() {
        for (at, (guid, _)) in GPT_TYPES.iter().enumerate() {
            assert_eq!(uuid::Uuid::parse_str(guid).unwrap().to_string().to_uppercase(), *guid);
            assert!(GPT_TYPES[at + 1..].iter().all(|(other, _)| other != guid), "{guid}");
        }
    }

    #[test]
    fn types_of_an_mbr_are_bytes_and_three_of_them_are_frames() {
        assert_eq!((type_byte("0x07"), type_byte("0xBA")), (Some(7), Some(0xba)));
        for wrong in ["07", "0x", "0x+7", "0x107", "x07", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"] {
            assert_eq!(type_byte(wrong), None, "{wrong}");
        }
        let frames: Vec<u8> = (0..=255).filter(|kind| is_extended(&format!("0x{kind:02x}"))).collect();
        assert_eq!(frames, [0x05, 0x0f, 0x85]);
        assert!(is_extended("0x0F") && !is_extended("") && !is_extended("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"));
    }
}
