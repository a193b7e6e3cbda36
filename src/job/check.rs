//! Checking a volume: the file system's own look at itself, watched, with its findings kept within bounds.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use super::{Monitor, Outcome, Report, verify};
use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::fs::{self, Finding, Findings, Kind, Probe, Severity, Watch};
use crate::image::container::FOLDER;
use crate::image::content_bytes;
use crate::inventory::{self, Address, Container, FoundImage, Place, Source, Volume};
use crate::plan::{Safety, Step, StepKind};
use crate::words::{en, fill, plural};

/// What a check found.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Checked {
    /// The volume, as a look at the disks tells of it.
    pub volume: Volume,
    /// True without errors.
    pub sound: bool,
    /// What was found, worst first.
    #[serde(flatten)]
    pub found: Findings,
}

/// A [`Monitor`] as a file system wants to be watched: each phase is the step under way.
pub(super) struct Watcher<'a> {
    monitor: &'a Monitor,
    /// Where the name of the phase under way lies; names are constants, so that their addresses tell them apart.
    phase: AtomicUsize,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(monitor: &'a Monitor) -> Self {
        Self { monitor, phase: AtomicUsize::new(0) }
    }
}

impl Watch for Watcher<'_> {
    fn advance(&self, phase: &'static str, done: u64, total: u64) {
        let address = phase.as_ptr().addr();
        if self.phase.swap(address, Ordering::Relaxed) != address {
            let step = Step { kind: StepKind::CheckVolume, title: phase.into(), bytes: total, safety: Safety::Reads };
            self.monitor.begin(vec![step]);
        }
        self.monitor.reach(done.min(total));
    }

    fn proceed(&self) -> Result<()> {
        self.monitor.check()
    }
}

/// Where the volume is that is to be checked.
#[derive(Clone)]
pub struct CheckSource {
    /// Its bytes.
    pub device: SharedDevice,
    /// Where it is mounted.
    pub mounted_at: Vec<PathBuf>,
    /// Its place, for a volume on a disk: that may hold a container, which is checked, too.
    pub place: Option<Place>,
    /// Every image in the container is read against its digests.
    pub deep: bool,
}

impl CheckSource {
    /// The bytes of the volume in an image or at an address, whatever they are.
    ///
    /// # Errors
    /// When it is neither, or cannot be read.
    pub fn open(address: &Address, deep: bool, watch: &dyn Watch) -> Result<Self> {
        match inventory::named_image(address, watch)? {
            Some(image) => {
                image.refuse_without_base()?;
                Ok(Self { device: image.volume()?, mounted_at: Vec::new(), place: None, deep })
            }
            None => Ok(Self { deep, ..inventory::open_source(address)?.into() }),
        }
    }
}

impl From<Source> for CheckSource {
    fn from(source: Source) -> Self {
        let mounted_at = source.place.mounted_at.clone();
        Self { device: source.device, mounted_at, place: Some(source.place), deep: false }
    }
}

/// Checks a volume. Never writes.
///
/// # Errors
/// When there is no volume that Lifeboat can check, the medium cannot be read, or the look is cancelled; never because
/// the volume is damaged.
pub(super) fn run(source: &CheckSource, monitor: &Monitor) -> Result<Checked> {
    let device = &source.device;
    let kind = match fs::probe(device)? {
        Probe::One(kind) if kind.has_driver() => kind,
        Probe::One(kind) => {
            return Err(Error::unsupported(format!("a {kind} volume cannot be checked by Lifeboat"))
                .advise(format!("Its own tool does that: {}", fs::repair_tool(kind))));
        }
        Probe::None => {
            return Err(Error::unsupported("no file system that Lifeboat knows, so there is nothing to check")
                .advise("`lifeboat disks` shows the partitions there are; name one as PATH:N"));
        }
        Probe::Ambiguous(kinds) => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            return Err(Error::refused(format!("signatures of {} at once; none is picked", kinds.join(" and "))));
        }
    };
    let mut found = Findings::default();
    if let Some(place) = source.mounted_at.first() {
        let place = place.display();
        found.add(Finding::note(
            "volume.mounted",
            format!("it is mounted at {place}: what is being written there meanwhile may look like damage"),
        ));
    }
    match fs::open(SharedDevice::clone(device), kind) {
        Ok(volume) => {
            if volume.summary().len > device.len() {
                let (says, has) = (volume.summary().len.0, device.len().0);
                found.add(Finding::error(
                    "volume.length",
                    format!("the volume says that it is {says} bytes long, but there are only {has}"),
                ));
            }
            volume.check().check(&Watcher::new(monitor), &mut |finding| found.add(finding))?;
        }
        // What keeps a volume from being opened is the first thing that is wrong with it.
        Err(error) => found.add(Finding::from_error("volume.open", error)?),
    }
    if let Some(place) = &source.place {
        let volume = Source { place: place.clone(), device: SharedDevice::clone(device) };
        // A file system that cannot tell of the folder has been found fault with already.
        if let Ok(Some(container)) = inventory::container_of(&volume, &place.address()) {
            self::container(&container, source.deep, monitor)?.into_iter().for_each(|finding| found.add(finding));
        }
    }
    found.finish();
    monitor.enter(1);
    Ok(Checked { volume: inventory::examine(device), sound: found.is_sound(), found })
}

