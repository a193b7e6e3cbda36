//! Carrying out a backup: used clusters → reader → compressors → ordered writer; then flush, read back, publish.

use std::sync::Arc;

use uuid::Uuid;
use zstd::zstd_safe::CParameter;

use super::container::released;
use super::gather::{Chunks, Gatherer};
use super::owners;
use super::pipeline::{Width, ordered};
use super::verify::{self, Findings};
use super::{Monitor, Outcome, Report, exact};
use crate::device::{ReadDevice, SharedDevice};
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::image::{
    Header, Image, ImageWriter, Kind, PackedChunk, PartitionRecord, PartsWriter, Sink, Trailer, Written, check_base,
    format,
};
use crate::plan::{BackupSurvey, BackupWork, ImageTarget, Plan, StepKind};
use crate::unit::{ByteLen, ByteOffset, Cluster};
use crate::words::{en, fill, plural};

/// One chunk on its way.
#[derive(Default)]
struct Item {
    span: Cluster,
    runs: Vec<Extent>,
    raw: Vec<u8>,
    bad: ExtentSet,
    frame: Vec<u8>,
    digest: [u8; 32],
    /// The base has this content: the chunk becomes a reference, and there is no frame.
    in_base: bool,
}

/// What an image is made from.
pub(super) struct ImageInput<'a> {
    /// The volume.
    pub(super) source: &'a SharedDevice,
    /// The clusters to keep; as many as the header says.
    pub(super) used: &'a ClusterMap,
    /// The image's header. What it says of a base is set by [`write_image`].
    pub(super) header: Header,
    /// zstd level.
    pub(super) level: i32,
    /// Compressing threads; 0 = as many as there are processors.
    pub(super) threads: usize,
    /// Chunks that this image has as well become references to it.
    pub(super) base: Option<Arc<Image>>,
}

/// The image that was made.
pub(super) struct Made {
    pub(super) header: Header,
    pub(super) trailer: Trailer,
    pub(super) written: Written,
    /// The image that its references lead to.
    pub(super) base: Option<Arc<Image>>,
}

/// Carries a backup out. `source` is the volume's place, open for reading.
pub(super) fn run(plan: &Plan, work: &BackupWork, source: &SharedDevice, monitor: &Arc<Monitor>) -> Result<Report> {
    let (request, survey) = (&work.request, &work.survey);
    let source = &match &survey.container {
        Some(toc) => released(source, survey.summary.kind, toc)?,
        None => source.clone(),
    };
    plan.enter(StepKind::WriteImage, monitor);
    let input = ImageInput {
        source,
        used: &survey.used,
        header: header(survey, source, request.kind, work.name(), request.even_if_dirty),
        level: request.level,
        threads: request.threads,
        base: None,
    };
    let made = match &request.target {
        ImageTarget::Pipe => {
            let (mut sink, made) = write_image(input, Pipe(std::io::stdout()), monitor)?;
            std::io::Write::flush(&mut sink.0).map_err(|error| Error::io("writing to the pipe", error))?;
            made
        }
        ImageTarget::Inside => return Err(Error::damaged("an image inside is made by another job")),
        ImageTarget::File(path) => {
            let sink = PartsWriter::create(path, request.split)?;
            let (mut sink, made) = write_image(input, sink, monitor)?;
            plan.enter(StepKind::SyncImage, monitor);
            sink.sync()?;
            if request.verify {
                plan.enter(StepKind::ReadBackImage, monitor);
                read_back(Arc::new(sink.read_back()?), &made, monitor)?;
            }
            sink.publish()?;
            made
        }
    };
    monitor.enter(plan.steps.len());
    let mut report = report(work, &made);
    report.warnings.extend(bad_files(work, source, &made.trailer.bad_clusters, monitor));
    Ok(report)
}

