//! How much room there must be, to the cluster; what lies in the way, and what cannot move.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lifeboat::image::Kind;
use lifeboat::job::{self, Monitor, Outcome};
use lifeboat::plan::{BackupRequest, Plan};

use super::stage::Stage;
use crate::oracle::sh;
use crate::zoo::Shape;

/// Files at the end of the volume, behind a hole.
const CROWDED: Shape = Shape {
    name: "fat16-crowded",
    script: "cd $DIR; truncate -s 6M $IMG; mkfs.fat -F 16 -s 1 $IMG >/dev/null
             openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 < /dev/zero 2>/dev/null | head -c 1800000 > noise || true; head -c 500000 noise > low; head -c 3900000 /dev/zero > gap; tail -c 1300000 noise > high
             mmd -i $IMG ::/D; mcopy -i $IMG low ::/; mcopy -i $IMG gap ::/; mcopy -i $IMG high ::/D/; mdel -i $IMG ::/gap",
};

/// The same, with a boot file at the end, which must stay where it is.
const FIXED: Shape = Shape {
    name: "fat16-boot-file-at-the-end",
    script: "cd $DIR; truncate -s 6M $IMG; mkfs.fat -F 16 -s 1 $IMG >/dev/null
             head -c 5400000 /dev/zero > gap; head -c 90000 /dev/urandom > f; mcopy -i $IMG gap ::/
             mcopy -i $IMG f ::/IO.SYS; mdel -i $IMG ::/gap; mcopy -i $IMG f ::/other",
};

/// More than fits into one part.
const LARGE: Shape = Shape {
    name: "fat16-large",
    script: "cd $DIR; truncate -s 40M $IMG; mkfs.fat -F 16 -s 4 $IMG >/dev/null; head -c 12M /dev/urandom > f
             mcopy -i $IMG f ::/",
};

/// Many small files, every other of which is gone.
const SPLINTERED: Shape = Shape {
    name: "fat16-splintered",
    script: "cd $DIR; truncate -s 8M $IMG; mkfs.fat -F 16 -s 2 -r 1024 $IMG >/dev/null; mkdir in
             for i in $(seq 100 299); do head -c 30000 /dev/zero > in/a$i; head -c 6000 /dev/urandom > in/b$i; done
             for i in $(seq 100 299); do mcopy -i $IMG in/a$i in/b$i ::/; done; mdel -i $IMG '::/a*'",
};

fn fact(plan: &Plan, name: &str) -> String {
    plan.facts.iter().find(|fact| fact.0 == name).map(|fact| fact.1.clone()).unwrap_or_default()
}

/// The number of clusters in a fact.
fn clusters(plan: &Plan, name: &str) -> u64 {
    let fact = fact(plan, name);
    let words: Vec<&str> = fact.split(' ').collect();
    words[words.len() - 2].parse().unwrap()
}

#[test]
fn what_lies_in_the_way_moves() {
    let stage = Stage::new(&CROWDED);
    let original = stage.walk();
    let request = stage.request(Kind::Factory);
    let plan = stage.plan(&request).unwrap();
    assert!(fact(&plan, "Moved out of the way").to_lowercase().contains("/d/high"), "{:#?}", plan.facts);
    stage.create(&request);
    stage.prove("factory", &original);
    assert!(stage.is_contiguous());
    assert_eq!(stage.order(), ["toc-begin.lbc", "factory.lbi", "toc-end.lbc"]);
}

#[test]
fn what_cannot_move_makes_the_container_lie_below_it() {
    let stage = Stage::new(&FIXED);
    let original = stage.walk();
    stage.create(&stage.request(Kind::Factory));
    stage.prove("factory", &original);
    assert!(stage.is_contiguous());
}

/// The crowded volume with a further file of so many clusters.
fn filled(clusters: u64) -> Stage {
    let stage = Stage::new(&CROWDED);
    let (image, bytes) = (stage.image.display(), clusters * 512);
    sh(stage.dir.path(), &format!("head -c {bytes} /dev/zero > fill; mcopy -i {image} fill ::/"));
    stage
}

