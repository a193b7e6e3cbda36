//! What the file system and the tables of contents tell, put together: of each image the place where it is whole, and
//! what is wrong with the container.
//!
//! The file system's word counts before a table's, since whoever moves files (a defragmenter, a copy) changes the one and
//! not the other; a table's counts where the file system is destroyed.

use uuid::Uuid;

use super::files::{self, Opened, merged, open_recorded, places};
use super::folder::{Folder, path_of};
use super::{Container, FoundBy, FoundImage};
use crate::device::SharedDevice;
use crate::fs::Finding;
use crate::fs::foreign::UNFINISHED_MARKER;
use crate::image::container::{FileRecord, ImageRecord, Role, Toc, VolumeRecord, read_toc};
use crate::inventory::{Address, Source};
use crate::unit::ByteOffset;

/// Images of one container that are opened.
const MAX_IMAGES: usize = 1024;

/// Puts a container together; none when nothing of it is there: left-overs of one that was moved away or dropped.
/// `tocs` are of one container.
pub(super) fn combine(volume: &Address, source: &Source, folder: Option<Folder>, tocs: Vec<Toc>) -> Option<Container> {
    let device = &source.device;
    let mut tocs = tocs;
    if let Some(own) = folder.as_ref().and_then(|folder| folder.toc.clone()) {
        let known = |toc: &Toc| (toc.container_id, toc.sequence) == (own.container_id, own.sequence);
        tocs.retain(|toc| !known(toc));
        tocs.push(own);
    }
    tocs.sort_by_key(|toc| std::cmp::Reverse(toc.sequence));
    let current = current(device, &tocs, folder.as_ref());
    if folder.as_ref().is_none_or(|folder| folder.images.is_empty() && folder.broken.is_empty()) && current.is_none() {
        return None;
    }
    let mut findings = Vec::new();
    let mut chosen = Chosen { images: Vec::new(), moved: Vec::new() };
    if let Some(at) = current {
        if at > 0 {
            let (newest, used) = (tocs[0].sequence, tocs[at].sequence);
            findings.push(Finding::warning(
                "container.stale-toc",
                format!(
                    "the files that the table of contents number {newest} names are not there; number {used} is used"
                ),
            ));
        }
        for record in tocs[at].images.iter().take(MAX_IMAGES) {
            chosen.choose(device, &tocs[at..], record, folder.as_ref());
        }
    }
    let toc = current.map(|at| tocs.swap_remove(at));
    chosen.add_files_only(folder.as_ref());
    files::judge_bases(&mut chosen.images);
    chosen.images.sort_by(|a, b| (a.record.created, &a.record.name).cmp(&(b.record.created, &b.record.name)));
    if chosen.images.is_empty() && folder.is_none() {
        return None;
    }
    judge_tocs(device, folder.as_ref(), toc.as_ref(), &mut findings);
    judge_files(source, folder.as_ref(), toc.as_ref(), &chosen, &mut findings);
    judge_marker(device, &mut findings);
    let found_by = chosen.images.iter().map(|image| image.found_by).min();
    let found_by = found_by.unwrap_or(if folder.is_some() { FoundBy::FileSystem } else { FoundBy::Toc });
    let toc = described(source, folder, toc, &chosen)?;
    judge_place(source, &toc, &mut findings);
    let damage = findings.iter().filter(|finding| finding.severity > crate::fs::Severity::Note);
    let damage = damage.map(|finding| finding.message.clone()).collect();
    Some(Container {
        volume: volume.clone(),
        source: source.clone(),
        toc,
        found_by,
        damage,
        findings,
        images: chosen.images,
    })
}

/// The table that counts: the newest of which at least one image is where it says. With a folder, the newest in any
/// case: its images may have been moved as files.
fn current(device: &SharedDevice, tocs: &[Toc], folder: Option<&Folder>) -> Option<usize> {
    let there = |toc: &Toc| {
        let known = |record: &ImageRecord| {
            folder.is_some_and(|folder| folder.images.iter().any(|have| have.record.image_id == record.image_id))
        };
        toc.images.iter().take(MAX_IMAGES).any(|record| known(record) || open_recorded(device, toc, record).is_there)
    };
    let found = tocs.iter().position(there);
    found.or_else(|| (folder.is_some() && !tocs.is_empty()).then_some(0))
}

/// The images as they will be listed.
struct Chosen {
    images: Vec<FoundImage>,
    /// The files of images that were taken from where a table says.
    moved: Vec<(Uuid, Vec<FileRecord>)>,
}

