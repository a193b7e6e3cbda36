//! A stage for the wizard: `update` and `view` as they are, and a worker that answers from a script.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lifeboat::fs::{Attributes, EntryKind, Kind, State};
use lifeboat::inventory::{
    Address, Disk, FoundBy, ImageView, ImageVolumeView, Inventory, Partition, TableView, Volume,
};
use lifeboat::job::{Outcome, Progress, Report, StepProgress};
use lifeboat::plan::{AidRequest, ChangeView, PatchView, Preview, Safety, Step, StepKind};
use lifeboat::table;
use lifeboat::ui::Options;
use lifeboat::ui::model::{ImageInfo, ImageRow, Job, Model, Proposed, Screen, Stale, Trouble, Waiting};
use lifeboat::ui::msg::{Clock, Completion, Effect, FileRow, Key, Msg};
use lifeboat::ui::theme::Theme;
use lifeboat::ui::update::update;
use lifeboat::ui::view::view;
use lifeboat::unit::ByteOffset;
use lifeboat::words::en;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

pub(crate) const GIB: u64 = 1 << 30;

/// What the worker would answer.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) inventory: Inventory,
    pub(crate) images: Result<Vec<ImageRow>, Trouble>,
    pub(crate) inspected: Result<ImageInfo, Trouble>,
    pub(crate) plan: Result<Proposed, Trouble>,
    pub(crate) completion: Completion,
    pub(crate) interrupted: Vec<Waiting>,
    /// Answers what the rest of the script has no answer to; nothing, when a test answers by itself.
    pub(crate) others: fn(&Effect) -> Option<Msg>,
    /// Answer nothing: what waits, waits on.
    pub(crate) silent: bool,
}

