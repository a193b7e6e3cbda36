//! Planning a backup.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::names::{fact, left_out, place_words, state_words, step, volume_words};
use super::{Plan, Safety, StepKind, Work, quoted};
use crate::error::{Error, Result};
use crate::extent::ClusterMap;
use crate::fs::{Anchors, Kind as FsKind, State, Summary};
use crate::image::container::Toc;
use crate::image::{Excluded, Kind, format};
use crate::inventory::{Address, Place};
use crate::unit::{ByteLen, Grid};
use crate::words::{en, fill, plural};

/// Where an image goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImageTarget {
    /// A file, and `.001`… beside it when split.
    File(PathBuf),
    /// Standard output.
    Pipe,
    /// The container of the volume itself.
    Inside,
}

impl fmt::Display for ImageTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Pipe => f.write_str("-"),
            Self::Inside => f.write_str(en::VALUE_INSIDE),
        }
    }
}

/// What the user asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct BackupRequest {
    /// The volume.
    pub source: Address,
    /// Where its image goes.
    pub target: ImageTarget,
    /// The image's name; else the volume's label or the file's stem.
    pub name: Option<String>,
    /// Factory or user image.
    pub kind: Kind,
    /// zstd level, 1 to 19.
    pub level: i32,
    /// The level that this machine's settings give a backup that names none.
    pub usual_level: i32,
    /// Compressing threads; 0 = as many as there are processors.
    pub threads: usize,
    /// Patterns of files to leave out.
    pub exclude: Vec<String>,
    /// Leave out `pagefile.sys` and its like.
    pub default_excludes: bool,
    /// Go on although the volume is dirty, hibernated or has a journal to replay.
    pub even_if_dirty: bool,
    /// Take all sectors, even of a file system that Lifeboat could read: for a damaged one.
    pub raw: bool,
    /// Bytes in a part.
    pub split: Option<u64>,
    /// Read the image back.
    pub verify: bool,
    /// Inside: store all of a user image, although the container holds an image that it could be based on.
    pub full: bool,
    /// Inside: store the image in blocks that are found one by one, in whatever free space there is.
    pub scattered: bool,
    /// Inside: check the volume before and after.
    pub check: bool,
    /// Inside: take some files as they are today, and all else as it is in an image that is there already.
    pub only: Option<Only>,
}

/// Which files an image takes as they are today, when the rest is as in an earlier image.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Only {
    /// Files, and directories with all that is in them; none: those that the list in the container names.
    pub paths: Vec<PathBuf>,
    /// Keep the paths as that list.
    pub remember: bool,
}

impl BackupRequest {
    /// The level of a backup that names none, where no settings say another.
    pub const LEVEL: i32 = 3;

    /// A plain request: user image, level 3, all processors, default excludes, read-back.
    #[must_use]
    pub fn new(source: Address, target: ImageTarget) -> Self {
        Self {
            source,
            target,
            name: None,
            kind: Kind::User,
            level: Self::LEVEL,
            usual_level: Self::LEVEL,
            threads: 0,
            exclude: Vec::new(),
            default_excludes: true,
            even_if_dirty: false,
            raw: false,
            split: None,
            verify: true,
            full: false,
            scattered: false,
            check: true,
            only: None,
        }
    }

    /// The equivalent command line.
    pub(super) fn command(&self) -> String {
        let mut words = vec!["lifeboat backup".into(), quoted(&self.source.to_string())];
        words.push(match &self.target {
            ImageTarget::Inside => "--inside".into(),
            target => format!("--to {}", quoted(&target.to_string())),
        });
        words.extend(self.name.iter().map(|name| format!("--name {}", quoted(name))));
        if self.kind == Kind::Factory {
            words.push("--kind factory".into());
        }
        // The same here and on a machine with other settings.
        if self.level != Self::LEVEL || self.usual_level != Self::LEVEL {
            words.push(format!("--level {}", self.level));
        }
        if self.threads != 0 {
            words.push(format!("--threads {}", self.threads));
        }
        words.extend(self.exclude.iter().map(|glob| format!("--exclude {}", quoted(glob))));
        words.extend(self.split.iter().map(|bytes| format!("--split {bytes}")));
        let flags = [
            (!self.default_excludes, "--no-default-excludes"),
            (self.even_if_dirty, "--even-if-dirty"),
            (self.raw, "--raw"),
            (!self.verify, "--no-verify"),
            (self.full, "--full"),
            (self.scattered, "--scattered"),
            (!self.check, "--no-check"),
            (self.only.as_ref().is_some_and(|only| only.remember), "--remember"),
        ];
        words.extend(flags.iter().filter(|(on, _)| *on).map(|(_, flag)| (*flag).into()));
        // The last, since it takes all words behind it.
        if let Some(only) = &self.only {
            words.push("--only".into());
            words.extend(only.paths.iter().map(|path| quoted(&path.to_string_lossy())));
        }
        words.join(" ")
    }
}