/// Writes a whole image into `sink`: of every chunk that the base has as well, a reference only. Advances the monitor by
/// bytes of content.
///
/// # Errors
/// When the base does not fit, the source is gone, or the sink fails.
pub(super) fn write_image<S: Sink>(input: ImageInput<'_>, sink: S, monitor: &Monitor) -> Result<(S, Made)> {
    let ImageInput { source, used, mut header, level, threads, base } = input;
    header.base_image_id = base.as_ref().map(|base| base.header().image_id);
    if let Some(base) = &base {
        check_base(&header, base)?;
        base.refuse_without_base()?;
    }
    let mut writer = ImageWriter::create(sink, &header)?;
    writer.write_map(used)?;
    let mut trailer = Trailer::default();
    let chunk_bytes = header.grid.bytes_of(header.chunk_clusters).0;
    let width = Width::new(threads, 2 * chunk_bytes, codec_bytes(level, chunk_bytes));
    let mut chunks = Chunks::new(used, header.chunk_clusters);
    let mut gatherer = Gatherer::new(source, header.grid);
    ordered(
        (0..width.items).map(|_| Item::default()).collect(),
        width.threads,
        |item| {
            monitor.check()?;
            item.bad = ExtentSet::new();
            let Some(span) = chunks.next(&mut item.runs) else { return Ok(false) };
            item.span = span;
            gatherer.read(&item.runs, &mut item.raw, &mut item.bad)?;
            Ok(true)
        },
        || {
            let mut compressor = compressor(level, chunk_bytes)?;
            let base = base.as_deref();
            Ok(move |item: &mut Item| {
                // At the highest levels a chunk takes seconds: a cancel must not wait for those in the queue.
                monitor.check()?;
                compress(&mut compressor, base, item)
            })
        },
        |item| {
            monitor.check()?;
            for run in item.bad.runs() {
                let (first, last) = (run.start, run.end() - 1);
                monitor.problem(fill(en::LOG_ZEROS, &[("first", &first), ("last", &last)]));
                trailer.bad_clusters.insert(*run);
            }
            put_chunk(&mut writer, &header, item, &mut trailer)?;
            monitor.advance_at(&item.runs, item.raw.len() as u64);
            Ok(())
        },
    )?;
    let (sink, written) = writer.finish(&trailer)?;
    Ok((sink, Made { header, trailer, written, base }))
}

/// Writes one chunk, or the reference that it became.
fn put_chunk<S: Sink>(
    writer: &mut ImageWriter<S>,
    header: &Header,
    item: &mut Item,
    trailer: &mut Trailer,
) -> Result<()> {
    let raw_len = item.raw.len() as u32;
    let clusters = raw_len / header.grid.cluster_bytes;
    trailer.raw_bytes += u64::from(raw_len);
    if item.in_base {
        trailer.referenced_bytes += u64::from(raw_len);
        return writer.write_reference(item.span, clusters, raw_len, item.digest);
    }
    let frame = std::mem::take(&mut item.frame);
    let packed = PackedChunk { first_cluster: item.span, clusters, raw_len, digest: item.digest, frame };
    writer.write_chunk(&packed)?;
    trailer.stored_bytes += packed.frame.len() as u64;
    item.frame = packed.frame;
    Ok(())
}

/// Memory that zstd takes for a compressor of this level and our chunk sizes, from above.
///
/// From zstd 1.5.7's table of levels for content over 256 KiB: four bytes for each entry of chain and hash table, one
/// more for each row of the levels that search by rows, and under 2 MiB for the rest. The binary trees of level
/// 16 and up grow with the chunk. What a process with one thread more really takes was measured to be less.
fn codec_bytes(level: i32, chunk_bytes: u64) -> u64 {
    match level {
        ..=8 => 8 << 20,
        9..=11 => 30 << 20,
        12 => 58 << 20,
        13..=15 => 66 << 20,
        _ if chunk_bytes <= 4 << 20 => 52 << 20,
        _ => 82 << 20,
    }
}

