//! Lifeboat: the recovery console a technician opens when a machine no longer starts. It images partitions
//! cluster by cluster, used clusters only, and restores them, from a full-screen wizard and from the command line.
//!
//! # The promises, in order
//!
//! 1. **Data comes back.** Nothing is called a backup until it was read again and its digests matched.
//! 2. **Looking never writes.** Disks are opened read-only until a plan has been confirmed; only [`job`] holds a writer.
//! 3. **Nothing is written that was not previewed**, and nothing outside what the preview named.
//! 4. **A crash at any moment is recognised**: what makes a restored volume look valid is written last, and until
//!    then its first sector says that the restore was not finished. A volume whose metadata is changed has a journal, by
//!    which the change is finished or taken back.
//! 5. **A refusal beats a guess**: mounted, hibernated, dirty, ambiguous, too small; said with the numbers.
//! 6. **No lock-in**: `zstd -d` of an image is a partclone stream.
//!
//! # How bytes flow
//!
//! ```text
//!             look                 plan                    run
//!  disk ──► inventory ──► survey ──► Plan ──► preview ──► job ──► Report
//!           table, fs     fs, image  (data)   (yes?)       │
//!                                                          │   Monitor: progress out, pause and cancel in
//!  back up:  used clusters ─► reader ─► N × (BLAKE3, zstd) ─► ordered writer ─► flush ─► read back ─► name
//!  restore:  verify image ─► unseal ─► N × (unzstd, BLAKE3) ─► ordered writer ─► flush ─► read back ─► seal
//!  inside:   vacate (a change) ─► image into free clusters ─► flush ─► read back ─► a change makes them files ─► check
//!  in place: verify image ─► images in the way copied ─► mark ─► clusters that differ ─► flush ─► read back ─► seal ─► check
//!  change:   check ─► edit on an overlay ─► patches ─► copies ─► flush ─► journal ─► flush ─► patches ─► flush ─► close
//! ```
//!
//! # The public API
//!
//! Jobs are planned first: [`job::plan_backup`] (to a file, or inside the volume), [`job::plan_restore`] and
//! [`job::plan_change`] give a [`plan::Plan`];
//! [`plan::preview`] shows it; [`job::run`] carries it out. A change that was cut short is found and brought to its end by
//! [`job::plan_resume`]. Looking is [`inventory::look`]; images inside
//! volumes are found by [`inventory::locate`]; an image is opened with [`image::Image::open`], and proven with
//! [`job::verify`]; whether a volume is sound tells [`job::check`].
//!
//! ```no_run
//! use std::sync::Arc;
//! use lifeboat::job::{self, Monitor};
//! use lifeboat::plan::{self, BackupRequest, ImageTarget};
//!
//! let request = BackupRequest::new("/dev/sdx2".parse()?, ImageTarget::File("windows.lbi".into()));
//! let monitor = Arc::new(Monitor::new());
//! let plan = job::plan_backup(&request, &monitor)?;
//! println!("{:#?}", plan::preview(&plan));
//! let report = job::run(&plan, &monitor);
//! println!("{:?}: {}", report.outcome, report.headline);
//! # Ok::<(), lifeboat::error::Error>(())
//! ```
//!
//! # The floors
//!
//! A module may use those on floors below its own, never one beside it; `tests/integration/tidy.rs` holds the line.
//!
//! | floor | modules |
//! |---|---|
//! | ground | `bytes` fields of on-disk structures · [`mod@unit`] quantities that must not be mixed up · [`extent`] runs of clusters and the map of used ones · [`error`] · [`volume`] a volume as plain data · [`words`] what plans, reports and the wizard say |
//! | devices | [`device`] anything with bytes at offsets: disks, files, windows on them, memory; what the machine has |
//! | formats | [`table`] partition tables and lost volumes · [`fs`] FAT, NTFS, ext: used clusters, files, whose a cluster is, checks, and changes as patches · [`image`] the `.lbi` format, and containers of images |
//! | look | [`inventory`] one read-only look at the machine; addresses; the search for images inside volumes |
//! | plan | [`plan`] what will be done, as data, or a refusal; the preview |
//! | work | [`job`] the only code that writes |
//! | wishes | [`settings`] what a user sets once |
//! | faces | [`ui`] the wizard · [`cli`] the command line |
//!
//! # Words
//!
//! | word | meaning |
//! |---|---|
//! | device | anything with bytes at offsets: a disk node, an image file, a window on either |
//! | disk / partition / volume | the whole device / an entry of its table / the file system in it |
//! | cluster | the unit a volume is imaged in, counted from its start: the file system's own, where that fits ([`unit::Grid`]) |
//! | extent | a run of clusters |
//! | image | one volume's used clusters with what is needed to put them back; kind `factory` or `user` |
//! | chunk | the used clusters of a fixed span of the volume: what is compressed and proven at once |
//! | plan / step | what will be done, as plain data / one of its acts, with bytes and safety |
//! | job | a plan being carried out |
//! | unit | what the file system hands out at once: a cluster of its own, which may be several of the grid's ([`fs::Units`]) |
//! | owner | what holds a cluster: a file, a directory, or the file system's own ([`fs::Owner`]) |
//! | container | the files inside a volume that hold its images, with a table of contents at both ends ([`image::container`]) |
//! | reference | a chunk that is not stored again, since the image's base has it |
//! | aid | what leads to a container, kept elsewhere |
//! | finding | what a check found: how bad, where, what was expected ([`fs::Finding`]) |
//! | edit | working out a change of a volume's metadata, on an overlay: reads fall through, writes stay in memory ([`fs::Edit`]) |
//! | patch / change | bytes to be changed, old and new / one step of a job: copies first, then patches ([`fs::Change`]) |
//! | journal | what is written down before metadata is changed, to finish the change or to take it back |
//! | seal | bytes that make a volume look valid: held back until all else is written and proven |

mod bytes;
pub mod cli;
pub mod device;
pub mod error;
pub mod extent;
pub mod fs;
pub mod image;
pub mod inventory;
pub mod job;
pub mod plan;
pub mod settings;
pub mod table;
pub mod ui;
pub mod unit;
pub mod volume;
pub mod words;
