//! Replacing a small file's content where it lies.

use std::path::Path;
use std::sync::Arc;

use super::adopt::title;
use super::attribute::{Attribute, Value, align};
use super::directory::Directory;
use super::file::File;
use super::{Editor, FILE_NAME, index, names};
use crate::error::{Error, Result};
use crate::fs::Tag;
use crate::fs::ntfs::record::kind;
use crate::fs::ntfs::volume::number;

impl Editor {
    /// See [`Edit::replace`](crate::fs::Edit::replace). Content in clusters may become as long as these, content in the
    /// record as long as the record has room; neither moves.
    pub(super) fn replace_content(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        let parts = names::parts(path)?;
        let missing = || Error::refused(format!("there is no file {}", path.display()));
        let (name, before) = parts.split_last().ok_or_else(missing)?;
        let parent = self.find_directory(before)?.ok_or_else(missing)?;
        let mut file = self.named_file(parent, &title(before), name)?;
        if file.number() < number::FIRST_FILE + 8 || file.is_directory() {
            return Err(Error::refused(format!("{} is no file of a user", path.display())));
        }
        let data = file.attribute(kind::DATA, &[]).filter(|data| data.is_plain());
        let data = data.filter(|_| file.attribute(kind::REPARSE_POINT, &[]).is_none());
        let data = data.ok_or_else(|| Error::refused(format!("{} is not stored plainly", path.display())))?;
        let full = |room: u64| {
            Error::refused(format!("{} has room for {room} bytes, not for {}", path.display(), content.len()))
        };
        let len = content.len() as u64;
        let (value, allocated) = match data.value.clone() {
            Value::Resident(_) => (Value::Resident(content.to_vec()), align(content.len()) as u64),
            Value::Stretch(stretch) if len > stretch.allocated => return Err(full(stretch.allocated)),
            Value::Stretch(mut stretch) => {
                stretch.check_lengths(&self.boot, &path.display().to_string())?;
                let tag = Tag::new(format!("content of {}", path.display()));
                stretch.write(&self.overlay, &self.boot, 0, content, &tag)?;
                (stretch.len, stretch.initialized) = (len, len);
                let allocated = stretch.allocated;
                (Value::Stretch(stretch), allocated)
            }
        };
        let old_len = data.resident().map_or(0, <[u8]>::len);
        if let Some(data) = file.attribute_mut(kind::DATA, &[]) {
            data.set(value);
        }
        let records = file.in_place(self.boot.record_bytes as usize).ok_or_else(|| full(old_len as u64))?;
        self.write_changed(&file, records, "$DATA")?;
        self.update_names(&file, path, |key| names::set_sizes(key, allocated, len))
    }

    /// Tells the directories of a file what has changed of it.
    pub(super) fn update_names(&mut self, file: &File, path: &Path, act: impl Fn(&mut [u8])) -> Result<()> {
        let upcase = Arc::clone(&self.upcase);
        let title = path.parent().unwrap_or(path).display().to_string();
        for key in file.attributes.iter().filter(|have| have.kind == FILE_NAME).filter_map(Attribute::resident) {
            let (parent, units) = names::parse_key(key).ok_or_else(|| Error::damaged("a name that does not fit"))?;
            let mut directory = Directory::open(self, parent, &title)?;
            let found = index::find(&directory, &upcase, &units)?;
            let found = found.filter(|found| found.reference == file.reference());
            let mut key =
                found.ok_or_else(|| Error::damaged(format!("{} is not in its directory", path.display())))?.key;
            act(&mut key);
            index::update(&mut directory, &upcase, &units, file.reference(), &key)?;
        }
        Ok(())
    }
}
