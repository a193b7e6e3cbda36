//! What is shown of a restore in place is what comes of it, also when nothing but the images is left of the volume.

use lifeboat::inventory::{Address, ClusterState, LookRequest, PieceKind, layout, look, volume_map};
use lifeboat::job::{self, Monitor, Outcome};
use lifeboat::plan::RestoreRequest;

use super::damage::{destroy_all_but_the_images, destroy_table};
use super::stage::{START, each};

#[test]
fn a_lost_volume_is_shown_with_its_images_and_as_it_comes_back() {
    each(super::soon(&["fat32-512-mixed-1-fat", "ntfs-roomy"]), |stage| {
        let sound = volume_map(&stage.volume(), &Monitor::new()).unwrap();
        destroy_all_but_the_images(stage);
        destroy_table(stage);
        let place = Address::At(stage.disk.clone(), START);
        let map = volume_map(&place, &Monitor::new()).unwrap();
        let images = sound.counts[ClusterState::Image as usize];
        assert!(images > 0 && map.counts == [map.clusters - images, 0, images, 0, 0], "{}: {map:?}", stage.name);
        let request = RestoreRequest::home(Address::Inside(Box::new(place), "factory".into()));
        let shown = job::pictures(&stage.plan(&request), &[], &Monitor::new());
        assert_eq!(shown.map_before.unwrap().counts, map.counts, "{}", stage.name);
        let (_, report) = stage.restore(&request);
        assert_eq!(report.outcome, Outcome::Done, "{}: {report:?}", stage.name);
        let now = volume_map(&stage.volume(), &Monitor::new()).unwrap();
        assert_eq!(shown.map_after.unwrap(), now, "{}", stage.name);
        let (before, after) = shown.layout.unwrap();
        assert_eq!((before.pieces[0].kind, after.pieces[0].kind), (PieceKind::Found, PieceKind::Partition));
        assert!(before.pieces[0].has_images && after.pieces[0].has_images, "{}", stage.name);
        let found = look(&LookRequest { paths: vec![stage.disk.clone()], machine: false });
        assert_eq!(after, layout(&found.disks[0]), "{}", stage.name);
    });
}

#[test]
fn images_that_move_are_shown_where_they_are_and_where_they_will_be() {
    each(super::soon(&["fat16-512-mixed-1-fat"]), |stage| {
        stage.collide();
        let request = RestoreRequest::home(stage.address("factory"));
        let shown = job::pictures(&stage.plan(&request), &[], &Monitor::new());
        let before = shown.map_before.unwrap();
        let moving = before.counts[ClusterState::Moving as usize];
        let now = volume_map(&stage.volume(), &Monitor::new()).unwrap();
        assert!(moving > 0, "{}", stage.name);
        assert_eq!(before.counts[ClusterState::Image as usize] + moving, now.counts[ClusterState::Image as usize]);
        let (_, report) = stage.restore(&request);
        assert_eq!(report.outcome, Outcome::Done, "{}: {report:?}", stage.name);
        assert_eq!(shown.map_after.unwrap(), volume_map(&stage.volume(), &Monitor::new()).unwrap(), "{}", stage.name);
    });
}
