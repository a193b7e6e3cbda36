//! Carrying out a restore: unseal, clusters in order, flush, read back, and last what makes the volume look
//! valid.

use std::sync::Arc;

use super::gather::{Chunks, Gatherer};
use super::pipeline::{Width, ordered};
use super::seal::{Seals, Way};
use super::source::ChunkSource;
use super::verify::{self, Findings, Located};
use super::{Monitor, Outcome, Report, exact};
use crate::device::WriteDevice;
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::image::{Header, Image};
use crate::plan::{ImageSource, Plan, RestoreRequest, RestoreWork, StepKind};
use crate::unit::{ByteLen, ByteOffset, Cluster, Grid};
use crate::words::{en, fill, plural};

/// Bytes written between two flushes: keeps the progress honest (what is shown as written is on the medium, but
/// for so much) and the last flush short.
pub(super) const FLUSH_EVERY: u64 = 512 << 20;

/// A chunk that was written, for the read-back.
struct WrittenChunk {
    span: Cluster,
    digest: [u8; 32],
}

#[derive(Default)]
struct Item {
    located: Located,
    frame: Vec<u8>,
    raw: Vec<u8>,
    bad: Option<String>,
}

/// What came of the writing.
#[derive(Default)]
struct Outcomes {
    written: Vec<WrittenChunk>,
    bytes: u64,
    lost: ExtentSet,
    /// The boot record or superblock was among what is lost.
    unsealed: bool,
}

/// Carries a restore out. `open` gives the target, and is called only when the image has been verified.
pub(super) fn run(
    plan: &Plan,
    work: &RestoreWork,
    open: &mut dyn FnMut() -> Result<Box<dyn WriteDevice>>,
    monitor: &Arc<Monitor>,
) -> Result<Report> {
    let mut source = ChunkSource::open(work, monitor)?;
    let findings = verify_first(plan, work, &source, monitor)?;
    let map = source.map(work.request.keep_going)?;
    let header = work.survey.header.clone();
    let target = open()?;
    if target.len() < header.grid.len() {
        return Err(Error::refused(format!(
            "the target has {} bytes, the volume needs {}",
            target.len().0,
            header.grid.len().0
        )));
    }
    let mut seals = Seals::new(&header, &map, Way::FromElsewhere);
    plan.enter(StepKind::Unseal, monitor);
    seals.break_on(&*target)?;
    let result = write_all(plan, work, &mut source, &map, &*target, &mut seals, monitor);
    // The target is marked from here on: whatever stops the work, the user is told what the disk is now.
    let outcomes = result.map_err(|error| {
        let unfinished = "The target is unfinished and marked so; `lifeboat restore` again completes it";
        match error.kind() {
            crate::error::Kind::Cancelled => Error::cancelled().advise(unfinished),
            _ => error.advise(unfinished),
        }
    })?;
    monitor.enter(plan.steps.len());
    Ok(report(work, &header, &findings, &outcomes, monitor))
}

fn write_all(
    plan: &Plan,
    work: &RestoreWork,
    source: &mut ChunkSource,
    map: &ClusterMap,
    target: &dyn WriteDevice,
    seals: &mut Seals,
    monitor: &Monitor,
) -> Result<Outcomes> {
    let header = &work.survey.header;
    plan.enter(StepKind::WriteClusters, monitor);
    let mut outcomes = write_clusters(work, source, map, target, seals, monitor)?;
    clear_excluded(header, map, target, monitor)?;
    if plan.enter(StepKind::ClearFree, monitor) {
        clear_free(map, header.grid, target, work.request.discard, monitor)?;
    }
    plan.enter(StepKind::SyncTarget, monitor);
    target.flush()?;
    if plan.enter(StepKind::ReadBackTarget, monitor) {
        target.forget();
        read_back(&outcomes.written, map, header, target, seals, work.request.threads, monitor)?;
    }
    monitor.check()?;
    plan.enter(StepKind::Seal, monitor);
    seals.patch_hidden_sectors(header, &work.survey.place);
    seals.close_on(target)?;
    outcomes.unsealed = seals.any_lost();
    Ok(outcomes)
}

/// The pass over the whole image before the target is touched.
fn verify_first(plan: &Plan, work: &RestoreWork, source: &ChunkSource, monitor: &Monitor) -> Result<Findings> {
    match (plan.enter(StepKind::VerifyImage, monitor), source) {
        (true, ChunkSource::File { image, .. }) => prove(image, &work.request, monitor),
        _ => Ok(Findings::default()),
    }
}

