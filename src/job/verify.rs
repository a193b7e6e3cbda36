//! Reading a whole image against its digests.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::check::Watcher;
use super::gather::Chunks;
use super::owners;
use super::pipeline::{Width, ordered};
use super::{Monitor, Outcome, Report};
use crate::error::Result;
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::image::format::{Entry, FRAME};
use crate::image::{Image, content_bytes, unpack_with};
use crate::inventory::{self, Address};
use crate::plan::{Safety, Step, StepKind};
use crate::unit::{ByteLen, Cluster};
use crate::words::{en, fill, plural};

/// What a verification found.
#[derive(Default, Debug)]
pub(super) struct Findings {
    /// Damage that no chunk's clusters stand for.
    pub(super) sentences: Vec<String>,
    /// Damaged or missing chunks.
    pub(super) bad: Vec<BadChunk>,
    /// Bytes of content that were proven.
    pub(super) proven: u64,
}

impl Findings {
    /// The clusters of all bad chunks.
    pub(super) fn lost(&self) -> ExtentSet {
        self.bad.iter().flat_map(|chunk| chunk.runs.iter().copied()).collect()
    }

    pub(super) fn is_whole(&self) -> bool {
        self.sentences.is_empty() && self.bad.is_empty()
    }
}

/// A chunk that is damaged or missing.
#[derive(Debug)]
pub(super) struct BadChunk {
    pub(super) number: u64,
    pub(super) runs: Vec<Extent>,
    /// The base in which it is damaged; none when that is in the image itself.
    pub(super) base: Option<Uuid>,
    why: String,
}

impl fmt::Display for BadChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clusters: u64 = self.runs.iter().map(|run| run.clusters).sum();
        let (first, last) = match (self.runs.first(), self.runs.last()) {
            (Some(first), Some(last)) => (first.start.0, last.end() - 1),
            _ => (0, 0),
        };
        f.write_str(&fill(
            en::DAMAGE_AT,
            &[
                ("number", &self.number),
                ("clusters", &clusters),
                ("first", &first),
                ("last", &last),
                ("why", &self.why),
            ],
        ))
    }
}

/// Something, or in words why it is not there.
type OrWhy<T> = std::result::Result<T, String>;

/// The entry of a chunk and the runs that its content belongs to; or why there is none.
pub(super) struct Located {
    pub(super) span: Cluster,
    pub(super) runs: Vec<Extent>,
    pub(super) entry: OrWhy<Entry>,
    /// Of a reference, the base that holds the content, and its entry.
    pub(super) base: Option<(Uuid, Entry)>,
}

impl Located {
    /// Unpacks its frame into `raw`; gives in words why it cannot be.
    pub(super) fn unpack(
        &self,
        decompressor: &mut zstd::bulk::Decompressor<'_>,
        frame: &[u8],
        raw: &mut Vec<u8>,
    ) -> Option<String> {
        let entry = self.entry.as_ref().ok()?;
        match &self.base {
            None => unpack_with(decompressor, entry, frame, raw).err().map(|error| error.to_string()),
            Some((id, held)) => {
                let unpacked = unpack_with(decompressor, held, frame, raw).err();
                unpacked.map(|error| error.context(format_args!("it is in the base image {id}")).to_string())
            }
        }
    }
}

impl Default for Located {
    fn default() -> Self {
        Self { span: Cluster(0), runs: Vec::new(), entry: Err(String::new()), base: None }
    }
}

/// Brings a volume's chunks, in order, together with the image's entries for them.
pub(super) struct Locator<'a> {
    image: &'a Image,
    chunks: Chunks<'a>,
    page: Option<(usize, OrWhy<Arc<Vec<Entry>>>)>,
}

impl<'a> Locator<'a> {
    pub(super) fn new(image: &'a Image, map: &'a ClusterMap) -> Self {
        Self { image, chunks: Chunks::new(map, image.header().chunk_clusters), page: None }
    }