/// What was found at the source and the target, for planning.
#[derive(Clone, Debug)]
pub struct BackupSurvey {
    /// Where the volume lies.
    pub place: Place,
    /// The volume; a kind without a driver for raw imaging.
    pub summary: Summary,
    /// How it is cut.
    pub grid: Grid,
    /// The clusters to keep, excluded files' already cleared. All of them for raw imaging.
    pub used: Arc<ClusterMap>,
    /// What a restore must treat specially.
    pub anchors: Anchors,
    /// The files left out.
    pub excluded: Vec<Excluded>,
    /// The container whose files are taken out of the volume, in memory, before it is imaged.
    pub container: Option<Toc>,
    /// All sectors are taken.
    pub raw: bool,
    /// Stored over raw bytes, from samples; between 0 and 1.
    pub ratio: f64,
    /// Free bytes where the image goes; `None` for a pipe.
    pub free: Option<u64>,
    /// Files there already that the image would have to replace.
    pub existing: Vec<PathBuf>,
}

impl BackupSurvey {
    /// Bytes in the clusters to keep.
    #[must_use]
    pub fn used_bytes(&self) -> ByteLen {
        self.grid.bytes_of(self.used.used())
    }

    /// The image's size, by the samples.
    fn estimate(&self) -> ByteLen {
        ByteLen((self.used_bytes().0 as f64 * self.ratio) as u64 + (64 << 10) + self.grid.clusters / 512)
    }
}

/// What the worker needs for a backup.
#[derive(Clone, Debug)]
pub struct BackupWork {
    /// The request.
    pub request: BackupRequest,
    /// What was found.
    pub survey: BackupSurvey,
}

impl BackupWork {
    /// The image's name: as asked for, else the volume's label, else the file's stem, else the source.
    #[must_use]
    pub fn name(&self) -> String {
        let stem = match &self.request.target {
            ImageTarget::File(path) => path.file_stem().map(|stem| stem.to_string_lossy().into_owned()),
            ImageTarget::Pipe | ImageTarget::Inside => None,
        };
        let named = self.request.name.clone().or_else(|| self.survey.summary.label.clone());
        named.or(stem).unwrap_or_else(|| self.request.source.to_string())
    }
}

/// Plans a backup.
///
/// # Errors
/// A refusal, with its numbers and what to do instead.
pub fn backup(request: &BackupRequest, survey: BackupSurvey) -> Result<Plan> {
    refuse(request, &survey)?;
    let used = survey.used_bytes();
    let summary = &survey.summary;
    let volume = volume_words(summary.kind, summary.label.as_deref());
    let state = state_words(summary.state);
    let (clusters, cluster) = (survey.used.used(), ByteLen(survey.grid.cluster_bytes.into()));
    let mut facts = vec![
        fact(en::PLAN_SOURCE, place_words(&request.source, &survey.place)),
        fact(
            en::VOLUME,
            fill(en::VALUE_VOLUME_STATE, &[("volume", &volume), ("size", &summary.len), ("state", &state)]),
        ),
        fact(
            en::PLAN_TO_BE_READ,
            fill(en::VALUE_CLUSTERS_OF, &[("size", &used), ("clusters", &clusters), ("cluster", &cluster)]),
        ),
        fact(en::FACT_IMAGE, request.target.to_string()),
        fact(en::PLAN_SIZE_EXPECTED, fill(en::VALUE_SAMPLED, &[("size", &survey.estimate())])),
    ];
    facts.extend(survey.free.map(|free| fact(en::PLAN_FREE_THERE, ByteLen(free).to_string())));
    facts.extend(left_out(&survey.excluded));
    let mut steps = vec![step(StepKind::WriteImage, en::STEP_WRITE_IMAGE, used.0, Safety::Creates)];
    if let ImageTarget::File(_) = request.target {
        steps.push(step(StepKind::SyncImage, en::STEP_SYNC_IMAGE, 0, Safety::Creates));
        if request.verify {
            steps.push(step(StepKind::ReadBackImage, en::STEP_READ_BACK_IMAGE, used.0, Safety::Reads));
        }
    }
    let said: [(&str, &dyn fmt::Display); 3] =
        [("source", &request.source), ("volume", &volume), ("target", &request.target)];
    Ok(Plan {
        headline: fill(en::PLANNED_BACKUP, &said),
        facts,
        steps,
        warnings: warnings(request, &survey),
        command: request.command(),
        confirm: None,
        work: Work::Backup(Box::new(BackupWork { request: request.clone(), survey })),
    })
}