/// Checks every digest of an image; refuses a damaged one, unless what is whole shall be restored.
pub(super) fn prove(image: &Image, request: &RestoreRequest, monitor: &Monitor) -> Result<Findings> {
    let mut findings = Findings::default();
    verify::check(image, request.threads, monitor, &mut findings)?;
    if findings.is_whole() || request.keep_going {
        return Ok(findings);
    }
    let what = match findings.bad.first() {
        Some(first) => {
            let count = findings.bad.len() as u64;
            fill(plural(count, en::DAMAGE_FIRST_ONE, en::DAMAGE_FIRST_MANY), &[("count", &count), ("first", first)])
        }
        None => findings.sentences.join("; "),
    };
    Err(Error::refused(format!("the image is damaged, and the target was not touched: {what}"))
        .advise("Use another image, or --keep-going to restore what is whole"))
}

fn write_clusters(
    work: &RestoreWork,
    source: &mut ChunkSource,
    map: &ClusterMap,
    target: &dyn WriteDevice,
    seals: &mut Seals,
    monitor: &Monitor,
) -> Result<Outcomes> {
    let header = &work.survey.header;
    let grid = header.grid;
    let chunk_bytes = grid.bytes_of(header.chunk_clusters).0;
    let width = Width::new(work.request.threads, 2 * chunk_bytes, 1 << 20);
    let keep_going = work.request.keep_going;
    let mut outcomes = Outcomes::default();
    let mut unflushed = 0;
    let mut reader = source.reader(map);
    ordered(
        (0..width.items).map(|_| Item::default()).collect(),
        width.threads,
        |item| {
            monitor.check()?;
            item.bad = None;
            reader.next(&mut item.located, &mut item.frame, &mut item.bad)
        },
        || {
            let mut decompressor = super::decompressor()?;
            Ok(move |item: &mut Item| {
                if item.bad.is_none() {
                    item.bad = item.located.unpack(&mut decompressor, &item.frame, &mut item.raw);
                }
                Ok(())
            })
        },
        |item| {
            monitor.check()?;
            let runs = &item.located.runs;
            let bytes: u64 = runs.iter().map(|run| grid.bytes_of(run.clusters).0).sum();
            match (&item.bad, &item.located.entry) {
                (None, Ok(entry)) => {
                    seals.take(runs, grid, &mut item.raw);
                    write_runs(runs, grid, &item.raw, target)?;
                    outcomes.written.push(WrittenChunk { span: item.located.span, digest: entry.digest });
                    outcomes.bytes += bytes;
                    unflushed += bytes;
                }
                (bad, _) => {
                    let why = bad.as_deref().unwrap_or(en::DAMAGE_CHUNK_GONE);
                    let number = item.located.span.0 / header.chunk_clusters;
                    let what = fill(en::DAMAGE_CHUNK, &[("number", &number), ("why", &why)]);
                    if !keep_going {
                        return Err(Error::damaged(what));
                    }
                    monitor.problem(what);
                    runs.iter().for_each(|run| outcomes.lost.insert(*run));
                }
            }
            if unflushed >= FLUSH_EVERY {
                target.flush()?;
                unflushed = 0;
            }
            monitor.advance_at(runs, bytes);
            Ok(())
        },
    )?;
    Ok(outcomes)
}

fn write_runs(runs: &[Extent], grid: Grid, raw: &[u8], target: &dyn WriteDevice) -> Result<()> {
    let mut at = 0;
    for run in runs {
        let len = grid.bytes_of(run.clusters).0 as usize;
        target.write_at(grid.offset_of(run.start), &raw[at..at + len])?;
        at += len;
    }
    Ok(())
}

/// Makes zeros of the clusters of files that were left out: the files' entries are still there, and must not show
/// what lay on the target before.
pub(super) fn clear_excluded(
    header: &Header,
    map: &ClusterMap,
    target: &dyn WriteDevice,
    monitor: &Monitor,
) -> Result<()> {
    let grid = header.grid;
    for run in header.excluded.iter().flat_map(|file| file.runs.runs()) {
        monitor.check()?;
        // The header is a stranger's: what is in the image, or past the volume's end, is not left out.
        if run.end() > grid.clusters || map.runs_in(run.start.0..run.end()).next().is_some() {
            return Err(Error::damaged(format!("cluster {} is left out of the image and in it", run.start)));
        }
        clear(target, grid.offset_of(run.start).0, grid.bytes_of(run.end()).0, false, &mut |_| monitor.check())?;
    }
    Ok(())
}

