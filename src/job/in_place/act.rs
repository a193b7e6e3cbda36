//! Carrying a restore in place out.

use std::sync::Arc;

use super::super::change::{UNTOUCHED, left, reread};
use super::super::gather::{Chunks, Gatherer};
use super::super::journal::format;
use super::super::journal::store::Store;
use super::super::restore::{FLUSH_EVERY, clear_excluded, differs, not_restored, prove};
use super::super::seal::{Seals, Way};
use super::super::verify::{Findings, Locator};
use super::super::{Devices, Monitor, Outcome, Report, check, exact};
use super::entry;
use super::moves::{copy, forget, open_image, write_contents};
use super::pass::{Chunk, Pass};
use super::patched::Patched;
use super::room::outward;
use super::survey::used_today;
use crate::device::{ReadDevice, SharedDevice, WriteDevice, read_vec};
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::fs::{self, ByteRange};
use crate::image::{Header, Image};
use crate::inventory::Place;
use crate::plan::{Differing, ImagesInside, InPlaceSurvey, InPlaceWork, Plan, StepKind};
use crate::unit::{ByteLen, ByteOffset, Cluster};
use crate::words::{en, fill, plural};

/// Bytes at once of what is not in the image.
const PIECE: u64 = 1 << 20;

/// What came of the writing.
#[derive(Default)]
struct Outcomes {
    written: u64,
    /// Clusters of the chunks of which something was written, or will be when the volume is sealed.
    touched: ExtentSet,
    lost: ExtentSet,
    unsealed: bool,
}

/// The restore under way.
struct Act<'a> {
    plan: &'a Plan,
    work: &'a InPlaceWork,
    image: &'a Image,
    map: &'a ClusterMap,
    target: &'a dyn WriteDevice,
    monitor: &'a Monitor,
}

/// Carries it out.
pub(in crate::job) fn run(
    plan: &Plan,
    work: &InPlaceWork,
    devices: &dyn Devices,
    monitor: &Arc<Monitor>,
) -> Result<Report> {
    let (findings, target) = begin(plan, work, devices, monitor)?;
    let report = carry_out(plan, work, &target, &findings, monitor)?;
    drop(target);
    reread(&work.survey.restore.place);
    monitor.enter(plan.steps.len());
    Ok(report)
}

/// Proves the image, and puts the partition's entry back. The volume is not changed.
fn begin(
    plan: &Plan,
    work: &InPlaceWork,
    devices: &dyn Devices,
    monitor: &Arc<Monitor>,
) -> Result<(Findings, Arc<dyn WriteDevice>)> {
    let (survey, request) = (&work.survey, &work.request);
    let untouched = |error: Error| left(error, UNTOUCHED);
    let target: Arc<dyn WriteDevice> = Arc::from(devices.volume(&survey.restore.place).map_err(untouched)?);
    target.forget();
    let mut findings = Findings::default();
    if plan.enter(StepKind::VerifyImage, monitor) {
        let volume: SharedDevice = target.clone();
        let image = open_image(&request.image, survey.restore.header.image_id, &volume, &survey.today);
        findings = image.and_then(|image| prove(&image, request, monitor)).map_err(untouched)?;
    }
    let Some(repair) = &survey.table else { return Ok((findings, target)) };
    drop(target);
    plan.enter(StepKind::WriteTable, monitor);
    let disk = once_more(|| devices.disk(&survey.restore.place)).map_err(untouched)?;
    let half = "Of the disk only the partition table may have changed: the restore can be begun again";
    entry::write(&repair.writes, &*disk).map_err(|error| left(error, half))?;
    drop(disk);
    let target = once_more(|| devices.volume(&survey.restore.place)).map_err(untouched)?;
    Ok((findings, Arc::from(target)))
}