/// Needed are so many clusters: with these it works, with one less it is refused with both numbers, and nothing is
/// written.
#[test]
fn room_is_counted_to_the_cluster() {
    let (mut exact, mut one_less) = (0, 0);
    // The filler's length decides how much is free; of zeros, it hardly changes the image's length. What each plan
    // tells leads to the next filler.
    let mut filler = 4000;
    for _ in 0..16 {
        let stage = filled(filler);
        let before = std::fs::read(&stage.image).unwrap();
        match stage.plan(&stage.request(Kind::Factory)) {
            Ok(plan) => {
                let (needed, free) = (clusters(&plan, "Needed"), clusters(&plan, "Free"));
                assert!(needed <= free);
                filler += (free - needed).max(1);
                if needed == free {
                    exact += 1;
                    stage.done(&stage.run(&plan), "with just enough room");
                    stage.judge("with just enough room");
                }
            }
            Err(error) => {
                let text = error.to_string();
                let missing = text.split(" clusters are missing").next().and_then(|head| head.rsplit(' ').next());
                let missing: u64 = missing.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{text}"));
                one_less += u32::from(missing == 1);
                filler -= missing;
                assert!(std::fs::read(&stage.image).unwrap() == before);
            }
        }
        if exact > 0 && one_less > 0 {
            break;
        }
    }
    assert!(exact > 0 && one_less > 0, "{exact} with just enough, {one_less} with one cluster too few");
}

/// With `--scattered` nothing moves: the image takes what is free, in blocks.
#[test]
fn a_scattered_image_takes_what_is_free() {
    let stage = Stage::new(&SPLINTERED);
    let original = stage.walk();
    let request = BackupRequest { scattered: true, ..stage.request(Kind::Factory) };
    let plan = stage.plan(&request).unwrap();
    assert!(fact(&plan, "Moved out of the way").is_empty());
    stage.create(&request);
    let container = stage.container().unwrap();
    assert!(container.images[0].record.scattered);
    assert!(container.toc.files.iter().any(|file| file.runs.len() > 3), "{:?}", container.toc.files);
    stage.prove("factory", &original);
    stage.create(&BackupRequest { scattered: true, ..stage.request(Kind::User) });
    stage.prove("user", &original);
    for name in ["user", "factory"] {
        stage.done(&stage.drop_image(name).unwrap(), "drop");
        stage.judge("a scattered image is dropped");
    }
    assert!(stage.walk() == original && stage.container().is_none());
}

/// An image in parts, each of which begins a cluster.
#[test]
fn an_image_in_parts() {
    let stage = Stage::new(&LARGE);
    let original = stage.walk();
    stage.create(&BackupRequest { split: Some(8 << 20), ..stage.request(Kind::Factory) });
    assert!(stage.order().iter().any(|name| name == "factory.001"), "{:?}", stage.order());
    stage.prove("factory", &original);
}

/// A cancel at any step leaves a sound volume with the files it had: without an image, or with all of it.
#[test]
fn a_cancel_at_any_step() {
    let stage = Stage::new(&CROWDED);
    let before = std::fs::read(&stage.image).unwrap();
    let original = stage.walk();
    let plan = stage.plan(&stage.request(Kind::Factory)).unwrap();
    let mut cancelled = 0;
    for step in 0..plan.steps.len() {
        std::fs::write(&stage.image, &before).unwrap();
        let monitor = Arc::new(Monitor::new());
        if step == 0 {
            // Whoever watches may be slower than the first step.
            monitor.cancel();
        }
        let ended = &AtomicBool::new(false);
        let report = std::thread::scope(|scope| {
            let watched = Arc::clone(&monitor);
            scope.spawn(move || {
                while watched.sample().current < step && !ended.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                watched.cancel();
            });
            let report = job::run(&plan, &monitor);
            ended.store(true, Ordering::Relaxed);
            report
        });
        let what = format!("cancelled at {}", plan.steps[step].title);
        let image = stage.container().map(|container| container.images.len()).unwrap_or_default();
        match report.outcome {
            Outcome::Cancelled => cancelled += 1,
            _ => assert_eq!(report.outcome, Outcome::Done, "{what}: {report:#?}"),
        }
        assert!(step > 0 || std::fs::read(&stage.image).unwrap() == before, "{what}: nothing is written");
        // A cancel during the last check comes when the image is there.
        assert!(image == 1 || report.outcome == Outcome::Cancelled, "{what}: {report:#?}");
        stage.judge(&what);
        assert!(stage.walk() == original, "{what}: the files are what they were");
    }
    assert!(cancelled > 5, "{cancelled}");
}
