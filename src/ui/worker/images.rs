//! Image files: listing a folder, describing one, completing a path.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::image::Image;
use crate::inventory::{self, Address};
use crate::job::{self, Monitor};
use crate::unit::ByteLen;

use super::super::model::{ImageInfo, ImageRow, Trouble};
use super::super::msg::{Completion, Msg, Ticket};
use super::super::text;

/// More images than this in one folder are not listed, so that a strange folder does not stall the screen.
const MAX_IMAGES: usize = 1000;

/// More entries than this are not looked at for completing a name.
const MAX_NAMES: usize = 10_000;

/// So many names are offered when a path can go on in several ways.
const MAX_CHOICES: usize = 24;

/// A folder's `.lbi` files, by name.
pub(super) fn list(
    folder: &Path,
    inspect: fn(&Address, &Monitor) -> Result<ImageInfo>,
) -> Result<Vec<ImageRow>, Trouble> {
    let entries = fs::read_dir(folder)
        .map_err(|error| Trouble::from(&Error::io(folder.display().to_string(), error).advise(text::NO_IMAGES_NEXT)))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("lbi")))
        .take(MAX_IMAGES)
        .collect();
    paths.sort();
    Ok(paths.into_iter().map(|path| row(path, inspect)).collect())
}

fn row(path: PathBuf, inspect: fn(&Address, &Monitor) -> Result<ImageInfo>) -> ImageRow {
    let place = Address::Whole(path.clone());
    let info = inspect(&place, &Monitor::new()).map(Box::new).map_err(|error| Trouble::from(&error));
    let bytes = match &info {
        Ok(info) => info.bytes,
        Err(_) => fs::metadata(&path).map_or(0, |metadata| metadata.len()),
    };
    ImageRow { path, bytes, info }
}

/// What a typed path is: a folder to go to, or an image; or the image at an address inside a volume.
pub(super) fn open(
    ticket: Ticket,
    place: Address,
    inspect: fn(&Address, &Monitor) -> Result<ImageInfo>,
    monitor: &Monitor,
) -> Msg {
    if let Address::Whole(path) = &place {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Msg::IsFolder(ticket, path.clone()),
            Ok(_) => {}
            Err(error) => {
                let error = Error::io(path.display().to_string(), error).advise(text::NOT_A_FOLDER);
                return Msg::Inspected(ticket, Err(Trouble::from(&error)));
            }
        }
    }
    Msg::Inspected(ticket, inspect(&place, monitor).map(Box::new).map_err(|error| Trouble::from(&error)))
}

/// Completes the last name of a path as far as the entries of its folder agree.
pub(super) fn complete(typed: &str) -> Completion {
    let (folder, start) = match typed.rfind('/') {
        Some(slash) => typed.split_at(slash + 1),
        None => ("", typed),
    };
    let place = if folder.is_empty() { "." } else { folder };
    let mut names: Vec<String> = fs::read_dir(place)
        .into_iter()
        .flatten()
        .take(MAX_NAMES)
        .filter_map(|entry| name(&entry.ok()?, start))
        .collect();
    names.sort();
    let Some(first) = names.first() else { return Completion { text: typed.to_owned(), choices: Vec::new() } };
    let mut common = first.as_str();
    for name in &names {
        while !name.starts_with(common) {
            let shorter = common.char_indices().next_back().map_or(0, |(at, _)| at);
            common = &common[..shorter];
        }
    }
    let text = format!("{folder}{common}");
    names.truncate(MAX_CHOICES);
    Completion { text, choices: if names.len() > 1 { names } else { Vec::new() } }
}

/// The name of a folder (with a slash) or of an image that begins with `start`.
fn name(entry: &fs::DirEntry, start: &str) -> Option<String> {
    // A name that is no text cannot be typed.
    let name = entry.file_name().into_string().ok()?;
    if !name.starts_with(start) || (start.is_empty() && name.starts_with('.')) {
        return None;
    }
    if entry.path().is_dir() {
        return Some(name + "/");
    }
    name.to_ascii_lowercase().ends_with(".lbi").then_some(name)
}

