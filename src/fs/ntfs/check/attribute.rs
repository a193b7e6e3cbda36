//! One attribute: its header's bounds, its runs and its lengths.
//!
//! Rules (Linux-NTFS documentation, "Attribute header" and "Attributes"; ntfs-3g's `layout.h` as behaviour):
//! - name, value and mapping pairs lie within the attribute, in this order, value and pairs on multiples of 8;
//! - standard information, names, volume information and index roots are resident, index blocks are not;
//! - the runs end at the last cluster that the header tells;
//! - the allocated length is that of all clusters, holes included, and no shorter than the length, which is no
//!   shorter than the initialised length;
//! - a compressed or sparse attribute tells how many bytes are really there; holes are only in such, and in `$BadClus`.

use super::super::boot::Boot;
use super::super::owners::type_name;
use super::super::record::kind;
use super::super::runs::{self, Run};
use super::super::view::View;
use super::super::volume::number;
use crate::bytes::{u8_at, u16_at, u32_at, u64_at};
use crate::fs::Finding;
use crate::unit::ByteOffset;

/// Flags: compressed, sparse, encrypted.
const COMPRESSED: u16 = 0x00FF;
const SPARSE: u16 = 0x8000;
const ENCRYPTED: u16 = 0x4000;

/// The only method of compression, and its unit: 2^4 clusters.
const LZNT1: u16 = 1;
const UNIT: u16 = 4;

/// The largest type that is not a user's own.
const LAST_TYPE: u32 = 0x100;
const FIRST_OWN_TYPE: u32 = 0x1000;

/// An attribute, or the part of one that a record holds.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) kind: u32,
    pub(super) name: Vec<u16>,
    pub(super) instance: u16,
    /// The record that holds it.
    pub(super) record: u64,
    pub(super) place: ByteOffset,
    /// Where its clusters lie; `None` for a resident one.
    pub(super) clusters: Option<Clusters>,
}

/// A part in clusters.
#[derive(Clone, Debug)]
pub(super) struct Clusters {
    pub(super) flags: u16,
    pub(super) lowest: u64,
    pub(super) end: u64,
    /// Clusters that are really there.
    pub(super) real: u64,
    pub(super) runs: Vec<Run>,
    pub(super) allocated: u64,
    pub(super) len: u64,
    pub(super) initialized: u64,
    /// Bytes that are really there, as the header tells.
    pub(super) stored: Option<u64>,
}

impl Part {
    pub(super) fn lowest(&self) -> u64 {
        self.clusters.as_ref().map_or(0, |clusters| clusters.lowest)
    }

    /// How to call it.
    pub(super) fn title(&self) -> String {
        let name = String::from_utf16_lossy(&self.name);
        let kind = type_name(self.kind);
        if name.is_empty() { kind } else { format!("{kind} \"{name}\"") }
    }
}

/// Looks at an attribute of the record `record`, which lies at `place`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn examine(view: &View<'_>, record: u64, place: ByteOffset, boot: &Boot) -> Result<Part, Box<Finding>> {
    let here = ByteOffset(place.0.saturating_add(view.at as u64));
    let wrong = |rule, message: String| {
        Box::new(Finding::error(rule, format!("{} in record {record}: {message}", type_name(view.kind))).at(here))
    };
    let bounds = |message: &str| wrong("ntfs.attribute.bounds", message.to_owned());
    if view.kind == 0 || (!view.kind.is_multiple_of(0x10) || view.kind > LAST_TYPE) && view.kind < FIRST_OWN_TYPE {
        return Err(wrong("ntfs.attribute.type", "no such type is known".to_owned()));
    }
    let form = u8_at(view.bytes, 8).unwrap_or(0);
    if form > 1 {
        return Err(bounds(&format!("neither resident nor in clusters, but {form}")));
    }
    let header = if view.is_resident() { 0x18 } else { 0x40 };
    let name_at = usize::from(u16_at(view.bytes, 10).unwrap_or(0));
    let name = view.name().ok_or_else(|| bounds("its name does not fit"))?;
    if !name.is_empty() && name_at < header {
        return Err(bounds("its name lies in its header"));
    }
    let name_end = if name.is_empty() { header } else { name_at + name.len() * 2 };
    let clusters = if view.is_resident() {
        if view.kind == kind::INDEX_ALLOCATION {
            return Err(wrong("ntfs.attribute.resident", "it lies in its record, which it must not".to_owned()));
        }
        let at = usize::from(u16_at(view.bytes, 0x14).unwrap_or(0));
        let len = u32_at(view.bytes, 0x10).unwrap_or(0) as usize;
        if at < name_end || !at.is_multiple_of(8) || view.value().is_none() {
            return Err(bounds(&format!("a value of {len} bytes at {at} in {} bytes", view.bytes.len())));
        }
        None
    } else {
        let resident_only = [
            kind::STANDARD_INFORMATION,
            kind::FILE_NAME,
            kind::VOLUME_NAME,
            kind::VOLUME_INFORMATION,
            kind::INDEX_ROOT,
        ];
        if resident_only.contains(&view.kind) {
            return Err(wrong("ntfs.attribute.resident", "it lies in clusters, which it must not".to_owned()));
        }
        let pairs_at = usize::from(u16_at(view.bytes, 0x20).unwrap_or(0));
        if pairs_at < name_end || !pairs_at.is_multiple_of(8) || pairs_at >= view.bytes.len() {
            return Err(bounds(&format!("mapping pairs at {pairs_at} in {} bytes", view.bytes.len())));
        }
        Some(clusters(view, boot, here).map_err(|(rule, message)| wrong(rule, message))?)
    };
    Ok(Part { kind: view.kind, name, instance: view.instance(), record, place: here, clusters })
}