impl Chosen {
    /// Chooses the place of one image of the first table: in the file system when it is whole there, else where this
    /// table or an older one says that it is.
    fn choose(&mut self, device: &SharedDevice, tocs: &[Toc], record: &ImageRecord, folder: Option<&Folder>) {
        let id = record.image_id;
        if self.images.iter().any(|have| have.record.image_id == id) {
            return;
        }
        let own = folder.and_then(|folder| folder.images.iter().find(|have| have.record.image_id == id));
        if let Some(own) = own.filter(|own| own.damage.is_empty()) {
            self.images.push(own.clone());
            return;
        }
        let mut best: Option<(Opened, &Toc)> = None;
        for toc in tocs {
            let Some(listed) = toc.image(id) else { continue };
            let opened = open_recorded(device, toc, listed);
            let rank = |opened: &Opened| (opened.image.damage.is_empty(), opened.is_there);
            if best.as_ref().is_none_or(|(have, _)| rank(have) < rank(&opened)) {
                best = Some((opened, toc));
            }
        }
        match (own, best) {
            (Some(own), Some((opened, _))) if !opened.image.damage.is_empty() => self.images.push(own.clone()),
            (_, Some((opened, toc))) => {
                self.moved.push((id, toc.parts_of(id).into_iter().cloned().collect()));
                self.images.push(FoundImage { record: record.clone(), ..opened.image });
            }
            (Some(own), None) => self.images.push(own.clone()),
            (None, None) => {}
        }
    }

    /// Adds the images of the folder that no table names.
    fn add_files_only(&mut self, folder: Option<&Folder>) {
        for image in folder.iter().flat_map(|folder| &folder.images) {
            if !self.images.iter().any(|have| have.record.image_id == image.record.image_id) {
                self.images.push(image.clone());
            }
        }
    }
}

/// Are all tables readable, and of the same number?
fn judge_tocs(device: &SharedDevice, folder: Option<&Folder>, toc: Option<&Toc>, findings: &mut Vec<Finding>) {
    let mut say = |name: &str, why: &str| {
        let message = format!("this copy of the table of contents is of no use: {why}");
        findings.push(Finding::warning("container.toc", message).of(path_of(name)));
    };
    if let Some(folder) = folder {
        for (name, why) in &folder.broken_tocs {
            say(name, why);
        }
    }
    let Some(toc) = toc else {
        let message = "no table of contents is left; what is listed was put together from the files";
        findings.push(Finding::warning("container.toc", message));
        return;
    };
    for file in toc.files.iter().filter(|file| file.role.is_toc()).take(MAX_IMAGES) {
        let listed = |list: &[(String, String)]| list.iter().any(|(name, _)| name.eq_ignore_ascii_case(&file.name));
        match folder {
            Some(folder) if folder.files.iter().any(|have| have.name.eq_ignore_ascii_case(&file.name)) => {}
            Some(folder) if listed(&folder.broken) || listed(&folder.broken_tocs) => {}
            Some(_) => say(&file.name, "the file is missing"),
            None => {
                let start = file.runs.first().map_or(ByteOffset::ZERO, |run| run.offset);
                match read_toc(&**device, start) {
                    Ok((copy, _)) if (copy.container_id, copy.sequence) == (toc.container_id, toc.sequence) => {}
                    Ok((copy, _)) => {
                        say(&file.name, &format!("it is of sequence number {}, not {}", copy.sequence, toc.sequence))
                    }
                    Err(error) => say(&file.name, &error.without_advice()),
                }
            }
        }
    }
}

/// Can all files be read, are they where the table says, and as long?
fn judge_files(
    source: &Source,
    folder: Option<&Folder>,
    toc: Option<&Toc>,
    chosen: &Chosen,
    findings: &mut Vec<Finding>,
) {
    for (name, why) in folder.iter().flat_map(|folder| &folder.broken) {
        findings.push(
            Finding::warning("container.file", format!("it cannot be read through the file system: {why}"))
                .of(path_of(name)),
        );
    }
    for image in &chosen.images {
        let (has, says) = (image.device.len().0, image.record.bytes);
        if has != says && image.parts > 0 && has > 0 {
            let message =
                format!("the image {} is {has} bytes long, and was {says} when it was made", image.record.name);
            findings.push(Finding::error("container.part-length", message));
        }
    }
    let Some(toc) = toc else { return };
    if source.place.len.0 < toc.volume.bytes {
        let (is, was) = (source.place.len.0, toc.volume.bytes);
        let message = format!(
            "the volume's place is {is} bytes long, and was {was} when the table of contents was written: what lay behind is cut off"
        );
        findings.push(Finding::error("container.place", message));
    }
    let Some(folder) = folder else { return };
    let moved = |file: &&FileRecord| {
        let listed = toc.files.iter().find(|listed| listed.name.eq_ignore_ascii_case(&file.name));
        listed.is_some_and(|listed| places(listed) != places(file))
    };
    let names: Vec<&str> = folder.files.iter().filter(moved).map(|file| file.name.as_str()).collect();
    if let Some(first) = names.first() {
        let message = format!(
            "{} of its files, the first of them {first}, lie elsewhere than the table of contents says: something moved \
             them, such as a defragmenter. The file system tells the true places",
            names.len()
        );
        findings.push(Finding::warning("container.stale-toc", message));
    }
}

