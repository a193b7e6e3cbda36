//! How much room there must be, to the cluster; and what lies in the way.

use lifeboat::image::Kind;

use super::stage::Stage;
use crate::oracle::sh;
use crate::zoo::Shape;

/// Files at the end of the volume, and a volume that is nearly full.
const CROWDED: Shape = Shape {
    name: "fat16-crowded",
    script: "cd $DIR; truncate -s 6M $IMG; mkfs.fat -F 16 -s 1 $IMG >/dev/null
             seq 100000 > low; head -c 3900000 /dev/zero | tr '\\0' x > gap; seq 200000 > high; mmd -i $IMG ::/D
             mcopy -i $IMG low ::/; mcopy -i $IMG gap ::/; mcopy -i $IMG high ::/D/; mdel -i $IMG ::/gap",
};

#[test]
fn what_lies_in_the_way_moves() {
    let stage = Stage::new(&CROWDED);
    let original = stage.walk();
    let request = stage.request(Kind::Factory);
    let plan = stage.plan(&request).unwrap();
    let facts: Vec<String> = plan.facts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let moved = facts.iter().find(|fact| fact.starts_with("Moved out of the way"));
    assert!(moved.is_some_and(|fact| fact.contains("/D/HIGH") || fact.contains("/D/high")), "{facts:#?}");
    stage.create(&request);
    stage.prove("factory", &original);
    assert!(stage.is_contiguous());
    assert_eq!(stage.order(), ["toc-begin.lbc", "factory.lbi", "toc-end.lbc"]);
}

/// Needed are so many clusters: with these it works, with one less it is refused with both numbers, and nothing is
/// written.
#[test]
fn room_is_counted_to_the_cluster() {
    let mut worked = 0;
    let mut refused = 0;
    // The filler's length decides how much is free; its content hardly any of the image's length.
    for kib in (0..12).map(|step| 2310 + step) {
        let stage = Stage::new(&CROWDED);
        let image = stage.image.display();
        sh(stage.dir.path(), &format!("head -c {kib}K /dev/zero > fill; mcopy -i {image} fill ::/"));
        let before = std::fs::read(&stage.image).unwrap();
        match stage.plan(&stage.request(Kind::Factory)) {
            Ok(plan) => {
                worked += 1;
                stage.done(&stage.run(&plan), "with just enough room");
                stage.judge("with just enough room");
            }
            Err(error) => {
                refused += 1;
                assert!(error.to_string().contains("clusters are missing"), "{error}");
                assert!(std::fs::read(&stage.image).unwrap() == before);
            }
        }
    }
    assert!(worked > 0 && refused > 0, "{worked} worked, {refused} were refused");
}