/// The wizard on its stage.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) model: Model,
    pub(crate) script: Script,
    /// All that was asked for.
    pub(crate) asked: Vec<Effect>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let options = Options {
            images: Some("/mnt/backup".into()),
            log: Some("/var/log/lifeboat/lifeboat.log".into()),
            ..Options::default()
        };
        let mut stage = Self {
            model: Model::new(options, Theme::default()),
            script: Script {
                inventory: inventory(),
                images: Ok(vec![image_row(image("windows.lbi"))]),
                inspected: Ok(image("elsewhere.lbi")),
                plan: Ok(backup_plan()),
                completion: Completion { text: "/mnt/backup/".into(), choices: Vec::new() },
                interrupted: vec![interrupted()],
                others: |_| None,
                silent: false,
            },
            asked: Vec::new(),
        };
        stage.at(Duration::ZERO);
        stage
    }

    /// A wizard that finds an interrupted job when it begins, and whose planner answers with its end.
    pub(crate) fn interrupted() -> Self {
        let mut stage = Self::new();
        stage.script.plan = Ok(resume_plan());
        stage.send(Msg::Begin);
        stage
    }

    /// A stage whose machine has images inside its partitions, and which has looked at its disks.
    pub(crate) fn with_images() -> Self {
        let mut stage = Self::new();
        stage.script.interrupted = Vec::new();
        stage.script.inventory = with_images();
        stage.script.plan = Ok(reset_plan());
        stage.send(Msg::Begin);
        stage
    }

    /// A stage for restoring: its planner answers with a restore.
    pub(crate) fn restoring() -> Self {
        let mut stage = Self::new();
        stage.script.plan = Ok(restore_plan());
        stage
    }

    pub(crate) fn at(&mut self, elapsed: Duration) {
        self.send(Msg::Tick(Clock { elapsed, date: "2026-11-21".into(), time: "22:14".into() }));
    }

    pub(crate) fn send(&mut self, msg: Msg) {
        let mut effects: std::collections::VecDeque<_> = update(&mut self.model, msg).into();
        while let Some(effect) = effects.pop_front() {
            self.asked.push(effect.clone());
            if let Some(answer) = self.answer(effect).filter(|_| !self.script.silent) {
                effects.extend(update(&mut self.model, answer));
            }
        }
    }

    /// What the script's worker says to it.
    pub(crate) fn answer(&self, effect: Effect) -> Option<Msg> {
        Some(match effect {
            Effect::Look(ticket, _) => Msg::Looked(ticket, self.script.inventory.clone()),
            Effect::Seek(ticket, _) => Msg::Sought(ticket, self.script.interrupted.clone()),
            Effect::List(ticket, _) => Msg::Listed(ticket, self.script.images.clone()),
            Effect::Inspect(ticket, place) if place.path().to_string_lossy().ends_with('/') => {
                Msg::IsFolder(ticket, place.path().to_owned())
            }
            Effect::Inspect(ticket, place) if place.image().is_some() => {
                Msg::Inspected(ticket, Ok(Box::new(ImageInfo { place, ..image_inside() })))
            }
            Effect::Inspect(ticket, _) => Msg::Inspected(ticket, self.script.inspected.clone().map(Box::new)),
            Effect::Complete(ticket, _) => Msg::Completed(ticket, Ok(self.script.completion.clone())),
            Effect::PlanBackup(ticket, _)
            | Effect::PlanRestore(ticket, _)
            | Effect::PlanResume(ticket, _)
            | Effect::PlanContainer(ticket, _)
            | Effect::PlanAid(ticket, _) => {
                Msg::Planned(ticket, self.script.plan.clone().map(|plan| Box::new(Proposed { ticket, ..plan })))
            }
            other => return (self.script.others)(&other),
        })
    }

    /// Presses keys: letters as they are, others as `<enter>`, `<esc>`, `<down>`…
    pub(crate) fn keys(&mut self, keys: &str) -> &mut Self {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|tail| tail.split_once('>'));
            let (key, after) = match named {
                Some((name, after)) => (named_key(name), after),
                None => (Key::Char(first), &rest[first.len_utf8()..]),
            };
            self.send(Msg::Key(key));
            rest = after;
        }
        self
    }

    pub(crate) fn screen(&self) -> Screen {
        self.model.screen()
    }

    /// How many jobs that write were asked for.
    pub(crate) fn runs(&self) -> usize {
        self.asked.iter().filter(|effect| matches!(effect, Effect::Run(_))).count()
    }

    /// The last effect, to look at.
    pub(crate) fn last(&self) -> &Effect {
        self.asked.last().expect("something was asked for")
    }

    /// The screen as text.
    pub(crate) fn text(&mut self, columns: u16, rows: u16) -> String {
        lines(&self.buffer(columns, rows))
    }

    /// The screen as it is drawn.
    pub(crate) fn buffer(&mut self, columns: u16, rows: u16) -> Buffer {
        self.send(Msg::Resize(columns, rows));
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a test terminal opens");
        terminal.draw(|frame| view(&self.model, frame)).expect("a test terminal draws");
        terminal.backend().buffer().clone()
    }
}

