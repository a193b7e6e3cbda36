//! Choosing where an image and its tables of contents go.
//!
//! ```text
//! the first image:   … free | toc-begin | image | toc-end ▌ end of the volume
//! the next one:      … free | toc-begin | image | inter-1 (toc-begin before) | image | toc-end ▌
//! in a hole:         … toc-begin | image | inter-2 | image | inter-1 | … | toc-end ▌
//! ```

use super::create::table_file;
use super::names;
use super::room;
use super::site::Site;
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::image::container::{FileRecord, Role, TOC_BEGIN, TOC_END};

/// Bytes of a block of a scattered image: it does not lie in smaller pieces.
const BLOCK_BYTES: u64 = 4096;

/// A new table: its name, what it is, its clusters.
type Named = (String, Role, Extent);

/// Which tables are new.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    /// Units of each.
    each: u64,
    /// The container has none at its end yet.
    end: bool,
}

impl Tables {
    /// Units of all.
    pub(super) fn units(&self) -> u64 {
        self.each * (1 + u64::from(self.end))
    }
}

/// What a move must bring out of the way.
pub(super) struct Way {
    pub(super) window: Extent,
    pub(super) from: ExtentSet,
    pub(super) to: Vec<Extent>,
}

/// Where everything goes.
pub(super) struct Placing {
    pub(super) tables: Tables,
    /// The new tables: name, what it is, its clusters.
    named: Vec<Named>,
    /// The image's clusters, in file order.
    pub(super) image: Vec<Extent>,
    /// The table that gets another name.
    pub(super) renamed: Option<(String, String)>,
    pub(super) vacate: Option<Way>,
    pub(super) scattered: bool,
}

impl Placing {
    pub(super) fn table_files(&self, site: &Site) -> Vec<FileRecord> {
        self.named.iter().map(|(name, role, place)| table_file(site, name, *role, *place)).collect()
    }
}

/// Which tables a new image brings along: one at its beginning, and one at the end if there is none.
pub(super) fn tables_needed(site: &Site, each: u64) -> Tables {
    let has_end = site.toc().is_some_and(|toc| toc.files.iter().any(|file| file.role == Role::TocEnd));
    Tables { each, end: !has_end }
}

/// In one run, as high as can be.
///
/// # Errors
/// `Refused` when there is no such run.
pub(super) fn in_one_run(site: &Site, fixed: &ClusterMap, image: u64, tables: Tables) -> Result<Placing> {
    let units = image + tables.units();
    let per_unit = site.units.clusters;
    let window = room::window(site, fixed, units, u64::MAX).ok_or_else(|| {
        Error::refused(format!("there is no run of {units} clusters in which nothing lies that cannot move"))
            .advise("Use --scattered, or write the image elsewhere: --to FILE")
    })?;
    let from = room::used_in(site, window);
    let vacate = if from.is_empty() {
        None
    } else {
        let kept = [window].into_iter().collect();
        let to = room::targets(site, &kept, from.clusters()).ok_or_else(|| {
            Error::refused(format!("{} clusters would have to move, and too few are free elsewhere", from.clusters()))
                .advise("Free space on the volume")
        })?;
        Some(Way { window, from, to })
    };
    let table = tables.each * per_unit;
    let begin = Extent::new(window.start.0, table);
    let image_place = Extent::new(begin.end(), image * per_unit);
    let end = Extent::new(image_place.end(), table);
    let (named, renamed) = name_tables(site, &tables, begin, end);
    Ok(Placing { tables, named, image: vec![image_place], renamed, vacate, scattered: false })
}

/// In free clusters right below the container's last table: a table, then the image.
pub(super) fn in_hole(site: &Site, hole: Extent, tables: Tables) -> Placing {
    let table = Extent::new(hole.start.0, tables.each * site.units.clusters);
    let image = Extent::new(table.end(), hole.clusters - table.clusters);
    let name = site.toc().map(names::next_inter).unwrap_or_default();
    let named = vec![(name, Role::Inter, table)];
    Placing {
        tables: Tables { end: false, ..tables },
        named,
        image: vec![image],
        renamed: None,
        vacate: None,
        scattered: false,
    }
}

/// What the new tables are called, and which old one gets another name.
fn name_tables(site: &Site, tables: &Tables, begin: Extent, end: Extent) -> (Vec<Named>, Option<(String, String)>) {
    let old = site.toc().and_then(|toc| toc.files.iter().find(|file| file.role == Role::TocBegin));
    let begins_at = old.and_then(|file| file.runs.first()).map(|run| run.offset);
    let inter = || site.toc().map(names::next_inter).unwrap_or_default();
    let below = begins_at.is_none_or(|offset| site.grid.offset_of(begin.start) < offset);
    let mut named = Vec::new();
    let mut renamed = None;
    if below {
        renamed = old.map(|file| (file.name.clone(), inter()));
        named.push((TOC_BEGIN.to_owned(), Role::TocBegin, begin));
    } else {
        named.push((inter(), Role::Inter, begin));
    }
    if tables.end {
        named.push((TOC_END.to_owned(), Role::TocEnd, end));
    }
    (named, renamed)
}

/// In free pieces, as high as can be, the table at the end highest; so many units of the longest free run are left
/// alone.
///
/// # Errors
/// `Refused` when there are too few.
pub(super) fn in_pieces(site: &Site, image: u64, tables: Tables, held_back: u64) -> Result<Placing> {
    let per_unit = site.units.clusters;
    let table = tables.each * per_unit;
    let mut kept = ExtentSet::new();
    let highest = |kept: &ExtentSet| {
        let free: ExtentSet = site.free_runs().into_iter().collect();
        let free = free.intersect(&kept.complement(site.grid.clusters));
        free.runs().iter().rev().find(|run| run.clusters >= table).map(|run| Extent::new(run.end() - table, table))
    };
    let no_table = || {
        Error::refused(format!(
            "a table of contents needs {} clusters in one free piece, and there is none",
            tables.each
        ))
        .advise("Free space on the volume")
    };
    let mut end = Extent::new(0, 0);
    if tables.end {
        end = highest(&kept).ok_or_else(no_table)?;
        kept.insert(end);
    }
    let least = BLOCK_BYTES.div_ceil(site.unit_bytes());
    // The other table lies highest, too, so that what is left below stays in one piece where it can.
    let begin = highest(&kept).ok_or_else(no_table)?;
    kept.insert(begin);
    // The lower end of the longest run that is left.
    let free: ExtentSet = site.free_runs().into_iter().collect();
    let free = free.intersect(&kept.complement(site.grid.clusters));
    if let Some(longest) = free.runs().iter().max_by_key(|run| run.clusters) {
        kept.insert(Extent::new(longest.start.0, longest.clusters.min(held_back * per_unit)));
    }
    let pieces = room::pieces(site, &kept, image, least).ok_or_else(|| {
        Error::refused(format!(
            "the image needs {image} clusters in free pieces of at least {BLOCK_BYTES} bytes, and there are too few"
        ))
        .advise("Free space on the volume, or write the image elsewhere: --to FILE")
    })?;
    let (named, renamed) = name_tables(site, &tables, begin, end);
    Ok(Placing { tables, named, image: pieces, renamed, vacate: None, scattered: true })
}