fn carry_out(
    plan: &Plan,
    work: &InPlaceWork,
    target: &Arc<dyn WriteDevice>,
    findings: &Findings,
    monitor: &Arc<Monitor>,
) -> Result<Report> {
    let (survey, request) = (&work.survey, &work.request);
    let header = &survey.restore.header;
    let untouched = |error: Error| left(error, UNTOUCHED);
    let volume: SharedDevice = target.clone();
    let image = open_image(&request.image, header.image_id, &volume, &survey.today).map_err(untouched)?;
    let map = if request.keep_going { image.map_of_damaged().map(|known| known.0) } else { image.map() };
    let map = map.map_err(untouched)?;
    let mut seals = Seals::new(header, &map, Way::InPlace(request.images));
    still_free(survey, &volume).map_err(untouched)?;
    let marked = format!(
        "The volume may be unfinished, and is marked so; the images inside are whole. `lifeboat resume {}` finishes the restore",
        request.target
    );
    let stays = if survey.moved_to_free || survey.moved.is_empty() { STAYS } else { &marked };
    make_room(plan, survey, &seals, &**target, monitor).map_err(|error| left(error, stays))?;
    let before = seals.read(&**target);
    let image = open_image(&request.image, header.image_id, &volume, &survey.toc);
    let image = image.map_err(|error| left(error, stays))?;
    let act = Act { plan, work, image: &image, map: &map, target: &**target, monitor };
    let outcomes = act.go(&mut seals, &before).map_err(|error| left(error, &marked))?;
    let mut report = act.report(findings, &outcomes);
    if plan.enter(StepKind::CheckVolume, monitor) {
        target.forget();
        checked(&survey.restore.place, &volume, monitor, &mut report).map_err(|error| {
            let target = &request.target;
            left(
                error,
                &format!("The volume is restored, but was not checked again: `lifeboat check {target}` does that"),
            )
        })?;
    }
    if plan.enter(StepKind::DropImages, monitor) {
        let rest = "The volume is restored; of the images that it held, some may be left in its free clusters";
        act.forget().map_err(|error| left(error, rest))?;
    }
    Ok(report)
}

/// What the volume is until it is marked.
const STAYS: &str = "The volume and the images inside are as they were";

