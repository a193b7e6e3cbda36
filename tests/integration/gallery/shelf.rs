//! What the gallery's volumes hold, and what their worker tells of it: every kind of folder, file, and user.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use lifeboat::device::{Holder, HolderKind};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::{Attributes, EntryKind};
use lifeboat::inventory::{ClusterState, VolumeMap, layout};
use lifeboat::job::{Amount, Pictures};
use lifeboat::ui::model::{Job, Trouble};
use lifeboat::ui::msg::{
    Effect, FileRow, FilesAnswer, FilesRequest, FolderView, FoundBatch, Hit, HolderView, HoldersView, Measured, Msg,
    Piece,
};
use lifeboat::unit::Cluster;

use super::super::journeys::stage::{file_row as row, inventory, wrecked};
use super::scenes::{HOSTILE, LONG, WIDE};

/// What a worker reads at once.
const PIECE_BYTES: u64 = 64 << 10;

const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;

fn folder(name: &str) -> FileRow {
    row(name, EntryKind::Directory, 0)
}

fn file(name: &str, bytes: u64) -> FileRow {
    row(name, EntryKind::File, bytes)
}

fn root() -> Vec<FileRow> {
    let hidden = Attributes { hidden: true, system: true, ..Attributes::default() };
    let mut rows = vec![
        folder("broken"),
        folder("Documents"),
        folder("empty"),
        folder("Program Files"),
        folder("Recordings"),
        folder("strange"),
        FileRow { attributes: hidden, ..folder("System Volume Information") },
        FileRow { streams: 1, ..file("letter.txt", 1340) },
        FileRow { is_stream: true, ..file("letter.txt:Zone.Identifier", 26) },
        FileRow { attributes: hidden, ..file("pagefile.sys", 4 * GIB) },
        file("logo.bin", 3 * KIB),
        row("shortcut", EntryKind::Symlink(Some("/Documents".into())), 0),
        row("socket", EntryKind::Special, 0),
    ];
    rows[3].attributes.read_only = true;
    rows
}

fn content(folder: &Path) -> Result<Vec<FileRow>, Trouble> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(match name.as_str() {
        "" => root(),
        "Documents" => vec![self::folder("2025"), self::folder("2026"), file("one.txt", 9), file("zero.txt", 0)],
        "2026" => vec![file("report.pdf", 3 * KIB)],
        "Recordings" => {
            (1..=500).map(|number| file(&format!("recording-{number:03}.wav"), LINES.len() as u64)).collect()
        }
        "strange" => {
            let mut rows: Vec<_> = [WIDE, HOSTILE, LONG].iter().map(|name| file(name, 77)).collect();
            rows[2].streams = 2;
            rows.push(FileRow { is_stream: true, ..file(&format!("{LONG}:{WIDE}"), 5) });
            rows
        }
        "broken" => return Err(trouble()),
        _ => Vec::new(),
    })
}

fn trouble() -> Trouble {
    Trouble {
        refused: false,
        what: "at byte 0x3fe000: expected an index block, found zeros".into(),
        next: Some("What else there is can still be read. Check the volume with c on the disks screen.".into()),
    }
}

/// A letter: its first part in Latin letters, then wide ones, then what would command the terminal.
fn letter() -> Vec<u8> {
    let text = format!("Dear Ann,\r\n\r\nthe boat floats. {WIDE}\r\n{HOSTILE}\r\n{}\r\nYours, Bob\r\n", LONG.repeat(4));
    text.into_bytes()
}

static LETTER: LazyLock<Vec<u8>> = LazyLock::new(letter);
static LINES: LazyLock<Vec<u8>> =
    LazyLock::new(|| (1..=8000).flat_map(|line| format!("line {line}\n").into_bytes()).collect());
static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| (0..=255).cycle().take(3 << 10).collect());

fn bytes_of(path: &Path) -> &'static [u8] {
    match path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default().as_str() {
        "letter.txt" => &LETTER,
        "one.txt" => b"one line\n",
        "report.pdf" | "logo.bin" => &BYTES,
        name if name.starts_with("recording-") => &LINES,
        _ => &[],
    }
}

fn piece(path: &Path, offset: u64) -> Result<FilesAnswer, Trouble> {
    let whole = bytes_of(path);
    let end = (offset + PIECE_BYTES).min(whole.len() as u64);
    let mut bytes = whole[offset.min(end) as usize..end as usize].to_vec();
    let mut piece = Piece { offset, until: offset + PIECE_BYTES, ..Piece::default() };
    if path.ends_with("logo.bin") && bytes.len() >= 64 {
        bytes[32..64].fill(0);
        piece.holes = vec![(offset + 32, offset + 64)];
        piece.trouble = Some(Trouble { refused: false, what: "input/output error".into(), next: None });
    }
    piece.bytes = Arc::new(bytes);
    Ok(FilesAnswer::Piece(piece))
}

/// Everything is found below every folder; `nothing` is not.
fn find(below: &Path, pattern: &str) -> FilesAnswer {
    let hit = |number: u64| Hit {
        folder: below.join("Recordings"),
        row: file(&format!("recording-{number:03}.wav"), LINES.len() as u64),
    };
    let hits = match pattern {
        "nothing" => Vec::new(),
        "one" => vec![Hit { folder: PathBuf::from("/Documents"), row: file("one.txt", 120) }],
        _ => (1..=500).map(hit).collect(),
    };
    FilesAnswer::Found(FoundBatch { has_more: hits.len() > 400, hits, folders: 9, unreadable: 1, ended: true })
}

