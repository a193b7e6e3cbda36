//! Images of real volumes, scavenged from a device on which they lie in fragments, and restored.

use std::sync::Arc;

use lifeboat::device::{FileDevice, ReadDevice, SharedDevice, read_vec};
use lifeboat::image::container::blocks::BlockWriter;
use lifeboat::image::container::scavenge::scavenge;
use lifeboat::image::{Image, Sink};
use lifeboat::inventory::Address;
use lifeboat::job::{self, Monitor, Outcome};
use lifeboat::plan::{BackupRequest, ImageSource, ImageTarget, RestoreRequest};
use lifeboat::unit::ByteOffset;

use crate::faults_power::Dice;
use crate::oracle::sh;

const CLUSTER: usize = 4096;

struct Bytes(Vec<u8>);

impl Sink for Bytes {
    fn room(&mut self, _: u64) -> lifeboat::error::Result<Option<u32>> {
        Ok(None)
    }

    fn write(&mut self, bytes: &[u8]) -> lifeboat::error::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// A device of random clusters with the file's pieces of so many clusters among them, the last piece first.
fn scattered(file: &[u8], clusters: usize, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in file.chunks(clusters * CLUSTER).rev() {
        bytes.extend((0..CLUSTER).map(|_| dice.roll(256) as u8));
        bytes.extend_from_slice(piece);
        bytes.resize(bytes.len().next_multiple_of(CLUSTER), 0);
    }
    bytes
}

#[test]
fn an_image_in_fragments_and_in_blocks_is_scavenged_verified_and_restored() {
    let dir = tempfile::tempdir().unwrap();
    sh(
        dir.path(),
        "mkdir f; seq 900000 > f/numbers; head -c 9M /dev/urandom > f/noise; truncate -s 32M v.img
         mke2fs -q -F -t ext4 -b 4096 -d f v.img",
    );
    let (volume, file) = (dir.path().join("v.img"), dir.path().join("v.lbi"));
    let request = BackupRequest::new(Address::Whole(volume.clone()), ImageTarget::File(file.clone()));
    let plan = job::plan_backup(&request, &Monitor::new()).unwrap();
    assert_eq!(job::run(&plan, &Arc::default()).outcome, Outcome::Done);
    let image = std::fs::read(&file).unwrap();
    let id = Image::open(&file).unwrap().header().image_id;
    let mut writer = BlockWriter::new(Bytes(Vec::new()), id);
    writer.write(&image).unwrap();
    let blocks = writer.finish().unwrap().0;
    let mut dice = Dice(3);
    // Borders further apart than a unit is long, and blocks one by one.
    for (case, bytes) in
        [("fragments", scattered(&image, 1300, &mut dice)), ("blocks", scattered(&blocks, 1, &mut dice))]
    {
        let (disk, again, target) = (dir.path().join("disk"), dir.path().join("again.lbi"), dir.path().join("t.img"));
        std::fs::write(&disk, &bytes).unwrap();
        let device: SharedDevice = Arc::new(FileDevice::open(&disk).unwrap());
        let found = scavenge(&device, 0..u64::MAX, &mut |_| Ok(())).unwrap();
        assert_eq!(found.images.len(), 1, "{case}");
        assert!(found.images[0].damage.is_empty(), "{case}: {:?}", found.images[0].damage);
        let whole = found.images[0].device(device).unwrap();
        std::fs::write(&again, read_vec(&whole, ByteOffset(0), whole.len().0 as usize).unwrap()).unwrap();
        assert_eq!(job::verify(&again, &Arc::default()).outcome, Outcome::Done, "{case}");
        std::fs::write(&target, vec![0xaa; 32 << 20]).unwrap();
        let request = RestoreRequest::new(ImageSource::File(again), Address::Whole(target.clone()));
        let plan = job::plan_restore(&request, &Monitor::new()).unwrap();
        assert_eq!(job::run(&plan, &Arc::default()).outcome, Outcome::Done, "{case}");
        sh(
            dir.path(),
            "e2fsck -fn t.img; debugfs -R 'dump /noise n' t.img; cmp n f/noise; debugfs -R 'dump /numbers n' t.img; cmp n f/numbers",
        );
    }
    // The file of blocks is an image as it is.
    let stored = dir.path().join("stored.lbi");
    std::fs::write(&stored, &blocks).unwrap();
    assert_eq!(job::verify(&stored, &Arc::default()).outcome, Outcome::Done);
}