    /// The next chunk; false after the last.
    pub(super) fn next(&mut self, located: &mut Located) -> bool {
        let Some(span) = self.chunks.next(&mut located.runs) else { return false };
        located.span = span;
        located.entry = self.entry(span, &located.runs);
        located.base = None;
        if let Ok(entry) = &located.entry {
            match self.image.holder(entry) {
                Ok(held) => located.base = held.map(|(base, held)| (base.header().image_id, held)),
                Err(error) => located.entry = Err(error.without_advice()),
            }
        }
        true
    }

    fn entry(&mut self, span: Cluster, runs: &[Extent]) -> OrWhy<Entry> {
        let number = self.image.page_of(span).ok_or(en::DAMAGE_MISSING)?;
        if self.page.as_ref().is_none_or(|(have, _)| *have != number) {
            self.page = Some((number, self.image.page(number).map_err(|error| error.to_string())));
        }
        let Some((_, page)) = &self.page else { return Err(String::new()) };
        let page = page.as_ref().map_err(|error| fill(en::DAMAGE_PAGE, &[("error", error)]))?;
        let at =
            page.binary_search_by_key(&span.0, |entry| entry.first_cluster.get()).map_err(|_| en::DAMAGE_MISSING)?;
        let clusters: u64 = runs.iter().map(|run| run.clusters).sum();
        if u64::from(page[at].clusters.get()) == clusters {
            Ok(page[at])
        } else {
            Err(fill(en::DAMAGE_CLUSTERS, &[("there", &page[at].clusters), ("named", &clusters)]))
        }
    }
}

#[derive(Default)]
struct Item {
    located: Located,
    /// The frame record and the frame.
    frame: Vec<u8>,
    raw: Vec<u8>,
    bad: Option<String>,
    /// The record before the frame is not the one that was written.
    record_damaged: bool,
}

/// Checks what stands around the chunks; gives the bitmap, and the clusters of which it does not tell.
fn check_around(image: &Image, findings: &mut Findings) -> Result<(ClusterMap, ExtentSet)> {
    findings.sentences.extend(image.damage().iter().cloned());
    if let Err(error) = image.check_head() {
        findings.sentences.push(fill(en::DAMAGE_HEAD, &[("error", &error)]));
    }
    if let Err(error) = image.check_layout() {
        findings.sentences.push(fill(en::DAMAGE_CONTENT, &[("error", &error)]));
    }
    let (map, unknown) = image.map_of_damaged()?;
    if !unknown.is_empty() {
        findings.sentences.push(fill(en::DAMAGE_MAP, &[("clusters", &unknown.clusters())]));
    } else if map.used() != image.header().image_clusters {
        let (says, named) = (image.header().image_clusters, map.used());
        findings.sentences.push(fill(en::DAMAGE_HEADER, &[("says", &says), ("named", &named)]));
    }
    Ok((map, unknown))
}

/// Checks every digest of an image. Advances the monitor by bytes of content.
pub(super) fn check(image: &Image, threads: usize, monitor: &Monitor, findings: &mut Findings) -> Result<()> {
    let (map, unknown) = check_around(image, findings)?;
    let header = image.header();
    let chunk_bytes = header.grid.bytes_of(header.chunk_clusters).0;
    let width = Width::new(threads, 2 * chunk_bytes, 1 << 20);
    let mut locator = Locator::new(image, &map);
    let mut seen = 0;
    ordered(
        (0..width.items).map(|_| Item::default()).collect(),
        width.threads,
        |item| {
            monitor.check()?;
            if !locator.next(&mut item.located) {
                return Ok(false);
            }
            item.record_damaged = false;
            item.bad = match &item.located.entry {
                Ok(entry) => match image.read_unit(entry, &mut item.frame) {
                    Ok(whole) => {
                        item.record_damaged = !whole;
                        None
                    }
                    Err(error) => Some(error.to_string()),
                },
                Err(why) => Some(why.clone()),
            };
            Ok(true)
        },
        || {
            let mut decompressor = super::decompressor()?;
            Ok(move |item: &mut Item| {
                if item.bad.is_none() {
                    item.bad = item.located.unpack(&mut decompressor, &item.frame[FRAME..], &mut item.raw);
                }
                Ok(())
            })
        },
        |item| {
            let bytes: u64 = item.located.runs.iter().map(|run| header.grid.bytes_of(run.clusters).0).sum();
            match item.bad.take() {
                None => findings.proven += bytes,
                Some(why) => {
                    let runs = item.located.runs.clone();
                    let base = item.located.base.map(|(id, _)| id);
                    let bad = BadChunk { number: item.located.span.0 / header.chunk_clusters, runs, base, why };
                    monitor.problem(fill(en::LOG_DAMAGED, &[("chunk", &bad)]));
                    findings.bad.push(bad);
                }
            }
            if item.record_damaged {
                let number = item.located.span.0 / header.chunk_clusters;
                findings.sentences.push(fill(en::DAMAGE_RECORD, &[("number", &number)]));
            }
            seen += 1;
            monitor.advance_at(&item.located.runs, bytes);
            Ok(())
        },
    )?;
    if unknown.is_empty() && seen != image.chunks() {
        findings.sentences.push(fill(en::DAMAGE_CHUNKS, &[("named", &seen), ("there", &image.chunks())]));
    }
    Ok(())
}

