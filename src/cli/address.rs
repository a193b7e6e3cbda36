//! Addresses on the command line. A path that is no Unicode names a whole disk or file: it cannot carry `:N`.

use std::ffi::OsString;

use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::error::Error;
use crate::inventory::Address;

/// Reads `PATH`, `PATH:N` or `PATH@BYTES`.
pub(super) fn parser() -> impl TypedValueParser<Value = Address> {
    OsStringValueParser::new().try_map(parse)
}

fn parse(text: OsString) -> Result<Address, Error> {
    match text.into_string() {
        Ok(text) => text.parse(),
        Err(bytes) => Ok(Address::Whole(bytes.into())),
    }
}
