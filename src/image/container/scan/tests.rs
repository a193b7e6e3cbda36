use std::collections::BTreeSet;

use super::super::blocks::{BLOCK, BlockWriter};
use super::*;
use crate::device::{MemoryDevice, check_range};
use crate::error::Error;
use crate::image::Sink;
use crate::image::format::record;
use crate::unit::ByteLen;

/// A device some 512-byte sectors of which cannot be read, and which counts reads.
struct Bad {
    bytes: MemoryDevice,
    sectors: BTreeSet<u64>,
    failures: std::sync::atomic::AtomicU64,
}

impl ReadDevice for Bad {
    fn len(&self) -> ByteLen {
        self.bytes.len()
    }

    fn sector_bytes(&self) -> u32 {
        512
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.len())?;
        let touched = offset.0 / 512..(offset.0 + buf.len() as u64).div_ceil(512);
        if self.sectors.range(touched).next().is_some() {
            self.failures.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return Err(Error::io("reading", std::io::Error::other("a bad sector")));
        }
        self.bytes.read_at(offset, buf)
    }
}

#[derive(Default)]
struct Bytes(Vec<u8>);

impl Sink for Bytes {
    fn room(&mut self, _: u64) -> Result<Option<u32>> {
        Ok(None)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

const ID: Uuid = Uuid::from_u128(7);

fn seen(device: &dyn ReadDevice, range: Range<u64>, order: Order) -> (Vec<u64>, u64) {
    let mut offsets = Vec::new();
    let unreadable = scan(device, range, order, &mut |_| Ok(()), &mut |sighting| {
        offsets.push(sighting.offset.0);
        ControlFlow::Continue(())
    })
    .unwrap();
    (offsets, unreadable)
}

/// Three MiB with record heads at these places.
fn device(places: &[u64]) -> Vec<u8> {
    let mut bytes = vec![0; 3 << 20];
    let head = record(RecordKind::Part, ID, &[0; 16]);
    for place in places {
        bytes[*place as usize..][..head.len()].copy_from_slice(&head);
    }
    bytes
}

#[test]
fn signs_are_found_in_both_orders_wherever_they_lie() {
    let mib = 1 << 20;
    // Around the borders of windows, every way a head can lie across one.
    for shift in 0..=88 {
        let places = [0, 1000, mib - shift, 2 * mib - 1 - shift, 2 * mib + 200, 3 * mib - 88];
        let bytes = device(&places);
        let device = MemoryDevice::new(bytes);
        let (forward, unreadable) = seen(&device, 0..u64::MAX, Order::Forward);
        assert_eq!((forward.as_slice(), unreadable), (&places[..], 0), "shift {shift}");
        let (mut backward, _) = seen(&device, 0..u64::MAX, Order::Backward);
        backward.reverse();
        assert_eq!(backward, places, "shift {shift}");
    }
    let device = MemoryDevice::new(device(&[500, 1000, 5000]));
    assert_eq!(seen(&device, 501..5072, Order::Forward).0, [1000, 5000], "only what lies in the range, whole");
    assert_eq!(seen(&device, 501..5071, Order::Forward).0, [1000]);
    assert!(seen(&device, 9 << 20..u64::MAX, Order::Forward).0.is_empty());
}

#[test]
fn blocks_are_found_at_sectors_and_in_order_with_records() {
    let mut writer = BlockWriter::new(Bytes::default(), ID);
    writer.write(&record(RecordKind::Part, ID, &[0; 16]).repeat(200)).unwrap();
    let blocks = writer.finish().unwrap().0;
    let mut bytes = vec![0; 3 << 20];
    let place = (1 << 20) - 512;
    bytes[place..place + blocks.len()].copy_from_slice(&blocks);
    // One that lies across sectors is none.
    bytes[(2 << 20) + 100..][..BLOCK].copy_from_slice(&blocks[..BLOCK]);
    let device = MemoryDevice::new(bytes);
    let mut found = Vec::new();
    scan(&device, 0..u64::MAX, Order::Forward, &mut |_| Ok(()), &mut |sighting| {
        found.push(sighting);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(found.is_sorted_by_key(|sighting| sighting.offset));
    let numbers: Vec<_> = found
        .iter()
        .filter_map(|sighting| match sighting.sign {
            Sign::Block { image: ID, sequence } => Some((sighting.offset.0 as usize, sequence as usize)),
            _ => None,
        })
        .collect();
    let expected: Vec<_> = (0..blocks.len() / BLOCK).map(|number| (place + number * BLOCK, number)).collect();
    assert_eq!(numbers, expected);
    assert!(found.len() > expected.len() + 100, "records inside blocks are seen as well");
}

#[test]
fn around_what_cannot_be_read_everything_is_found() {
    // A bad sector in a window of three, at a window's border, and right behind a head.
    let places: Vec<u64> = (0..3 << 20).step_by(3000).filter(|place| *place + 88 < 3 << 20).collect();
    let bad: BTreeSet<u64> = [1000, 2048, (900 * 3000 + 88u64).div_ceil(512)].into();
    let device = Bad { bytes: MemoryDevice::new(device(&places)), sectors: bad.clone(), failures: 0.into() };
    let (found, unreadable) = seen(&device, 0..u64::MAX, Order::Forward);
    // A piece of 4 KiB with a bad sector is given up whole.
    let lost = |place: &u64| bad.iter().any(|sector| (*place..*place + 72).any(|byte| byte / 4096 == sector / 8));
    let expected: Vec<u64> = places.into_iter().filter(|place| !lost(place)).collect();
    assert_eq!((found, unreadable), (expected, 3 * 4096));
}

#[test]
fn a_dead_disk_and_a_disk_full_of_magics_come_to_an_end() {
    let bytes = MemoryDevice::new(vec![0; 2 << 20]);
    let dead = Bad { bytes, sectors: (0..1 << 13).collect(), failures: 0.into() };
    assert_eq!(seen(&dead, 0..u64::MAX, Order::Backward), (vec![], 2 << 20));
    assert!(dead.failures.into_inner() < 2100, "each piece is tried once at each size");
    let full = MemoryDevice::new(MAGIC.repeat(1 << 17));
    assert!(seen(&full, 0..u64::MAX, Order::Forward).0.is_empty());
    // Heads as dense as they can be: one sign is found inside another.
    let dense = record(RecordKind::Part, ID, &[])[..16].repeat(1 << 16);
    assert!(seen(&MemoryDevice::new(dense), 0..u64::MAX, Order::Forward).0.is_empty(), "no head has its fields");
    let heads = record(RecordKind::Part, ID, &[0; 16]).repeat(20_000);
    assert_eq!(seen(&MemoryDevice::new(heads), 0..u64::MAX, Order::Forward).0.len(), 20_000);
}

#[test]
fn a_search_ends_when_told() {
    let device = MemoryDevice::new(device(&[0, 5000, 2 << 20]));
    let mut count = 0;
    scan(&device, 0..u64::MAX, Order::Backward, &mut |_| Ok(()), &mut |_| {
        count += 1;
        ControlFlow::Break(())
    })
    .unwrap();
    assert_eq!(count, 1);
    let stopped =
        scan(
            &device,
            0..u64::MAX,
            Order::Forward,
            &mut |_| Err(Error::cancelled()),
            &mut |_| ControlFlow::Continue(()),
        );
    assert!(stopped.is_err());
}
