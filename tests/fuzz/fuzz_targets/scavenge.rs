//! Scavenging: a device on which records and blocks of images lie about, whole, damaged and lying. Every digest is made
//! right first, so that what stands behind it is reached. How to run it: `lib.rs`.
#![no_main]

use std::sync::Arc;

use lifeboat::device::{MemoryDevice, SharedDevice};
use lifeboat::image::container::blocks::{BLOCK, BLOCK_HEAD, BLOCK_MAGIC};
use lifeboat::image::container::scavenge::scavenge;
use lifeboat::image::format::{HEAD, RecordHead};
use lifeboat::image::{Image, unpack};
use lifeboat::unit::ByteOffset;

/// Makes the digests of all records and blocks right that can be found; those of blocks last, as they hold records.
fn reseal(bytes: &mut [u8]) {
    for at in 0..bytes.len() {
        let Some(head) = bytes[at..].first_chunk::<HEAD>() else { break };
        let Ok((head, _)) = RecordHead::parse(head, ByteOffset(0)) else { continue };
        let body = head.body_len.get() as usize;
        if let Some(body) = bytes.get(at + HEAD..at + HEAD + body) {
            let digest = *blake3::Hasher::new().update(&bytes[at + 8..at + 40]).update(body).finalize().as_bytes();
            bytes[at + 40..at + HEAD].copy_from_slice(&digest);
        }
    }
    for at in (0..bytes.len()).step_by(512) {
        let Some(block) = bytes.get_mut(at..at + BLOCK).filter(|block| block.starts_with(&BLOCK_MAGIC)) else { continue };
        let digest = *blake3::Hasher::new().update(&block[..40]).update(&block[BLOCK_HEAD..]).finalize().as_bytes();
        block[40..BLOCK_HEAD].copy_from_slice(&digest[..BLOCK_HEAD - 40]);
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut bytes = input.to_vec();
    reseal(&mut bytes);
    let device: SharedDevice = Arc::new(MemoryDevice::new(bytes));
    let Ok(found) = scavenge(&device, 0..u64::MAX, &mut |_| Ok(())) else { return };
    let (mut frame, mut raw) = (Vec::new(), Vec::new());
    for scavenged in &found.images {
        let Ok(image) = scavenged.device(device.clone()) else { continue };
        let Ok(image) = Image::from_device(image, 1) else { continue };
        let _ = (image.map_of_damaged(), image.check_layout());
        for page in 0..image.pages().min(16) {
            for entry in image.page(page).iter().flat_map(|page| page.iter()) {
                if image.read_frame(entry, &mut frame).is_ok() {
                    let _ = unpack(entry, &frame, &mut raw);
                }
            }
        }
    }
});
