//! Restoring a volume in place from the images inside it, judged by strangers' tools.

pub(crate) mod cuts;
mod damage;
mod inside;
mod pictures;
mod stage;

use lifeboat::job::Outcome;
use lifeboat::plan::{Differing, ImagesInside, RestoreRequest, Work};

use self::stage::each;

/// All shapes in a long run, else these.
fn soon(names: &'static [&'static str]) -> &'static [&'static str] {
    if crate::oracle::long() { &SOON } else { names }
}

/// Each family, with files that are long enough to be in the way.
const SOON: [&str; 5] =
    ["fat12-8k-mixed", "fat16-512-mixed-1-fat", "fat32-512-mixed-1-fat", "ntfs-roomy", "ext4-4k-mixed"];

#[test]
fn a_lightly_damaged_volume_comes_back_by_what_differs_alone() {
    each(soon(&["fat32-512-mixed-1-fat", "ext4-4k-mixed"]), |stage| {
        let name = &stage.name;
        let before = stage.walk();
        stage.scribble(5);
        assert_ne!(stage.walk_or_error(), before, "{name}");
        let (differing, report) = stage.restore(&RestoreRequest::home(stage.address("factory")));
        assert_eq!(report.outcome, Outcome::Done, "{name}: {report:?}");
        let Differing::Bytes(bytes) = differing else { panic!("{name}: {differing:?}") };
        println!("{name}: {bytes} bytes of {} differed", stage.used_bytes());
        assert!(bytes > 0 && bytes < stage.used_bytes() / 2, "{name}: {bytes} of {}", stage.used_bytes());
        stage.expect(&before);
        // Once more: nothing differs, and nothing is written.
        let bytes = std::fs::read(&stage.disk).unwrap();
        let (differing, report) = stage.restore(&RestoreRequest::home(stage.address("factory")));
        assert_eq!((differing, report.outcome), (Differing::Bytes(0), Outcome::Done), "{name}: {report:?}");
        assert!(bytes == std::fs::read(&stage.disk).unwrap(), "{name}: nothing was to be written");
    });
}

#[test]
fn images_in_the_way_move_and_stay() {
    each(soon(&["fat16-512-mixed-1-fat", "ntfs-roomy"]), |stage| {
        let name = stage.name.clone();
        let before = stage.walk();
        stage.collide();
        let request = RestoreRequest::home(stage.address("factory"));
        let plan = stage.plan(&request);
        let Work::RestoreInPlace(work) = &plan.work else { panic!("{name}: {}", plan.headline) };
        assert!(!work.survey.moved.is_empty() && work.survey.moved_to_free, "{name}");
        let (_, report) = stage.restore(&request);
        assert_eq!(report.outcome, Outcome::Done, "{name}: {report:?}");
        stage.expect(&before);
    });
}

#[test]
fn dropped_images_are_gone_and_the_volume_is_whole() {
    each(soon(&["fat12-8k-mixed"]), |stage| {
        let name = &stage.name;
        let before = stage.walk();
        stage.scribble(9);
        let request = RestoreRequest { images: ImagesInside::Drop, ..RestoreRequest::home(stage.address("factory")) };
        let (_, report) = stage.restore(&request);
        assert_eq!(report.outcome, Outcome::Done, "{name}: {report:?}");
        stage.judge();
        assert_eq!(stage.walk(), before, "{name}");
        assert!(stage.images().is_empty(), "{name}: {:?}", stage.images());
    });
}

#[test]
fn an_image_file_onto_a_volume_with_images_keeps_them() {
    each(&["fat32-512-mixed-1-fat"], |stage| {
        let before = stage.walk();
        stage.scribble(3);
        let file = lifeboat::plan::ImageSource::File(stage.dir.path().join("factory.lbi"));
        let (_, report) = stage.restore(&RestoreRequest::new(file, stage.volume()));
        assert_eq!(report.outcome, Outcome::Done, "{report:?}");
        stage.expect(&before);
    });
}

#[test]
fn an_image_inside_goes_to_another_place_by_the_command_line() {
    each(&["fat16-512-mixed-1-fat"], |stage| {
        let before = stage.walk();
        let len = stage.toc.volume.bytes;
        stage.lifeboat(&format!("restore disk.img:1/factory --to disk.img@{} --yes", stage::START + 512), 3);
        crate::oracle::sh(stage.dir.path(), &format!("truncate -s {len} other.img"));
        stage.lifeboat("restore disk.img:1/factory --to other.img --yes", 0);
        crate::oracle::sh(stage.dir.path(), "fsck.fat -n other.img");
        stage.scribble(2);
        let shown = stage.lifeboat("restore disk.img:1/factory --dry-run", 0);
        assert!(shown.contains("in place") && shown.contains("only that is written"), "{shown}");
        stage.lifeboat("restore disk.img:1/factory", 3);
        stage.lifeboat("restore disk.img:1/factory --yes", 0);
        stage.expect(&before);
        let other = stage.open_file(&stage.dir.path().join("other.img"));
        assert_eq!(stage::walk(&*other), before);
    });
}