/// Opens what was closed a moment ago: a program that is just being started may have inherited it, until it runs.
fn once_more<T>(open: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 0..20 {
        if let Ok(opened) = open() {
            return Ok(opened);
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    open()
}

/// Checks that the places which parts are moved to are free still, when they were.
fn still_free(survey: &InPlaceSurvey, volume: &SharedDevice) -> Result<()> {
    if survey.moved.is_empty() || !survey.moved_to_free {
        return Ok(());
    }
    let grid = survey.restore.header.grid;
    let today = used_today(volume, grid);
    let in_use =
        |extent: Extent| today.as_ref().is_none_or(|used| used.runs_in(extent.start.0..extent.end()).next().is_some());
    match survey.moved.iter().map(|moved| outward(moved.to, grid)).find(|extent| in_use(*extent)) {
        None => Ok(()),
        Some(extent) => Err(Error::refused(format!(
            "the volume is not what the plan was made for: cluster {} was free, and is used",
            extent.start
        ))
        .advise("See that nothing else uses it, and plan anew")),
    }
}

/// Parts in the way go first, and the tables of contents say so. Where that costs something of today's volume, the
/// marker comes before: then only finishing helps, and the volume tells it.
fn make_room(
    plan: &Plan,
    survey: &InPlaceSurvey,
    seals: &Seals,
    target: &dyn WriteDevice,
    monitor: &Monitor,
) -> Result<()> {
    if plan.enter(StepKind::MoveImages, monitor) {
        if !survey.moved_to_free {
            seals.mark_on(target)?;
        }
        copy(&survey.moved, target, monitor)?;
    }
    if plan.enter(StepKind::WriteContents, monitor) {
        if !survey.moved_to_free && has_new_tables(survey) {
            seals.mark_on(target)?;
        }
        write_contents(&survey.today, &survey.toc, target, monitor)?;
    }
    monitor.check()
}

/// True when a table of contents comes to lie where none lies today.
fn has_new_tables(survey: &InPlaceSurvey) -> bool {
    let old: Vec<_> = survey.today.runs().collect();
    let mut tables = survey.toc.files.iter().filter(|file| file.role.is_toc());
    tables.any(|file| file.runs.iter().any(|run| !old.contains(run)))
}

impl Act<'_> {
    fn header(&self) -> &Header {
        &self.work.survey.restore.header
    }

    fn patched(&self) -> Patched<'_> {
        Patched { patches: &self.work.survey.patches, grid: self.header().grid }
    }

    fn go(&self, seals: &mut Seals, before: &[Vec<u8>]) -> Result<Outcomes> {
        let (plan, monitor, target) = (self.plan, self.monitor, self.target);
        plan.enter(StepKind::WriteClusters, monitor);
        let mut outcomes = self.write(seals)?;
        plan.enter(StepKind::SyncTarget, monitor);
        target.flush()?;
        if plan.enter(StepKind::ReadBackTarget, monitor) {
            target.forget();
            self.read_back(seals, &outcomes)?;
        }
        monitor.check()?;
        plan.enter(StepKind::Seal, monitor);
        self.close_journals()?;
        seals.patch_hidden_sectors(self.header(), &self.work.survey.restore.place);
        if outcomes.written > 0 || seals.differing(before) > 0 {
            if outcomes.written == 0 {
                seals.break_on(target)?;
            }
            outcomes.written += seals.differing(before);
            seals.close_on(target)?;
        }
        outcomes.unsealed = seals.any_lost();
        Ok(outcomes)
    }

    /// Journals of changes that were cut short are closed before the volume looks whole: what they would finish or
    /// take back is not there any more.
    fn close_journals(&self) -> Result<()> {
        for start in &self.work.survey.journals {
            let sector = read_vec(self.target, *start, format::SECTOR)?;
            let open =
                |header: &format::Header| format::State::from_number(header.state.get()) == Some(format::State::Open);
            if let Some(header) = format::Header::read(&sector).filter(open) {
                Store { device: self.target, start: *start }.close(&header, format::State::RolledBack)?;
            }
        }
        Ok(())
    }

    /// Writes what differs. The volume is marked before the first cluster is written, and not at all when there is
    /// nothing to write.
    fn write(&self, seals: &mut Seals) -> Result<Outcomes> {
        let (request, grid) = (&self.work.request, self.header().grid);
        let pass = Pass {
            image: self.image,
            map: self.map,
            patched: self.patched(),
            seals: seals.ranges(),
            target: self.target,
            compare: matches!(self.work.survey.differing, Differing::Bytes(_)),
            threads: request.threads,
        };
        let mut outcomes = Outcomes::default();
        let mut unflushed = 0;
        pass.run(self.monitor, &mut |chunk| {
            let bytes = chunk.bytes(&pass);
            if let Some(why) = &chunk.bad {
                self.lose(chunk, why, &mut outcomes.lost)?;
            }
            if chunk.unpacked {
                seals.take(&chunk.located.runs, grid, &mut chunk.raw);
                chunk.located.runs.iter().for_each(|run| outcomes.touched.insert(*run));
            }
            for stretch in &chunk.differing {
                self.begin(seals, &mut outcomes.written, stretch.len as u64)?;
                self.target.write_at(stretch.at, &chunk.raw[stretch.from..stretch.from + stretch.len])?;
                unflushed += stretch.len as u64;
            }
            if unflushed >= FLUSH_EVERY {
                self.target.flush()?;
                unflushed = 0;
            }
            self.monitor.advance_at(&chunk.located.runs, bytes);
            Ok(())
        })?;
        let survey = &self.work.survey;
        beside(self.patched(), &survey.more, self.target, self.monitor, &mut |at, bytes| {
            self.begin(seals, &mut outcomes.written, bytes.len() as u64)?;
            self.target.write_at(at, bytes)
        })?;
        if !self.header().excluded.is_empty() {
            self.clear_excluded(seals, &mut outcomes)?;
        }
        Ok(outcomes)
    }

    /// Before the first write the volume is marked.
    fn begin(&self, seals: &Seals, written: &mut u64, bytes: u64) -> Result<()> {
        if *written == 0 {
            seals.break_on(self.target)?;
        }
        *written += bytes;
        Ok(())
    }

    fn lose(&self, chunk: &Chunk, why: &str, lost: &mut ExtentSet) -> Result<()> {
        let number = chunk.located.span.0 / self.header().chunk_clusters.max(1);
        let what = fill(en::DAMAGE_CHUNK, &[("number", &number), ("why", &why)]);
        if !self.work.request.keep_going {
            return Err(Error::damaged(what));
        }
        self.monitor.problem(what);
        chunk.located.runs.iter().for_each(|run| lost.insert(*run));
        Ok(())
    }

    /// Files that were left out become zeros, where they are not.
    fn clear_excluded(&self, seals: &Seals, outcomes: &mut Outcomes) -> Result<()> {
        let grid = self.header().grid;
        let runs: ExtentSet = self.header().excluded.iter().flat_map(|file| file.runs.runs()).copied().collect();
        let mut other = 0;
        for run in runs.clip(grid.clusters).runs() {
            pieces(grid.offset_of(run.start), grid.bytes_of(run.clusters), &mut |at, len| {
                self.monitor.check()?;
                let zero = read_vec(self.target, at, len).is_ok_and(|bytes| bytes.iter().all(|byte| *byte == 0));
                other += if zero { 0 } else { len as u64 };
                Ok(())
            })?;
        }
        if other > 0 {
            self.begin(seals, &mut outcomes.written, other)?;
            clear_excluded(self.header(), self.map, self.target, self.monitor)?;
        }
        Ok(())
    }

    /// Reads from the medium what was written: with the changes taken out, each chunk must have the digest that the
    /// index names. A chunk that was left alone was read while writing, and had it
    /// then.
    fn read_back(&self, seals: &Seals, outcomes: &Outcomes) -> Result<()> {
        let (header, patched) = (self.header(), self.patched());
        let mut chunks = Chunks::new(self.map, header.chunk_clusters);
        let mut locator = Locator::new(self.image, self.map);
        let mut gatherer = Gatherer::new(self.target, header.grid);
        let mut located = super::super::verify::Located::default();
        let (mut runs, mut raw) = (Vec::new(), Vec::new());
        while chunks.next(&mut runs).is_some() && locator.next(&mut located) {
            self.monitor.check()?;
            let start = runs.first().map_or(Cluster(0), |run| run.start);
            let Ok(entry) = &located.entry else { continue };
            if outcomes.lost.contains(start) {
                continue;
            }
            if !outcomes.touched.contains(start) {
                self.monitor.advance(runs.iter().map(|run| header.grid.bytes_of(run.clusters).0).sum());
                continue;
            }
            let mut bad = ExtentSet::new();
            gatherer.read(&runs, &mut raw, &mut bad)?;
            if let Some(run) = bad.runs().first() {
                return Err(differs(run.start, "it cannot be read"));
            }
            seals.overlay(&runs, header.grid, &mut raw);
            if !patched.undo(&runs, &mut raw) || *blake3::hash(&raw).as_bytes() != entry.digest {
                return Err(differs(start, "other bytes came back than were written"));
            }
            self.monitor.advance_at(&runs, raw.len() as u64);
        }
        let other = beside(patched, &self.work.survey.more, self.target, self.monitor, &mut |_, _| Ok(()))?;
        if other > 0 {
            let start = self.work.survey.more.runs().first().map_or(Cluster(0), |run| run.start);
            return Err(differs(start, "other bytes came back than were written"));
        }
        Ok(())
    }

    /// Makes the dropped images unfindable.
    fn forget(&self) -> Result<()> {
        let grid = self.header().grid;
        let survey = &self.work.survey;
        let excluded: ExtentSet = self.header().excluded.iter().flat_map(|file| file.runs.runs()).copied().collect();
        let used = |range: ByteRange| {
            let Extent { start, clusters } = outward(range, grid);
            let within = self.map.runs_in(start.0..start.0 + clusters).next().is_some();
            within || (start.0..start.0 + clusters).any(|cluster| excluded.contains(Cluster(cluster)))
        };
        forget([&survey.today, &survey.toc], &used, self.target)
    }

    fn report(&self, findings: &Findings, outcomes: &Outcomes) -> Report {
        let (survey, request, header) = (&self.work.survey, &self.work.request, self.header());
        let mut warnings = not_restored(&outcomes.lost.union(&findings.lost()));
        if outcomes.unsealed {
            warnings.push(en::CAUTION_BLANK.into());
        }
        warnings.extend(findings.sentences.iter().cloned());
        let moved: u64 = survey.moved.iter().map(|moved| moved.from.len.0).sum();
        let images = match request.images {
            ImagesInside::Keep => fill(en::RESULT_IMAGES_STAY, &[("count", &survey.toc.images.len())]),
            ImagesInside::Drop => en::RESULT_IMAGES_DROPPED.into(),
        };
        let yes = |done: bool| if done { en::PROOF_DIGESTS } else { en::PROOF_NONE };
        let headline = match outcomes.written {
            0 => fill(en::HEAD_RESTORED_NOTHING, &[("image", &header.name), ("target", &request.target)]),
            _ => fill(en::HEAD_RESTORED_IN_PLACE, &[("image", &header.name), ("target", &request.target)]),
        };
        Report {
            outcome: if warnings.is_empty() { Outcome::Done } else { Outcome::DoneWithWarnings },
            headline,
            facts: vec![
                (en::FACT_ID.into(), header.image_id.to_string()),
                (en::PLAN_TARGET.into(), request.target.to_string()),
                (en::VOLUME.into(), format!("{} {}", header.volume.kind, header.grid.len())),
                (en::TOLD_WRITTEN.into(), exact(outcomes.written)),
                (en::PLAN_IMAGES_INSIDE.into(), images),
                (en::PLAN_IMAGES_MOVED.into(), ByteLen(moved).to_string()),
                (en::TOLD_IMAGE_VERIFIED.into(), yes(!request.trust && findings.is_whole()).into()),
                (en::TOLD_TARGET_READ_BACK.into(), yes(request.verify).into()),
            ],
            next: match warnings.is_empty() {
                true => vec![en::NEXT_RESTART_IN_PLACE.into()],
                false => vec![fill(en::NEXT_OWN_TOOL, &[("tool", &fs::repair_tool(header.volume.kind))])],
            },
            warnings,
        }
    }
}