/// What is refused wherever the image goes: a volume that is not clean, fields that make no sense.
///
/// # Errors
/// The refusal.
pub fn refuse_source(request: &BackupRequest, survey: &BackupSurvey) -> Result<()> {
    let (volume, source) = (&survey.summary, &request.source);
    if !(1..=19).contains(&request.level) {
        return Err(Error::refused(fill(en::REFUSAL_LEVEL, &[("level", &request.level)])).advise(en::INSTEAD_LEVEL));
    }
    if volume.kind == FsKind::Unfinished {
        return Err(
            Error::refused(fill(en::REFUSAL_UNFINISHED, &[("source", source)])).advise(en::INSTEAD_RESTORE_AGAIN)
        );
    }
    if !request.even_if_dirty {
        refuse_unclean(source, volume.state, &survey.place)?;
    }
    let (have, most) = (survey.grid.clusters, format::MAX_CLUSTERS);
    if have > most {
        return Err(Error::refused(fill(en::REFUSAL_CLUSTERS, &[("have", &have), ("most", &most)]))
            .advise(en::INSTEAD_LARGER_CLUSTERS));
    }
    let least = 2 * survey.grid.bytes_of(format::chunk_clusters(survey.grid)).0;
    if let Some(split) = request.split
        && split < least
    {
        return Err(Error::refused(fill(en::REFUSAL_SPLIT, &[("split", &split), ("least", &least)]))
            .advise(fill(en::INSTEAD_SPLIT, &[("least", &least)])));
    }
    Ok(())
}

/// A volume that is not clean, with what brings it in order.
fn refuse_unclean(source: &Address, state: State, place: &Place) -> Result<()> {
    if state == State::Clean {
        return Ok(());
    }
    if let Some(mount) = place.mounted_at.first() {
        let mounted = fill(en::REFUSAL_UNCLEAN_MOUNTED, &[("source", source), ("state", &state_words(state))]);
        return Err(Error::refused(mounted).advise(fill(en::INSTEAD_UNCLEAN_MOUNTED, &[("mount", &mount.display())])));
    }
    let what = match state {
        State::Hibernated => en::REFUSAL_UNCLEAN_HIBERNATED,
        State::Journal => en::REFUSAL_UNCLEAN_JOURNAL,
        State::Clean | State::Dirty => en::REFUSAL_UNCLEAN,
    };
    let instead = match state {
        State::Hibernated => en::INSTEAD_UNCLEAN_HIBERNATED,
        State::Journal => en::INSTEAD_UNCLEAN_JOURNAL,
        State::Clean | State::Dirty => en::INSTEAD_UNCLEAN,
    };
    Err(Error::refused(fill(what, &[("source", source)])).advise(instead))
}

fn refuse(request: &BackupRequest, survey: &BackupSurvey) -> Result<()> {
    refuse_source(request, survey)?;
    if let Some(first) = survey.existing.first() {
        let count = survey.existing.len();
        let words = plural(count as u64, en::REFUSAL_EXISTS_ONE, en::REFUSAL_EXISTS_MANY);
        return Err(Error::refused(fill(words, &[("path", &first.display()), ("count", &count)]))
            .advise(en::INSTEAD_OTHER_NAME));
    }
    let need = survey.estimate();
    if let Some(free) = survey.free
        && free < need.0
    {
        let said: [(&str, &dyn fmt::Display); 6] = [
            ("target", &request.target),
            ("need", &need),
            ("need_bytes", &need.0),
            ("free", &ByteLen(free)),
            ("free_bytes", &free),
            ("missing", &(need.0 - free)),
        ];
        return Err(Error::refused(fill(en::REFUSAL_NO_SPACE, &said)).advise(en::INSTEAD_FREE_SPACE));
    }
    Ok(())
}

fn warnings(request: &BackupRequest, survey: &BackupSurvey) -> Vec<String> {
    let volume = &survey.summary;
    let mut warnings: Vec<String> = volume.notes.clone();
    if volume.state != State::Clean {
        warnings.push(fill(en::WARN_STATE_IS, &[("state", &state_words(volume.state))]));
    }
    if survey.raw {
        let table = survey.place.table.name();
        warnings.push(match volume.kind {
            _ if survey.place.is_divided() => fill(en::WARN_RAW_DISK, &[("table", &table), ("disk", &request.source)]),
            FsKind::Unknown => en::WARN_RAW_UNKNOWN.into(),
            FsKind::Ambiguous => en::WARN_RAW_AMBIGUOUS.into(),
            kind => fill(en::WARN_RAW_VOLUME, &[("kind", &kind)]),
        });
    }
    for mount in &survey.place.mounted_at {
        warnings.push(fill(en::WARN_MOUNTED, &[("mount", &mount.display())]));
    }
    if let Some(free) = survey.free
        && free < survey.used_bytes().0
    {
        warnings.push(fill(en::WARN_MAY_NOT_FIT, &[("free", &ByteLen(free))]));
    }
    if !request.verify {
        warnings.push(en::WARN_IMAGE_UNPROVEN.into());
    }
    if request.target == ImageTarget::Pipe {
        warnings.push(en::WARN_PIPE_UNPROVEN.into());
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_names_the_level_wherever_another_would_be_taken() {
        let command = |level, usual_level| {
            let source = Address::Whole("disk.img".into());
            let plain = BackupRequest::new(source, ImageTarget::File("x.lbi".into()));
            BackupRequest { level, usual_level, ..plain }.command()
        };
        assert_eq!(command(3, 3), "lifeboat backup disk.img --to x.lbi");
        // In turn: here the settings would take 5; elsewhere 3 would be taken; both.
        for (level, usual_level) in [(3, 5), (5, 5), (5, 3)] {
            assert!(command(level, usual_level).ends_with(&format!(" --level {level}")), "{level} {usual_level}");
        }
    }
}