/// The steps of a verification: one.
fn steps(image: &Image) -> Vec<Step> {
    vec![Step {
        kind: StepKind::VerifyImage,
        title: en::STEP_VERIFY_IMAGE.into(),
        bytes: content_bytes(image.header()).0,
        safety: Safety::Reads,
    }]
}

/// Verifies an image: a file, or one inside a volume.
pub(super) fn run(subject: &Address, monitor: &Arc<Monitor>) -> Result<Report> {
    let image = inventory::image_at(subject, &Watcher::new(monitor))?;
    image.refuse_without_base()?;
    monitor.begin(steps(&image));
    let mut findings = Findings::default();
    check(&image, 0, monitor, &mut findings)?;
    monitor.enter(1);
    let header = image.header();
    let proven = fill(en::RESULT_PROVEN, &[("proven", &ByteLen(findings.proven)), ("all", &content_bytes(header))]);
    let mut facts = vec![
        (en::FACT_IMAGE.into(), subject.to_string()),
        (en::FACT_ID.into(), header.image_id.to_string()),
        (en::TOLD_PROVEN.into(), proven),
    ];
    facts.extend(image.digest().map(|digest| (en::TOLD_DIGEST.into(), digest)));
    if findings.is_whole() {
        let bad = image.trailer().bad_clusters.clusters();
        let warnings: Vec<String> = (bad > 0)
            .then(|| fill(plural(bad, en::CAUTION_WERE_ZEROS_ONE, en::CAUTION_WERE_ZEROS_MANY), &[("count", &bad)]))
            .into_iter()
            .collect();
        let outcome = if bad > 0 { Outcome::DoneWithWarnings } else { Outcome::Done };
        let headline = fill(en::HEAD_WHOLE, &[("image", subject)]);
        return Ok(Report { outcome, headline, facts, warnings, next: Vec::new() });
    }
    let count = findings.bad.len() as u64;
    let words = plural(count, en::HEAD_DAMAGED_ONE, en::HEAD_DAMAGED_MANY);
    let headline = fill(words, &[("image", subject), ("count", &count)]);
    let mut warnings = findings.sentences.clone();
    warnings.extend(findings.bad.iter().map(ToString::to_string));
    warnings.extend(files_in(Ok(image), &findings.lost(), monitor));
    Ok(Report {
        outcome: Outcome::Failed,
        headline,
        facts,
        warnings,
        next: vec![en::NEXT_OTHER_IMAGE.into(), en::NEXT_KEEP_GOING.into()],
    })
}

/// The files whose bytes lay in the lost clusters, in sentences.
pub(super) fn damaged_files(path: &Path, lost: &ExtentSet, monitor: &Monitor) -> Vec<String> {
    files_in(Image::open(path), lost, monitor)
}

fn files_in(image: Result<Image>, lost: &ExtentSet, monitor: &Monitor) -> Vec<String> {
    if lost.is_empty() {
        return Vec::new();
    }
    let named = image.and_then(|image| {
        let kind = image.header().volume.kind;
        owners::files_in(image.lenient_volume()?, kind, lost, monitor)
    });
    named.map_or_else(|error| owners::untold(&error), |owned| owned.sentences())
}
