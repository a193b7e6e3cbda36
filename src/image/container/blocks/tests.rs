use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::device::{MemoryDevice, read_vec};
use crate::image::container::tests::Parts;

const ID: Uuid = Uuid::from_u128(3);

fn blocks(bytes: &[u8], piece: usize, limit: usize) -> Vec<Vec<u8>> {
    let mut writer = BlockWriter::new(Parts::new(limit), ID);
    assert_eq!(writer.room(1 << 40).unwrap(), None);
    for piece in bytes.chunks(piece.max(1)) {
        writer.write(piece).unwrap();
    }
    writer.finish().unwrap().parts
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 / 7) as u8).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_goes_in_comes_out(len in 1usize..60_000, piece in 1usize..20_000, slack in 0usize..9000, from in 0usize..60_000, take in 0usize..60_000) {
        let bytes = pattern(len);
        let mut stored = blocks(&bytes, piece, usize::MAX).concat();
        prop_assert_eq!(stored.len() as u64, bytes_in_blocks(len as u64));
        // What lies behind the file in its last cluster does no harm.
        stored.extend(vec![0xaa; slack]);
        let device = BlocksDevice::open(Arc::new(MemoryDevice::new(stored))).unwrap();
        prop_assert_eq!(device.len().0, len as u64);
        let from = from % len;
        let take = take.min(len - from);
        prop_assert_eq!(read_vec(&device, ByteOffset(from as u64), take).unwrap(), &bytes[from..from + take]);
        prop_assert!(read_vec(&device, ByteOffset(from as u64), len - from + 1).is_err());
    }
}

#[test]
fn exact_multiples_and_parts_come_out_as_well() {
    for len in [1, PAYLOAD - 1, PAYLOAD, PAYLOAD + 1, 70 * PAYLOAD, 200 * PAYLOAD + 5] {
        let bytes = pattern(len);
        let parts = blocks(&bytes, 1000, 10 * BLOCK);
        assert!(parts.iter().all(|part| part.len().is_multiple_of(BLOCK) && part.len() <= 10 * BLOCK));
        let mut before = 0;
        for part in &parts {
            let device = MemoryDevice::new(part.clone());
            assert!(continues(&device, ID, before) && !continues(&device, Uuid::from_u128(4), before));
            before += part.len() as u64;
        }
        let device: SharedDevice = Arc::new(MemoryDevice::new(parts.concat()));
        assert!(is_blocks(&device));
        let image = unwrap(device).unwrap();
        assert_eq!(read_vec(&image, ByteOffset::ZERO, len).unwrap(), bytes);
    }
    let plain: SharedDevice = Arc::new(MemoryDevice::new(pattern(9000)));
    assert_eq!(unwrap(plain).unwrap().len().0, 9000);
    assert!(blocks(&[], 1, usize::MAX).concat().is_empty());
}

#[test]
fn every_flipped_bit_of_a_block_is_noticed() {
    let bytes = pattern(2 * PAYLOAD + 100);
    let whole = blocks(&bytes, 999, usize::MAX).concat();
    for bit in 0..BLOCK * 8 {
        let mut broken = whole[2 * BLOCK..].to_vec();
        broken[bit / 8] ^= 1 << (bit % 8);
        assert!(Block::parse(&broken).is_none(), "bit {bit}");
    }
}

#[test]
fn a_damaged_block_costs_what_is_in_it_and_no_more() {
    let bytes = pattern(100 * PAYLOAD);
    let mut stored = blocks(&bytes, 4000, usize::MAX).concat();
    // The first, one in the middle, the last two changed places, and one that is another image's.
    stored[70] ^= 1;
    stored[50 * BLOCK + 4095] ^= 1;
    let last = stored.split_off(99 * BLOCK);
    stored.splice(98 * BLOCK..98 * BLOCK, last);
    let other = {
        let mut writer = BlockWriter::new(Parts::new(usize::MAX), Uuid::from_u128(8));
        writer.write(&bytes).unwrap();
        writer.finish().unwrap().parts.concat()
    };
    stored[20 * BLOCK..21 * BLOCK].copy_from_slice(&other[20 * BLOCK..21 * BLOCK]);
    let device = BlocksDevice::open(Arc::new(MemoryDevice::new(stored))).unwrap();
    assert_eq!(device.image(), ID);
    for number in 0..100u64 {
        let range = number as usize * PAYLOAD..(number as usize + 1) * PAYLOAD;
        let read = read_vec(&device, ByteOffset(range.start as u64), PAYLOAD);
        if [0, 20, 50, 98, 99].contains(&number) {
            let error = read.unwrap_err().to_string();
            assert!(error.contains(&format!("block {number} of image")), "{error}");
        } else {
            assert_eq!(read.unwrap(), bytes[range], "block {number}");
        }
    }
    // Between damaged ones, long reads go as well.
    let len = 29 * PAYLOAD;
    assert_eq!(read_vec(&device, ByteOffset(21 * PAYLOAD as u64), len).unwrap(), bytes[21 * PAYLOAD..50 * PAYLOAD]);
    assert!(read_vec(&device, ByteOffset(21 * PAYLOAD as u64), len + 1).is_err());
}
