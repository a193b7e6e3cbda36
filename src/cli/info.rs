//! `lifeboat info`: what an image says about itself.

use serde::Serialize;

use super::arguments::Info;
use super::console::{Console, facts};
use crate::error::Result;
use crate::fs::check::Unwatched;
use crate::image::{Header, Image, Trailer};
use crate::inventory;
use crate::unit::ByteLen;

#[derive(Serialize)]
struct Document<'a> {
    header: &'a Header,
    trailer: &'a Trailer,
    bytes: u64,
    damage: &'a [String],
}

/// Prints header, trailer, length and what is known to be damaged.
pub(super) fn run(command: &Info) -> u8 {
    let console = Console::new(command.json);
    show(command, &console).unwrap_or_else(|error| console.error(&error))
}

fn show(command: &Info, console: &Console) -> Result<u8> {
    let image = inventory::image_at(&command.image, &Unwatched)?;
    if console.json() {
        console.document(&Document {
            header: image.header(),
            trailer: image.trailer(),
            bytes: image.bytes(),
            damage: image.damage(),
        });
    } else {
        console.line(&format!("{}: an image of {}", command.image, origin(image.header())));
        for line in facts(&describe(&image)) {
            console.line(&line);
        }
        for file in &image.header().excluded {
            console.line(&format!("  left out: {} ({})", file.path, ByteLen(file.bytes)));
        }
        for damage in image.damage() {
            console.line(&format!("  damage: {damage}"));
        }
    }
    // An image that is damaged as far as opening it tells is shown, and said to be so.
    Ok(if image.damage().is_empty() { 0 } else { 4 })
}

fn origin(header: &Header) -> String {
    let label = header.volume.label.as_deref().map(|label| format!(" \"{label}\"")).unwrap_or_default();
    format!("a {} volume{label}, {}", header.volume.kind, header.volume.len)
}

fn describe(image: &Image) -> Vec<(String, String)> {
    let (header, trailer) = (image.header(), image.trailer());
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let mut list = vec![
        fact("Name", header.name.clone()),
        fact("Kind", header.kind.name().to_owned()),
        fact("Made", format!("{} on {} by {}", header.created, header.machine, header.writer)),
        fact("Image id", header.image_id.to_string()),
        fact("Volume id", header.volume.id.clone().unwrap_or_else(|| "none".to_owned())),
        fact(
            "State",
            format!("{}{}", header.volume.state, if header.even_if_dirty { ", imaged all the same" } else { "" }),
        ),
        fact(
            "Clusters",
            format!(
                "{} of {} kept, {} each{}",
                header.image_clusters,
                header.grid.clusters,
                ByteLen(header.grid.cluster_bytes.into()),
                if header.raw { " (raw: all sectors)" } else { "" }
            ),
        ),
        fact(
            "Size",
            format!(
                "{} ({} of data stored in {})",
                ByteLen(image.bytes()),
                ByteLen(trailer.raw_bytes),
                ByteLen(trailer.stored_bytes)
            ),
        ),
    ];
    list.push(match &header.partition {
        Some(partition) => fact(
            "Partition",
            format!(
                "number {} of a {} disk, {} at byte {}",
                partition.number,
                partition.table,
                ByteLen(partition.bytes),
                partition.start_bytes
            ),
        ),
        None => fact("Partition", "none: a whole device or file".to_owned()),
    });
    if let Some(base) = header.base_image_id {
        list.push(fact("Needs", format!("the image {base}")));
    }
    for run in trailer.bad_runs() {
        list.push(fact("Unreadable", format!("clusters {} to {}", run.start, run.end().saturating_sub(1))));
    }
    list
}
