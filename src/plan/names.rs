//! How plans name things: a place, what is in it, an image. Each is a value of many sentences, and said the same in all.

use super::{Safety, Step, StepKind};
use crate::fs::{Kind as FsKind, State};
use crate::image::{Excluded, Header, Kind};
use crate::inventory::{Address, Place};
use crate::unit::ByteLen;
use crate::words::{en, fill};

/// A name and its value, of a plan's numbers.
pub(super) type Fact = (String, String);

pub(super) fn fact(name: &str, value: impl Into<String>) -> Fact {
    (name.into(), value.into())
}

pub(super) fn step(kind: StepKind, title: &str, bytes: u64, safety: Safety) -> Step {
    Step { kind, title: title.into(), bytes, safety }
}

/// An address with what is known about its disk.
pub(super) fn place_words(address: &Address, place: &Place) -> String {
    let name = place.entry.as_ref().and_then(|entry| entry.name.as_ref());
    let size = &place.len;
    match (name, &place.disk_name) {
        (None, None) => fill(en::VALUE_PLACE, &[("address", address), ("size", size)]),
        (None, Some(disk)) => fill(en::VALUE_PLACE_ON, &[("address", address), ("size", size), ("disk", disk)]),
        (Some(name), None) => fill(en::VALUE_PLACE_NAMED, &[("address", address), ("name", name), ("size", size)]),
        (Some(name), Some(disk)) => {
            let values: [(&str, &dyn std::fmt::Display); 4] =
                [("address", address), ("name", name), ("size", size), ("disk", disk)];
            fill(en::VALUE_PLACE_NAMED_ON, &values)
        }
    }
}

/// A volume by kind and label: `ntfs, "Windows"`.
pub(super) fn volume_words(kind: FsKind, label: Option<&str>) -> String {
    match label {
        Some(label) => fill(en::VALUE_LABELLED, &[("kind", &kind), ("label", &label)]),
        None => kind.to_string(),
    }
}

/// How a volume was left, behind "is", "was" and "state".
pub(super) fn state_words(state: State) -> &'static str {
    match state {
        State::Clean => en::STATE_CLEAN,
        State::Dirty => en::VALUE_DIRTY,
        State::Hibernated => en::STATE_HIBERNATED,
        State::Journal => en::VALUE_JOURNAL,
    }
}

/// An image where it is, with what its header tells.
pub(super) fn image_words(image: &dyn std::fmt::Display, header: &Header) -> String {
    let words = match header.kind {
        Kind::Factory => en::VALUE_IMAGE_FACTORY,
        Kind::User => en::VALUE_IMAGE_USER,
    };
    fill(words, &[("image", image), ("name", &header.name), ("created", &header.created)])
}

/// The volume that an image holds.
pub(super) fn imaged_words(header: &Header, used: ByteLen) -> String {
    let volume = volume_words(header.volume.kind, header.volume.label.as_deref());
    fill(en::VALUE_VOLUME_USED, &[("volume", &volume), ("size", &header.grid.len()), ("used", &used)])
}

/// The files that are not in an image, each as a fact.
pub(super) fn left_out(files: &[Excluded]) -> impl Iterator<Item = Fact> {
    files.iter().map(|file| {
        let value = fill(en::LEFT_OUT_FILE, &[("path", &file.path), ("size", &ByteLen(file.bytes))]);
        fact(en::FACT_LEFT_OUT, value)
    })
}
