//! Restoring a volume in place from the images inside it, judged by strangers' tools.

mod damage;
mod stage;

use lifeboat::job::Outcome;
use lifeboat::plan::{Differing, ImagesInside, RestoreRequest, Work};

use self::stage::Stage;

/// Each family, with and without room for thought.
const SOON: [&str; 5] = ["fat12-1k-fragmented", "fat16-4k-names", "fat32-512-mixed-1-fat", "ntfs-files-4k", "ext4-4k-mixed"];

#[test]
fn a_lightly_damaged_volume_comes_back_by_what_differs_alone() {
    for name in SOON {
        let stage = Stage::make(name);
        let before = stage.walk();
        stage.scribble(5);
        assert_ne!(stage.walk_or_error(), before, "{name}");
        let (differing, report) = stage.restore(&RestoreRequest::home(stage.address("factory")));
        assert_eq!(report.outcome, Outcome::Done, "{name}: {report:?}");
        let Differing::Bytes(bytes) = differing else { panic!("{name}: {differing:?}") };
        assert!(bytes > 0 && bytes < stage.used_bytes() / 4, "{name}: {bytes}");
        stage.expect(&before);
        // Once more: nothing differs, and nothing is written.
        let bytes = std::fs::read(&stage.disk).unwrap();
        let (differing, report) = stage.restore(&RestoreRequest::home(stage.address("factory")));
        assert_eq!((differing, report.outcome), (Differing::Bytes(0), Outcome::Done), "{name}: {report:?}");
        assert!(bytes == std::fs::read(&stage.disk).unwrap(), "{name}: nothing was to be written");
    }
}

#[test]
fn images_in_the_way_move_and_stay() {
    for name in SOON {
        let mut stage = Stage::make(name);
        let before = stage.walk();
        stage.collide();
        let request = RestoreRequest::home(stage.address("factory"));
        let plan = stage.plan(&request);
        let Work::RestoreInPlace(work) = &plan.work else { panic!("{name}: {}", plan.headline) };
        assert!(!work.survey.moved.is_empty() && work.survey.moved_to_free, "{name}");
        let (_, report) = stage.restore(&request);
        assert_eq!(report.outcome, Outcome::Done, "{name}: {report:?}");
        stage.expect(&before);
    }
}

#[test]
fn dropped_images_are_gone_and_the_volume_is_whole() {
    for name in SOON {
        let stage = Stage::make(name);
        let before = stage.walk();
        stage.scribble(9);
        let request =
            RestoreRequest { images: ImagesInside::Drop, ..RestoreRequest::home(stage.address("factory")) };
        let (_, report) = stage.restore(&request);
        assert_eq!(report.outcome, Outcome::Done, "{name}: {report:?}");
        stage.judge();
        assert_eq!(stage.walk(), before, "{name}");
        assert!(stage.images().is_empty(), "{name}");
    }
}