/// Checks a container: its tables, its files, its images. See [`super::check_container`].
pub(super) fn container(container: &Container, deep: bool, monitor: &Monitor) -> Result<Vec<Finding>> {
    let mut findings = container.findings.clone();
    for image in &container.images {
        let path = format!("/{FOLDER}/{}.lbi", image.record.name);
        for damage in image.damage.iter().filter(|damage| Some(*damage) != image.needs.as_ref()) {
            findings.push(Finding::error("container.digest", damage.clone()).of(&*path));
        }
        findings.extend(image.needs.iter().map(|needs| Finding::error("container.base", needs.clone()).of(&*path)));
        if deep && image.damage.is_empty() {
            let damage = digests(container, image, monitor)?;
            findings.extend(damage.into_iter().map(|damage| Finding::error("container.digest", damage).of(&*path)));
        }
    }
    Ok(findings)
}

/// Reads an image against its digests; gives what is wrong with it, in sentences.
fn digests(container: &Container, image: &FoundImage, monitor: &Monitor) -> Result<Vec<String>> {
    let opened = match container.open(image.record.image_id) {
        Ok(opened) => opened,
        Err(error) => return Ok(vec![error.without_advice()]),
    };
    let title = fill(en::STEP_CHECK_IMAGE, &[("image", &image.record.name)]);
    let bytes = content_bytes(opened.header()).0;
    monitor.begin(vec![Step { kind: StepKind::VerifyImage, title, bytes, safety: Safety::Reads }]);
    let mut findings = verify::Findings::default();
    verify::check(&opened, 0, monitor, &mut findings)?;
    let mut damage = findings.sentences.clone();
    damage.extend(findings.bad.iter().map(ToString::to_string));
    Ok(damage)
}

impl Checked {
    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match (self.found.errors, self.found.warnings) {
            (0, 0) => Outcome::Done,
            (0, _) => Outcome::DoneWithWarnings,
            _ => Outcome::Failed,
        }
    }

    /// The same as a report, for faces that show one.
    #[must_use]
    pub fn report(&self, what: &str) -> Report {
        let kind = self.volume.kind;
        let Findings { list, errors, warnings, notes } = &self.found;
        let volume = match &self.volume.label {
            Some(label) => fill(en::RESULT_LABELLED, &[("kind", &kind), ("label", label)]),
            None => kind.to_string(),
        };
        let headline = match self.outcome() {
            Outcome::Done => fill(en::HEAD_SOUND, &[("address", &what), ("volume", &volume)]),
            Outcome::DoneWithWarnings => fill(en::HEAD_SOUND_NEARLY, &[("address", &what), ("volume", &volume)]),
            _ => {
                let words = plural(*errors, en::HEAD_NOT_SOUND_ONE, en::HEAD_NOT_SOUND_MANY);
                fill(words, &[("address", &what), ("volume", &volume), ("count", errors)])
            }
        };
        let facts = [(en::TOLD_ERRORS, errors), (en::TOLD_WARNINGS, warnings), (en::TOLD_NOTES, notes)];
        let mut lines: Vec<String> = list.iter().map(sentence).collect();
        let all = errors + warnings + notes;
        if all > list.len() as u64 {
            lines.push(fill(en::AND_MORE, &[("count", &(all - list.len() as u64))]));
        }
        Report {
            outcome: self.outcome(),
            headline,
            facts: facts.map(|(name, count)| (name.to_owned(), count.to_string())).into(),
            warnings: lines,
            next: advice(kind, self.outcome()),
        }
    }
}

fn advice(kind: Kind, outcome: Outcome) -> Vec<String> {
    match outcome {
        Outcome::Done => Vec::new(),
        Outcome::DoneWithWarnings => {
            vec![fill(en::NEXT_TIDY_UP, &[("tool", &fs::repair_tool(kind))])]
        }
        _ => vec![en::NEXT_KEEP_FIRST.into(), fill(en::NEXT_REPAIR, &[("tool", &fs::repair_tool(kind))])],
    }
}

/// A finding in one line: `error: /a/b.txt: its chain … (cluster 12, byte 0x4400)`.
#[must_use]
pub fn sentence(finding: &Finding) -> String {
    let Finding { severity, place, path, message, .. } = finding;
    let mut places = Vec::new();
    places.extend(place.cluster.map(|cluster| fill(en::AT_CLUSTER, &[("number", &cluster)])));
    places.extend(place.offset.map(|offset| fill(en::AT_BYTE, &[("number", &offset)])));
    let place = if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) };
    let path = path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
    let severity = match severity {
        Severity::Note => en::SEVERITY_NOTE,
        Severity::Warning => en::SEVERITY_WARNING,
        Severity::Error => en::SEVERITY_ERROR,
    };
    format!("{severity}: {path}{message}{place}")
}
