//! Carrying out a job on the container of a volume.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::adopt::{self, Addition};
use super::create::{image_record, part_files, table_file};
use super::imaged::{self, Imaged};
use super::sink::{self, Hole, Part};
use super::site::Site;
use super::{reach, sound};
use crate::device::{Pieces, SharedDevice, WriteDevice, read_vec};
use crate::error::{Error, Kind, Result};
use crate::extent::Extent;
use crate::fs;
use crate::image::Image;
use crate::image::container::{FileRecord, Toc, blocks};
use crate::inventory::Source;
use crate::job::backup::{self, Made};
use crate::job::change::{self, Phase, UNTOUCHED, left, reread};
use crate::job::{Devices, Monitor, Outcome, Report, exact};
use crate::plan::{InsideWork, NewImage, Plan, StepKind};
use crate::unit::{ByteLen, ByteOffset};
use crate::volume::ByteRange;
use crate::words::{en, fill, plural};

/// A job under way.
struct Job<'a> {
    plan: &'a Plan,
    work: &'a InsideWork,
    volume: Arc<dyn WriteDevice>,
    devices: &'a dyn Devices,
    monitor: &'a Monitor,
    /// The steps that are still to come.
    next: usize,
    /// What was wrong with the container before.
    before: Option<sound::Findings>,
    /// Units that are free when the image is a file.
    free_units: Option<u64>,
    /// What still is, and must be known.
    warnings: Vec<String>,
}

/// An image that lies in free clusters.
struct Written {
    made: Made,
    parts: Vec<Part>,
    /// The clusters that it has, in file order.
    place: Vec<ByteRange>,
}

/// Carries a job out.
pub(in crate::job) fn run(
    plan: &Plan,
    work: &InsideWork,
    devices: &dyn Devices,
    monitor: &Arc<Monitor>,
) -> Result<Report> {
    let untouched = |error: Error| left(error, UNTOUCHED);
    let volume: Arc<dyn WriteDevice> = Arc::from(devices.volume(&work.survey.place).map_err(untouched)?);
    volume.forget();
    let mut job =
        Job { plan, work, volume, devices, monitor, next: 0, before: None, free_units: None, warnings: Vec::new() };
    let done = job.all();
    drop(job);
    reread(&work.survey.place);
    let report = done?;
    monitor.enter(plan.steps.len());
    Ok(report)
}

