//! The words of the disks screen that have values in them.

use std::path::Path;
use std::time::Duration;

use super::{bytes, duration};
use crate::fs::State;
use crate::inventory::{Reading, TableView};
use crate::table::{Health, Kind};
use crate::words::{en, fill};

/// `465.7 GiB (500 GB)`: what a disk holds, and the number that is printed on it.
#[must_use]
pub fn disk_size(size: u64) -> String {
    if size < 1000 {
        return bytes(size);
    }
    fill(en::SIZE_BOTH, &[("binary", &bytes(size)), ("decimal", &decimal(size))])
}

/// A size as vendors count: thousands, and three digits at most.
fn decimal(size: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut scale: u64 = 1;
    let mut unit = 0;
    // 999.5 of a unit are one of the next, as three digits tell it.
    while unit + 1 < UNITS.len() && size >= scale.saturating_mul(1000) - scale / 2 {
        scale *= 1000;
        unit += 1;
    }
    let tenths = (u128::from(size) * 10 + u128::from(scale) / 2) / u128::from(scale);
    if tenths >= 100 || tenths % 10 == 0 {
        let whole = (u128::from(size) + u128::from(scale) / 2) / u128::from(scale);
        return format!("{whole} {}", UNITS[unit]);
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// How full a volume is, in whole percent; full only when nothing is free.
#[must_use]
pub fn percent(used: u64, all: u64) -> u8 {
    if all == 0 {
        return 0;
    }
    let percent = u128::from(used.min(all)) * 100 / u128::from(all);
    u8::try_from(percent).unwrap_or(100)
}

/// `22.0 GiB of 40.0 GiB used (55%)`.
#[must_use]
pub fn used_of(used: u64, all: u64) -> String {
    fill(en::USED_OF, &[("used", &bytes(used)), ("all", &bytes(all)), ("percent", &percent(used, all))])
}

/// A disk or file by the last part of its path.
#[must_use]
pub fn disk_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// What of a disk is being read.
#[must_use]
pub fn reading(what: Reading) -> String {
    let words = match what {
        Reading::Opening => en::READING_OPENING,
        Reading::Table => en::READING_TABLE,
        Reading::Partition(number) => return fill(en::READING_PARTITION, &[("number", &number)]),
        Reading::Found(_) => en::READING_FOUND,
        Reading::Whole => en::READING_WHOLE,
        Reading::LostVolumes => en::READING_LOST,
        Reading::Images => en::READING_IMAGES,
    };
    words.to_owned()
}

/// Which disk is being read, and how many beside it.
#[must_use]
pub fn looking_at(disk: &Path, what: Reading, others: usize) -> String {
    let (disk, what) = (disk_name(disk), reading(what));
    match others {
        0 => fill(en::LOOKING_AT, &[("disk", &disk), ("what", &what)]),
        1 => fill(en::LOOKING_AT_ONE_MORE, &[("disk", &disk), ("what", &what)]),
        count => fill(en::LOOKING_AT_MORE, &[("disk", &disk), ("what", &what), ("count", &count)]),
    }
}

/// A disk that is slow to be read.
#[must_use]
pub fn looking_slow(disk: &Path, what: Reading, time: Duration) -> String {
    let (disk, what, time) = (disk_name(disk), reading(what), duration(time));
    fill(en::LOOKING_SLOW, &[("disk", &disk), ("time", &time), ("what", &what)])
}

/// Disks that are not there any more.
#[must_use]
pub fn gone(disks: &[String]) -> String {
    match disks {
        [disk] => fill(en::DISK_GONE, &[("disk", disk)]),
        _ => fill(en::DISKS_GONE, &[("count", &disks.len())]),
    }
}

/// Disks that were not there before.
#[must_use]
pub fn came(disks: &[String]) -> String {
    match disks {
        [disk] => fill(en::DISK_CAME, &[("disk", disk)]),
        _ => fill(en::DISKS_CAME, &[("count", &disks.len())]),
    }
}

/// What the user was about to work on went away.
#[must_use]
pub fn place_gone(disk: &Path) -> String {
    fill(en::PLACE_GONE, &[("disk", &disk_name(disk))])
}

/// What the user was about to work on does not answer any more.
#[must_use]
pub fn place_unreadable(disk: &Path) -> String {
    fill(en::PLACE_UNREADABLE, &[("disk", &disk_name(disk))])
}

/// How many lines a filter leaves.
#[must_use]
pub fn filter_count(count: usize, all: usize) -> String {
    fill(en::FILTER_COUNT, &[("count", &count), ("all", &all)])
}

/// A volume's state.
#[must_use]
pub fn state(state: State) -> &'static str {
    match state {
        State::Clean => en::STATE_CLEAN,
        State::Dirty | State::Journal => en::STATE_NOT_CLEAN,
        State::Hibernated => en::STATE_HIBERNATED,
    }
}

/// Where something is mounted.
#[must_use]
pub fn mounted_at(places: &[std::path::PathBuf]) -> String {
    match places {
        [] => String::new(),
        [place] => fill(en::MOUNTED_AT, &[("place", &place.display())]),
        [place, more @ ..] => fill(en::MOUNTED_AT_MORE, &[("place", &place.display()), ("count", &more.len())]),
    }
}

/// The images inside a volume as badges: `[F] [2 U]`.
#[must_use]
pub fn badges(factory: usize, user: usize) -> Vec<String> {
    let factory = match factory {
        0 => None,
        1 => Some(en::BADGE_FACTORY.to_owned()),
        count => Some(fill(en::BADGE_FACTORIES, &[("count", &count)])),
    };
    let user = match user {
        0 => None,
        1 => Some(en::BADGE_USER.to_owned()),
        count => Some(fill(en::BADGE_USERS, &[("count", &count)])),
    };
    factory.into_iter().chain(user).collect()
}

/// The images inside a volume, counted.
#[must_use]
pub fn images_inside(factory: usize, user: usize, damaged: usize) -> String {
    match damaged {
        0 => fill(en::IMAGES_INSIDE, &[("factory", &factory), ("user", &user)]),
        _ => fill(en::IMAGES_DAMAGED, &[("factory", &factory), ("user", &user), ("damaged", &damaged)]),
    }
}

/// What is wrong with a partition table.
#[must_use]
pub fn table_warning(table: &TableView) -> Option<&'static str> {
    match table.health {
        _ if table.from_backup => Some(en::TABLE_BACKUP_USED),
        Health::Ok => None,
        Health::Degraded => Some(en::TABLE_FAULTS),
        Health::Damaged => Some(en::TABLE_DAMAGED),
    }
}

