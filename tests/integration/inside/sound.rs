//! A container that is not sound when something is done to it: what is mended, what stays, and what is refused.

use std::os::unix::fs::FileExt;

use lifeboat::image::Kind;
use lifeboat::image::container::{Role, Toc, encode, read_toc};
use lifeboat::inventory::{LocateRequest, Thoroughness, open_source};
use lifeboat::job::{self, Monitor, Outcome};
use lifeboat::plan::{ContainerAct, EditRequest, Work};
use lifeboat::unit::{ByteLen, ByteOffset};

use super::stage::Stage;
use crate::oracle::sh;
use crate::zoo::Shape;

const FAT: Shape = Shape {
    name: "fat16-sound",
    script: "cd $DIR; truncate -s 12M $IMG; mkfs.fat -F 16 -s 4 $IMG >/dev/null; head -c 600000 /dev/urandom > a
             mcopy -i $IMG a ::/",
};

const EXT: Shape = Shape {
    name: "ext4-sound",
    script: "cd $DIR; mkdir s; head -c 600000 /dev/urandom > s/a; truncate -s 12M $IMG
             mke2fs -q -t ext4 -b 1024 -d s $IMG",
};

fn write_at(stage: &Stage, at: u64, bytes: &[u8]) {
    let file = std::fs::OpenOptions::new().write(true).open(&stage.image).unwrap();
    file.write_all_at(bytes, at).unwrap();
}

fn start_of(toc: &Toc, name: &str) -> u64 {
    toc.files.iter().find(|file| file.name == name).unwrap().runs[0].offset.0
}

/// Every copy of the table can be read, and is of this number.
fn all_tables_say(stage: &Stage, sequence: u64) {
    let source = open_source(&stage.address()).unwrap();
    let toc = stage.container().unwrap().toc;
    for file in toc.files.iter().filter(|file| file.role.is_toc()) {
        let (copy, head) = read_toc(&*source.device, file.runs[0].offset).unwrap();
        assert_eq!((copy.sequence, head.offset.get()), (sequence, file.runs[0].offset.0), "{}", file.name);
        assert_eq!(copy.images.len(), toc.images.len(), "{}", file.name);
    }
}

#[test]
fn every_change_writes_all_tables_anew_with_the_next_number() {
    let stage = Stage::new(&FAT);
    let original = stage.walk();
    stage.create(&stage.request(Kind::Factory));
    all_tables_say(&stage, 1);
    // One is overwritten: the next change mends it.
    let toc = stage.container().unwrap().toc;
    write_at(&stage, start_of(&toc, "toc-end.lbc"), &[0; 4096]);
    assert!(!stage.container().unwrap().findings.is_empty());
    let plan = stage.plan(&stage.request(Kind::User)).unwrap();
    assert!(plan.warnings.iter().any(|said| said.contains("toc-end.lbc")), "{:?}", plan.warnings);
    stage.create(&stage.request(Kind::User));
    all_tables_say(&stage, 2);
    stage.done(&stage.drop_image("user").unwrap(), "drop");
    all_tables_say(&stage, 3);
    assert!(stage.container().unwrap().damage.is_empty());
    stage.prove("factory", &original);
}

/// A damaged image keeps nobody from making one that is whole: it is no base, and the report says that it is there.
#[test]
fn a_damaged_image_is_no_base_and_is_told_of() {
    let stage = Stage::new(&FAT);
    let original = stage.walk();
    stage.create(&stage.request(Kind::Factory));
    let file = stage.container().unwrap().toc.files.into_iter().find(|file| file.name == "factory.lbi").unwrap();
    // The index and the footer, and what stands at the end once more.
    write_at(&stage, file.runs[0].offset.0 + file.bytes - 2048, &[0x55; 2048]);
    let before = stage.container().unwrap();
    assert!(!before.images[0].damage.is_empty());
    let plan = stage.plan(&stage.request(Kind::User)).unwrap();
    let Work::Inside(work) = &plan.work else { panic!("{}", plan.headline) };
    assert!(work.survey.image.as_ref().unwrap().base.is_none(), "{:?}", plan.facts);
    assert!(plan.warnings.iter().any(|said| said.contains("factory.lbi")), "{:?}", plan.warnings);
    let report = stage.run(&plan);
    assert_eq!(report.outcome, Outcome::DoneWithWarnings, "{report:#?}");
    assert!(report.warnings.iter().any(|said| said.contains("factory.lbi")), "{report:#?}");
    stage.judge("beside a damaged image");
    stage.prove("user", &original);
    stage.done(&stage.drop_image("factory").unwrap(), "a damaged image is dropped");
    stage.judge("a damaged image is dropped");
    stage.prove("user", &original);
}

/// The table of contents says by its digest which image was made: another one in its place is no base.
#[test]
fn an_image_other_than_the_table_says_is_no_base() {
    let stage = Stage::new(&FAT);
    stage.create(&stage.request(Kind::Factory));
    let mut toc = stage.container().unwrap().toc;
    toc.images[0].digest = "0".repeat(64);
    for file in toc.files.iter().filter(|file| file.role.is_toc()) {
        let start = file.runs[0].offset;
        write_at(&stage, start.0, &encode(&toc, start, ByteLen(file.bytes)).unwrap());
    }
    let plan = stage.plan(&stage.request(Kind::User)).unwrap();
    let Work::Inside(work) = &plan.work else { panic!("{}", plan.headline) };
    assert!(work.survey.image.as_ref().unwrap().base.is_none(), "{:?}", plan.facts);
}