fn compressor(level: i32, chunk_bytes: u64) -> Result<zstd::bulk::Compressor<'static>> {
    let fail = |error| Error::io("starting a compressor", error);
    let mut compressor = zstd::bulk::Compressor::new(level).map_err(fail)?;
    // The window covers the whole chunk: level 3's own would see half of it.
    compressor.set_parameter(CParameter::WindowLog(chunk_bytes.ilog2())).map_err(fail)?;
    if level == 3 {
        // Twice the default's tables: a chunk of its own begins with nothing learnt, and this more than makes up
        // for it (about 1 % smaller than the defaults over the same chunks, within the noise in time).
        compressor.set_parameter(CParameter::HashLog(18)).map_err(fail)?;
        compressor.set_parameter(CParameter::ChainLog(17)).map_err(fail)?;
    }
    Ok(compressor)
}

fn compress(compressor: &mut zstd::bulk::Compressor<'_>, base: Option<&Image>, item: &mut Item) -> Result<()> {
    item.digest = *blake3::hash(&item.raw).as_bytes();
    item.frame.clear();
    // A chunk that the base cannot tell about, since its index page is damaged, is stored once more.
    let theirs = base.and_then(|base| base.entry_at(item.span).ok().flatten());
    item.in_base =
        theirs.is_some_and(|entry| entry.digest == item.digest && entry.raw_len.get() as usize == item.raw.len());
    if item.in_base {
        return Ok(());
    }
    item.frame.reserve(zstd::zstd_safe::compress_bound(item.raw.len()));
    compressor.compress_to_buffer(&item.raw, &mut item.frame).map_err(|error| Error::io("compressing", error))?;
    Ok(())
}

/// The header of the image that is about to be written; `source` gives the first sector.
pub(super) fn header(
    survey: &BackupSurvey,
    source: &SharedDevice,
    kind: Kind,
    name: String,
    even_if_dirty: bool,
) -> Header {
    let mut boot_record = vec![0; 512.min(survey.grid.len().0 as usize)];
    // Kept for the eye only: the clusters themselves are in the image, and bad ones are recorded there.
    let _ = source.read_at(ByteOffset(0), &mut boot_record);
    let place = &survey.place;
    let partition = place.entry.as_ref().filter(|entry| !entry.found).map(|entry| PartitionRecord {
        table: place.table.name().into(),
        table_id: place.table_id.clone(),
        number: entry.number,
        start_bytes: entry.start.0,
        bytes: entry.len.0,
        type_id: entry.type_id.clone(),
        name: entry.name.clone(),
        id: entry.id.clone(),
        active: entry.active,
        raw: hex(&entry.raw),
    });
    Header {
        format_version: format::VERSION.into(),
        image_id: Uuid::new_v4(),
        kind,
        name,
        created: now_in_seconds(),
        grid: survey.grid,
        partition_clusters: place.len.0 / u64::from(survey.grid.cluster_bytes),
        image_clusters: survey.used.used(),
        chunk_clusters: format::chunk_clusters(survey.grid),
        raw: survey.raw,
        even_if_dirty: even_if_dirty && survey.summary.state != crate::fs::State::Clean,
        volume: survey.summary.clone(),
        anchors: survey.anchors.clone(),
        partition,
        boot_record: hex(&boot_record),
        excluded: survey.excluded.clone(),
        base_image_id: None,
        writer: concat!("lifeboat ", env!("CARGO_PKG_VERSION")).into(),
        machine: rustix::system::uname().nodename().to_string_lossy().into_owned(),
    }
}