/// Which partition table a disk has, on its line.
#[must_use]
pub fn table_kind(kind: Kind) -> String {
    match kind {
        Kind::Gpt => fill(en::TABLE_NAMED, &[("kind", &en::TABLE_GPT)]),
        Kind::Mbr => fill(en::TABLE_NAMED, &[("kind", &en::TABLE_MBR)]),
        Kind::None => en::NO_TABLE.to_owned(),
    }
}

/// A serial number, on a disk's line.
#[must_use]
pub fn serial(serial: &str) -> String {
    fill(en::SERIAL, &[("serial", &serial)])
}

/// The heading of the details, where they take several pages.
#[must_use]
pub fn details_title(page: usize, pages: usize) -> String {
    match pages {
        0 | 1 => en::PANE_DETAILS.to_owned(),
        _ => fill(en::PANE_DETAILS_PAGE, &[("page", &page), ("pages", &pages)]),
    }
}

/// What Tab leads to.
#[must_use]
pub fn pane_tab(other: &str) -> String {
    fill(en::PANE_TAB, &[("other", &other)])
}

/// Words that want to be noticed, by a sign as well.
#[must_use]
pub fn warned(words: &str) -> String {
    fill(en::WARNED, &[("words", &words)])
}

/// `55%`.
#[must_use]
pub fn percent_words(percent: u8) -> String {
    fill(en::PERCENT, &[("percent", &percent)])
}

