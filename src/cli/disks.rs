//! `lifeboat disks`: what there is.

use super::arguments::Disks;
use super::console::Console;
use super::table::Columns;
use super::words::{clean, clean_path};
use crate::fs;
use crate::inventory::{self, Disk, ImageView, Inventory, LookRequest, Partition, Volume};
use crate::table::{Health, Kind};
use crate::unit::ByteLen;

/// Looks, and prints a table or the inventory's document.
pub(super) fn run(command: &Disks) -> u8 {
    let console = Console::new(command.json);
    let request = LookRequest { paths: command.disks.clone(), machine: command.disks.is_empty() };
    let inventory = inventory::look(&request);
    if console.json() {
        console.document(&inventory);
    } else {
        for line in lines(&inventory) {
            console.line(&line);
        }
    }
    super::aid::say_stale(inventory.disks.iter().map(|disk| disk.path.as_path()), &console);
    // A disk that the user named and that cannot be read is what they asked for and did not get.
    let missing = inventory.disks.len() < command.disks.len();
    u8::from(missing || (!command.disks.is_empty() && inventory.disks.iter().any(|disk| disk.problem.is_some())))
}

/// The disks as text, two lines and a row for each partition.
pub(super) fn lines(inventory: &Inventory) -> Vec<String> {
    if inventory.disks.is_empty() {
        return vec![
            "No disks were found. Name one with --disk PATH (a device or an image file); reading disks may need root."
                .to_owned(),
        ];
    }
    let mut lines = Vec::new();
    for disk in &inventory.disks {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(head(disk));
        let notes = disk.table.notes.iter().chain(&disk.problem);
        lines.extend(notes.map(|note| format!("  note: {}", clean(note))));
        lines.extend(disk.volume.iter().flat_map(|volume| below(volume, "  ")));
        lines.extend(partitions(disk));
    }
    lines
}

/// `/dev/sda  465.7 GiB  Samsung SSD 860 S3Z9  sata  gpt`.
fn head(disk: &Disk) -> String {
    let mut words = vec![clean_path(&disk.path), ByteLen(disk.bytes).to_string()];
    words.extend([&disk.model, &disk.serial, &disk.transport].into_iter().flatten().map(|word| clean(word)));
    if disk.sector_bytes != 512 && disk.sector_bytes != 0 {
        words.push(format!("{}-byte sectors", disk.sector_bytes));
    }
    match (disk.table.kind, disk.table.health) {
        (Kind::None, _) if disk.volume.is_some() => {}
        (Kind::None, _) => words.push("no partition table".to_owned()),
        (kind, health) => words.push(format!(
            "{}{}",
            if kind == Kind::Gpt { "gpt" } else { "mbr" },
            match health {
                Health::Ok => "",
                Health::Degraded => ", degraded",
                Health::Damaged => ", damaged",
            }
        )),
    }
    words.extend(disk.volume.iter().map(|volume| volume_cells(volume, disk.bytes).join("  ")));
    if disk.removable {
        words.push("removable".to_owned());
    }
    if disk.read_only {
        words.push("read-only".to_owned());
    }
    words.extend(mounted(&disk.mounted_at));
    words.retain(|word| !word.is_empty());
    words.join("  ")
}

fn partitions(disk: &Disk) -> Vec<String> {
    let mut rows = Columns::default();
    let mut notes = Vec::new();
    for partition in &disk.partitions {
        rows.row(row(disk, partition));
        let volume = partition.volume.iter();
        notes.push(volume.flat_map(|volume| below(volume, "    ")).collect::<Vec<_>>());
    }
    rows.lines(&[1]).into_iter().zip(notes).flat_map(|(row, notes)| [vec![row], notes].concat()).collect()
}

/// What is said below a volume: notes, and the images inside.
fn below(volume: &Volume, indent: &str) -> Vec<String> {
    let notes = volume.notes.iter().map(|note| format!("{indent}note: {}", clean(note)));
    let state = |image: &ImageView| if image.whole { "" } else { ", damaged" };
    let image = |image: &ImageView| {
        let (address, kind) = (clean(&image.address), image.kind.name());
        format!("{indent}image: {address}  {kind}, {}{}", image.created.strftime("%Y-%m-%d"), state(image))
    };
    notes.chain(volume.images.iter().map(image)).collect()
}

fn row(disk: &Disk, partition: &Partition) -> Vec<String> {
    let path = clean_path(&disk.path);
    let address = if partition.number == 0 {
        format!("  {path}@{}", partition.start_bytes)
    } else {
        format!("  {path}:{}", partition.number)
    };
    let mut cells = vec![address, ByteLen(partition.bytes).to_string()];
    cells.extend(match &partition.volume {
        Some(volume) => volume_cells(volume, partition.bytes),
        None => vec![kind(fs::Kind::Unknown).to_owned(), String::new(), String::new(), String::new()],
    });
    let mut rest: Vec<String> = Vec::new();
    rest.extend(partition.name.iter().filter(|name| !name.is_empty()).map(|name| clean(name)));
    rest.extend(partition.type_name.iter().map(|name| format!("({})", clean(name))));
    if partition.found {
        rest.push("found, in no table".to_owned());
    }
    if partition.active {
        rest.push("active".to_owned());
    }
    rest.extend(mounted(&partition.mounted_at));
    cells.push(rest.join("  "));
    cells
}

/// The kind in words: nothing that Lifeboat knows may still be somebody's data.
fn kind(kind: fs::Kind) -> &'static str {
    if kind == fs::Kind::Unknown { "nothing known" } else { kind.name() }
}

/// Kind, label, used, state.
fn volume_cells(volume: &Volume, place_bytes: u64) -> Vec<String> {
    let used = match (volume.used_clusters, volume.cluster_bytes) {
        (Some(used), Some(cluster)) => format!("{} used", ByteLen(used.saturating_mul(cluster.into()))),
        _ => String::new(),
    };
    let own = volume.clusters.zip(volume.cluster_bytes).map(|(count, bytes)| count.saturating_mul(bytes.into()));
    let longer = own.is_some_and(|own| own > place_bytes);
    let mut state = volume.state.map(|state| state.to_string()).unwrap_or_default();
    if longer {
        state += ", longer than its place";
    }
    vec![
        kind(volume.kind).to_owned(),
        volume.label.as_deref().map(|label| format!("\"{}\"", clean(label))).unwrap_or_default(),
        used,
        state,
    ]
}

fn mounted(places: &[std::path::PathBuf]) -> Vec<String> {
    places.iter().map(|place| format!("mounted at {}", clean_path(place))).collect()
}