/// Opens an image and describes it.
pub(super) fn inspect(place: &Address, monitor: &Monitor) -> Result<ImageInfo> {
    match place {
        Address::Inside(..) => {
            let (container, image) = inventory::open_image(place, monitor)?;
            let mut info = describe(place, &image);
            let id = image.header().image_id;
            let found = container.images.iter().find(|found| found.record.image_id == id);
            let known = info.damage.clone();
            let new = found.iter().flat_map(|found| &found.damage).filter(|damage| !known.contains(damage)).cloned();
            info.damage.extend(new);
            let mut add = |name: &str, value: String| info.facts.push((name.to_owned(), value));
            let how = found.map_or(container.found_by, |found| found.found_by);
            add(text::FOUND, text::found_by(how).to_owned());
            for finding in &container.findings {
                add(text::FACT_CONTAINER, job::sentence(finding));
            }
            Ok(info)
        }
        _ => Ok(describe(place, &Image::open(place.path())?)),
    }
}

/// All that an image says of itself.
fn describe(place: &Address, image: &Image) -> ImageInfo {
    let (header, trailer) = (image.header(), image.trailer());
    let zone = jiff::tz::TimeZone::system();
    let created = header.created.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string();
    let mut damage = image.damage().to_vec();
    let bad = trailer.bad_clusters.clusters();
    if bad > 0 {
        damage.push(text::bad_clusters(bad));
    }
    ImageInfo {
        place: place.clone(),
        bytes: image.bytes(),
        name: header.name.clone(),
        kind: header.kind.name().to_owned(),
        volume: header.volume.kind.name().to_owned(),
        label: header.volume.label.clone(),
        volume_bytes: header.grid.len().get(),
        damage,
        facts: facts(place, image, &created),
        created,
    }
}

fn facts(place: &Address, image: &Image, created: &str) -> Vec<(String, String)> {
    let (header, trailer) = (image.header(), image.trailer());
    let name = if place.image().is_some() { text::ADDRESS } else { text::FACT_FILE };
    let mut facts = vec![
        (name, place.to_string()),
        (text::FACT_FILE_SIZE, ByteLen(image.bytes()).to_string()),
        (text::FACT_KIND, header.kind.name().to_owned()),
        (text::FACT_MADE, created.to_owned()),
        (text::FACT_MACHINE, header.machine.clone()),
        (text::VOLUME, text::volume_summary(&header.volume)),
        (text::FACT_NEEDS, text::bytes_exact(header.grid.len().get())),
        (text::FACT_HOLDS, ByteLen(trailer.raw_bytes).to_string()),
        (text::FACT_ID, header.image_id.to_string()),
        (text::FACT_WRITER, header.writer.clone()),
    ];
    facts.extend(header.base_image_id.map(|id| (text::FACT_BASE, id.to_string())));
    if let Some(partition) = &header.partition {
        facts.push((text::FACT_PARTITION, text::partition(partition)));
    }
    facts.extend(header.excluded.iter().map(|file| (text::FACT_LEFT_OUT, text::left_out(&file.path, file.bytes))));
    if header.raw {
        facts.push((text::NOTE, text::NOTE_RAW.to_owned()));
    }
    if header.even_if_dirty {
        facts.push((text::NOTE, text::NOTE_DIRTY.to_owned()));
    }
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_goes_as_far_as_the_names_agree() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["backups", "backlog", "other"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join("back.lbi"), "").unwrap();
        fs::write(dir.path().join("back.txt"), "").unwrap();
        let at = |name: &str| format!("{}/{name}", dir.path().display());
        let several = complete(&at("b"));
        assert_eq!(several.text, at("back"));
        assert_eq!(several.choices, ["back.lbi", "backlog/", "backups/"]);
        assert_eq!(complete(&at("o")), Completion { text: at("other/"), choices: Vec::new() });
        assert_eq!(complete(&at("x")), Completion { text: at("x"), choices: Vec::new() });
        assert_eq!(complete("/no/such/folder/x").text, "/no/such/folder/x");
    }

    #[test]
    fn a_folder_is_listed_with_what_cannot_be_read_in_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("broken.lbi"), "no image").unwrap();
        fs::write(dir.path().join("note.txt"), "").unwrap();
        let rows = list(dir.path(), |_, _| Err(Error::damaged("this is no image"))).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].bytes, 8);
        assert_eq!(rows[0].info.as_ref().unwrap_err().what, "this is no image");
        assert!(list(&dir.path().join("gone"), |_, _| Err(Error::damaged(""))).is_err());
    }
}