/// The time, without the fractions that nobody wants to read.
fn now_in_seconds() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Reads the written image from its medium and checks every digest, those of the chunks in its base as well, and that
/// it is the image just written. `device` has the image and nothing else; nothing of it is in a cache.
///
/// # Errors
/// When anything is not as it was written.
pub(super) fn read_back(device: SharedDevice, made: &Made, monitor: &Monitor) -> Result<()> {
    if device.len() != ByteLen(made.written.bytes) {
        return Err(unproven(&format!("{} bytes were written, {} are there", made.written.bytes, device.len().0)));
    }
    let mut image = Image::from_device(device, made.written.parts as usize)?;
    if image.digest().as_deref() != Some(blake3::Hash::from_bytes(made.written.digest).to_hex().as_str()) {
        return Err(unproven("its index is not the one that was written"));
    }
    if let Some(base) = &made.base {
        image = image.with_base(base.clone())?;
    }
    let mut findings = Findings::default();
    verify::check(&image, 0, monitor, &mut findings)?;
    match findings.bad.iter().find(|chunk| chunk.base.is_none()).or(findings.bad.first()) {
        None if findings.sentences.is_empty() => Ok(()),
        None => Err(unproven(&findings.sentences.join("; "))),
        Some(chunk) if chunk.base.is_some() => Err(Error::damaged(format!("the image could not be proven: {chunk}"))
            .advise("The base is damaged, not the new image, which was removed: make a full image instead")),
        Some(chunk) => Err(unproven(&chunk.to_string())),
    }
}

fn unproven(what: &str) -> Error {
    Error::damaged(format!("the image could not be proven: {what}"))
        .advise("The medium does not keep what is written to it. The image was removed; use another medium")
}

/// The files whose bytes lay where the source could not be read, in sentences.
fn bad_files(work: &BackupWork, source: &SharedDevice, bad: &ExtentSet, monitor: &Monitor) -> Vec<String> {
    let kind = work.survey.summary.kind;
    if bad.is_empty() || !kind.has_driver() {
        return Vec::new();
    }
    owners::files_in(source.clone(), kind, bad, monitor)
        .map_or_else(|error| owners::untold(&error), |owned| owned.sentences())
}

fn report(work: &BackupWork, made: &Made) -> Report {
    let bad = made.trailer.bad_clusters.clusters();
    let mut warnings = Vec::new();
    if bad > 0 {
        let runs: Vec<String> =
            made.trailer.bad_runs().iter().map(|run| format!("{}–{}", run.start, run.end() - 1)).collect();
        let words = plural(bad, en::CAUTION_ZEROS_AT_ONE, en::CAUTION_ZEROS_AT_MANY);
        warnings.push(fill(words, &[("count", &bad), ("runs", &runs.join(", "))]));
    }
    let proven = work.request.verify && work.request.target != ImageTarget::Pipe;
    let (raw, clusters) = (ByteLen(made.trailer.raw_bytes), made.header.image_clusters);
    let mut facts = vec![
        (en::FACT_IMAGE.into(), work.request.target.to_string()),
        (en::FACT_ID.into(), made.header.image_id.to_string()),
        (en::TOLD_CONTENT.into(), fill(en::VALUE_CLUSTERS, &[("size", &raw), ("clusters", &clusters)])),
        (en::PLAN_SIZE.into(), exact(made.written.bytes)),
        (en::TOLD_PARTS.into(), made.written.parts.to_string()),
        (en::TOLD_DIGEST.into(), blake3::Hash::from_bytes(made.written.digest).to_hex().to_string()),
        (en::TOLD_READ_BACK.into(), if proven { en::PROOF_DIGESTS } else { en::PROOF_NONE }.into()),
    ];
    facts.retain(|(name, value)| name != en::TOLD_PARTS || value != "1");
    let next = if proven {
        vec![en::NEXT_OTHER_DISK.into()]
    } else {
        vec![fill(en::NEXT_VERIFY, &[("image", &work.request.target)])]
    };
    Report {
        outcome: if bad > 0 { Outcome::DoneWithWarnings } else { Outcome::Done },
        headline: fill(en::HEAD_BACKED_UP, &[("source", &work.request.source), ("target", &work.request.target)]),
        facts,
        warnings,
        next,
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Standard output.
struct Pipe(std::io::Stdout);

impl Sink for Pipe {
    fn room(&mut self, _len: u64) -> Result<Option<u32>> {
        Ok(None)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        std::io::Write::write_all(&mut self.0, bytes).map_err(|error| {
            Error::io("writing to the pipe", error).advise("The program that reads the image has ended")
        })
    }
}

#[cfg(test)]
mod tests;