/// A drawn screen as text.
pub(crate) fn lines(buffer: &Buffer) -> String {
    let lines = buffer.content().chunks(usize::from(buffer.area.width).max(1)).map(|cells| {
        // The cell behind a wide character is covered by it.
        let mut covered = 0;
        let mut line = String::new();
        for cell in cells {
            if covered == 0 {
                line.push_str(cell.symbol());
                covered = ratatui::text::Span::raw(cell.symbol()).width().max(1);
            }
            covered -= 1;
        }
        line.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

fn named_key(name: &str) -> Key {
    match name {
        "enter" => Key::Enter,
        "esc" => Key::Esc,
        "up" => Key::Up,
        "down" => Key::Down,
        "left" => Key::Left,
        "right" => Key::Right,
        "pageup" => Key::PageUp,
        "pagedown" => Key::PageDown,
        "home" => Key::Home,
        "end" => Key::End,
        "backspace" => Key::Backspace,
        "del" => Key::Delete,
        "tab" => Key::Tab,
        "interrupt" => Key::Interrupt,
        "clear" => Key::Clear,
        other => panic!("no key is called {other}"),
    }
}

pub(crate) fn volume(kind: Kind, label: &str, state: State, gib: u64, used_gib: u64) -> Volume {
    Volume {
        kind,
        label: (!label.is_empty()).then(|| label.to_owned()),
        id: Some("5C2A3B1D4E6F7081".into()),
        cluster_bytes: Some(4096),
        clusters: Some(gib * GIB / 4096),
        used_clusters: Some(used_gib * GIB / 4096),
        state: Some(state),
        notes: Vec::new(),
        images: Vec::new(),
    }
}

pub(crate) fn partition(number: u32, gib: u64, volume: Option<Volume>) -> Partition {
    Partition {
        number,
        start_bytes: u64::from(number) << 20,
        bytes: gib * GIB,
        type_id: "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7".into(),
        type_name: Some("Basic data".into()),
        volume,
        ..Partition::default()
    }
}

/// A machine with one of everything.
pub(crate) fn inventory() -> Inventory {
    let mut mounted = partition(3, 20, Some(volume(Kind::Ext4, "root", State::Journal, 20, 11)));
    mounted.mounted_at = vec!["/".into()];
    let mut found = partition(0, 8, Some(volume(Kind::Fat32, "CAMERA", State::Dirty, 8, 3)));
    found.found = true;
    found.start_bytes = 40 * GIB;
    let system = Disk {
        path: "/dev/sda".into(),
        model: Some("ExampleDisk 500".into()),
        serial: Some("S1234".into()),
        transport: Some("sata".into()),
        bytes: 500 * GIB,
        sector_bytes: 512,
        physical_sector_bytes: 4096,
        table: TableView { kind: table::Kind::Gpt, id: Some("id".into()), ..TableView::default() },
        partitions: vec![
            partition(1, 1, Some(volume(Kind::Fat32, "EFI", State::Clean, 1, 0))),
            partition(2, 40, Some(volume(Kind::Ntfs, "Windows", State::Clean, 40, 22))),
            mounted,
            found,
        ],
        ..Disk::default()
    };
    let stick = Disk {
        path: "/dev/sdb".into(),
        model: Some("Stick".into()),
        bytes: 64 * GIB,
        sector_bytes: 512,
        removable: true,
        read_only: true,
        volume: Some(volume(Kind::ExFat, "STICK", State::Clean, 64, 1)),
        ..Disk::default()
    };
    let locked =
        Disk { path: "/dev/sdc".into(), bytes: 0, problem: Some("no rights to read it".into()), ..Disk::default() };
    Inventory { disks: vec![system, stick, locked] }
}

pub(crate) fn image(file: &str) -> ImageInfo {
    ImageInfo {
        place: Address::Whole(PathBuf::from("/mnt/backup").join(file)),
        bytes: 9 * GIB,
        name: "Windows".into(),
        kind: "user".into(),
        volume: "ntfs".into(),
        label: Some("Windows".into()),
        created: "2026-11-20 18:03".into(),
        volume_bytes: 40 * GIB,
        damage: Vec::new(),
        facts: vec![
            ("File".into(), format!("/mnt/backup/{file}")),
            ("Volume".into(), "ntfs, “Windows”, clean".into()),
            ("Needs".into(), "40.0 GiB".into()),
        ],
    }
}

/// An image inside, as the look at the disks tells of it.
pub(crate) fn image_view(address: &str, kind: lifeboat::image::Kind) -> ImageView {
    ImageView {
        address: address.into(),
        name: kind.name().into(),
        kind,
        image_id: "0e196aac-3f74-4fdb-997e-f083143d5d91".parse().expect("an id"),
        base_id: None,
        created: "2026-11-20T12:03:00Z".parse().expect("a time"),
        whole: true,
        damage: Vec::new(),
        found_by: FoundBy::FileSystem,
        bytes: 6 * GIB,
        volume: ImageVolumeView { kind: Kind::Ntfs, label: Some("Windows".into()), bytes: 40 * GIB },
    }
}

/// The machine with a factory and a user image inside partition 2.
pub(crate) fn with_images() -> Inventory {
    let mut inventory = inventory();
    let volume = inventory.disks[0].partitions[1].volume.as_mut().expect("a volume");
    let mut user = image_view("/dev/sda:2/user", lifeboat::image::Kind::User);
    user.image_id = "d6e0cabf-e03a-4a4a-90e0-d77d3f0ff1ba".parse().expect("an id");
    user.bytes = GIB / 4;
    volume.images = vec![image_view("/dev/sda:2/factory", lifeboat::image::Kind::Factory), user];
    inventory
}

/// A volume that only a table of contents tells of.
pub(crate) fn lost(start: u64) -> Partition {
    let mut view = image_view(&format!("/dev/sda@{start}/factory"), lifeboat::image::Kind::Factory);
    view.found_by = FoundBy::Toc;
    view.image_id = lifeboat_id(start);
    Partition {
        start_bytes: start,
        bytes: 40 * GIB,
        type_name: Some("ntfs volume".into()),
        found: true,
        volume: Some(Volume {
            kind: Kind::Unknown,
            label: Some("Windows".into()),
            id: None,
            cluster_bytes: None,
            clusters: None,
            used_clusters: None,
            state: None,
            notes: vec!["nothing of it can be read but the images inside; it was a ntfs volume".into()],
            images: vec![view],
        }),
        ..Partition::default()
    }
}

fn lifeboat_id(number: u64) -> uuid::Uuid {
    uuid::Uuid::from_u128(u128::from(number))
}

/// The machine after its table and its volumes were lost.
pub(crate) fn wrecked(starts: &[u64]) -> Inventory {
    let mut inventory = inventory();
    inventory.disks.truncate(1);
    let disk = &mut inventory.disks[0];
    disk.table = TableView::default();
    disk.volume = None;
    disk.partitions = starts.iter().map(|start| lost(*start)).collect();
    inventory
}

/// An image inside, opened.
pub(crate) fn image_inside() -> ImageInfo {
    ImageInfo {
        place: "/dev/sda:2/factory".parse().expect("an address"),
        kind: "factory".into(),
        facts: vec![
            ("Address".into(), "/dev/sda:2/factory".into()),
            ("Image kind".into(), "factory".into()),
            ("Volume".into(), "ntfs, “Windows”, clean".into()),
            ("Needs".into(), "40.0 GiB".into()),
            ("Found".into(), "as a file of the partition".into()),
            ("Container".into(), "note: it does not lie at the end of the volume (byte 4096)".into()),
        ],
        ..image("factory")
    }
}

/// A restore in place, as the planner makes it.
pub(crate) fn reset_plan() -> Proposed {
    let preview = Preview {
        changes: Vec::new(),
        headline: "Restore /dev/sda:2/factory (ntfs, \"Windows\") in place, to /dev/sda:2".into(),
        facts: vec![
            (en::FACT_IMAGE.into(), "/dev/sda:2/factory (factory image \"Windows\" of 2026-11-20T12:03:00Z)".into()),
            (en::PLAN_THERE_NOW.into(), "ntfs \"Windows\", 22.0 GiB used".into()),
            (en::PLAN_DIFFERS.into(), "212.0 MiB (222298112 bytes) of 18.0 GiB: only that is written".into()),
            (en::PLAN_IMAGES_INSIDE.into(), "2 (factory, user): they stay".into()),
        ],
        steps: vec![
            step(StepKind::VerifyImage, en::STEP_VERIFY_IMAGE, 18 * GIB, Safety::Reads),
            step(StepKind::WriteContents, en::STEP_WRITE_CONTENTS, 16384, Safety::Overwrites),
            step(StepKind::WriteClusters, en::STEP_WRITE_DIFFERING, 18 * GIB, Safety::Overwrites),
            step(StepKind::SyncTarget, en::STEP_SYNC_TARGET, 0, Safety::Overwrites),
            step(StepKind::ReadBackTarget, en::STEP_READ_BACK_VOLUME, 18 * GIB, Safety::Reads),
            step(StepKind::Seal, en::STEP_SEAL, 0, Safety::Overwrites),
            step(StepKind::CheckVolume, en::STEP_CHECK_RESTORED, 0, Safety::Reads),
        ],
        warnings: vec!["What is on /dev/sda:2 now is lost: ntfs \"Windows\", 40.0 GiB".into()],
        command: "lifeboat restore /dev/sda:2/factory".into(),
    };
    Proposed { ticket: 1, job: Job::Restore, preview, confirm: Some("sda:2".into()), pictures: Arc::default() }
}

pub(crate) fn image_row(info: ImageInfo) -> ImageRow {
    ImageRow { path: info.place.path().to_owned(), bytes: info.bytes, info: Ok(Box::new(info)) }
}

fn step(kind: StepKind, title: &str, bytes: u64, safety: Safety) -> Step {
    Step { kind, title: title.into(), bytes, safety }
}

pub(crate) fn backup_plan() -> Proposed {
    let facts = [
        (en::PLAN_SOURCE, "/dev/sda:2, ntfs “Windows”, 40.0 GiB"),
        (en::PLAN_TO_BE_READ, "22.0 GiB in 5767168 clusters"),
        (en::FACT_IMAGE, "/mnt/backup/Windows-2026-11-21.lbi"),
        (en::PLAN_SIZE_EXPECTED, "about 11.0 GiB (from samples)"),
        (en::FACT_LEFT_OUT, "pagefile.sys (4.0 GiB), hiberfil.sys (6.0 GiB)"),
    ];
    let preview = Preview {
        changes: Vec::new(),
        headline: "Back up /dev/sda:2 (ntfs, “Windows”) to Windows-2026-11-21.lbi".into(),
        facts: facts.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        steps: vec![
            step(StepKind::WriteImage, en::STEP_WRITE_IMAGE, 22 * GIB, Safety::Creates),
            step(StepKind::SyncImage, en::STEP_SYNC_IMAGE, 0, Safety::Creates),
            step(StepKind::ReadBackImage, en::STEP_READ_BACK_IMAGE, 22 * GIB, Safety::Reads),
        ],
        warnings: Vec::new(),
        command: "lifeboat backup /dev/sda:2 --to /mnt/backup/Windows-2026-11-21.lbi".into(),
    };
    Proposed { ticket: 1, job: Job::Backup, preview, confirm: None, pictures: Arc::default() }
}

pub(crate) fn restore_plan() -> Proposed {
    let preview = Preview {
        changes: Vec::new(),
        headline: "Restore windows.lbi (ntfs, “Windows”) to /dev/sda:2".into(),
        facts: vec![
            (en::FACT_IMAGE.into(), "/mnt/backup/windows.lbi, made 2026-11-20 18:03".into()),
            (en::PLAN_TARGET.into(), "/dev/sda:2, 40.0 GiB".into()),
            (en::PLAN_THERE_NOW.into(), "ntfs “Windows”, 22.0 GiB used".into()),
        ],
        steps: vec![
            step(StepKind::VerifyImage, en::STEP_VERIFY_IMAGE, 9 * GIB, Safety::Reads),
            step(StepKind::Unseal, en::STEP_UNSEAL, 512, Safety::Overwrites),
            step(StepKind::WriteClusters, en::STEP_WRITE_CLUSTERS, 22 * GIB, Safety::Overwrites),
            step(StepKind::SyncTarget, en::STEP_SYNC_TARGET, 0, Safety::Overwrites),
            step(StepKind::ReadBackTarget, en::STEP_READ_BACK_TARGET, 22 * GIB, Safety::Reads),
            step(StepKind::Seal, en::STEP_SEAL, 1024, Safety::Overwrites),
        ],
        warnings: vec!["What is on /dev/sda:2 now is lost: ntfs \"Windows\", 40.0 GiB".into()],
        command: "lifeboat restore /mnt/backup/windows.lbi --to /dev/sda:2".into(),
    };
    Proposed { ticket: 1, job: Job::Restore, preview, confirm: Some("sda2".into()), pictures: Arc::default() }
}

pub(crate) fn interrupted() -> Waiting {
    Waiting {
        address: "/dev/sda:2".parse().expect("an address"),
        words: "moving 212.0 MiB out of the way: 3 of 5 steps done".into(),
        facts: vec![
            ("Volume".into(), "ntfs, “Windows”, 40.0 GiB".into()),
            (en::FACT_BEGUN.into(), "2026-11-20T18:03:00Z".into()),
            (en::FACT_JOURNAL.into(), "in free clusters of the volume, from byte 42881515520 on".into()),
        ],
        can_roll_back: true,
    }
}

pub(crate) fn resume_plan() -> Proposed {
    let patch = |offset: u64, tag: &str| PatchView { offset: ByteOffset(offset), bytes: 1024, tags: vec![tag.into()] };
    let change = |title: &str, patches: Vec<PatchView>| ChangeView {
        title: title.into(),
        copied_bytes: 0,
        patched_bytes: 1024 * patches.len() as u64,
        patches,
    };
    let preview = Preview {
        headline: "Finish what was interrupted on /dev/sda:2: moving 212.0 MiB out of the way: 3 of 5 steps done"
            .into(),
        facts: vec![
            (en::VOLUME.into(), "ntfs “Windows”".into()),
            (en::PLAN_PLACE.into(), "/dev/sda:2, 40.0 GiB".into()),
        ],
        steps: vec![
            step(StepKind::ReadBackCopies, en::STEP_CHECK_COPIES, 424 << 20, Safety::Reads),
            step(StepKind::ChangeMetadata, "Make the folder LIFEBOAT", 3072, Safety::Overwrites),
            step(StepKind::ChangeMetadata, "Mark the volume as clean", 1024, Safety::Overwrites),
            step(StepKind::CloseJournal, en::STEP_CLOSE_JOURNAL, 0, Safety::Overwrites),
        ],
        changes: vec![
            change(
                "Make the folder LIFEBOAT",
                vec![patch(0x4000, "MFT record 40"), patch(0x9000, "index of /, block 3"), patch(0xA000, "$Bitmap")],
            ),
            change("Mark the volume as clean", vec![patch(0x4C00, "MFT record 3")]),
        ],
        warnings: Vec::new(),
        command: "lifeboat resume /dev/sda:2".into(),
    };
    Proposed { ticket: 1, job: Job::Resume, preview, confirm: Some("sda:2".into()), pictures: Arc::default() }
}

/// A job's progress: in step `current`, with so many bytes of it done.
pub(crate) fn progress(plan: &Proposed, current: usize, done: u64) -> Progress {
    let steps = plan.preview.steps.iter().enumerate().map(|(index, step)| StepProgress {
        step: step.clone(),
        done: if index < current {
            step.bytes
        } else if index == current {
            done
        } else {
            0
        },
    });
    Progress {
        steps: steps.collect(),
        current,
        cluster: (done > 0).then_some(done / 4096),
        log: vec!["plan: Back up /dev/sda:2".into(), "writing the image".into()],
        ..Progress::default()
    }
}

pub(crate) fn report(outcome: Outcome) -> Report {
    Report {
        outcome,
        headline: "/mnt/backup/Windows-2026-11-21.lbi holds /dev/sda:2.".into(),
        facts: vec![(en::FACT_IMAGE.into(), "10.9 GiB".into()), ("Took".into(), "3 min 41 s".into())],
        warnings: Vec::new(),
        next: vec!["Keep the image on another disk than the one it was made from.".into()],
    }
}

/// A recovery partition that is out of date.
pub(crate) fn stale() -> Stale {
    let address = |text: &str| text.parse().expect("an address");
    Stale {
        partition: "/dev/sda:4".into(),
        differs: vec!["an image was made since".into()],
        renewal: AidRequest { source: address("/dev/sda"), target: address("/dev/sda:4") },
    }
}

/// A line of a folder.
pub(crate) fn file_row(name: &str, kind: EntryKind, bytes: u64) -> FileRow {
    FileRow {
        name: name.into(),
        kind,
        bytes,
        modified: "2026-11-20 18:03".into(),
        attributes: Attributes::default(),
        streams: 0,
        is_stream: false,
    }
}
