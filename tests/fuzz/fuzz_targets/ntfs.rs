//! Boot sectors, MFT records and all that stands in them. How to run it: `lib.rs`.
#![no_main]

use lifeboat::fs::Kind;

libfuzzer_sys::fuzz_target!(|input: &[u8]| lifeboat_fuzz::use_volume(input, &[Kind::Ntfs]));
