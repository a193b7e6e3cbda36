//! Exporting: an image from inside a volume becomes an image file that needs no other.
//!
//! Where the bytes can stay as they are (no references, one part before and after), the file is the image, byte for byte,
//! and keeps its id. Otherwise it is written anew, from the same compressed chunks, with those of its bases in the places
//! of its references; that is another image, with an id of its own: two images of one id are the same bytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::check::Watcher;
use super::verify::{self, Findings};
use super::{Monitor, Outcome, Report};
use crate::device::{ReadDevice, SharedDevice};
use crate::error::{Error, Result};
use crate::image::format::Entry;
use crate::image::{Header, Image, ImageWriter, PackedChunk, PartsWriter, Sink, Trailer, content_bytes, existing};
use crate::inventory::{self, Address};
use crate::plan::{Safety, Step, StepKind};
use crate::unit::{ByteLen, ByteOffset, Cluster};
use crate::words::{en, fill};

/// Bytes copied at once.
const PIECE: usize = 1 << 20;

/// What shall be exported, and where to.
#[derive(Clone, PartialEq, Debug)]
pub struct ExportRequest {
    /// The image: inside a volume, or a file.
    pub image: Address,
    /// The file to be made.
    pub target: PathBuf,
    /// A part has at most so many bytes.
    pub split: Option<u64>,
}

/// What is exported: the image, and its bytes.
struct Exported {
    image: Image,
    bytes: SharedDevice,
    /// Where its volume is mounted: no place for the file.
    mounted_at: Vec<PathBuf>,
}

/// Exports.
pub(super) fn run(request: &ExportRequest, monitor: &Arc<Monitor>) -> Result<Report> {
    if let Some(there) = existing(&request.target, request.split.is_some()).first() {
        return Err(Error::refused(format!("{} is there already", there.display()))
            .advise("Choose another name, or delete it first"));
    }
    let Exported { image, bytes, mounted_at } = open(request, monitor)?;
    image.refuse_without_base()?;
    refuse_same_volume(&request.target, &mounted_at)?;
    monitor.begin(steps(&image));
    let mut findings = Findings::default();
    verify::check(&image, 0, monitor, &mut findings)?;
    if !findings.is_whole() {
        let what = findings.sentences.iter().cloned().chain(findings.bad.iter().map(ToString::to_string)).next();
        return Err(Error::damaged(format!("{} is damaged: {}", request.image, what.unwrap_or_default()))
            .advise(format!("Nothing was written. `lifeboat verify {}` tells all that is lost", request.image)));
    }
    monitor.enter(1);
    let as_it_is = image.parts() == 1 && request.split.is_none() && !has_references(&image)?;
    let sink = PartsWriter::create(&request.target, request.split)?;
    let (mut sink, id) = if as_it_is {
        (copy(&bytes, sink, monitor)?, image.header().image_id)
    } else {
        rewrite(&image, sink, monitor)?
    };
    sink.sync()?;
    monitor.enter(2);
    let written = sink.read_back()?;
    let (len, parts) = (written.len(), written.parts());
    let again = Image::from_device(Arc::new(written), parts)?;
    let mut findings = Findings::default();
    verify::check(&again, 0, monitor, &mut findings)?;
    if !findings.is_whole() || again.header().image_id != id {
        return Err(Error::damaged("what was written could not be read back as it was written")
            .advise("The medium does not keep what is written to it. The file was removed; use another medium"));
    }
    let digest = again.digest().unwrap_or_default();
    sink.publish()?;
    monitor.enter(3);
    Ok(report(
        request,
        &image,
        id,
        &[(en::PLAN_SIZE, len.to_string()), (en::TOLD_PARTS, parts.to_string()), (en::TOLD_DIGEST, digest)],
    ))
}

fn open(request: &ExportRequest, monitor: &Monitor) -> Result<Exported> {
    let Address::Inside(..) = &request.image else {
        let image = inventory::image_at(&request.image, &Watcher::new(monitor))?;
        let bytes = image.bytes_as_device();
        return Ok(Exported { image, bytes, mounted_at: Vec::new() });
    };
    let (container, image) = inventory::open_image(&request.image, &Watcher::new(monitor))?;
    Ok(Exported { bytes: image.bytes_as_device(), image, mounted_at: container.source.place.mounted_at })
}