/// Looks whether the restored volume is sound, and adds what is not to the report.
fn checked(place: &Place, volume: &SharedDevice, monitor: &Monitor, report: &mut Report) -> Result<()> {
    let source =
        check::CheckSource { device: volume.clone(), mounted_at: Vec::new(), place: Some(place.clone()), deep: false };
    let quiet = Monitor::new();
    monitor.check()?;
    let checked = check::run(&source, &quiet)?;
    let word = if checked.sound { en::RESULT_SOUND } else { en::RESULT_NOT_SOUND };
    report.facts.push((en::TOLD_VOLUME_CHECKED.into(), word.into()));
    if !checked.sound {
        report.outcome = Outcome::DoneWithWarnings;
        let words = plural(checked.found.errors, en::CAUTION_NOT_SOUND_ONE, en::CAUTION_NOT_SOUND_MANY);
        report.warnings.push(fill(words, &[("count", &checked.found.errors)]));
        report.warnings.extend(checked.found.list.iter().take(8).map(check::sentence));
    }
    Ok(())
}

/// Calls `each` with pieces of a stretch of bytes.
fn pieces(start: ByteOffset, len: ByteLen, each: &mut dyn FnMut(ByteOffset, usize) -> Result<()>) -> Result<()> {
    let mut at = 0;
    while at < len.0 {
        let now = (len.0 - at).min(PIECE);
        each(ByteOffset(start.0 + at), now as usize)?;
        at += now;
    }
    Ok(())
}

/// Holds the clusters that are not in the image against what must be in them, and calls `write` for each that differs;
/// gives how many bytes that are.
pub(super) fn beside(
    patched: Patched,
    more: &ExtentSet,
    target: &dyn ReadDevice,
    monitor: &Monitor,
    write: &mut dyn FnMut(ByteOffset, &[u8]) -> Result<()>,
) -> Result<u64> {
    let mut other = 0;
    for run in more.runs() {
        for cluster in run.start.0..run.end() {
            monitor.check()?;
            let wanted = patched.beside(Extent::new(cluster, 1));
            let at = patched.grid.offset_of(Cluster(cluster));
            if read_vec(target, at, wanted.len()).is_ok_and(|have| have == wanted) {
                continue;
            }
            other += wanted.len() as u64;
            write(at, &wanted)?;
        }
    }
    Ok(other)
}
