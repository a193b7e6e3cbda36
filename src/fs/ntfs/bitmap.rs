//! `$Bitmap`: one bit for each cluster, streamed in pieces because it may have gigabytes.

use super::record::{Reference, kind};
use super::volume::{Volume, number};
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent};
use crate::unit::Cluster;

/// Bytes of the bitmap that are in memory at a time.
const PIECE_BYTES: u64 = 1 << 20;

impl Volume {
    /// Hands the bitmap to `take` in pieces: the first cluster, the bits, and how many of them count.
    ///
    /// # Errors
    /// When the bitmap cannot be read or has fewer bits than the volume has clusters, or when the device ends before
    /// the volume does (such a volume cannot be imaged, and a hostile length must not size anything).
    pub(super) fn bits(&self, mut take: impl FnMut(u64, &[u8], u64) -> Result<()>) -> Result<()> {
        if self.device.len().0 < self.boot.backup_at().0 {
            let (have, want) = (self.device.len().0, self.boot.backup_at().0);
            return Err(Error::damaged(format!("the volume has {want} bytes, but the device ends after {have}")));
        }
        let file = self.file(Reference(number::BITMAP))?;
        let content = file.content(kind::DATA, &[]).ok_or_else(|| Error::damaged("$Bitmap has no content"))?;
        content.check(&self.boot)?;
        let clusters = self.boot.clusters;
        let bytes = clusters.div_ceil(8);
        if content.len() < bytes {
            return Err(Error::corrupt(content.place, format!("a bitmap of {bytes} bytes"), content.len()));
        }
        let mut piece = vec![0; bytes.min(PIECE_BYTES) as usize];
        let mut at = 0;
        while at < bytes {
            piece.truncate((bytes - at).min(PIECE_BYTES) as usize);
            content.read_at(&*self.device, &self.boot, at, &mut piece)?;
            take(at * 8, &piece, (clusters - at * 8).min(PIECE_BYTES * 8))?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// How many clusters are marked used.
    ///
    /// # Errors
    /// When the bitmap cannot be read.
    pub(super) fn count_used_clusters(&self) -> Result<u64> {
        let mut used = 0;
        self.bits(|_, bytes, count| {
            let whole = (count / 8) as usize;
            used += bytes[..whole].iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>();
            if count % 8 != 0 {
                used += u64::from((bytes[whole] & ((1 << (count % 8)) - 1)).count_ones());
            }
            Ok(())
        })?;
        Ok(used)
    }

    /// Tells each run of clusters that the bitmap marks used.
    ///
    /// # Errors
    /// When the bitmap cannot be read.
    pub(super) fn each_used(&self, mut take: impl FnMut(Extent)) -> Result<()> {
        self.bits(|first, bytes, count| {
            each_run(bytes, count, |from, len| take(Extent::new(first + from, len)));
            Ok(())
        })
    }

    /// The used clusters on the volume's grid: what the bitmap says, the boot sector, and the backup boot sector in the
    /// tail behind the last cluster.
    ///
    /// # Errors
    /// When the bitmap cannot be read.
    pub(super) fn used_clusters(&self) -> Result<ClusterMap> {
        let factor = u64::from(self.boot.cluster_bytes / self.grid.cluster_bytes);
        let mut map: Option<ClusterMap> = None;
        self.bits(|first, bytes, count| {
            let map = map.get_or_insert_with(|| ClusterMap::new(self.grid.clusters));
            if factor == 1 {
                map.set_bytes(Cluster(first), bytes, count);
            } else {
                set_scaled(map, first, bytes, count, factor);
            }
            Ok(())
        })?;
        let mut map = map.unwrap_or_else(|| ClusterMap::new(self.grid.clusters));
        // Whatever the bitmap says, an image without the boot sector would be of no use.
        map.set(Extent::new(0, 1), true);
        let backup = self.boot.backup_at();
        if backup.0 < self.summary.len.0 {
            let first = self.grid.cluster_at(backup).0;
            map.set(Extent::new(first, self.grid.clusters.saturating_sub(first)), true);
        }
        Ok(map)
    }

    /// The clusters that `$BadClus` holds: its stream `$Bad` is as long as the volume and has runs only where the
    /// medium fails (Linux-NTFS documentation, "$BadClus").
    ///
    /// # Errors
    /// When the record cannot be read.
    pub(super) fn bad_clusters(&self) -> Result<ClusterMap> {
        let mut bad = ClusterMap::new(self.grid.clusters);
        let name: Vec<u16> = "$Bad".encode_utf16().collect();
        let file = self.file(Reference(number::BAD))?;
        for run in file.content(kind::DATA, &name).map(|content| self.clusters(content)).unwrap_or_default() {
            bad.set(run, true);
        }
        Ok(bad)
    }
}

/// Marks the set bits of `bytes` in a map whose clusters are `factor` times smaller.
fn set_scaled(map: &mut ClusterMap, first: u64, bytes: &[u8], count: u64, factor: u64) {
    each_run(bytes, count, |from, len| map.set(Extent::new((first + from) * factor, len * factor), true));
}

/// Tells each run of set bits among the first `count`: where it begins, and its length.
fn each_run(bytes: &[u8], count: u64, mut take: impl FnMut(u64, u64)) {
    let is_used = |at: u64| bytes[(at / 8) as usize] & (1 << (at % 8)) != 0;
    let mut at = 0;
    while at < count {
        let used = is_used(at);
        let from = at;
        while at < count && is_used(at) == used {
            at += 1;
        }
        if used {
            take(from, at - from);
        }
    }
}
