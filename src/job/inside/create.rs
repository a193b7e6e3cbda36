//! Working out an image inside: how long it will be, where it goes, what must move, and whether there is room.

use std::sync::Arc;

use super::adopt::{self, Addition};
use super::estimate::{self, Size};
use super::imaged::{self, Imaged};
use super::place::{self, Placing};
use super::site::Site;
use super::{arrange, discard, may_begin, names, only, reach, sink, sound, vacate};
use crate::device::SharedDevice;
use crate::error::{Error, Kind, Result};
use crate::extent::Extent;
use crate::image::container::{FileRecord, ImageRecord, Role};
use crate::image::{self, Header, Image, format};
use crate::inventory::Source;
use crate::job::Monitor;
use crate::job::change::identify;
use crate::plan::{self, BackupRequest, InsideSurvey, Moved, NewImage, Phase, Plan, Room};
use crate::unit::{ByteLen, ByteOffset};
use crate::volume::ByteRange;

/// How often a place is looked for anew, because moving what is in the way has made the image longer.
const TRIES: usize = 4;

/// Bytes of the longest free run that an image in pieces leaves to the journal, which must lie in one piece: the first
/// that leaves room for both.
const HELD_BACK: [u64; 5] = [512 << 10, 128 << 10, 64 << 10, 32 << 10, 0];

/// All that the planning of one image needs.
struct Draft<'a> {
    request: &'a BackupRequest,
    site: Site,
    name: String,
    part_bytes: u64,
    /// The image that this one takes the place of.
    replaced: Option<ImageRecord>,
    /// A change that comes first of all, and the volume before it.
    first: Option<(Phase, Site)>,
    monitor: &'a Monitor,
}

/// Plans an image inside.
///
/// # Errors
/// A refusal with its numbers, or what could not be read.
pub(in crate::job) fn plan_create(request: &BackupRequest, source: &Source, monitor: &Monitor) -> Result<Plan> {
    refuse_options(request)?;
    let kind = may_begin(&request.source, source, request.check, monitor)?;
    let mut site = Site::open(source.clone(), kind, &request.source)?;
    sound::refuse_lost(site.container.as_ref(), &request.source)?;
    let request = &only::with_paths(request, &site)?;
    let replaced = only::replaced(request, &site)?;
    let name = match &replaced {
        Some(image) => image.name.clone(),
        None => names::choose(request.name.as_deref(), request.kind, site.toc())?,
    };
    let first = match only::remember(request, &site)? {
        Some((phase, then)) => {
            let then = site.with(then, &request.source)?;
            Some((phase, std::mem::replace(&mut site, then)))
        }
        None => None,
    };
    let part_bytes = part_bytes(request, &site);
    let draft = Draft { request, site, name, part_bytes, replaced, first, monitor };
    let survey = draft.survey()?;
    plan::create_inside(&request.source, request.check, survey)
}

fn refuse_options(request: &BackupRequest) -> Result<()> {
    let what = match (request.raw, request.even_if_dirty) {
        (true, _) => "--raw takes all sectors: an image of them inside the volume would have to hold itself",
        (_, true) => "--even-if-dirty: a volume that is not clean is not changed, so no image can be made part of it",
        _ => return Ok(()),
    };
    Err(Error::refused(what).advise("Write the image elsewhere: --to FILE"))
}

/// The longest part: what the file system takes, or less if that was asked for.
fn part_bytes(request: &BackupRequest, site: &Site) -> u64 {
    let unit = site.unit_bytes();
    let most = site.max_file.0 / unit * unit;
    request.split.map_or(most, |split| most.min(split / unit * unit)).max(unit)
}

