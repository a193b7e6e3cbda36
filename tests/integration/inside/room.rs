//! How much room there must be, to the cluster; what lies in the way, and what cannot move.

use lifeboat::image::Kind;
use lifeboat::plan::Plan;

use super::stage::Stage;
use crate::oracle::sh;
use crate::zoo::Shape;

/// Files at the end of the volume, behind a hole.
const CROWDED: Shape = Shape {
    name: "fat16-crowded",
    script: "cd $DIR; truncate -s 6M $IMG; mkfs.fat -F 16 -s 1 $IMG >/dev/null
             head -c 500000 /dev/urandom > low; head -c 3900000 /dev/zero > gap; head -c 1300000 /dev/urandom > high
             mmd -i $IMG ::/D; mcopy -i $IMG low ::/; mcopy -i $IMG gap ::/; mcopy -i $IMG high ::/D/; mdel -i $IMG ::/gap",
};

/// The same, with a boot file at the end, which must stay where it is.
const FIXED: Shape = Shape {
    name: "fat16-boot-file-at-the-end",
    script: "cd $DIR; truncate -s 6M $IMG; mkfs.fat -F 16 -s 1 $IMG >/dev/null
             head -c 5400000 /dev/zero > gap; head -c 90000 /dev/urandom > f; mcopy -i $IMG gap ::/
             mcopy -i $IMG f ::/IO.SYS; mdel -i $IMG ::/gap; mcopy -i $IMG f ::/other",
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

/// Needed are so many clusters: with these it works, with one less it is refused with both numbers, and nothing is
/// written.
#[test]
fn room_is_counted_to_the_cluster() {
    let (mut exact, mut one_less) = (0, 0);
    let plan = Stage::new(&CROWDED);
    let plan = plan.plan(&plan.request(Kind::Factory)).unwrap();
    let spare = clusters(&plan, "Free") - clusters(&plan, "Needed");
    // The filler's length decides how much is free; of zeros, it hardly changes the image's length.
    for clusters_filled in spare - 14..spare + 4 {
        let stage = Stage::new(&CROWDED);
        let image = stage.image.display();
        let bytes = clusters_filled * 512;
        sh(stage.dir.path(), &format!("head -c {bytes} /dev/zero > fill; mcopy -i {image} fill ::/"));
        let before = std::fs::read(&stage.image).unwrap();
        match stage.plan(&stage.request(Kind::Factory)) {
            Ok(plan) => {
                let (needed, free) = (clusters(&plan, "Needed"), clusters(&plan, "Free"));
                assert!(needed <= free);
                if needed == free {
                    exact += 1;
                    stage.done(&stage.run(&plan), "with just enough room");
                    stage.judge("with just enough room");
                }
            }
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("clusters are missing"), "{text}");
                one_less += u32::from(text.contains(": 1 clusters are missing"));
                assert!(std::fs::read(&stage.image).unwrap() == before);
            }
        }
    }
    assert!(exact > 0 && one_less > 0, "{exact} with just enough, {one_less} with one cluster too few");
}
