//! Bases: the images that hold what references only name. Attached by whoever has them
//! ([`Image::with_base`]), or found beside an image file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::Header;
use super::format::{Entry, HEAD, MAX_BASES, RecordHead, RecordKind};
use super::reader::{Image, read_footer};
use crate::device::{FileDevice, read_array};
use crate::error::{Error, Result};
use crate::unit::{ByteOffset, Cluster};

/// Files of a folder that are looked at for a base: of each, one record is read.
const MAX_FILES: usize = 4096;
/// Copies of one image that are opened to find a whole one.
const MAX_COPIES: usize = 4;

impl Image {
    /// The image with the base that its references lead to. A base that needs one in turn has it attached
    /// already.
    ///
    /// # Errors
    /// When it is not the base that the header names, is cut otherwise, or stands behind too many images.
    pub fn with_base(mut self, base: Arc<Self>) -> Result<Self> {
        let (id, given) = (self.header().image_id, base.header().image_id);
        match self.header().base_image_id {
            Some(wanted) if wanted == given => {}
            Some(wanted) => {
                return Err(Error::refused(format!("the image {id} needs the base image {wanted}, not {given}")));
            }
            None => return Err(Error::refused(format!("the image {id} needs no base; it was given {given}"))),
        }
        check_base(self.header(), &base)?;
        if base.chain().any(|image| image.header().image_id == id) {
            return Err(Error::damaged(format!("the image {id} is a base of its own base {given}")));
        }
        self.base = Some(base);
        Ok(self)
    }

    /// The id of the image that is missing to read references: the base that the header names, or a base of it.
    #[must_use]
    pub fn needs_base(&self) -> Option<Uuid> {
        self.chain().last().and_then(|last| last.header().base_image_id)
    }

    /// The base, when it is attached.
    #[must_use]
    pub fn base(&self) -> Option<&Arc<Self>> {
        self.base.as_ref()
    }

    /// Refuses an image of which a base is not at hand, before anything is read or written in vain.
    ///
    /// # Errors
    /// A refusal that names the missing image.
    pub fn refuse_without_base(&self) -> Result<()> {
        self.needs_base().map_or(Ok(()), |missing| Err(no_base(self.header().image_id, missing)))
    }

    /// The image itself, its base, the base's base and so on.
    fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |image| image.base.as_deref())
    }

    /// The entry of the chunk whose span begins at this cluster; none when the image has no such chunk.
    ///
    /// # Errors
    /// When its index page is damaged.
    pub fn entry_at(&self, span: Cluster) -> Result<Option<Entry>> {
        let Some(page) = self.page_of(span) else { return Ok(None) };
        let page = self.page(page)?;
        let found = page.binary_search_by_key(&span.0, |entry| entry.first_cluster.get());
        Ok(found.ok().map(|at| page[at]))
    }

    /// The base that holds an entry's frame, and the base's entry; none when this image holds it.
    ///
    /// # Errors
    /// When it is a reference and the base is not at hand, or has not that content.
    pub fn holder(&self, entry: &Entry) -> Result<Option<(&Self, Entry)>> {
        let span = Cluster(entry.first_cluster.get());
        let mut held = None;
        let (mut image, mut wanted) = (self, *entry);
        while wanted.is_reference() {
            let Some(base) = image.base.as_deref() else {
                let id = image.header().image_id;
                return Err(match image.header().base_image_id {
                    Some(missing) => no_base(id, missing),
                    None => Error::damaged(format!("the image {id} refers to a base, and names none")),
                });
            };
            let id = base.header().image_id;
            let found = base.entry_at(span).map_err(|error| error.context(format_args!("the base image {id}")))?;
            let same = |found: &Entry| found.digest == wanted.digest && found.raw_len == wanted.raw_len;
            let Some(found) = found.filter(same) else {
                return Err(Error::damaged(format!(
                    "the chunk from cluster {span} on is said to be in the base image {id}, which has not that content"
                )));
            };
            held = Some((base, found));
            (image, wanted) = (base, found);
        }
        Ok(held)
    }
}

