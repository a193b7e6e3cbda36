//! Aids are bytes from strangers: whatever they say, the look ends, in bounded time, without a panic, and what they say
//! is believed only when it is there.

use std::time::Instant;

use lifeboat::device::{FileDevice, MemoryDevice};
use lifeboat::fs::check::Unwatched;
use lifeboat::image::container::{Aid, MAX_AIDS, encode_aids, read_aids};
use lifeboat::inventory::{Address, Container, LocateRequest, Thoroughness, locate};
use lifeboat::unit::{ByteLen, ByteOffset};

use super::stage::{START, Stage};
use crate::faults_power::Dice;
use crate::oracle::long;

fn look(stage: &Stage, aid: &std::path::Path) -> lifeboat::error::Result<Vec<Container>> {
    let request = LocateRequest {
        sources: vec![Address::Whole(stage.disk.clone())],
        aids: vec![aid.to_owned()],
        thoroughness: Thoroughness::Quick,
    };
    locate(&request, &Unwatched)
}

/// A change that keeps the digests honest.
fn harm(aid: &mut Aid, dice: &mut Dice) {
    let any = |dice: &mut Dice| match dice.roll(5) {
        0 => 0,
        1 => u64::MAX - dice.roll(1024),
        2 => dice.roll(16 << 20) / 512 * 512,
        3 => 1 << dice.roll(64),
        _ => START,
    };
    let file = dice.roll(aid.toc.files.len() as u64) as usize;
    match dice.roll(12) {
        0 => aid.toc.volume.start_bytes = any(dice),
        1 => aid.toc.volume.bytes = any(dice),
        2 => aid.toc.files[file].bytes = any(dice),
        3 => aid.toc.files[file].runs[0].offset = ByteOffset(any(dice)),
        4 => aid.toc.files[file].runs[0].len = ByteLen(any(dice)),
        5 => aid.toc.files[file].runs.clear(),
        6 => aid.toc.images[0].parts = any(dice) as u32,
        7 => aid.toc.images[0].bytes = any(dice),
        8 => aid.toc.volume.grid.cluster_bytes = any(dice) as u32,
        9 => aid.toc.sequence = any(dice),
        10 => aid.toc.images = vec![aid.toc.images[0].clone(); 1 + dice.roll(3000) as usize],
        _ => aid.toc.images[0].base_id = Some(aid.toc.images[0].image_id),
    }
}

#[test]
fn whatever_an_aid_says_the_look_ends() {
    let stage = Stage::make("fat16", "gpt");
    stage.says(&["aid", "disk.img", "--to", "aid.lba"], 0);
    let bytes = std::fs::read(stage.path("aid.lba")).unwrap();
    let aids = read_aids(&FileDevice::open(&stage.path("aid.lba")).unwrap(), ByteOffset::ZERO).unwrap();
    let toc = stage.toc();
    stage.zero_all_but(&toc, &[]);
    let image = toc.images[0].image_id;
    let path = stage.path("bad.lba");
    let rounds = if long() { 4000 } else { 60 };
    let (mut read, mut found) = (0, 0);
    for seed in 1..=rounds {
        let mut dice = Dice(seed);
        let mut bad = aids.clone();
        for _ in 0..=dice.roll(3) {
            harm(&mut bad[0], &mut dice);
        }
        std::fs::write(&path, encode_aids(&bad).unwrap()).unwrap();
        let start = Instant::now();
        let Ok(containers) = look(&stage, &path) else { continue };
        assert!(start.elapsed().as_secs() < 20, "{seed}: {:?}", start.elapsed());
        read += 1;
        for container in containers {
            for one in container.images.iter().filter(|one| one.damage.is_empty()) {
                found += 1;
                assert_eq!(one.record.image_id, image, "{seed}");
                assert_eq!(container.open(image).unwrap().header().image_id, image, "{seed}");
            }
        }
    }
    assert!(read > rounds / 4 && found > 0, "{read} were read, {found} led to the image");
    for seed in 1..=rounds {
        let mut dice = Dice(seed);
        let mut bad = bytes.clone();
        for _ in 0..=dice.roll(8) {
            let at = dice.roll(bad.len() as u64) as usize;
            bad[at] = dice.roll(256) as u8;
        }
        bad.truncate(dice.roll(2 * bytes.len() as u64) as usize);
        // Only what the padding is could have been changed in one that reads.
        if let Ok(read) = read_aids(&MemoryDevice::new(bad), ByteOffset::ZERO) {
            assert_eq!(read, aids, "{seed}");
        }
    }
}

#[test]
fn more_records_than_a_disk_has_volumes_are_none() {
    let stage = Stage::make("ext4", "dos");
    stage.says(&["aid", "disk.img", "--to", "aid.lba"], 0);
    let aids = read_aids(&FileDevice::open(&stage.path("aid.lba")).unwrap(), ByteOffset::ZERO).unwrap();
    assert!(encode_aids(&vec![aids[0].clone(); MAX_AIDS as usize + 1]).is_err());
}
