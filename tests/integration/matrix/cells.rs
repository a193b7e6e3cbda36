//! One cell: what is destroyed, what must come of it, and whether it did.

use std::ops::Range;

use serde_json::Value;

use super::family::{START, Structure};
use super::stage::Stage;
use crate::oracle::sh_output;

/// How bytes are lost.
#[derive(Clone, Debug)]
pub(super) enum Loss {
    Zeroed(Vec<Range<u64>>),
    Random(Vec<Range<u64>>),
    /// The disk ends here.
    Truncated(u64),
}

/// What must come of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// The image of this name is found by this, and brings its files back.
    Restored(&'static str, &'static str),
    /// The same, but the disk ends within the volume: to another place only, and refused at home.
    Elsewhere(&'static str, &'static str),
    /// Nothing can come back, for this reason; refused, and nothing is written.
    Refused(&'static str),
}

/// A cell of the matrix.
pub(super) struct Cell {
    pub(super) row: String,
    pub(super) loss: Loss,
    pub(super) fate: Fate,
    /// For the everyday run, too.
    pub(super) soon: bool,
}

/// Does it; gives the cell's text, or what went wrong.
pub(super) fn act(stage: &Stage, cell: &Cell) -> Result<String, String> {
    stage.reset();
    match &cell.loss {
        Loss::Zeroed(ranges) => stage.destroy(ranges, false),
        Loss::Random(ranges) => stage.destroy(ranges, true),
        Loss::Truncated(len) => stage.cut_off(*len),
    }
    match cell.fate {
        Fate::Restored(name, by) => restored(stage, cell, name, by),
        Fate::Elsewhere(name, by) => elsewhere(stage, name, by),
        Fate::Refused(why) => refused(stage, why),
    }
}

/// The images that are found.
fn images(stage: &Stage) -> Result<Vec<Value>, String> {
    let said = stage.run("images disk.img --json");
    if said.code != Some(0) {
        return Err(format!("images ends with {:?}: {}", said.code, said.words()));
    }
    let document: Value = serde_json::from_str(&said.out).map_err(|error| error.to_string())?;
    document["images"].as_array().cloned().ok_or_else(|| "no list".into())
}

/// The address of the image of this name, which must be the only one, whole, and found by this.
fn find(stage: &Stage, name: &str, by: &str) -> Result<String, String> {
    let images = images(stage)?;
    let named: Vec<&Value> = images.iter().filter(|image| image["name"] == name).collect();
    let [image] = named[..] else { return Err(format!("{} images {name} found", named.len())) };
    if image["whole"] != true {
        return Err(format!("found damaged: {}", image["damage"]));
    }
    if image["found_by"] != by {
        return Err(format!("found by {}, not by {by}", image["found_by"]));
    }
    image["address"].as_str().map(str::to_owned).ok_or_else(|| "no address".into())
}

fn restored(stage: &Stage, cell: &Cell, name: &str, by: &str) -> Result<String, String> {
    let address = find(stage, name, by)?;
    // What is truncated ends before the table's second copy.
    let table = if matches!(cell.loss, Loss::Truncated(_)) { None } else { Some(stage.table.clone()) };
    // An image that was destroyed is not whole afterwards either, and that is said: done, with warnings.
    let is_lost = cell.row.starts_with("image ");
    let said = stage.run(&format!("restore {address} --yes"));
    if said.code != Some(if is_lost { 4 } else { 0 }) {
        return Err(format!("restore ends with {:?}: {}", said.code, said.words()));
    }
    if let Some(table) = table {
        // Without a table of contents only the partition's own entry is known, which does not tell where a GPT began
        // to have room for partitions.
        let known = |line: &&str| by != "scavenged" || !line.starts_with("first-lba");
        let now = stage.dump();
        if !now.lines().filter(known).eq(table.lines().filter(known)) {
            return Err(format!("the table is\n{now}not\n{table}"));
        }
        if stage.family.table == "gpt" {
            let output = sh_output(stage.dir(), "sgdisk -v disk.img");
            let text = String::from_utf8_lossy(&output.stdout);
            if !text.contains("No problems found") {
                return Err(format!("sgdisk says {text}"));
            }
        }
    }
    stage.cut_out();
    same(stage, name)?;
    // The images are inside as before, but for those that were destroyed themselves.
    let lost = |image: &str| cell.row.starts_with(&format!("image {image}"));
    for image in ["factory", "user"].into_iter().filter(|image| !lost(image)) {
        let again = find(stage, image, "file-system").map_err(|error| format!("afterwards: {image}: {error}"))?;
        if again != format!("disk.img:1/{image}") {
            return Err(format!("afterwards {image} is at {again}"));
        }
        let said = stage.run(&format!("verify {again}"));
        if said.code != Some(0) {
            return Err(format!("afterwards: verify {again}: {}", said.words()));
        }
    }
    let said = stage.run("check disk.img:1 --deep --json");
    if said.code != Some(i32::from(is_lost)) {
        return Err(format!("afterwards: check ends with {:?}: {}", said.code, said.words()));
    }
    Ok(format!("{by}, ok"))
}