impl Draft<'_> {
    fn survey(&self) -> Result<InsideSurvey> {
        let imaged = Imaged::new(self.request, &self.site, self.monitor)?;
        plan::refuse_source(self.request, &imaged.survey)?;
        if imaged.renewal.is_some() && self.request.check {
            only::prove(&imaged, self.monitor)?;
        }
        let base = self.base(&self.site, &imaged);
        let scattered = || {
            let size = self.size(&imaged, base.as_ref(), true)?;
            self.scattered(&size)
        };
        if self.request.scattered {
            return scattered();
        }
        match self.contiguous(self.size(&imaged, base.as_ref(), false)?) {
            // What has no room in one piece may have it in several.
            Err(error) if error.kind() == Kind::Refused => scattered().map_err(|_| error),
            other => other,
        }
    }

    fn base(&self, site: &Site, imaged: &Imaged) -> Option<(Arc<Image>, String)> {
        let header = imaged.header(self.request, &self.name);
        imaged::base(site.container.as_ref(), self.request, imaged.renewal.as_ref(), &header)
    }

    fn size(&self, imaged: &Imaged, base: Option<&(Arc<Image>, String)>, scattered: bool) -> Result<Size> {
        let layout = estimate::Layout {
            request: self.request,
            name: &self.name,
            unit_bytes: self.site.unit_bytes(),
            part_bytes: self.part_bytes,
            scattered,
        };
        estimate::size(layout, imaged, base.map(|(image, _)| image), self.monitor)
    }

    /// In one run, as high as can be; what lies there moves. The first factory image goes below the last table, and the
    /// user images that are there already go below it.
    fn contiguous(&self, mut size: Size) -> Result<InsideSurvey> {
        let has = |kind| self.site.toc().is_some_and(|toc| toc.images.iter().any(|image| image.kind == kind));
        if self.request.kind == image::Kind::Factory && has(image::Kind::User) && !has(image::Kind::Factory) {
            match self.last(&size) {
                Err(error) if error.kind() == Kind::Refused => tracing::info!("not at the end: {error}"),
                other => return other,
            }
        }
        let fixed = self.site.fixed(true, self.monitor)?;
        for _ in 0..TRIES {
            let tables = place::tables_needed(&self.site, self.table_units(&size)?);
            self.room(&size, &tables).refuse(&self.request.source)?;
            let placing = place::in_one_run(&self.site, &fixed, size.units, tables)?;
            match self.with(self.start(&placing)?, &placing, &size)? {
                Ok(survey) => return Ok(survey),
                Err(longer) => size = longer,
            }
        }
        Err(no_place())
    }

    /// Right below the container's last table; its other files move.
    fn last(&self, size: &Size) -> Result<InsideSurvey> {
        let mut size = size.clone();
        let address = &self.request.source;
        for _ in 0..TRIES {
            let each = self.table_units(&size)?;
            let tables = place::tables_needed(&self.site, each);
            self.room(&size, &tables).refuse(address)?;
            let arranged = arrange::work_out(&self.site, address, each + size.units, self.monitor)?;
            let placing = place::in_hole(&self.site, arranged.hole, tables);
            let start = Start { phases: arranged.phases, device: arranged.device, moved: arranged.moved };
            match self.with(start, &placing, &size)? {
                Ok(survey) => return Ok(survey),
                Err(longer) => size = longer,
            }
        }
        Err(no_place())
    }

    /// What comes before the image is written.
    fn start(&self, placing: &Placing) -> Result<Start> {
        let none = || Start { phases: Vec::new(), device: self.site.source.device.clone(), moved: Moved::default() };
        let Some(way) = &placing.vacate else { return Ok(none()) };
        let (phase, device) = vacate::work_out(&self.site, &self.request.source, &way.from, &way.to)?;
        let moved = vacate::moved(&self.site, way.window, self.monitor)?;
        Ok(Start { phases: vec![phase], device, moved })
    }

    /// In whatever free pieces there are; nothing moves.
    fn scattered(&self, size: &Size) -> Result<InsideSurvey> {
        let tables = place::tables_needed(&self.site, self.table_units(size)?);
        self.room(size, &tables).refuse(&self.request.source)?;
        let mut refused = None;
        for held_back in HELD_BACK {
            let held = self.site.units_of(held_back);
            let tried = place::in_pieces(&self.site, size.units, tables.clone(), held)
                .and_then(|placing| self.with(self.start(&placing)?, &placing, size));
            match tried {
                Ok(Ok(survey)) => return Ok(survey),
                Ok(Err(_)) => return Err(Error::damaged("the volume changes while it is looked at")),
                Err(error) if error.kind() == Kind::Refused => refused = Some(refused.unwrap_or(error)),
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or_else(no_place))
    }

    /// What is known of the room before anything is worked out.
    fn room(&self, size: &Size, tables: &place::Tables) -> Room {
        Room {
            image: size.units,
            tables: tables.units(),
            metadata: 0,
            journal: 0,
            free: self.site.free_units(),
            unit_bytes: self.site.unit_bytes(),
        }
    }

    /// Units of a table of contents: a thousandth of the volume, at least 4 KiB and at most 128 KiB, so that a floppy
    /// gives up little and a disk has room for dozens of images; more where the container's first table needs it.
    fn table_units(&self, size: &Size) -> Result<u64> {
        let usual = (self.site.source.place.len.0 / 1024).clamp(4 << 10, 128 << 10);
        let toc = adopt::renewed(&self.site)?;
        let len = crate::image::container::encode(&toc, ByteOffset::ZERO, ByteLen(u64::MAX))?.len() as u64;
        // One more image, with its files and its header's text.
        let more = 2048 + 64 * size.parts.len() as u64;
        Ok(self.site.units_of(usual.max((len + more) * 5 / 4)))
    }

    /// Works everything out for a place. The inner error is a size: that of the image when what was in the way has
    /// moved, which has no room there.
    fn with(&self, start: Start, placing: &Placing, size: &Size) -> Result<Result<InsideSurvey, Size>> {
        let address = &self.request.source;
        let Start { phases, device, moved } = start;
        let site = self.site.with(device, address)?;
        let imaged = Imaged::new(self.request, &site, self.monitor)?;
        let base = self.base(&site, &imaged);
        let size = if !phases.is_empty() && size.exact {
            let now = self.size(&imaged, base.as_ref(), placing.scattered)?;
            if now.units > size.units {
                return Ok(Err(now));
            }
            now
        } else {
            size.clone()
        };
        let header = imaged.header(self.request, &self.name);
        let ranges: Vec<ByteRange> = placing.image.iter().map(|extent| site.range(*extent)).collect();
        let parts = size.parts.iter().map(|part| (part.start, part.bytes));
        let (renamed, gone) = self.left_behind(placing);
        let mut addition = Addition {
            image: record(&self.name, &header, base.as_ref(), &size, placing.scattered)?,
            parts: part_files(&self.name, &header, &ranges, parts, site.unit_bytes()),
            tables: placing.table_files(&site),
            renamed,
            gone,
            partition: header.partition.clone(),
        };
        adopt::enlarge(&site, &mut addition)?;
        let units = |files: &[FileRecord]| files.iter().map(|file| site.units_of(file.bytes)).sum::<u64>();
        let room = |taken: u64, journal: u64| Room {
            image: size.units,
            tables: units(&addition.tables),
            metadata: taken.saturating_sub(units(&addition.tables) + units(&addition.parts)),
            journal,
            ..self.room(&size, &placing.tables)
        };
        let may = |taken, journal| room(taken, journal).refuse(address);
        let adoption = adopt::work_out(&site, address, &addition, &may)?;
        let journal = site.units_of(adoption.phase.survey.journal_len.0);
        let room = room(adoption.taken_units, journal);
        let lowest = reach::lowest(&site, &addition, &imaged.survey, &size, journal)?;
        let found = Found { lowest, phases, imaged, base, addition, adoption: adoption.phase, room, moved };
        self.result(placing, &size, found).map(Ok)
    }

    /// What becomes of the table that the container began with, and what goes: the files of the image that is replaced,
    /// and the table right below it. That at the beginning only goes when another one takes its name.
    fn left_behind(&self, placing: &Placing) -> (Option<(String, String)>, Vec<FileRecord>) {
        let mut renamed = placing.renamed.clone();
        let (Some(toc), Some(image)) = (self.site.toc(), &self.replaced) else { return (renamed, Vec::new()) };
        let mut gone = discard::gone(toc, image);
        if renamed.is_none() {
            gone.retain(|file| file.role != Role::TocBegin);
        } else if gone.iter().any(|file| file.role == Role::TocBegin) {
            renamed = None;
        }
        (renamed, gone)
    }

    fn result(&self, placing: &Placing, size: &Size, found: Found) -> Result<InsideSurvey> {
        let (identity, _) = identify(&self.site.source)?;
        let image = NewImage {
            request: self.request.clone(),
            name: self.name.clone(),
            survey: found.imaged.survey,
            base: found.base.map(|(image, name)| (image.header().image_id, name)),
            bytes: size.bytes,
            exact: size.exact,
            part_bytes: self.part_bytes,
            place: placing.image.clone(),
            lowest: found.lowest,
            scattered: placing.scattered,
            tables: found.addition.tables,
            renamed: found.addition.renamed,
            moved: found.moved,
            renewal: found.imaged.renewal,
            gone: found.addition.gone,
            last: found.adoption,
        };
        let notes = sound::Findings::of(self.site.container.as_ref(), self.monitor)?.sentences();
        let wiped = discard::all_wiped(&image.gone);
        // What comes first of all is counted, too: the volume is then not yet what this was worked out on.
        let before = self.first.as_ref().map_or(&self.site, |(_, before)| before);
        let room = Room { free: before.free_units(), ..found.room };
        let phases = self.first.iter().map(|(phase, _)| phase.clone()).chain(found.phases).collect();
        Ok(InsideSurvey {
            place: self.site.source.place.clone(),
            identity,
            grid: self.site.grid,
            units: self.site.units,
            toc: before.toc().cloned(),
            phases,
            image: Some(Box::new(image)),
            room,
            wiped,
            notes,
        })
    }
}

