//! The lines that a filter leaves: those that it is about, and what they belong to.

use super::{Row, RowKind};
use crate::ui::filter::Filter;

/// The places of the lines to be shown. A line stays with the disk and the volume it belongs to; a disk or volume that
/// the filter is about stays with all that is on it.
#[must_use]
pub fn narrowed(rows: &[Row], filter: Option<&Filter>) -> Vec<usize> {
    let Some(filter) = filter else { return (0..rows.len()).collect() };
    let mut kept = vec![false; rows.len()];
    // The disk and the volume that the line stands below, and whether the filter is about them.
    let (mut disk, mut volume) = ((0, false), (0, false));
    for (at, row) in rows.iter().enumerate() {
        let is_meant = filter.admits(&row.words());
        match row.kind {
            RowKind::Disk => {
                (disk, volume) = ((at, is_meant), (at, false));
                kept[at] = is_meant;
            }
            RowKind::Image => kept[at] = is_meant || volume.1 || disk.1,
            RowKind::Whole | RowKind::Partition | RowKind::Found => {
                volume = (at, is_meant);
                kept[at] = is_meant || disk.1;
            }
        }
        if kept[at] && row.kind == RowKind::Image {
            kept[volume.0] = true;
        }
        if kept[at] {
            kept[disk.0] = true;
        }
    }
    (0..rows.len()).filter(|at| kept[*at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Disk, Inventory, Partition, TableView};
    use crate::table::Kind;
    use crate::ui::msg::Key;
    use crate::ui::rows::rows;

    fn filter(text: &str) -> Filter {
        let mut filter = Filter::begin();
        assert!(text.chars().all(|letter| filter.key(Key::Char(letter))));
        filter
    }

    fn machine() -> Vec<Row> {
        let partition = |number, name: &str| Partition {
            number,
            name: Some(name.into()),
            bytes: u64::from(number) << 20,
            ..Partition::default()
        };
        let disk = |path: &str, model: &str, names: &[&str]| Disk {
            path: path.into(),
            model: Some(model.into()),
            table: TableView { kind: Kind::Gpt, ..TableView::default() },
            partitions: names.iter().zip(1..).map(|(name, number)| partition(number, name)).collect(),
            ..Disk::default()
        };
        let disks = vec![disk("sda", "Old", &["System", "Data"]), disk("sdb", "New", &["Photos"])];
        rows(&Inventory { disks })
    }

    #[test]
    fn a_line_stays_with_its_disk_and_a_disk_with_all_that_is_on_it() {
        let rows = machine();
        assert_eq!(narrowed(&rows, None), [0, 1, 2, 3, 4]);
        assert_eq!(narrowed(&rows, Some(&filter(""))), [0, 1, 2, 3, 4]);
        assert_eq!(narrowed(&rows, Some(&filter("data"))), [0, 2]);
        assert_eq!(narrowed(&rows, Some(&filter("new"))), [3, 4]);
        assert_eq!(narrowed(&rows, Some(&filter("no such thing"))), [0; 0]);
    }
}
