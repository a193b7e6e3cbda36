//! Images: header, bitmap, index, frames, by index, by walking and from a pipe. Every record's digest is made
//! right first, so that what stands behind it is reached. How to run it: `lib.rs`.
#![no_main]

use std::io::Cursor;
use std::sync::Arc;

use lifeboat::device::{MemoryDevice, ReadDevice};
use lifeboat::image::format::{HEAD, RecordHead};
use lifeboat::image::{Image, ImageStream, unpack};
use lifeboat::unit::ByteOffset;

/// Makes the digests of all records right that can be found; those of roots and pages in others stay wrong.
fn reseal(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(head) = bytes.get(at..).and_then(|rest| rest.first_chunk::<HEAD>()) {
        let parsed = RecordHead::parse(head, ByteOffset(0));
        let body = parsed.map_or(0, |(head, _)| head.body_len.get() as usize);
        if body > 0 && at + HEAD + body <= bytes.len() {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&bytes[at + 8..at + 40]).update(&bytes[at + HEAD..at + HEAD + body]);
            bytes[at + 40..at + HEAD].copy_from_slice(hasher.finalize().as_bytes());
            at += HEAD + body;
        } else {
            at += 1;
        }
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut bytes = input.to_vec();
    reseal(&mut bytes);
    if let Ok(mut stream) = ImageStream::open(Cursor::new(&bytes))
        && stream.map().is_ok()
    {
        let mut frame = Vec::new();
        while let Ok(Some(_)) = stream.next_chunk(&mut frame) {}
    }
    let Ok(image) = Image::from_device(Arc::new(MemoryDevice::new(bytes)), 1) else { return };
    let _ = (image.map_of_damaged(), image.check_head(), image.check_layout());
    let (mut unit, mut raw) = (Vec::new(), Vec::new());
    for page in 0..image.pages().min(16) {
        for entry in image.page(page).iter().flat_map(|page| page.iter()) {
            if image.read_frame(entry, &mut unit).is_ok() {
                let _ = unpack(entry, &unit, &mut raw);
            }
        }
    }
    if let Ok(volume) = image.lenient_volume() {
        let mut first = [0; 4096];
        let last = volume.len().0.saturating_sub(4096);
        let _ = (volume.read_at(ByteOffset(0), &mut first), volume.read_at(ByteOffset(last), &mut first));
    }
});