/// Above the progress of verifying an image.
#[must_use]
pub fn verify_headline(image: &str) -> String {
    fill(en::VERIFY_WHAT, &[("image", &image)])
}

/// A map that is being read.
#[must_use]
pub fn map_reading(place: &str) -> String {
    fill(en::MAP_READING, &[("place", &place)])
}

/// Why there is no map.
#[must_use]
pub fn map_none(reason: &str) -> String {
    fill(en::MAP_NONE, &[("reason", &reason)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_the_size_that_is_printed_on_it() {
        assert_eq!(disk_size(500_107_862_016), "465.7 GiB (500 GB)");
        assert_eq!(disk_size(2_000_398_934_016), "1.8 TiB (2 TB)");
        assert_eq!(disk_size(1_500_301_910_016), "1.3 TiB (1.5 TB)");
        assert_eq!(disk_size(64 << 20), "64.0 MiB (67 MB)");
        assert_eq!(disk_size(999_600_000_000), "930.9 GiB (1 TB)");
        assert_eq!(disk_size(1_474_560), "1.4 MiB (1.5 MB)");
        assert_eq!(disk_size(512), "512 B");
        assert_eq!(disk_size(0), "0 B");
        assert_eq!(disk_size(u64::MAX), "15.9 EiB (18 EB)");
    }

    #[test]
    fn a_volume_is_full_only_when_nothing_is_free() {
        assert_eq!((percent(0, 0), percent(999, 1000), percent(1000, 1000), percent(7, 3)), (0, 99, 100, 100));
        assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
    }

    #[test]
    fn badges_count_from_two_on() {
        assert_eq!(badges(1, 0), ["[F]"]);
        assert_eq!(badges(0, 3), ["[3 U]"]);
        assert_eq!(badges(2, 1), ["[2 F]", "[U]"]);
        assert!(badges(0, 0).is_empty());
    }

    #[test]
    fn every_sentence_has_a_place_for_each_of_its_values() {
        let disk = Path::new("/dev/sda");
        let readings = [
            Reading::Opening,
            Reading::Table,
            Reading::Partition(2),
            Reading::Found(512),
            Reading::Whole,
            Reading::LostVolumes,
            Reading::Images,
        ];
        for (what, others) in readings.into_iter().zip([0, 1, 2].into_iter().cycle()) {
            assert!(looking_at(disk, what, others).starts_with("Reading sda: "));
            assert!(looking_slow(disk, what, Duration::from_secs(12)).contains("12 s"));
        }
        assert_eq!(gone(&["sda".into()]), "sda is not there any more.");
        assert!(gone(&["sda".into(), "sdb".into()]).starts_with("2 disks"));
        assert!(came(&["sda".into()]).starts_with("sda") && came(&["sda".into(), "sdb".into()]).starts_with('2'));
        assert_eq!(mounted_at(&["/".into(), "/home".into(), "/srv".into()]), "mounted at / and 2 more");
        assert_eq!(images_inside(1, 2, 0), "1 factory, 2 user");
        assert_eq!(images_inside(1, 2, 1), "1 factory, 2 user; 1 of them damaged");
        assert_eq!((details_title(1, 1), details_title(1, 2)), ("Details".into(), "Details 1 of 2".into()));
        for words in [place_gone(disk), filter_count(1, 2), used_of(1, 2), table_kind(Kind::Gpt), serial("x")] {
            assert!(!words.contains(['{', '}']), "{words}");
        }
        for words in
            [pane_tab("x"), warned("x"), percent_words(5), verify_headline("x"), map_reading("x"), map_none("x")]
        {
            assert!(!words.contains(['{', '}']), "{words}");
        }
    }
}