fn files(request: &FilesRequest) -> Option<Result<FilesAnswer, Trouble>> {
    Some(match request {
        FilesRequest::Open(_, folder) | FilesRequest::List(_, folder) => content(folder).map(|rows| {
            let more = if rows.len() >= 500 { 99_500 } else { 0 };
            let volume = "ntfs “Windows”, 40.0 GiB".to_owned();
            FilesAnswer::Folder(FolderView { folder: folder.clone(), volume, rows: Arc::new(rows), more })
        }),
        FilesRequest::Find(_, below, pattern) => Ok(find(below, pattern)),
        FilesRequest::Peek(_, path, offset) => piece(path, *offset),
        FilesRequest::Measure(request) => {
            let files = 3 * request.paths.len() as u64;
            let amount = Amount { files, folders: 1, bytes: 7 * GIB, unreadable: 1, has_more: false };
            Ok(FilesAnswer::Measured(Measured { amount, free: Some(500 * GIB) }))
        }
        FilesRequest::StopFinding | FilesRequest::Close => return None,
    })
}

/// What is mounted, and by what that is held: as much of each kind as is shown.
pub(crate) fn holders() -> HoldersView {
    let holder = |kind| HolderView { holder: Holder { node: "/dev/sda3".into(), kind }, user: None };
    let mount = |place: &str, inside: &[&str]| {
        holder(HolderKind::Mount {
            place: place.into(),
            file_system: "ext4".into(),
            inside: inside.iter().map(PathBuf::from).collect(),
            covered: false,
        })
    };
    let mut program = holder(HolderKind::Process {
        pid: 4711,
        name: "soffice.bin".into(),
        uid: Some(1000),
        files: vec!["/mnt/data/letter.odt".into(), "/mnt/data/list.ods".into()],
        place: Some("/mnt/data".into()),
        is_self: false,
    });
    program.user = Some("ann".to_owned());
    let list = vec![
        mount("/mnt/data", &["/mnt/data/inside"]),
        program,
        mount("/mnt/free", &[]),
        holder(HolderKind::Swap),
        holder(HolderKind::Loop { file: "/mnt/data/disk.img".into() }),
    ];
    HoldersView { list, hidden: 12, is_cut: false }
}

/// A map of forty gibibytes: used at the beginning and scattered, an image at the end, some of it bad.
pub(crate) fn map() -> VolumeMap {
    let clusters = 10 << 20;
    let set = |runs: &[(u64, u64)]| {
        let mut set = ExtentSet::default();
        runs.iter().for_each(|(start, len)| set.insert(Extent { start: Cluster(*start), clusters: *len }));
        set
    };
    let scattered: Vec<(u64, u64)> = (0..40).map(|n| (3_000_000 + n * 150_000, 20_000 + n * 2_000)).collect();
    let used = set(&[&[(0, 2_500_000)], scattered.as_slice()].concat());
    let layers = [
        (ClusterState::Used, &used),
        (ClusterState::Image, &set(&[(clusters - 1_200_000, 1_200_000)])),
        (ClusterState::Bad, &set(&[(5_000_000, 3000)])),
    ];
    VolumeMap::new(clusters, 4096, &layers)
}

/// What a plan makes of the disk and the volume: a restore fills the beginning anew, a backup copies what is used.
pub(crate) fn pictures(job: Job) -> Arc<Pictures> {
    let system = &inventory().disks[0];
    let now = layout(system);
    let restores = job == Job::Restore;
    let after = ExtentSet::from_iter([Extent { start: Cluster(0), clusters: 5_000_000 }]);
    let after = VolumeMap::new(10 << 20, 4096, &[(ClusterState::Used, &after)]);
    Arc::new(Pictures {
        layout: Some((now.clone(), now)),
        chosen: Some(system.partitions[1].start_bytes),
        map_before: Some(map()),
        map_after: restores.then_some(after),
    })
}

/// The disk whose table is lost, before and after one of its partitions is put back.
pub(crate) fn pictures_of_lost() -> Arc<Pictures> {
    let mut disk = wrecked(&[1 << 20, 41 * GIB, 82 * GIB]).disks.remove(0);
    let before = layout(&disk);
    (disk.partitions[1].found, disk.partitions[1].number) = (false, 1);
    let chosen = Some(disk.partitions[1].start_bytes);
    Arc::new(Pictures { layout: Some((before, layout(&disk))), chosen, ..Pictures::default() })
}

/// What the worker of these volumes answers.
pub(crate) fn answer(effect: &Effect) -> Option<Msg> {
    Some(match effect {
        Effect::Files(ticket, request) => Msg::Files(*ticket, files(request)?),
        Effect::Hold(ticket, _) => Msg::Holders(*ticket, Ok(holders())),
        Effect::Unmount(ticket, _, mount) => Msg::Unmounted(*ticket, Ok(mount.clone())),
        Effect::Map(ticket, address) => Msg::Mapped(*ticket, address.clone(), Ok(Arc::new(map()))),
        Effect::Save(ticket, path, _) => Msg::Saved(*ticket, Ok(path.clone())),
        _ => return None,
    })
}