impl Job<'_> {
    fn all(&mut self) -> Result<Report> {
        self.check_before().map_err(|error| left(error, UNTOUCHED))?;
        let (survey, work) = (&self.work.survey, self.work);
        for (number, phase) in survey.phases.iter().enumerate() {
            let before = if number == 0 { UNTOUCHED } else { "The volume is sound, and files have moved" };
            self.change(&phase.name, &phase.survey, before)?;
        }
        let moved = if survey.phases.is_empty() {
            "The volume is what it was: no image was made, and what was written lies in free clusters"
        } else {
            "The volume is sound, and what was in the way has moved; no image was made"
        };
        let made = match &survey.image {
            Some(image) => Some(self.create(image, moved)?),
            None => None,
        };
        let rest = "All of the job is done, but what a search may find of the image is left in free clusters";
        self.wipe().map_err(|error| left(error, rest))?;
        self.check_after().map_err(|error| self.unproven(error))?;
        let mut report = match (made, &survey.image) {
            (Some((written, verified)), Some(image)) => created(work, image, &written, verified),
            _ => changed(work),
        };
        if !self.warnings.is_empty() {
            report.outcome = Outcome::DoneWithWarnings;
            report.warnings.append(&mut self.warnings);
        }
        Ok(report)
    }

    /// What is to be said when all is done and the last check finds something, or does not come to its end.
    fn unproven(&self, error: Error) -> Error {
        let volume = &self.work.volume;
        match error.kind() {
            Kind::Io | Kind::Cancelled => left(
                error,
                &format!(
                    "All of the job is done, but the volume was not checked again: `lifeboat check {volume}` does that"
                ),
            ),
            _ => Error::damaged(error.without_advice())
                .advise("The volume is not what it should be: do not use it, and have it checked (`lifeboat check`)"),
        }
    }

    /// The steps that are left.
    fn left(&self) -> Range<usize> {
        self.next..self.plan.steps.len()
    }

    fn source(&self) -> Source {
        let device: SharedDevice = self.volume.clone();
        Source { place: self.work.survey.place.clone(), device }
    }

    /// The volume as it is now.
    fn site(&self) -> Result<Site> {
        let kind = self.work.survey.identity.kind;
        let kind = kind.ok_or_else(|| Error::damaged("the plan does not say what the volume is"))?;
        Site::open(self.source(), kind, &self.work.volume)
    }

    fn check_before(&mut self) -> Result<()> {
        if self.work.check {
            self.plan.enter_in(&self.left(), StepKind::CheckVolume, self.monitor);
            fs::edit::refuse_unsound(&self.source().device, self.monitor)?;
            self.next += 1;
        }
        let site = self.site()?;
        if self.work.survey.image.is_some() {
            sound::refuse_lost(site.container.as_ref(), &self.work.volume)?;
        }
        if self.work.check {
            self.before = Some(sound::Findings::of(site.container.as_ref(), self.monitor)?);
        }
        let survey = &self.work.survey;
        let summary = site.system()?.summary().clone();
        let sequence = |toc: Option<&Toc>| toc.map(|toc| (toc.container_id, toc.sequence));
        // A container without a table of contents gets an id with every look.
        let same = match (site.toc(), survey.toc.as_ref()) {
            (Some(now), Some(then)) if now.sequence == 0 => then.sequence == 0,
            (now, then) => sequence(now) == sequence(then),
        };
        if !same || summary.id != survey.identity.id || site.grid != survey.grid {
            return Err(Error::refused("the volume is not what the plan was made for: it has another container or id")
                .advise("See that nothing else uses it, and plan anew"));
        }
        if survey.image.is_some() && site.free_units() != survey.room.free {
            return Err(Error::refused(format!(
                "the volume is not what the plan was made for: {} clusters were free, and {} are",
                survey.room.free,
                site.free_units()
            ))
            .advise("See that nothing else uses it, and plan anew"));
        }
        Ok(())
    }

    /// A journalled change, with its own steps.
    fn change(&mut self, name: &str, survey: &crate::plan::ChangeSurvey, before: &str) -> Result<()> {
        let steps = self.next..self.next + Phase::step_count(survey);
        let phase = Phase { plan: self.plan, steps: steps.clone(), name, survey, before };
        change::carry_out(&phase, &self.volume, self.devices, self.monitor)?;
        self.next = steps.end;
        Ok(())
    }

    fn create(&mut self, image: &NewImage, moved: &str) -> Result<(Written, bool)> {
        let as_before = |error: Error| left(error, moved);
        let site = self.site().map_err(as_before)?;
        let imaged = Imaged::new(&image.request, &site, self.monitor).map_err(as_before)?;
        let base = self.base(image, &site).map_err(as_before)?;
        let written = self.write(image, &site, &imaged, base).map_err(as_before)?;
        let device = self.reader(&written).map_err(as_before)?;
        if self.plan.enter_in(&self.left(), StepKind::ReadBackImage, self.monitor) {
            backup::read_back(device, &written.made, self.monitor).map_err(as_before)?;
        }
        self.adopt(image, &site, &written, moved)?;
        Ok((written, image.request.verify))
    }

    /// The image that the new one is based on, as planned.
    fn base(&self, image: &NewImage, site: &Site) -> Result<Option<Arc<Image>>> {
        let Some((id, name)) = &image.base else { return Ok(None) };
        let container = site.container.as_ref();
        let container = container.ok_or_else(|| Error::damaged("the container is not there any more"))?;
        sound::refuse_base(container, *id)?;
        let base = imaged::open(container, *id).map_err(|error| error.context(format!("the base {name}")))?;
        Ok(Some(Arc::new(base)))
    }

    /// Writes the image into free clusters; when it is longer than was thought, into more of them.
    fn write(&mut self, image: &NewImage, site: &Site, imaged: &Imaged, base: Option<Arc<Image>>) -> Result<Written> {
        let mut place = image.place.clone();
        let (made, parts, units) = loop {
            self.plan.enter_in(&self.left(), StepKind::WriteImage, self.monitor);
            still_free(site, &place)?;
            let ranges = place.iter().map(|extent| site.range(*extent)).collect();
            let hole = Hole::writing(&*self.volume, ranges, site.unit_bytes(), image.part_bytes);
            let full = hole.is_full();
            let header = imaged.header(&image.request, &image.name);
            match imaged.write(&image.request, header, base.clone(), image.scattered, hole, self.monitor) {
                Ok((hole, made)) => {
                    let (parts, units) = hole.finish()?;
                    break (made, parts, units);
                }
                Err(error) if full.load(Ordering::Relaxed) => place = reach::grown(site, image, &place, error)?,
                Err(error) => return Err(error),
            }
        };
        self.plan.enter_in(&self.left(), StepKind::SyncImage, self.monitor);
        let place = self.settle(site, &place, units, image.scattered)?;
        self.volume.flush()?;
        self.volume.forget();
        Ok(Written { made, parts, place })
    }

    /// Brings an image that is shorter than its place to the place's upper end. Nothing leads to it yet.
    fn settle(&self, site: &Site, place: &[Extent], units: u64, scattered: bool) -> Result<Vec<ByteRange>> {
        let clusters = units * site.units.clusters;
        let ([whole], false) = (place, scattered) else {
            return Ok(place.iter().map(|extent| site.range(*extent)).collect());
        };
        let by = whole.clusters.saturating_sub(clusters);
        let from = site.range(Extent::new(whole.start.0, clusters));
        let bytes = site.grid.bytes_of(by).0;
        sink::shift_up(&*self.volume, from.offset, from.len, bytes, self.monitor)?;
        Ok(vec![site.range(Extent::new(whole.start.0 + by, clusters))])
    }

    /// The image as it lies there.
    fn reader(&self, written: &Written) -> Result<SharedDevice> {
        let device: SharedDevice = self.volume.clone();
        let pieces = written.parts.iter().flat_map(|part| sink::runs_of(&written.place, part.start, part.bytes));
        blocks::unwrap(Arc::new(Pieces::new(device, pieces)?))
    }

    /// Writes the new tables, and makes everything files.
    fn adopt(&mut self, image: &NewImage, site: &Site, written: &Written, moved: &str) -> Result<()> {
        let as_before = |error: Error| left(error, moved);
        let header = &written.made.header;
        let parts = written.parts.iter().map(|part| (part.start, part.bytes));
        let bytes = written.parts.iter().map(|part| part.bytes).sum();
        let (count, scattered) = (written.parts.len(), image.scattered);
        let addition = Addition {
            image: image_record(&image.name, header, bytes, count, written.made.written.digest, scattered)?,
            parts: part_files(&image.name, header, &written.place, parts, site.unit_bytes()),
            tables: tables(site, image, written),
            renamed: image.renamed.clone(),
            gone: image.gone.clone(),
            partition: header.partition.clone(),
        };
        reach::refuse_lower(image, &addition).map_err(as_before)?;
        let may = |taken, _| self.bounded(site, &addition, taken);
        let adoption = adopt::work_out(site, &self.work.volume, &addition, &may).map_err(as_before)?;
        self.free_units = Some(adoption.free_units);
        self.plan.enter_in(&self.left(), StepKind::WriteTables, self.monitor);
        self.write_proven(&adoption.contents).map_err(as_before)?;
        let steps = self.plan.steps.iter().rposition(|step| step.kind == StepKind::WriteTables);
        self.next = steps.map_or(self.next, |index| index + 1);
        self.change(&adoption.phase.name, &adoption.phase.survey, moved)
    }

    /// What the change takes beside the image itself must be within what was planned.
    fn bounded(&self, site: &Site, addition: &Addition, taken: u64) -> Result<()> {
        let files = addition.tables.iter().chain(&addition.parts);
        let own: u64 = files.map(|file| site.units_of(file.bytes)).sum();
        let metadata = taken.saturating_sub(own);
        let planned = self.work.survey.room.metadata;
        if metadata <= planned {
            return Ok(());
        }
        Err(Error::refused(format!(
            "what describes the image's files would take {metadata} clusters, and {planned} were planned for"
        ))
        .advise("Plan anew"))
    }

    fn write_proven(&self, contents: &[(ByteOffset, Vec<u8>)]) -> Result<()> {
        for (at, bytes) in contents {
            self.monitor.check()?;
            self.volume.write_at(*at, bytes)?;
            self.monitor.advance(bytes.len() as u64);
        }
        self.volume.flush()?;
        self.volume.forget();
        for (at, bytes) in contents {
            if read_vec(&*self.volume, *at, bytes.len())? != *bytes {
                return Err(Error::damaged(format!(
                    "the medium does not keep what is written to it: what was written to byte {at} came back otherwise"
                ))
                .advise("Use another medium: this one cannot be trusted"));
            }
        }
        Ok(())
    }

    /// Overwrites what lies in free clusters and would make an image be found that is none any more.
    fn wipe(&mut self) -> Result<()> {
        let wiped = &self.work.survey.wiped;
        if wiped.is_empty() {
            return Ok(());
        }
        self.plan.enter_in(&self.left(), StepKind::WriteTables, self.monitor);
        let site = self.site()?;
        let contents: Vec<(ByteOffset, Vec<u8>)> = wiped.iter().map(|at| (*at, vec![0; 512])).collect();
        for at in wiped {
            let cluster = site.grid.cluster_at(*at);
            if site.used.contains(cluster) {
                return Err(Error::refused(format!("cluster {cluster} was to be free, and is used: it is left alone")));
            }
        }
        self.next += 1;
        self.write_proven(&contents)
    }

    /// The volume must be sound, and count as the plan says.
    fn check_after(&mut self) -> Result<()> {
        if !self.work.check {
            return Ok(());
        }
        self.plan.enter_in(&self.left(), StepKind::CheckVolume, self.monitor);
        self.volume.forget();
        fs::edit::refuse_unsound(&self.source().device, self.monitor)?;
        let site = self.site()?;
        if let Some(before) = &self.before {
            let now = sound::Findings::of(site.container.as_ref(), self.monitor)?;
            self.warnings = now.since(before)?;
        }
        let free = site.free_units();
        if let Some(expected) = self.free_units.filter(|expected| *expected != free) {
            return Err(Error::damaged(format!(
                "the new files and what describes them should leave {expected} clusters free, and {free} are"
            )));
        }
        Ok(())
    }
}

