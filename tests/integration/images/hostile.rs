//! Tables of contents made by an enemy: no panic, no hang, nothing beyond what is there.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use lifeboat::image::container::{FileRecord, ImageRecord, Toc, encode};
use lifeboat::unit::{ByteLen, ByteOffset};
use uuid::Uuid;

use super::stage::{FAT16, FAT32, How, START, Stage};
use crate::faults_power::Dice;

fn put(stage: &Stage, toc: &Toc, offset: u64, at: u64) {
    let disk = OpenOptions::new().write(true).open(stage.disk()).unwrap();
    disk.write_all_at(&encode(toc, ByteOffset(offset), ByteLen(1 << 20)).unwrap(), at).unwrap();
}

#[test]
fn absurd_places_are_passed_over() {
    let stage = Stage::new(FAT16);
    stage.destroy(&[START..stage.begin()], How::Zeros);
    let mut absurd = stage.toc.clone();
    absurd.container_id = Uuid::from_u128(1);
    absurd.volume.bytes = u64::MAX / 2;
    for file in &mut absurd.files {
        file.runs[0].offset.0 += 1 << 40;
    }
    put(&stage, &absurd, 512, START + 4096);
    // It says that it lies further in its volume than the disk is long.
    put(&stage, &absurd, 1 << 50, START + (1 << 16));
    // And that its volume begins before this one.
    let mut before = stage.toc.clone();
    before.container_id = Uuid::from_u128(2);
    put(&stage, &before, (1 << 20) + 512, START + (1 << 17));
    stage.finds_both("absurd", "disk.img:1", "toc");
}

#[test]
fn thousands_of_tables_are_bounded() {
    let stage = Stage::new(FAT32);
    stage.destroy(&[START..stage.begin()], How::Zeros);
    let mut toc = stage.toc.clone();
    let (mut at, mut number) = (START, 0u128);
    while at + 8192 < stage.begin() {
        number += 1;
        toc.container_id = Uuid::from_u128(number);
        put(&stage, &toc, at - START, at);
        at += 8192;
    }
    assert!(number > 4096, "{number}");
    let began = Instant::now();
    let found = stage.images("disk.img");
    // All name the same images, which are there; only so many containers are kept.
    assert!(found.iter().any(|image| image.0 == "disk.img:1/factory" && image.2));
    assert!(found.len() <= 2 * 256, "{}", found.len());
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn many_images_in_one_table_are_bounded() {
    let stage = Stage::new(FAT16);
    stage.destroy(&[START..stage.begin()], How::Zeros);
    let mut toc = stage.toc.clone();
    toc.sequence = 100;
    let (file, image): (FileRecord, ImageRecord) = (toc.files[3].clone(), toc.images[0].clone());
    for number in 0..20_000u32 {
        let id = Uuid::from_u128(number.into());
        toc.images.push(ImageRecord { image_id: id, name: format!("n{number}"), base_id: Some(id), ..image.clone() });
        let role = lifeboat::image::container::Role::Part { image: id, number: 0 };
        toc.files.push(FileRecord { name: format!("n{number}.lbi"), role, ..file.clone() });
    }
    put(&stage, &toc, 1 << 20, START + (1 << 20));
    let began = Instant::now();
    let found = stage.images("disk.img");
    assert!(found.iter().any(|image| image.0 == "disk.img:1/factory" && image.2));
    assert!(found.len() <= 1024 && began.elapsed().as_secs() < 60, "{} in {:?}", found.len(), began.elapsed());
}

#[test]
fn damaged_containers_never_end_in_a_panic() {
    let stage = Stage::new(FAT16);
    let mut dice = Dice(5);
    let rounds = if crate::oracle::long() { 400 } else { 8 };
    let end = stage.place_of("toc-end.lbc").end;
    for round in 0..rounds {
        stage.reset();
        if round % 2 == 0 {
            stage.destroy(&[START..START + 8192], How::Zeros);
        }
        for _ in 0..30 {
            let at = stage.begin() + dice.roll(end - stage.begin() - 64);
            stage.destroy(&[at..at + 1 + dice.roll(60)], How::Random);
        }
        // Table bytes in particular, with their digest made right, are in the fuzzing of the format itself.
        let output = stage.lifeboat("images disk.img --json");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let code = stage.lifeboat("check disk.img:1 --deep").status.code();
        assert!(matches!(code, Some(0 | 1 | 4)), "{code:?}");
    }
}
