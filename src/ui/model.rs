//! Everything the wizard knows, as plain data: `update` changes it, `view` draws it, nothing else exists.

mod diagnosis;
mod disks;
mod files;
mod held;
mod maps;
mod running;
mod start;

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Kind};
use crate::inventory::{Address, LookRequest};
use crate::job::{ExportRequest, Pictures};
use crate::plan::{AidRequest, Preview};

use super::Options;
use super::filter::Filter;
use super::form::Form;
use super::input::Input;
use super::msg::{Clock, Completion, Ticket};
use super::rows::Row;
use super::text;
use super::theme::Theme;
pub use diagnosis::Diagnosis;
pub use disks::{BeingRead, DiskPane, Disks};
pub use files::{Branch, Files, Find, Going, Mark, Motion, Pane, Peek, Tree, Typing};
pub use held::Held;
pub use maps::Maps;
pub use running::{Ended, Job, Onward, Running, Saving};
pub use start::Choice;

/// The screens there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Screen {
    /// What do you want to do?
    Start,
    /// Disks, partitions and volumes; source or target is chosen here.
    Disks,
    /// The image files of a folder.
    Images,
    /// What one image says of itself.
    Facts,
    /// Path and options of a backup, or options of a restore.
    Options,
    /// What will be done.
    Preview,
    /// Type the word.
    Confirm,
    /// A job is under way.
    Running,
    /// How it ended.
    Report,
    /// Jobs that were interrupted: finish or take back.
    Interrupted,
    /// What is wrong with this machine's disks, and what can be done.
    Diagnosis,
    /// The folders and files of a volume or image.
    Files,
    /// What is in one file.
    Peek,
    /// Who holds a disk that is in use.
    Held,
}

/// What the user came for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Task {
    /// A volume to an image.
    #[default]
    Backup,
    /// An image to a place.
    Restore,
    /// Look into an image.
    Check,
    /// Read an image against its digests.
    Verify,
    /// Look at the disks.
    Browse,
    /// Bring an interrupted job to an end.
    Resume,
    /// A partition back to its factory image.
    Reset,
    /// Drop an image inside a volume, or put the images in order.
    Keep,
    /// An image inside a volume to a file.
    Export,
    /// Search a disk for images.
    Search,
    /// Renew a recovery partition.
    Renew,
    /// Find out what is wrong.
    Diagnose,
    /// Check whether a volume is sound.
    Examine,
    /// Take files out of a volume or image.
    Extract,
    /// Free a disk that is in use.
    Free,
}

/// Something went wrong, or must not be: what happened, and what to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// A refusal, as opposed to a failure.
    pub refused: bool,
    /// What happened, with the numbers.
    pub what: String,
    /// What to do next.
    pub next: Option<String>,
}

impl Trouble {
    /// A refusal because something else uses the place. The planner's words are the same for both faces, and those of
    /// such a refusal have this sign.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.refused && self.what.contains(text::REFUSAL_SIGN_IN_USE)
    }

    /// The same with the wizard's own advice, where there is none but for the command line.
    #[must_use]
    pub fn advised(self, next: &str) -> Self {
        let is_of_use = |next: &String| !next.contains("`lifeboat ") && !next.contains("--");
        let next = self.next.filter(is_of_use).or_else(|| Some(next.to_owned()));
        Self { next, ..self }
    }
}

impl From<&Error> for Trouble {
    fn from(error: &Error) -> Self {
        let whole = error.to_string();
        let next = error.advice().map(str::to_owned);
        let what = match &next {
            // The error's own words end with the advice, which has its own place here.
            Some(advice) => whole.strip_suffix(&format!(". {advice}")).unwrap_or(&whole).to_owned(),
            None => whole,
        };
        Self { refused: error.kind() == Kind::Refused, what, next }
    }
}

/// An image, opened far enough to describe it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageInfo {
    /// The file, or the image's address inside a volume.
    pub place: Address,
    /// Its length with all its parts.
    pub bytes: u64,
    /// The image's name.
    pub name: String,
    /// `user` or `factory`.
    pub kind: String,
    /// The volume's kind.
    pub volume: String,
    /// The volume's label.
    pub label: Option<String>,
    /// When it was made: `2026-11-21 04:42`.
    pub created: String,
    /// How much room the volume needs.
    pub volume_bytes: u64,
    /// What is known to be damaged, in sentences.
    pub damage: Vec<String>,
    /// All that is worth reading, as name and value.
    pub facts: Vec<(String, String)>,
}

