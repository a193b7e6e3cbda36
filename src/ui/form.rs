//! A short list of settings: a path, numbers, switches.

use std::path::Path;

use crate::image::Kind;
use crate::inventory::Address;
use crate::job::ExportRequest;
use crate::plan::{BackupRequest, ImageSource, ImageTarget, ImagesInside, RestoreRequest};

use super::input::Input;
use super::rows::{Row, RowKind};
use super::text;

/// The longest file a FAT volume takes: its length is a 32-bit field.
const FAT_FILE_BYTES: u64 = u32::MAX as u64;

/// Which setting; they stand in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FieldId {
    /// Where the image goes.
    Path,
    /// Into the volume itself, and not to a file.
    Inside,
    /// The image's name inside.
    Name,
    /// zstd level.
    Level,
    /// Factory or user image.
    Factory,
    /// Independent of the images that are inside already.
    Full,
    /// Read the result back.
    ReadBack,
    /// Parts below 4 GiB.
    Split,
    /// Go on although the volume is not clean.
    EvenIfDirty,
    /// Take all sectors.
    Raw,
    /// Look what differs, and write only that.
    Compare,
    /// Drop the images inside afterwards.
    DropImages,
    /// Check the image first.
    CheckFirst,
    /// Restore what is whole of a damaged image.
    KeepGoing,
    /// Zero unused clusters.
    ZeroFree,
    /// Discard unused clusters.
    Discard,
}

/// What is set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// A text.
    Text(Input),
    /// A number from 1 to 19.
    Level(i32),
    /// On or off.
    Switch(bool),
}

/// One setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Which.
    pub id: FieldId,
    /// What is set.
    pub value: Value,
}

/// The settings of a task.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Form {
    /// The settings, in order.
    pub fields: Vec<Field>,
    /// Those that make no sense with what is set, with what they were set to.
    hidden: Vec<Field>,
    /// The chosen one.
    pub cursor: usize,
    /// Why it cannot be accepted.
    pub problem: Option<&'static str>,
}

impl Form {
    fn of(fields: impl IntoIterator<Item = (FieldId, Value)>) -> Self {
        let fields = fields.into_iter().map(|(id, value)| Field { id, value }).collect();
        Self { fields, hidden: Vec::new(), cursor: 0, problem: None }
    }

    /// The settings of a backup of a place. What only a volume that is not clean or cannot be read needs is offered
    /// only there.
    #[must_use]
    pub fn backup(path: &Path, place: &Row) -> Self {
        let mut form = Self::of([
            (FieldId::Path, Value::Text(Input::with(path.display().to_string()))),
            (FieldId::Inside, Value::Switch(false)),
            (FieldId::Name, Value::Text(Input::default())),
            (FieldId::Level, Value::Level(3)),
            (FieldId::ReadBack, Value::Switch(true)),
            (FieldId::Factory, Value::Switch(false)),
            (FieldId::Full, Value::Switch(false)),
            (FieldId::Split, Value::Switch(false)),
        ]);
        form.arrange();
        if place.unclean() {
            form.offer(FieldId::EvenIfDirty);
        }
        if place.unreadable() {
            form.offer(FieldId::Raw);
        }
        form
    }

    /// The settings of a restore of an image to the volume that holds it.
    #[must_use]
    pub fn home() -> Self {
        Self::of([
            (FieldId::Compare, Value::Switch(true)),
            (FieldId::CheckFirst, Value::Switch(true)),
            (FieldId::ReadBack, Value::Switch(true)),
            (FieldId::DropImages, Value::Switch(false)),
        ])
    }

    /// The settings of an export.
    #[must_use]
    pub fn export(path: &Path) -> Self {
        Self::of([
            (FieldId::Path, Value::Text(Input::with(path.display().to_string()))),
            (FieldId::Split, Value::Switch(false)),
        ])
    }

