//! How far down an image may reach that gets longer than was thought: nothing is written that was not previewed.
//!
//! ```text
//! free … ┊ lowest: what the plan names ┊ … free … | table | image ▌
//!                                        ◄─ grows ─
//! ```

use super::adopt::Addition;
use super::estimate::Size;
use super::site::Site;
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::job::container::extents;
use crate::plan::{BackupSurvey, NewImage};
use crate::unit::ByteOffset;

/// The least an image grows by.
const LEAST_UNITS: u64 = 16;

/// Where the table right below the image may begin at the lowest; none for an image in pieces, which does not grow. What
/// the journal needs stays free, and no image gets much longer than what it is made of.
///
/// # Errors
/// When a file does not lie in whole clusters.
pub(super) fn lowest(
    site: &Site,
    addition: &Addition,
    survey: &BackupSurvey,
    size: &Size,
    journal_units: u64,
) -> Result<Option<ByteOffset>> {
    let (Some(table), false) = (addition.tables.first(), addition.image.scattered) else { return Ok(None) };
    let Some(begin) = extents(table, site.grid)?.first().map(|extent| extent.start.0) else { return Ok(None) };
    let raw = survey.used_bytes().0;
    let most = if size.exact { size.units } else { site.units_of(raw + raw / 64 + (1 << 20)) };
    let most = most.saturating_sub(size.units).max(LEAST_UNITS);
    let free = site.free_runs().into_iter().find(|run| run.start.0 < begin && run.end() > begin);
    let mut bottom = free.map_or(begin, |run| run.start.0);
    for other in addition.tables.iter().skip(1) {
        let ends = extents(other, site.grid)?.into_iter().map(|extent| extent.end());
        bottom = ends.filter(|end| *end <= begin).fold(bottom, u64::max);
    }
    let spare = (begin - bottom) / site.units.clusters;
    let more = most.min(spare.saturating_sub(2 * journal_units)) * site.units.clusters;
    Ok(Some(site.grid.offset_of(crate::unit::Cluster(begin - more))))
}

/// A larger place for an image that is longer than was thought: the free clusters right below are taken as well, the new
/// table with them. Twice as much, so that a bad estimate costs few attempts.
///
/// # Errors
/// `error`, when the plan allows no more.
pub(super) fn grown(site: &Site, image: &NewImage, place: &[Extent], error: Error) -> Result<Vec<Extent>> {
    let ([whole], Some(lowest)) = (place, image.lowest) else { return Err(error) };
    let unit = site.units.clusters;
    let table = image.tables.first().map_or(0, |file| site.units_of(file.bytes) * unit);
    let spare = whole.start.0.saturating_sub(table).saturating_sub(site.grid.cluster_at(lowest).0) / unit;
    let more = (whole.clusters / unit).max(LEAST_UNITS).min(spare) * unit;
    if more == 0 {
        return Err(error.advise("Free space on the volume, or write the image elsewhere: --to FILE"));
    }
    Ok(vec![Extent::new(whole.start.0 - more, whole.clusters + more)])
}

/// Refuses what would lie lower than the plan said.
///
/// # Errors
/// `Refused`, with the numbers.
pub(super) fn refuse_lower(image: &NewImage, addition: &Addition) -> Result<()> {
    let Some(lowest) = image.lowest else { return Ok(()) };
    let files = addition.parts.iter().chain(addition.tables.first());
    match files.flat_map(|file| &file.runs).map(|run| run.offset).min() {
        Some(at) if at < lowest => Err(Error::refused(format!(
            "the image and its table would begin at byte {at}, and the plan named byte {lowest} as the lowest"
        ))
        .advise("Plan anew")),
        _ => Ok(()),
    }
}