/// Checks that an image with this header can have references to `base`: chunks cover the same clusters in both.
///
/// # Errors
/// With the numbers in which they differ, or when too many bases stand behind each other.
pub fn check_base(header: &Header, base: &Image) -> Result<()> {
    let shape = |header: &Header| {
        format!(
            "{} clusters of {} bytes in chunks of {}",
            header.grid.clusters, header.grid.cluster_bytes, header.chunk_clusters
        )
    };
    let theirs = base.header();
    if (theirs.grid, theirs.chunk_clusters) != (header.grid, header.chunk_clusters) {
        return Err(Error::refused(format!(
            "the base image {} has {}, the image has {}: their chunks cannot be compared",
            theirs.image_id,
            shape(theirs),
            shape(header)
        ))
        .advise("Make a full image of this volume"));
    }
    let bases = base.chain().count();
    if bases > MAX_BASES {
        return Err(Error::refused(format!("{bases} bases would stand behind the image, and {MAX_BASES} are allowed"))
            .advise("Make a full image, and base later ones on that"));
    }
    Ok(())
}

fn no_base(id: Uuid, missing: Uuid) -> Error {
    Error::refused(format!(
        "the image {id} holds only what differs from its base, and the base image {missing} is not at hand"
    ))
    .advise("Put the file (.lbi) of the base image beside this one, and try again")
}

/// The image files of a folder, by id: where the base of an image file is looked for.
pub(super) struct Beside {
    folder: PathBuf,
    /// Read when the first base is needed.
    files: Option<Vec<(Uuid, PathBuf)>>,
}

impl Beside {
    pub(super) fn new(image: &Path) -> Self {
        let folder = image.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self { folder: folder.into(), files: None }
    }

    /// The image with those of its bases that lie here; without, when one is not here or does not fit.
    pub(super) fn attach(&mut self, image: Image) -> Image {
        let mut bases: Vec<Image> = Vec::new();
        while let Some(wanted) = bases.last().unwrap_or(&image).header().base_image_id {
            let seen = std::iter::once(&image).chain(&bases).any(|image| image.header().image_id == wanted);
            if seen || bases.len() == MAX_BASES {
                break;
            }
            let Some(base) = self.find(wanted) else { break };
            bases.push(base);
        }
        let mut behind = None;
        while let Some(base) = bases.pop() {
            behind = Some(joined(base, behind));
        }
        joined(image, behind)
    }

    /// The image of this id; of several copies a whole one, if there is one.
    fn find(&mut self, wanted: Uuid) -> Option<Image> {
        let folder = &self.folder;
        let files = self.files.get_or_insert_with(|| images_in(folder));
        let paths = files.iter().filter(|(id, _)| *id == wanted).take(MAX_COPIES);
        let mut opened: Vec<Image> = paths
            .filter_map(|(_, path)| Image::open_alone(path).ok())
            .filter(|image| image.header().image_id == wanted)
            .collect();
        let best = opened.iter().position(|image| image.damage().is_empty()).unwrap_or(0);
        (best < opened.len()).then(|| opened.swap_remove(best))
    }
}

fn joined(mut image: Image, base: Option<Image>) -> Image {
    image.base = base.filter(|base| check_base(image.header(), base).is_ok()).map(Arc::new);
    image
}

/// The image files of a folder, in the order of their names.
fn images_in(folder: &Path) -> Vec<(Uuid, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_image = |path: &PathBuf| {
        // A pipe would be waited on for ever.
        path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("lbi")) && path.is_file()
    };
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(is_image).take(MAX_FILES).collect();
    paths.sort();
    paths.into_iter().filter_map(|path| image_id(&path).map(|id| (id, path))).collect()
}

/// Whose image a file begins or ends with; its content is not read.
fn image_id(path: &Path) -> Option<Uuid> {
    let file = FileDevice::open(path).ok()?;
    let head = read_array::<HEAD>(&file, ByteOffset(0)).ok();
    match head.map(|bytes| RecordHead::parse(&bytes, ByteOffset(0))) {
        Some(Ok((head, RecordKind::Header))) => Some(head.image()),
        _ => read_footer(&file, None).ok().map(|(_, id)| id),
    }
}