/// What is written to must be free.
fn still_free(site: &Site, place: &[Extent]) -> Result<()> {
    match place.iter().find(|extent| site.used_in(**extent) > 0) {
        None => Ok(()),
        Some(extent) => Err(Error::refused(format!(
            "clusters {} to {} were to be free, and are not",
            extent.start,
            extent.end() - 1
        ))
        .advise("See that nothing else uses the volume, and plan anew")),
    }
}

/// The new tables: the first stands right before the image.
fn tables(site: &Site, image: &NewImage, written: &Written) -> Vec<FileRecord> {
    let ([place], false) = (&written.place[..], image.scattered) else { return image.tables.clone() };
    let first = site.grid.cluster_at(place.offset).0;
    let moved = |(index, file): (usize, &FileRecord)| {
        if index > 0 {
            return file.clone();
        }
        let clusters = site.units_of(file.bytes) * site.units.clusters;
        table_file(site, &file.name, file.role, Extent::new(first - clusters, clusters))
    };
    image.tables.iter().enumerate().map(moved).collect()
}

fn created(work: &InsideWork, image: &NewImage, written: &Written, verified: bool) -> Report {
    let made = &written.made;
    let address = format!("{}/{}", work.volume, image.name);
    let bad = made.trailer.bad_clusters.clusters();
    let mut warnings = Vec::new();
    if bad > 0 {
        warnings.push(fill(plural(bad, en::CAUTION_ZEROS_ONE, en::CAUTION_ZEROS_MANY), &[("count", &bad)]));
    }
    let (raw, clusters) = (ByteLen(made.trailer.raw_bytes), made.header.image_clusters);
    let mut facts = vec![
        (en::FACT_IMAGE.into(), address.clone()),
        (en::FACT_ID.into(), made.header.image_id.to_string()),
        (en::TOLD_CONTENT.into(), fill(en::VALUE_CLUSTERS, &[("size", &raw), ("clusters", &clusters)])),
        (en::PLAN_SIZE.into(), exact(made.written.bytes)),
        (en::TOLD_DIGEST.into(), blake3::Hash::from_bytes(made.written.digest).to_hex().to_string()),
        (en::TOLD_READ_BACK.into(), if verified { en::PROOF_DIGESTS } else { en::PROOF_NONE }.into()),
        (en::VOLUME.into(), if work.check { en::RESULT_SOUND_ALL } else { en::RESULT_NOT_CHECKED }.into()),
    ];
    if let Some((_, name)) = &image.base {
        let same = ByteLen(made.trailer.referenced_bytes);
        facts.insert(3, (en::FACT_BASE.into(), fill(en::RESULT_BASE, &[("name", name), ("size", &same)])));
    }
    Report {
        outcome: if bad > 0 { Outcome::DoneWithWarnings } else { Outcome::Done },
        headline: fill(en::HEAD_MADE_INSIDE, &[("kind", &image.request.kind.name()), ("address", &address)]),
        facts,
        warnings,
        next: vec![fill(en::NEXT_LIST, &[("volume", &work.volume)])],
    }
}

fn changed(work: &InsideWork) -> Report {
    Report {
        outcome: Outcome::Done,
        headline: fill(en::HEAD_CONTAINER_CHANGED, &[("volume", &work.volume), ("name", &work.name)]),
        facts: vec![
            (en::VOLUME.into(), work.survey.identity.words()),
            (en::TOLD_CHECKED.into(), en::RESULT_CHECKED_ALL.into()),
        ],
        warnings: Vec::new(),
        next: vec![fill(en::NEXT_LIST, &[("volume", &work.volume)])],
    }
}