    /// Hides what makes no sense with what is set, and shows what does.
    fn arrange(&mut self) {
        let inside = self.switch(FieldId::Inside);
        let chosen = self.fields.get(self.cursor).map(|field| field.id);
        let mut all: Vec<Field> = self.fields.drain(..).chain(self.hidden.drain(..)).collect();
        all.sort_by_key(|field| field.id);
        (self.fields, self.hidden) = all.into_iter().partition(|field| match field.id {
            FieldId::Path | FieldId::Split | FieldId::Raw => !inside,
            FieldId::Name | FieldId::Full => inside,
            _ => true,
        });
        self.cursor = self.fields.iter().position(|field| Some(field.id) == chosen).unwrap_or(0);
    }

    /// The settings of a restore.
    #[must_use]
    pub fn restore() -> Self {
        Self::of([
            (FieldId::CheckFirst, Value::Switch(true)),
            (FieldId::ReadBack, Value::Switch(true)),
            (FieldId::ZeroFree, Value::Switch(false)),
            (FieldId::Discard, Value::Switch(false)),
            (FieldId::KeepGoing, Value::Switch(false)),
        ])
    }

    /// Adds a switch that is off, unless it is there.
    pub fn offer(&mut self, id: FieldId) {
        if !self.fields.iter().any(|field| field.id == id) {
            self.fields.push(Field { id, value: Value::Switch(false) });
        }
    }

    /// Puts the cursor on a setting, when it is there.
    pub fn choose(&mut self, id: FieldId) {
        self.cursor = self.fields.iter().position(|field| field.id == id).unwrap_or(self.cursor);
    }

    /// The chosen setting.
    pub fn current(&mut self) -> Option<&mut Field> {
        self.fields.get_mut(self.cursor)
    }

    /// True when the chosen setting is a path, which Tab completes.
    #[must_use]
    pub fn is_path(&self) -> bool {
        self.fields.get(self.cursor).is_some_and(|field| field.id == FieldId::Path)
    }

    /// True when the chosen setting is a text.
    #[must_use]
    pub fn is_typing(&self) -> bool {
        self.fields.get(self.cursor).is_some_and(|field| matches!(field.value, Value::Text(_)))
    }

    /// A switch; false when it is not offered.
    #[must_use]
    pub fn switch(&self, id: FieldId) -> bool {
        self.fields.iter().any(|field| field.id == id && field.value == Value::Switch(true))
    }