/// What comes before the image is written: changes, and the volume as they leave it.
struct Start {
    phases: Vec<Phase>,
    device: SharedDevice,
    moved: Moved,
}

fn no_place() -> Error {
    Error::refused("no place was found: every move of what is in the way makes the image longer")
        .advise("Free some space on the volume, or use --scattered")
}

/// What was worked out for one place.
struct Found {
    lowest: Option<ByteOffset>,
    phases: Vec<Phase>,
    imaged: Imaged,
    base: Option<(Arc<Image>, String)>,
    addition: Addition,
    adoption: Phase,
    room: Room,
    moved: Moved,
}

/// What a table of contents will say of the image.
fn record(
    name: &str,
    header: &Header,
    base: Option<&(Arc<Image>, String)>,
    size: &Size,
    scattered: bool,
) -> Result<ImageRecord> {
    let base_id = base.map(|(image, _)| image.header().image_id);
    let header = Header { base_image_id: base_id, ..header.clone() };
    image_record(name, &header, size.bytes, size.parts.len(), [0; 32], scattered)
}

/// What a table of contents says of an image.
pub(super) fn image_record(
    name: &str,
    header: &Header,
    bytes: u64,
    parts: usize,
    digest: [u8; 32],
    scattered: bool,
) -> Result<ImageRecord> {
    let text = toml::to_string(header).map_err(|error| Error::damaged(format!("the image's text fields: {error}")))?;
    Ok(ImageRecord {
        name: name.into(),
        image_id: header.image_id,
        base_id: header.base_image_id,
        kind: header.kind,
        created: header.created,
        bytes,
        parts: parts as u32,
        scattered,
        digest: blake3::Hash::from_bytes(digest).to_hex().to_string(),
        header: Some(text).filter(|text| text.len() <= format::MAX_TEXT as usize / 2),
    })
}

/// The files of an image's parts, each given by where in the place it begins and its length.
pub(super) fn part_files(
    name: &str,
    header: &Header,
    place: &[ByteRange],
    parts: impl Iterator<Item = (u64, u64)>,
    unit_bytes: u64,
) -> Vec<FileRecord> {
    let file = |(number, (start, bytes)): (usize, (u64, u64))| FileRecord {
        name: names::part(name, number as u32),
        role: Role::Part { image: header.image_id, number: number as u32 },
        bytes,
        runs: sink::runs_of(place, start, bytes.next_multiple_of(unit_bytes)),
    };
    parts.enumerate().map(file).collect()
}

/// The clusters of a table.
pub(super) fn table_file(site: &Site, name: &str, role: Role, place: Extent) -> FileRecord {
    let range = site.range(place);
    FileRecord { name: name.into(), role, bytes: range.len.0, runs: vec![range] }
}