/// A line of the list of image files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageRow {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// What it says, or why it says nothing.
    pub info: Result<Box<ImageInfo>, Trouble>,
}

impl ImageInfo {
    /// True for an image that lies inside a volume.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.place.image().is_some()
    }
}

/// A folder's image files.
#[derive(Clone, Debug, Default)]
pub struct Images {
    /// The folder.
    pub folder: PathBuf,
    /// Its image files; `None` before the first look.
    pub rows: Option<Vec<ImageRow>>,
    /// Why there is no list.
    pub problem: Option<Trouble>,
    /// The look that is under way.
    pub listing: Option<Ticket>,
    /// The chosen line.
    pub cursor: usize,
    /// A path being typed, to go elsewhere.
    pub path: Option<Input>,
}

/// A job that was interrupted on a volume.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// The volume.
    pub address: Address,
    /// What it was about, and how far it came.
    pub words: String,
    /// When it was begun, and all else that its journal tells.
    pub facts: Vec<(String, String)>,
    /// It can be taken back; a restore can only be finished.
    pub can_roll_back: bool,
}

/// A recovery partition that does not say any more what is on its disk.
#[derive(Clone, PartialEq, Debug)]
pub struct Stale {
    /// The partition.
    pub partition: String,
    /// What differs, in sentences.
    pub differs: Vec<String>,
    /// What would be asked for to renew it.
    pub renewal: AidRequest,
}

/// The interrupted jobs, and where the cursor is among them.
#[derive(Clone, Debug, Default)]
pub struct Interrupted {
    /// Those found.
    pub jobs: Vec<Waiting>,
    /// They are to be looked for as soon as the disks are known.
    pub wanted: bool,
    /// The search that is under way.
    pub seeking: Option<Ticket>,
    /// The chosen one.
    pub cursor: usize,
}

/// What the wizard waits for before it goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// An image file is being opened.
    Inspect(Ticket),
    /// A plan is being made.
    Plan(Ticket),
    /// What is to be copied out is being counted.
    Measure(Ticket),
}

/// A plan as the wizard sees it. The plan itself stays with the worker, under its ticket: what is carried out
/// is exactly what was shown.
#[derive(Clone, PartialEq, Debug)]
pub struct Proposed {
    /// Under which the worker keeps the plan.
    pub ticket: Ticket,
    /// Which job it makes.
    pub job: Job,
    /// What will be done.
    pub preview: Preview,
    /// The word that confirms it, when it overwrites something.
    pub confirm: Option<String>,
    /// What it makes of disk and volume.
    pub pictures: Arc<Pictures>,
}

/// What came of planning.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Proposal {
    /// Nothing yet.
    #[default]
    None,
    /// A plan.
    Ready(Box<Proposed>),
    /// No plan.
    Refused(Trouble),
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Model {
    /// How the wizard was started.
    pub options: Options,
    /// What the terminal can show.
    pub theme: Theme,
    /// The terminal's columns and rows.
    pub size: (u16, u16),
    /// Now.
    pub clock: Clock,
    /// The way here from the start screen; the last is shown.
    pub trail: Vec<Screen>,
    /// Help is open, scrolled by so many lines.
    pub help: Option<usize>,
    /// A message that wants to be read first.
    pub trouble: Option<Trouble>,
    /// How far it is scrolled.
    pub trouble_scroll: usize,
    /// What the user came for.
    pub task: Task,
    /// The start screen's cursor.
    pub start_cursor: usize,
    /// The list of factory images is open on the start screen, with its cursor.
    pub factory_cursor: Option<usize>,
    /// The disks.
    pub disks: Disks,
    /// The cluster maps of their volumes.
    pub maps: Maps,
    /// What was found to be wrong.
    pub diagnosis: Diagnosis,
    /// The files of a volume or image.
    pub files: Files,
    /// Who holds a disk.
    pub held: Held,
    /// What the list on the screen is narrowed to.
    pub filter: Option<Filter>,
    /// The image files.
    pub images: Images,
    /// The interrupted jobs.
    pub interrupted: Interrupted,
    /// Recovery partitions that are out of date.
    pub stale: Vec<Stale>,
    /// The comparison that is under way.
    pub comparing: Option<Ticket>,
    /// The chosen image.
    pub image: Option<Box<ImageInfo>>,
    /// The chosen source or target.
    pub place: Option<Row>,
    /// Path and options.
    pub form: Form,
    /// The options as they were before they were opened from the preview.
    pub kept_form: Option<Form>,
    /// Names to complete a path with.
    pub completion: Option<Completion>,
    /// The completion that was asked for.
    pub completing: Option<Ticket>,
    /// What is being waited for.
    pub wait: Option<Wait>,
    /// The plan.
    pub proposal: Proposal,
    /// What is exported, when that was shown.
    pub export: Option<ExportRequest>,
    /// The word being typed.
    pub typed: Input,
    /// The typed word was wrong.
    pub wrong: bool,
    /// How far the screen's text is scrolled.
    pub scroll: usize,
    /// The first line of the list as it was clicked into: the list stays there until a key is pressed.
    pub clicked_top: Option<usize>,
    /// The job.
    pub running: Option<Running>,
    /// How the last job ended.
    pub ended: Option<Ended>,
    /// The program shall end as soon as the job has.
    pub leaving: bool,
    /// The exit code so far: the last job's.
    pub exit_code: u8,
    /// The last ticket given out.
    pub ticket: Ticket,
}