/// The volume that was cut out is sound, and has the files of then.
fn same(stage: &Stage, name: &str) -> Result<(), String> {
    stage.judge("restored")?;
    let (now, then) = (stage.volume.walk(), if name == "user" { &stage.user } else { &stage.factory });
    if now == *then {
        return Ok(());
    }
    let differs = now.iter().find(|line| !then.contains(line)).or_else(|| then.iter().find(|line| !now.contains(line)));
    Err(format!("the files differ: {}", differs.cloned().unwrap_or_default()))
}

fn elsewhere(stage: &Stage, name: &str, by: &str) -> Result<String, String> {
    let address = find(stage, name, by)?;
    let before = stage.digest();
    let said = stage.run(&format!("restore {address} --yes"));
    if said.code != Some(3) || stage.digest() != before {
        return Err(format!("restore onto a disk that is too short ends with {:?}: {}", said.code, said.words()));
    }
    let len = stage.volume.image.metadata().unwrap().len();
    std::fs::File::create(&stage.volume.image).unwrap().set_len(len).unwrap();
    let said = stage.run(&format!("restore {address} --to volume.img --yes"));
    if said.code != Some(0) {
        return Err(format!("restore elsewhere ends with {:?}: {}", said.code, said.words()));
    }
    same(stage, name)?;
    if stage.digest() != before {
        return Err("the source was written to".into());
    }
    Ok(format!("{by}, elsewhere ok"))
}

/// Whatever is still listed is refused, and so is what the address was; the disk stays as it is.
fn refused(stage: &Stage, why: &str) -> Result<String, String> {
    let before = stage.digest();
    let mut addresses = vec![format!("disk.img@{START}/user"), "disk.img:1/user".to_owned()];
    addresses.extend(images(stage)?.iter().filter_map(|image| match image["name"].as_str() {
        Some("user") => image["address"].as_str().map(str::to_owned),
        _ => None,
    }));
    for address in addresses {
        let said = stage.run(&format!("restore {address} --yes"));
        if said.code != Some(3) {
            return Err(format!("restore {address} ends with {:?}: {}", said.code, said.words()));
        }
        if stage.digest() != before {
            return Err(format!("restore {address} wrote"));
        }
    }
    Ok(format!("refused: {why}"))
}

/// All cells of a family.
pub(super) fn cells(stage: &Stage) -> Vec<Cell> {
    let mut cells = tables(stage);
    cells.extend(structures(stage));
    cells.extend(containers(stage));
    cells.extend(truncated(stage));
    cells
}

/// A row zeroed and a row of noise.
fn both(row: &str, ranges: &[Range<u64>], fate: Fate, soon: bool) -> [Cell; 2] {
    let ranges = ranges.to_vec();
    [
        Cell { row: format!("{row}, zeroed"), loss: Loss::Zeroed(ranges.clone()), fate, soon },
        Cell { row: format!("{row}, random"), loss: Loss::Random(ranges), fate, soon: false },
    ]
}

const FS: Fate = Fate::Restored("user", "file-system");
const TOC: Fate = Fate::Restored("user", "toc");
const SCAVENGED: Fate = Fate::Restored("user", "scavenged");

