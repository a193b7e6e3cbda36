//! An image that gets longer than was thought takes free clusters below, as far down as the plan says, and not further.

use std::sync::Arc;

use lifeboat::extent::Extent;
use lifeboat::image::Kind;
use lifeboat::job::Outcome;
use lifeboat::plan::{NewImage, Plan, Work};
use lifeboat::unit::ByteOffset;

use super::stage::Stage;
use crate::zoo::Shape;

const FAT: Shape = Shape {
    name: "fat16-growth",
    script: "cd $DIR; truncate -s 8M $IMG; mkfs.fat -F 16 -s 1 $IMG >/dev/null; head -c 400000 /dev/urandom > a
             mcopy -i $IMG a ::/",
};

/// Clusters that the plan is short of.
const SHORT: u64 = 9;

/// The plan of an image, changed.
fn planned(stage: &Stage, change: impl Fn(&mut NewImage)) -> Plan {
    let mut plan = stage.plan(&stage.request(Kind::Factory)).unwrap();
    let Work::Inside(work) = &plan.work else { panic!("{}", plan.headline) };
    let mut work = (**work).clone();
    change(work.survey.image.as_mut().unwrap());
    plan.work = Work::Inside(Arc::new(work));
    plan
}

/// As if the estimate had been too low: the place is too short at its lower end.
fn shorten(image: &mut NewImage) {
    let place = image.place[0];
    image.place = vec![Extent::new(place.start.0 + SHORT, place.clusters - SHORT)];
}

#[test]
fn an_image_that_gets_longer_grows_down_to_what_the_plan_names() {
    let stage = Stage::new(&FAT);
    let original = stage.walk();
    let plan = planned(&stage, shorten);
    let Work::Inside(work) = &plan.work else { panic!("{}", plan.headline) };
    let lowest = work.survey.image.as_ref().unwrap().lowest.unwrap();
    let fact = plan.facts.iter().find(|fact| fact.0 == "Where").unwrap();
    assert!(fact.1.contains(&format!("from byte {} on", lowest.0)), "{fact:?}");
    stage.done(&stage.run(&plan), "an image that grows");
    stage.judge("an image that grows");
    stage.prove("factory", &original);
    assert!(stage.is_contiguous(), "it is brought to the upper end of its place");
    let toc = stage.container().unwrap().toc;
    assert!(toc.runs().all(|run| run.offset >= lowest), "{lowest}: {:?}", toc.files);
}

/// With this as the lowest byte the job must end, and write nothing below.
fn ends(lowest: impl Fn(&NewImage) -> u64, short: bool, says: &str) {
    let stage = Stage::new(&FAT);
    let (before, original) = (std::fs::read(&stage.image).unwrap(), stage.walk());
    let plan = planned(&stage, |image| {
        image.lowest = Some(ByteOffset(lowest(image)));
        if short {
            shorten(image);
        }
    });
    let Work::Inside(work) = &plan.work else { panic!("{}", plan.headline) };
    let lowest = work.survey.image.as_ref().unwrap().lowest.unwrap();
    let report = stage.run(&plan);
    assert_eq!(report.outcome, Outcome::Refused, "{report:#?}");
    assert!(report.headline.contains(says), "{report:#?}");
    let after = std::fs::read(&stage.image).unwrap();
    assert!(after[..lowest.0 as usize] == before[..lowest.0 as usize], "nothing is written below byte {lowest}");
    stage.judge("the job ended");
    assert!(stage.walk() == original && stage.container().is_none());
}

#[test]
fn it_does_not_grow_further() {
    let table = |image: &NewImage| image.tables[0].runs[0].offset.0;
    ends(|image| table(image) + SHORT * 512, true, "needs more than");
    ends(|image| table(image) + 512, false, "the plan named byte");
}
