//! What is destroyed comes back: all of the volume but the container, and the disk's table.

use lifeboat::inventory::Address;
use lifeboat::job::Outcome;
use lifeboat::plan::RestoreRequest;

use super::stage::{START, Stage, each};
use crate::oracle::sh;

/// Zeros everything in the volume but what the container lies in.
pub(super) fn destroy_all_but_the_images(stage: &Stage) {
    let mut kept: Vec<_> = stage.toc.runs().collect();
    kept.sort_by_key(|run| run.offset);
    let mut at = 0;
    for run in kept.iter().map(|run| (run.offset.0, run.offset.0 + run.len.0)).chain([(stage.toc.volume.bytes, 0)]) {
        stage.write_at(at, &vec![0; (run.0 - at) as usize]);
        at = run.1;
    }
}

/// Zeros both copies of the disk's partition table.
pub(super) fn destroy_table(stage: &Stage) {
    stage.write_disk(0, &vec![0; START as usize]);
    let len = stage.disk.metadata().unwrap().len();
    stage.write_disk(len - 64 * 512, &vec![0; 64 * 512]);
}

#[test]
fn a_volume_of_which_only_the_images_are_left_comes_back() {
    each(super::soon(&["fat32-512-mixed-1-fat"]), |stage| {
        let before = stage.walk();
        destroy_all_but_the_images(stage);
        let (_, report) = stage.restore(&RestoreRequest::home(stage.address("factory")));
        assert_eq!(report.outcome, Outcome::Done, "{}: {report:?}", stage.name);
        stage.expect(&before);
    });
}

#[test]
fn images_in_the_way_of_a_destroyed_volume_move_after_the_mark() {
    each(&["ext4-4k-mixed"], |stage| {
        let before = stage.walk();
        stage.collide();
        destroy_all_but_the_images(stage);
        let request = RestoreRequest::home(stage.address("factory"));
        let plan = stage.plan(&request);
        let lifeboat::plan::Work::RestoreInPlace(work) = &plan.work else { panic!("{}", plan.headline) };
        assert!(!work.survey.moved.is_empty() && !work.survey.moved_to_free, "{}", stage.name);
        let (_, report) = stage.restore(&request);
        assert_eq!(report.outcome, Outcome::Done, "{}: {report:?}", stage.name);
        stage.expect(&before);
    });
}

#[test]
fn so_it_does_when_no_table_names_it_and_the_entry_too() {
    each(super::soon(&["fat12-8k-mixed", "ntfs-roomy"]), |stage| {
        let before = stage.walk();
        let table = sh(stage.dir.path(), "sfdisk --dump disk.img");
        destroy_all_but_the_images(stage);
        destroy_table(stage);
        let at = Address::Inside(Box::new(Address::At(stage.disk.clone(), START)), "factory".into());
        let request = RestoreRequest::home(at);
        let plan = stage.plan(&request);
        let lifeboat::plan::Work::RestoreInPlace(work) = &plan.work else { panic!("{}", plan.headline) };
        assert!(work.survey.table.is_some(), "{}: {:?}", stage.name, work.survey.warnings);
        let (_, report) = stage.restore(&request);
        assert_eq!(report.outcome, Outcome::Done, "{}: {report:?}", stage.name);
        stage.expect(&before);
        assert_eq!(sh(stage.dir.path(), "sfdisk --dump disk.img"), table, "{}", stage.name);
        sh(stage.dir.path(), "sgdisk -v disk.img | grep -q 'No problems found'");
    });
}