/// Clears bytes in pieces, so that a cancel is answered; `done` is told of each.
fn clear(
    target: &dyn WriteDevice,
    from: u64,
    to: u64,
    discard: bool,
    done: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<()> {
    const AT_ONCE: u64 = 64 << 20;
    let mut at = from;
    while at < to {
        let now = (to - at).min(AT_ONCE);
        target.clear(ByteOffset(at), ByteLen(now), discard)?;
        done(now)?;
        at += now;
    }
    Ok(())
}

fn clear_free(map: &ClusterMap, grid: Grid, target: &dyn WriteDevice, discard: bool, monitor: &Monitor) -> Result<()> {
    let mut done = |bytes| {
        monitor.advance(bytes);
        monitor.check()
    };
    let mut free_from = 0;
    for run in map.runs() {
        clear(target, free_from, grid.offset_of(run.start).0, discard, &mut done)?;
        free_from = grid.bytes_of(run.end()).0;
    }
    clear(target, free_from, grid.len().0, discard, &mut done)
}

/// Reads every written chunk from the medium and compares its digest.
fn read_back(
    written: &[WrittenChunk],
    map: &ClusterMap,
    header: &Header,
    target: &dyn WriteDevice,
    seals: &Seals,
    threads: usize,
    monitor: &Monitor,
) -> Result<()> {
    #[derive(Default)]
    struct Read {
        runs: Vec<Extent>,
        raw: Vec<u8>,
        digest: [u8; 32],
    }
    let width = Width::new(threads, header.grid.bytes_of(header.chunk_clusters).0, 1 << 20);
    let mut chunks = Chunks::new(map, header.chunk_clusters);
    let mut gatherer = Gatherer::new(target, header.grid);
    let mut rest = written.iter().peekable();
    ordered(
        (0..width.items).map(|_| Read::default()).collect(),
        width.threads,
        |item| {
            while let Some(span) = chunks.next(&mut item.runs) {
                monitor.check()?;
                let Some(chunk) = rest.next_if(|chunk| chunk.span == span) else { continue };
                let mut bad = ExtentSet::new();
                gatherer.read(&item.runs, &mut item.raw, &mut bad)?;
                if let Some(run) = bad.runs().first() {
                    return Err(differs(run.start, "it cannot be read"));
                }
                seals.overlay(&item.runs, header.grid, &mut item.raw);
                item.digest = chunk.digest;
                return Ok(true);
            }
            Ok(false)
        },
        || {
            Ok(|item: &mut Read| {
                let start = item.runs.first().map_or(Cluster(0), |run| run.start);
                if *blake3::hash(&item.raw).as_bytes() == item.digest {
                    Ok(())
                } else {
                    Err(differs(start, "other bytes came back than were written"))
                }
            })
        },
        |item| {
            monitor.advance_at(&item.runs, item.raw.len() as u64);
            Ok(())
        },
    )
}

pub(super) fn differs(cluster: Cluster, what: &str) -> Error {
    Error::damaged(format!(
        "the target does not keep what is written to it: in the chunk from cluster {cluster} on, {what}"
    ))
}

fn report(work: &RestoreWork, header: &Header, findings: &Findings, outcomes: &Outcomes, monitor: &Monitor) -> Report {
    let lost = outcomes.lost.union(&findings.lost());
    let mut warnings = not_restored(&lost);
    if !lost.is_empty()
        && let ImageSource::File(path) = &work.request.image
    {
        warnings.extend(verify::damaged_files(path, &lost, monitor));
    }
    if outcomes.unsealed {
        warnings.push(en::CAUTION_BLANK.into());
    }
    warnings.extend(findings.sentences.iter().cloned());
    let outcome = if warnings.is_empty() { Outcome::Done } else { Outcome::DoneWithWarnings };
    let yes = |done: bool| if done { en::PROOF_DIGESTS } else { en::PROOF_NONE };
    let verified = !work.request.trust && work.request.image != ImageSource::Pipe;
    Report {
        outcome,
        headline: fill(en::HEAD_RESTORED, &[("image", &header.name), ("target", &work.request.target)]),
        facts: vec![
            (en::FACT_ID.into(), header.image_id.to_string()),
            (en::PLAN_TARGET.into(), work.request.target.to_string()),
            (en::VOLUME.into(), format!("{} {}", header.volume.kind, header.grid.len())),
            (en::TOLD_WRITTEN.into(), exact(outcomes.bytes)),
            (
                en::TOLD_IMAGE_VERIFIED.into(),
                if warnings.is_empty() { yes(verified) } else { en::RESULT_DAMAGED }.into(),
            ),
            (en::TOLD_TARGET_READ_BACK.into(), yes(work.request.verify).into()),
        ],
        warnings,
        next: if outcome == Outcome::Done {
            vec![en::NEXT_RESTART.into()]
        } else {
            vec![fill(en::NEXT_OWN_TOOL, &[("tool", &crate::fs::repair_tool(header.volume.kind))])]
        },
    }
}

/// How much of the volume is lost, and which clusters, in sentences.
pub(super) fn not_restored(lost: &ExtentSet) -> Vec<String> {
    let mut said = Vec::new();
    if !lost.is_empty() {
        let words = plural(lost.clusters(), en::CAUTION_NOT_RESTORED_ONE, en::CAUTION_NOT_RESTORED_MANY);
        said.push(fill(words, &[("count", &lost.clusters())]));
    }
    for run in lost.runs() {
        said.push(fill(en::CAUTION_LOST_RUN, &[("first", &run.start), ("last", &(run.end() - 1))]));
    }
    said
}