fn tables(stage: &Stage) -> Vec<Cell> {
    let table = stage.partition_table();
    let head = START..stage.begin().min(START + (64 << 20));
    let all = [table.clone(), vec![head.clone()]].concat();
    let mut cells = Vec::new();
    if table.len() > 1 {
        cells.extend(both("GPT primary", &table[..1], FS, false));
        cells.extend(both("GPT secondary", &table[1..], FS, false));
    }
    cells.extend(both("partition table", &table, FS, true));
    cells.extend(both("all before the images", &[head], TOC, false));
    cells.extend(both("that and the table", &all, TOC, true));
    cells
}

/// The file system's own structures: rows that a family has no such thing for are left out.
fn structures(stage: &Stage) -> Vec<Cell> {
    let boot = if stage.family.structure == Structure::Fat { TOC } else { FS };
    let rows = [
        ("boot record", boot, false),
        ("backup boot record", FS, false),
        ("both boot records", TOC, true),
        ("FAT 1", FS, false),
        ("FAT 2", FS, false),
        ("both FATs", TOC, true),
        ("root directory", TOC, false),
        ("MFT head", TOC, false),
        ("MFT mirror", FS, false),
        ("MFT head and mirror", TOC, false),
        ("whole MFT and mirror", TOC, true),
        ("superblock", FS, false),
        ("superblock and backups", TOC, true),
        ("group descriptors", TOC, false),
        ("group descriptors, all", TOC, false),
        ("inode table, first", TOC, false),
        ("inode tables, all", TOC, true),
        ("bitmaps", FS, false),
    ];
    let mut cells = Vec::new();
    for (row, fate, soon) in rows {
        if let Some(ranges) = stage.structures.find(row) {
            cells.extend(both(row, ranges, fate, soon));
        }
    }
    cells
}

/// What the container itself consists of.
fn containers(stage: &Stage) -> Vec<Cell> {
    let inter: Vec<&str> =
        stage.files.iter().map(|file| file.0.as_str()).filter(|name| name.starts_with("inter-")).collect();
    let ends = ["toc-begin.lbc", "toc-end.lbc"];
    let tocs = stage.places(&[&ends[..], &inter].concat());
    let before = vec![START..stage.begin()];
    let mut cells = Vec::new();
    cells.extend(both("TOC begin", &stage.places(&ends[..1]), FS, false));
    cells.extend(both("TOC end", &stage.places(&ends[1..]), FS, false));
    cells.extend(both("all TOCs", &tocs, FS, false));
    cells.extend(both(
        "all before the images, TOC begin",
        &[&before[..], &stage.places(&ends[..1])].concat(),
        TOC,
        false,
    ));
    cells.extend(both(
        "all before the images, TOC end",
        &[&before[..], &stage.places(&ends[1..])].concat(),
        TOC,
        false,
    ));
    let all = [before.clone(), tocs].concat();
    cells.extend(both("all before the images, all TOCs", &all, SCAVENGED, true));
    let all = [all, stage.partition_table()].concat();
    cells.extend(both("those and the table", &all, SCAVENGED, false));
    let factory = Fate::Restored("factory", "file-system");
    cells.extend(both("image user", &stage.places(&["user.lbi"]), factory, false));
    let base = Fate::Refused("the user image's base is gone");
    cells.extend(both("image factory", &stage.places(&["factory.lbi"]), base, false));
    cells
}

fn truncated(stage: &Stage) -> Vec<Cell> {
    let cut = |row: &str, len: u64, fate: Fate| Cell {
        row: format!("disk ends {row}"),
        loss: Loss::Truncated(len),
        fate,
        soon: false,
    };
    let end = stage.disk().metadata().unwrap().len() - (1 << 20);
    let toc_end = stage.places(&["toc-end.lbc"])[0].clone();
    // Only NTFS is still read where its last clusters are not.
    let within = if stage.family.structure == Structure::Ntfs { "file-system" } else { "toc" };
    let factory = stage.places(&["factory.lbi"])[0].clone();
    vec![
        cut("behind the partition", end, FS),
        cut("within TOC end", toc_end.start + 100, Fate::Elsewhere("user", within)),
        cut("within image factory", (factory.start + factory.end) / 2, Fate::Refused("the base is cut off")),
        cut("before the images", stage.begin(), Fate::Refused("there is no image")),
    ]
}
