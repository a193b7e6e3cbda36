//! Making files of clusters, and clusters of files.

use std::path::Path;

use super::folder::{FILE_ATTRIBUTES, Folder};
use super::{Editor, MAX_FILE_BYTES, names};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::unit::ByteLen;

impl Editor {
    pub(super) fn adopt_file(&mut self, directory: &Path, name: &str, extents: &[Extent], len: ByteLen) -> Result<()> {
        names::check(name)?;
        // The file's clusters first, so that a directory that grows takes none of them.
        let first = self.claim(extents, len)?;
        let mut folder = self.folder_made(directory)?;
        // At most MAX_FILE_BYTES.
        self.insert(&mut folder, name, FILE_ATTRIBUTES, first, len.0 as u32)
    }

    /// Links free clusters to the chain of a file of this length: the number of the first; 0 for an empty file.
    ///
    /// # Errors
    /// `Refused` when the file would be too long, or they are not what it takes.
    pub(super) fn claim(&mut self, extents: &[Extent], len: ByteLen) -> Result<u32> {
        if len.0 > MAX_FILE_BYTES {
            return Err(Error::refused(format!(
                "a file of {} bytes is too long: FAT writes lengths in 32 bits, {MAX_FILE_BYTES} bytes are the most",
                len.0
            ))
            .advise("Split it into parts"));
        }
        let mut runs = Vec::new();
        let mut clusters = 0u64;
        for extent in extents.iter().filter(|extent| extent.clusters > 0) {
            let run = self.numbers(*extent)?;
            clusters = clusters.saturating_add(u64::from(run.end - run.start));
            runs.push(run);
        }
        // A chain that is longer or shorter than its file is an error to fsck.fat.
        if len.0.div_ceil(self.cluster_bytes()) != clusters {
            return Err(Error::refused(format!(
                "a file of {} bytes takes {} clusters of {} bytes, and {clusters} are given",
                len.0,
                len.0.div_ceil(self.cluster_bytes()),
                self.cluster_bytes()
            )));
        }
        self.link(&runs)
    }

    /// The directory of a path; what is missing of it is made.
    fn folder_made(&mut self, path: &Path) -> Result<Folder> {
        let mut folder = self.root_folder()?;
        for name in names::components(path)? {
            folder = match folder.find(name.as_encoded_bytes()) {
                Some(item) => self.enter(&folder, &item)?,
                None => {
                    let text = name.to_str().ok_or_else(|| names::no_unicode(&name.to_string_lossy()))?;
                    self.make_folder(&mut folder, text)?
                }
            };
        }
        Ok(folder)
    }

    pub(super) fn release_file(&mut self, directory: &Path, name: &str) -> Result<Vec<Extent>> {
        let mut folder = self.folder(directory)?;
        let item = folder.find(name.as_bytes()).ok_or_else(|| names::missing(&directory.join(name)))?;
        if item.is_directory() {
            return Err(Error::refused(format!("{name} is a directory, and only files are released")));
        }
        let chain = self.item_chain(&item)?;
        self.remove(&mut folder, &item)?;
        self.unlink(&chain)?;
        self.remove_if_ours(directory, &folder)?;
        Ok(chain.into_iter().map(|run| self.volume.on_grid(run)).collect())
    }

    /// Removes a directory that is empty and has the attributes of those that Lifeboat makes.
    fn remove_if_ours(&mut self, path: &Path, folder: &Folder) -> Result<()> {
        if !folder.items().is_empty() {
            return Ok(());
        }
        let Ok((above, name)) = names::split(path) else { return Ok(()) };
        let mut parent = self.folder(above)?;
        match parent.find(name) {
            Some(item) if item.is_directory() && item.is_ours() => {
                let chain = self.item_chain(&item)?;
                self.remove(&mut parent, &item)?;
                self.unlink(&chain)
            }
            _ => Ok(()),
        }
    }
}
