//! Who had a cluster first that another chain ran into.
//!
//! The check keeps no list of whose each cluster is, so it walks once more when chains are crossed, and only then.

use std::collections::HashMap;

use super::super::Volume;
use super::super::boot::Root;
use super::super::walk::{Claims, Item, Listing, Place, Visitor};
use super::{MAX_OF_A_RULE, Report, shown};
use crate::error::Result;
use crate::fs::{Finding, Watch};

/// A directory of 65,536 entries has no more, with clusters of the smallest size.
const MAX_CLUSTERS: usize = 4096;

/// Crossings that are not told yet.
#[derive(Default)]
pub(super) struct Crossings(Vec<(u32, Finding)>);

impl Crossings {
    /// Keeps one until it is known who else has the cluster; gives it back when there are enough.
    pub(super) fn push(&mut self, number: u32, finding: Finding) -> Option<Finding> {
        if self.0.len() as u64 >= MAX_OF_A_RULE {
            return Some(finding);
        }
        self.0.push((number, finding));
        None
    }

    /// Tells them, with who had each cluster first.
    ///
    /// # Errors
    /// When the medium cannot be read, or the watcher ends it.
    pub(super) fn tell(self, volume: &Volume, watch: &dyn Watch, report: &mut Report) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut first = First { watch, holders: self.0.iter().map(|(number, _)| (*number, None)).collect() };
        let mut claims = Claims::new(&volume.table);
        let mut root = Vec::new();
        if let Root::Chain(start) = volume.boot.root {
            claims.follow(start, watch, |number| {
                if root.len() < MAX_CLUSTERS {
                    root.push(number);
                }
                first.see(number, "/");
            })?;
        }
        volume.walk(root, &mut claims, watch, &mut first)?;
        for (number, mut finding) in self.0 {
            if let Some(Some(path)) = first.holders.get(&number) {
                finding.message = format!("{}: {path}", finding.message);
            }
            report.add(finding);
        }
        Ok(())
    }
}

/// Looks for the first holders of some clusters.
struct First<'a> {
    watch: &'a dyn Watch,
    holders: HashMap<u32, Option<String>>,
}

impl First<'_> {
    fn see(&mut self, number: u32, path: &str) {
        if let Some(holder) = self.holders.get_mut(&number) {
            holder.get_or_insert_with(|| path.to_owned());
        }
    }
}

impl Visitor for First<'_> {
    fn directory(&mut self, _: &Place, _: &Listing) -> Result<()> {
        Ok(())
    }

    fn item(&mut self, place: &Place, item: &Item, claims: &mut Claims) -> Result<Option<Vec<u32>>> {
        if item.start == 0 {
            return Ok(None);
        }
        let path = shown(&place.path, &item.name);
        let mut clusters = Vec::new();
        claims.follow(item.start, self.watch, |number| {
            if item.is_directory && clusters.len() < MAX_CLUSTERS {
                clusters.push(number);
            }
            self.see(number, &path);
        })?;
        Ok((item.is_directory && !clusters.is_empty()).then_some(clusters))
    }
}