/// Decodes the clusters of a part.
fn clusters(view: &View<'_>, boot: &Boot, here: ByteOffset) -> Result<Clusters, (&'static str, String)> {
    let field = |at| u64_at(view.bytes, at).unwrap_or(0);
    let lowest = field(0x10);
    let end = field(0x18).wrapping_add(1);
    let pairs = view.pairs().unwrap_or(&[]);
    let runs = runs::decode(pairs, lowest, boot.clusters, here)
        .map_err(|error| ("ntfs.runs.pairs", format!("mapping pairs that cannot be: {error}")))?;
    let covered = runs.last().map_or(lowest, Run::end);
    if covered != end {
        let message = format!("the header tells clusters {lowest} to {end} (not included), the runs end at {covered}");
        return Err(("ntfs.runs.end", message));
    }
    let real = runs.iter().filter(|run| run.lcn.is_some()).map(|run| run.clusters).fold(0, u64::saturating_add);
    let flags = view.flags();
    let first = lowest == 0;
    let field = |at| if first { field(at) } else { 0 };
    // The header of a compressed or sparse attribute is 8 bytes longer.
    let pairs_at = u16_at(view.bytes, 0x20).unwrap_or(0);
    let stored = (first && flags & (COMPRESSED | SPARSE) != 0 && pairs_at >= 0x48).then(|| field(0x40));
    let (allocated, len, initialized) = (field(0x28), field(0x30), field(0x38));
    let unit = u16_at(view.bytes, 0x22).unwrap_or(0);
    let packed = flags & COMPRESSED;
    let known = packed <= LZNT1 && flags & !(COMPRESSED | SPARSE | ENCRYPTED) == 0;
    let long = !first || flags & (COMPRESSED | SPARSE) == 0 || stored.is_some();
    if !known || !long {
        return Err(("ntfs.attribute.flags", format!("flags 0x{flags:x}, mapping pairs at {pairs_at}")));
    }
    // Windows and ntfs-3g pack 16 clusters at a time; a sparse attribute may have been made to be packed.
    if first && (packed != 0 && unit != UNIT || packed == 0 && unit != 0 && (unit != UNIT || flags & SPARSE == 0)) {
        return Err(("ntfs.attribute.unit", format!("a compression unit of 2^{unit} clusters, flags 0x{flags:x}")));
    }
    Ok(Clusters { flags, lowest, end, real, runs, allocated, len, initialized, stored })
}

/// Looks at the lengths of a whole attribute of the file `file`: its parts, in order.
pub(super) fn sizes(file: u64, parts: &[&Part], boot: &Boot, tell: &mut dyn FnMut(Finding)) {
    let Some((first, clusters)) = parts.first().and_then(|part| Some((part, part.clusters.as_ref()?))) else { return };
    let mut wrong = |rule, place, message: String| {
        tell(Finding::error(rule, format!("{} of record {file}: {message}", first.title())).at(place));
    };
    let mut end = 0;
    let mut real = 0u64;
    for part in parts {
        let Some(more) = &part.clusters else {
            return wrong("ntfs.attribute.parts", part.place, "one part is resident, another in clusters".to_owned());
        };
        if more.lowest != end {
            let message = format!("a part that begins at cluster {end} is missing; found one from {}", more.lowest);
            return wrong("ntfs.attribute.parts", part.place, message);
        }
        end = more.end;
        real = real.saturating_add(more.real);
    }
    let size = u64::from(boot.cluster_bytes);
    let Clusters { allocated, len, initialized, flags, .. } = *clusters;
    let place = first.place;
    if allocated != end.saturating_mul(size) {
        let message = format!("{allocated} bytes allocated, but its runs have {end} clusters of {size} bytes");
        wrong("ntfs.attribute.allocated", place, message);
    }
    if len > allocated {
        wrong("ntfs.attribute.length", place, format!("{len} bytes long, but {allocated} bytes allocated"));
    }
    if initialized > len {
        wrong("ntfs.attribute.initialised", place, format!("{initialized} bytes initialised of {len}"));
    }
    let may_have_holes = flags & (COMPRESSED | SPARSE) != 0 || file == number::BAD;
    if !may_have_holes && real != end {
        let message = format!("{} clusters are holes, but it is neither sparse nor compressed", end - real.min(end));
        wrong("ntfs.runs.hole", place, message);
    }
    if let Some(stored) = clusters.stored.filter(|stored| *stored != real.saturating_mul(size)) {
        let message = format!("{stored} bytes stored by its header, but its runs have {real} clusters of {size} bytes");
        wrong("ntfs.attribute.stored", place, message);
    }
}