impl Model {
    /// The wizard before its first message. `images` must be set in the options for a folder to be offered.
    #[must_use]
    pub fn new(options: Options, theme: Theme) -> Self {
        let folder = options.images.clone().unwrap_or_else(|| PathBuf::from("."));
        let problems = &options.settings.problems;
        let trouble = (!problems.is_empty()).then(|| Trouble {
            refused: false,
            what: text::settings_problems(problems),
            next: Some(text::SETTINGS_NEXT.to_owned()),
        });
        Self {
            options,
            theme,
            size: (80, 24),
            clock: Clock::default(),
            trail: vec![Screen::Start],
            help: None,
            trouble,
            trouble_scroll: 0,
            task: Task::default(),
            start_cursor: 0,
            factory_cursor: None,
            disks: Disks::default(),
            maps: Maps::default(),
            diagnosis: Diagnosis::default(),
            files: Files::default(),
            held: Held::default(),
            filter: None,
            images: Images { folder, ..Images::default() },
            interrupted: Interrupted::default(),
            stale: Vec::new(),
            comparing: None,
            image: None,
            place: None,
            form: Form::default(),
            kept_form: None,
            completion: None,
            completing: None,
            wait: None,
            proposal: Proposal::None,
            export: None,
            typed: Input::default(),
            wrong: false,
            scroll: 0,
            clicked_top: None,
            running: None,
            ended: None,
            leaving: false,
            exit_code: 0,
            ticket: 0,
        }
    }

    /// The screen that is shown.
    #[must_use]
    pub fn screen(&self) -> Screen {
        self.trail.last().copied().unwrap_or(Screen::Start)
    }

    /// True while something moves on the screen by itself.
    #[must_use]
    pub fn animated(&self) -> bool {
        self.wait.is_some()
            || self.running.is_some()
            || (matches!(self.screen(), Screen::Disks | Screen::Start | Screen::Diagnosis)
                && self.disks.looking.is_some())
            || self.disks.rested.is_some()
            || self.disks.again
            || (self.screen() == Screen::Images && self.images.listing.is_some())
            || (self.screen() == Screen::Held && (self.held.waiting.is_some() || self.held.unmounting.is_some()))
            || self
                .ended
                .as_ref()
                .and_then(|ended| ended.saving.as_ref())
                .is_some_and(|saving| saving.waiting.is_some())
            || (matches!(self.screen(), Screen::Files | Screen::Peek) && self.files.waiting())
    }

    /// Where to look: the disks that were named, or else this machine's.
    #[must_use]
    pub fn look_request(&self) -> LookRequest {
        LookRequest { paths: self.options.disks.clone(), machine: self.options.disks.is_empty() }
    }

    /// A ticket that no earlier answer carries.
    pub fn next_ticket(&mut self) -> Ticket {
        self.ticket += 1;
        self.ticket
    }
}