/// Somebody deletes the image's file. What is left of it lies in free clusters: nothing is written beside it until
/// somebody lets go of it.
#[test]
fn an_image_whose_file_is_deleted_is_not_written_over() {
    let stage = Stage::new(&FAT);
    let original = stage.walk();
    stage.create(&stage.request(Kind::Factory));
    let image = stage.image.display();
    sh(
        stage.dir.path(),
        &format!("mattrib -s -h -r -i {image} ::/LIFEBOAT/FACTORY.LBI; mdel -i {image} ::/LIFEBOAT/FACTORY.LBI"),
    );
    let before = std::fs::read(&stage.image).unwrap();
    let refused = stage.plan(&stage.request(Kind::User)).unwrap_err();
    assert!(refused.to_string().contains("no files any more: factory"), "{refused}");
    let refused = stage.change(ContainerAct::Tidy).unwrap_err();
    assert!(refused.to_string().contains("no files any more: factory"), "{refused}");
    assert!(std::fs::read(&stage.image).unwrap() == before, "nothing is written");
    stage.prove("factory", &original);
    stage.done(&stage.drop_image("factory").unwrap(), "it is let go of");
    stage.judge("it is let go of");
    assert!(stage.walk() == original && stage.container().is_none());
    found_nowhere(&stage);
    stage.create(&stage.request(Kind::User));
    stage.prove("user", &original);
}

/// No search finds anything.
fn found_nowhere(stage: &Stage) {
    let request = LocateRequest { sources: vec![stage.address()], aids: Vec::new(), thoroughness: Thoroughness::Full };
    let found = lifeboat::inventory::locate(&request, &Monitor::new()).unwrap();
    let names: Vec<String> = found.iter().flat_map(|found| found.views()).map(|view| view.address).collect();
    assert!(names.is_empty(), "{names:?}");
}

/// What was dropped is found by no search, not even when the volume can not be read any more.
#[test]
fn a_dropped_image_is_found_nowhere() {
    for shape in [&FAT, &EXT] {
        let stage = Stage::new(shape);
        stage.create(&stage.request(Kind::Factory));
        stage.create(&stage.request(Kind::User));
        for name in ["user", "factory"] {
            stage.done(&stage.drop_image(name).unwrap(), "drop");
        }
        write_at(&stage, 0, &[0; 128 << 10]);
        found_nowhere(&stage);
    }
}

/// Tables that have no room for one more image get a longer place, in the same change.
#[test]
fn a_full_table_of_contents_gets_a_longer_place() {
    for (shape, name) in [(&FAT, "toc-begin.lbc"), (&FAT, "toc-end.lbc"), (&EXT, "toc-begin.lbc")] {
        let stage = Stage::new(shape);
        let original = stage.walk();
        stage.create(&stage.request(Kind::Factory));
        cut_to_one_cluster(&stage, name);
        stage.create(&stage.request(Kind::User));
        let container = stage.container().unwrap();
        assert!(container.damage.is_empty(), "{}: {:?}", shape.name, container.damage);
        let tables = container.toc.files.iter().filter(|file| file.role.is_toc());
        let short: Vec<_> = tables.filter(|file| file.bytes < 4096).collect();
        assert!(short.is_empty(), "{}: {short:?}", shape.name);
        all_tables_say(&stage, 2);
        for name in ["user", "factory"] {
            stage.prove(name, &original);
        }
        stage.done(&stage.change(ContainerAct::Tidy).unwrap(), "tidy");
        stage.judge(&format!("{}: tidied", shape.name));
        assert!(stage.is_contiguous(), "{}", shape.name);
    }
}

/// A table keeps no more than 512 bytes of its place; so it is not readable either.
fn cut_to_one_cluster(stage: &Stage, name: &str) {
    let folder = std::path::Path::new("/").join(lifeboat::image::container::FOLDER);
    let toc = stage.container().unwrap().toc;
    let file = toc.files.iter().find(|file| file.name == name).unwrap();
    assert!(file.role == Role::TocBegin || file.role == Role::TocEnd);
    let grid = toc.volume.grid;
    let device = open_source(&stage.address()).unwrap().device;
    let clusters = lifeboat::fs::edit::open_unchecked(device, toc.volume.kind).unwrap().units().clusters;
    let place = lifeboat::extent::Extent::new(grid.cluster_at(ByteOffset(file.runs[0].offset.0)).0, clusters);
    let request = lifeboat::plan::ChangeRequest {
        volume: stage.address(),
        name: "a short table".into(),
        edits: vec![
            EditRequest::Release { directory: folder.clone(), name: name.into() },
            EditRequest::Adopt { directory: folder, name: name.into(), extents: vec![place], len: ByteLen(512) },
        ],
        journal: lifeboat::plan::JournalWish::InVolume,
    };
    let plan = job::plan_change(&request, &Monitor::new()).unwrap();
    stage.done(&stage.run(&plan), "a table is made short");
}