    /// The typed path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text(FieldId::Path)
    }

    fn text(&self, id: FieldId) -> &str {
        let field = self.fields.iter().find(|field| field.id == id);
        field
            .and_then(|field| if let Value::Text(input) = &field.value { Some(input.text()) } else { None })
            .unwrap_or("")
    }

    fn level(&self) -> i32 {
        self.fields
            .iter()
            .find_map(|field| if let Value::Level(level) = field.value { Some(level) } else { None })
            .unwrap_or(3)
    }

    /// Turns a switch, or the other of two that exclude each other off.
    pub fn toggle(&mut self) {
        let Some(Field { id, value: Value::Switch(on) }) = self.current() else { return };
        *on = !*on;
        if *id == FieldId::Inside {
            return self.arrange();
        }
        let other = match (*id, *on) {
            (FieldId::ZeroFree, true) => FieldId::Discard,
            (FieldId::Discard, true) => FieldId::ZeroFree,
            _ => return,
        };
        for field in &mut self.fields {
            if field.id == other {
                field.value = Value::Switch(false);
            }
        }
    }

    /// Sets the level that the user's settings name.
    pub fn set_level(&mut self, level: i32) {
        for field in &mut self.fields {
            if let Value::Level(present) = &mut field.value {
                *present = level;
            }
        }
    }

    /// Changes the level by one.
    pub fn step(&mut self, by: i32) {
        if let Some(Field { value: Value::Level(level), .. }) = self.current() {
            *level = (*level + by).clamp(1, 19);
        }
    }

    /// The request for a backup of `source`.
    #[must_use]
    pub fn backup_request(&self, source: Address) -> BackupRequest {
        let target =
            if self.switch(FieldId::Inside) { ImageTarget::Inside } else { ImageTarget::File(self.path().into()) };
        let name = self.text(FieldId::Name).trim();
        BackupRequest {
            name: (!name.is_empty()).then(|| name.to_owned()),
            full: self.switch(FieldId::Full),
            level: self.level(),
            verify: self.switch(FieldId::ReadBack),
            even_if_dirty: self.switch(FieldId::EvenIfDirty),
            raw: self.switch(FieldId::Raw),
            split: self.switch(FieldId::Split).then_some(FAT_FILE_BYTES),
            kind: if self.switch(FieldId::Factory) { Kind::Factory } else { Kind::User },
            ..BackupRequest::new(source, target)
        }
    }

    /// The request for a restore of the image at `image`: to `target`, or back to the volume that holds it.
    #[must_use]
    pub fn restore_request(&self, image: &Address, target: Option<Address>) -> RestoreRequest {
        let plain = match (image.image(), target) {
            (Some(_), None) => RestoreRequest::home(image.clone()),
            (Some(_), Some(target)) => RestoreRequest::new(ImageSource::Inside(image.clone()), target),
            (None, target) => {
                let file = ImageSource::File(image.path().to_owned());
                RestoreRequest::new(file, target.unwrap_or_else(|| image.clone()))
            }
        };
        let is_off = |id| self.fields.iter().any(|field| field.id == id && field.value == Value::Switch(false));
        RestoreRequest {
            trust: !self.switch(FieldId::CheckFirst),
            verify: self.switch(FieldId::ReadBack),
            keep_going: self.switch(FieldId::KeepGoing),
            zero_free: self.switch(FieldId::ZeroFree),
            discard: self.switch(FieldId::Discard),
            compare: !is_off(FieldId::Compare),
            images: if self.switch(FieldId::DropImages) { ImagesInside::Drop } else { ImagesInside::Keep },
            ..plain
        }
    }

    /// The request for writing the image at `image` to a file.
    #[must_use]
    pub fn export_request(&self, image: &Address) -> ExportRequest {
        let split = self.switch(FieldId::Split).then_some(FAT_FILE_BYTES);
        ExportRequest { image: image.clone(), target: self.path().into(), split }
    }
}

/// The offered file name: the volume's label, or disk and number, and the date.
#[must_use]
pub fn file_name(row: &Row, date: &str) -> String {
    let label =
        row.volume.as_ref().and_then(|volume| volume.label.as_deref()).map(plain).filter(|name| !name.is_empty());
    let stem = label.unwrap_or_else(|| {
        let disk = row.address.path().file_stem().map(|name| plain(&name.to_string_lossy())).unwrap_or_default();
        let disk = if disk.is_empty() { text::FILE_FALLBACK.to_owned() } else { disk };
        match row.kind {
            RowKind::Disk | RowKind::Whole => disk,
            RowKind::Partition => format!("{disk}-{}", row.number),
            RowKind::Found | RowKind::Image => format!("{disk}-at-{}", row.start_bytes),
        }
    });
    format!("{stem}-{date}.lbi")
}

/// A name that every file system takes: letters, digits, `-` and `_`.
pub(super) fn plain(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|character| if character.is_alphanumeric() || character == '_' { character } else { '-' })
        .take(60)
        .collect();
    kept.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offered_name_has_only_harmless_characters() {
        assert_eq!(plain("  My: Windows/../\u{1b}[31m "), "My--Windows------31m");
        assert_eq!(plain("Daten_1"), "Daten_1");
        assert_eq!(plain("///"), "");
    }

    #[test]
    fn zeroing_and_discarding_exclude_each_other() {
        let mut form = Form::restore();
        form.cursor = 2;
        form.toggle();
        form.cursor = 3;
        form.toggle();
        assert!(form.switch(FieldId::Discard) && !form.switch(FieldId::ZeroFree));
    }

    #[test]
    fn the_level_stays_within_what_zstd_has() {
        let mut form = Form::of([(FieldId::Level, Value::Level(3))]);
        (0..40).for_each(|_| form.step(1));
        assert_eq!(form.level(), 19);
        (0..40).for_each(|_| form.step(-1));
        assert_eq!(form.level(), 1);
    }
}