/// Writing to the volume that is read would change it while it is read, and might overwrite the image itself where the
/// file system does not know of it.
pub(super) fn refuse_same_volume(target: &Path, mounted_at: &[PathBuf]) -> Result<()> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(folder) = folder.canonicalize() else { return Ok(()) };
    let device =
        |path: &Path| std::fs::metadata(path).ok().map(|metadata| std::os::unix::fs::MetadataExt::dev(&metadata));
    let own = device(&folder);
    match mounted_at.iter().find(|mount| own.is_some() && device(mount) == own) {
        Some(mount) => Err(Error::refused(format!(
            "{} lies on the volume that the image is in (mounted at {})",
            target.display(),
            mount.display()
        ))
        .advise("Choose a place on another volume")),
        None => Ok(()),
    }
}

fn steps(image: &Image) -> Vec<Step> {
    let content = content_bytes(image.header()).0;
    let step = |kind, title: &str, bytes, safety| Step { kind, title: title.into(), bytes, safety };
    vec![
        step(StepKind::VerifyImage, en::STEP_VERIFY_IMAGE, content, Safety::Reads),
        step(StepKind::WriteImage, en::STEP_WRITE_FILE, content, Safety::Creates),
        step(StepKind::ReadBackImage, en::STEP_PROVE_FILE, content, Safety::Reads),
    ]
}

fn has_references(image: &Image) -> Result<bool> {
    for number in 0..image.pages() {
        if image.page(number)?.iter().any(Entry::is_reference) {
            return Ok(true);
        }
    }
    Ok(image.header().base_image_id.is_some())
}

/// Copies the image byte for byte.
fn copy(bytes: &SharedDevice, mut sink: PartsWriter, monitor: &Monitor) -> Result<PartsWriter> {
    let len = bytes.len().0;
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while at < len {
        monitor.check()?;
        let now = PIECE.min(usize::try_from(len - at).unwrap_or(PIECE));
        bytes.read_at(ByteOffset(at), &mut piece[..now])?;
        sink.write(&piece[..now])?;
        at += now as u64;
        monitor.advance(now as u64);
    }
    Ok(sink)
}

/// Writes the image anew, with its bases' chunks in place of its references.
fn rewrite(image: &Image, sink: PartsWriter, monitor: &Monitor) -> Result<(PartsWriter, Uuid)> {
    let header = Header { image_id: Uuid::new_v4(), base_image_id: None, ..image.header().clone() };
    let mut writer = ImageWriter::create(sink, &header)?;
    writer.write_map(&image.map()?)?;
    let mut trailer = Trailer { raw_bytes: 0, stored_bytes: 0, ..image.trailer().clone() };
    for number in 0..image.pages() {
        for entry in image.page(number)?.iter() {
            monitor.check()?;
            let mut frame = Vec::new();
            image.read_frame(entry, &mut frame)?;
            let packed = PackedChunk {
                first_cluster: Cluster(entry.first_cluster.get()),
                clusters: entry.clusters.get(),
                raw_len: entry.raw_len.get(),
                digest: entry.digest,
                frame,
            };
            trailer.raw_bytes += u64::from(packed.raw_len);
            trailer.stored_bytes += packed.frame.len() as u64;
            writer.write_chunk(&packed)?;
            monitor.advance(packed.raw_len.into());
        }
    }
    let (sink, _) = writer.finish(&trailer)?;
    Ok((sink, header.image_id))
}

fn report(request: &ExportRequest, image: &Image, id: Uuid, more: &[(&str, String)]) -> Report {
    let own = image.header().image_id;
    let mut facts = vec![
        (en::FACT_IMAGE.to_owned(), request.target.display().to_string()),
        (en::FACT_ID.to_owned(), id.to_string()),
        (en::TOLD_CONTENT.to_owned(), ByteLen(content_bytes(image.header()).0).to_string()),
    ];
    if id != own {
        facts.insert(2, (en::TOLD_MADE_FROM.to_owned(), fill(en::RESULT_WRITTEN_ANEW, &[("id", &own)])));
    }
    facts.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    facts.push((en::TOLD_READ_BACK.to_owned(), en::PROOF_DIGESTS.to_owned()));
    Report {
        outcome: Outcome::Done,
        headline: fill(en::HEAD_EXPORTED, &[("image", &request.image), ("target", &request.target.display())]),
        facts,
        warnings: Vec::new(),
        next: Vec::new(),
    }
}