/// A restore that was cut short leaves its marker, which names the image, in the volume's first sector.
fn judge_marker(device: &SharedDevice, findings: &mut Vec<Finding>) {
    let head = files::head(&**device, ByteOffset::ZERO, 512);
    if !head.starts_with(UNFINISHED_MARKER) {
        return;
    }
    let text = String::from_utf8_lossy(&head);
    let id = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-').find_map(|word| Uuid::try_parse(word).ok());
    let which = id.map_or_else(|| "an image".to_owned(), |id| format!("the image {id}"));
    let message = format!("a restore of {which} onto this volume was not finished; `lifeboat resume` finishes it");
    findings.push(Finding::note("container.unfinished", message));
}

/// Does it lie at the volume's end, in one piece? Neither is wrong, both is safer.
fn judge_place(source: &Source, toc: &Toc, findings: &mut Vec<Finding>) {
    let mut runs: Vec<_> = toc.runs().collect();
    runs.sort_unstable_by_key(|run| run.offset);
    let pieces = merged(runs);
    let Some(last) = pieces.last() else { return };
    if pieces.len() > 1 {
        let message = format!("the container lies in {} pieces", pieces.len());
        findings.push(Finding::note("container.contiguous", message).at(pieces[0].offset));
    }
    let end = last.offset.0 + last.len.0;
    let (was, is) = (toc.volume.bytes, source.place.len.0);
    // Where it was put when it was made may be below something that cannot move; what counts is what came behind it.
    if is > was && was >= end && is - was >= u64::from(toc.volume.grid.cluster_bytes) {
        let message = format!(
            "the volume's place has grown from {was} to {is} bytes, and the container ends at byte {end}: \
             it could be moved to the end, where it is found most quickly"
        );
        findings.push(Finding::note("container.position", message).at(last.offset));
    }
}

/// The table as it should be: the true places of all files that are there.
fn described(source: &Source, folder: Option<Folder>, toc: Option<Toc>, chosen: &Chosen) -> Option<Toc> {
    let records: Vec<ImageRecord> = chosen.images.iter().map(|image| image.record.clone()).collect();
    let is_moved = |file: &FileRecord| match file.role {
        Role::Part { image, .. } => chosen.moved.iter().any(|(id, _)| *id == image),
        _ => false,
    };
    let Some(folder) = folder else {
        let mut toc = toc?;
        toc.files.retain(|file| !is_moved(file));
        toc.files.extend(chosen.moved.iter().flat_map(|(_, files)| files.iter().cloned()));
        toc.files.sort_by_key(|file| file.runs.first().map(|run| run.offset));
        return Some(Toc { images: records, ..toc });
    };
    let Folder { summary, grid, mut files, .. } = folder;
    files.retain(|file| !is_moved(file));
    for file in chosen.moved.iter().flat_map(|(_, files)| files) {
        files.retain(|have| !have.name.eq_ignore_ascii_case(&file.name));
        files.push(file.clone());
    }
    files.sort_by_key(|file| file.runs.first().map(|run| run.offset));
    // Without a table the container has no identity but that of its oldest image.
    let id = toc.as_ref().map(|toc| toc.container_id).or_else(|| records.first().map(|record| record.image_id));
    let written = toc.as_ref().map_or(jiff::Timestamp::UNIX_EPOCH, |toc| toc.written);
    // The length is that of the place when the table was written: by it the place is known to have grown.
    let bytes = toc.as_ref().map_or(source.place.len.0, |toc| toc.volume.bytes);
    Some(Toc {
        container_id: id.unwrap_or_else(Uuid::nil),
        sequence: toc.as_ref().map_or(0, |toc| toc.sequence),
        written,
        volume: VolumeRecord {
            kind: summary.kind,
            id: summary.id,
            label: summary.label,
            bytes,
            start_bytes: source.place.start.0,
            grid,
        },
        partition: toc.as_ref().and_then(|toc| toc.partition.clone()),
        table: toc.as_ref().and_then(|toc| toc.table.clone()),
        boot: toc.map(|toc| toc.boot).unwrap_or_default(),
        files,
        images: records,
    })
}
