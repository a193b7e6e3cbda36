//! The images there are to choose from: the files of a folder, and those inside partitions.

use crate::inventory::Address;

use super::model::{ImageRow, Model};
use super::rows::{Row, RowKind};
use super::text;

/// A line of the list of images.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// A file of the folder.
    File(&'a ImageRow),
    /// One inside a partition, as the look at the disks found it.
    Inside(&'a Row),
}

impl Entry<'_> {
    /// By what it is named.
    #[must_use]
    pub fn address(&self) -> Address {
        match self {
            Self::File(row) => Address::Whole(row.path.clone()),
            Self::Inside(row) => row.address.clone(),
        }
    }

    /// Its name, with the partition that it is in.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(row) => row.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            Self::Inside(row) => text::image_inside(&row.title, row.volume_address()),
        }
    }

    /// What a filter looks at: name, kind, label, day.
    fn words(&self) -> String {
        let info = match self {
            Self::File(row) => row.info.as_ref().ok().map(|info| (**info).clone()),
            Self::Inside(row) => row.image_info(),
        };
        let mut words = vec![self.name()];
        words.extend(
            info.map(|info| {
                [info.name, info.kind, info.volume, info.label.unwrap_or_default(), info.created].join(" ")
            }),
        );
        words.join(" ")
    }
}

/// Files first, then what lies inside partitions; narrowed by the filter.
#[must_use]
pub fn entries(model: &Model) -> Vec<Entry<'_>> {
    let files = model.images.rows.iter().flatten().map(Entry::File);
    let inside = model.disks.rows.iter().filter(|row| row.kind == RowKind::Image).map(Entry::Inside);
    let all = files.chain(inside);
    match &model.filter {
        Some(filter) => all.filter(|entry| filter.admits(&entry.words())).collect(),
        None => all.collect(),
    }
}

/// The line under the cursor.
#[must_use]
pub fn chosen(model: &Model) -> Option<Entry<'_>> {
    let entries = entries(model);
    entries.get(model.images.cursor.min(entries.len().saturating_sub(1))).copied()
}
