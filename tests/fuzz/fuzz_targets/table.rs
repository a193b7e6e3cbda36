//! GPT and MBR, and the search for volumes that no table names. How to run it: `lib.rs`.
#![no_main]

use std::ops::ControlFlow;

use lifeboat::table;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some(device) = lifeboat_fuzz::unpack(input) else { return };
    let _ = table::read(&device);
    let _ = table::find_at(&device, lifeboat::unit::ByteOffset(0));
    let _ = table::scan(&device, table::Depth::Quick, &mut |_| ControlFlow::Continue(()));
});
