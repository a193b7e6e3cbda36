//! Images whose beginning is destroyed: opened by the copy of the header at the end, read, and said to be damaged.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use lifeboat::device::MemoryDevice;
use lifeboat::image::Image;
use lifeboat::image::format::{FooterBody, HEAD, RecordKind, record};
use lifeboat::inventory::Address;
use lifeboat::job::{self, Monitor, Outcome};
use lifeboat::plan::{BackupRequest, ImageSource, ImageTarget, RestoreRequest};
use zerocopy::{FromBytes, IntoBytes};

use crate::faults_device::{Fault, Handle, run};
use crate::faults_power::Dice;
use crate::hostile::anatomy;
use crate::oracle::sh;

const VOLUME: usize = 12 << 20;

struct Stage {
    dir: tempfile::TempDir,
}

impl Stage {
    /// The image of 12 MiB of random bytes in `x.lbi`, in parts of `split` bytes.
    fn new(split: Option<u64>) -> Self {
        let stage = Self { dir: tempfile::tempdir().unwrap() };
        sh(stage.dir.path(), &format!("head -c {VOLUME} /dev/urandom > v.img"));
        let source = Address::Whole(stage.path("v.img"));
        let request =
            BackupRequest { split, level: 1, ..BackupRequest::new(source, ImageTarget::File(stage.path("x.lbi"))) };
        let plan = job::plan_backup(&request, &Monitor::new()).unwrap();
        assert_eq!(job::run(&plan, &Arc::default()).outcome, Outcome::Done);
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Destroys bytes of `x.lbi`.
    fn destroy(&self, range: Range<usize>, with: impl FnMut() -> u8) {
        let mut bytes = std::fs::read(self.path("x.lbi")).unwrap();
        bytes[range].fill_with(with);
        std::fs::write(self.path("x.lbi"), bytes).unwrap();
    }

    /// Restores what there is; gives the warnings and the target.
    fn restore(&self) -> (Vec<String>, Vec<u8>) {
        std::fs::write(self.path("t.img"), vec![0; VOLUME]).unwrap();
        let source = ImageSource::File(self.path("x.lbi"));
        let mut request = RestoreRequest::new(source, Address::Whole(self.path("t.img")));
        request.keep_going = true;
        let plan = job::plan_restore(&request, &Monitor::new()).unwrap();
        let device = Handle::new(vec![0xaa; VOLUME], Fault::Nothing);
        let report = run(&plan, &device);
        assert_eq!(report.outcome, Outcome::DoneWithWarnings, "{report:?}");
        (report.warnings, device.bytes())
    }
}

#[test]
fn an_image_without_its_beginning_gives_back_every_chunk_behind_it() {
    for split in [None, Some(8 << 20)] {
        let stage = Stage::new(split);
        let volume = std::fs::read(stage.path("v.img")).unwrap();
        let header = Image::open(&stage.path("x.lbi")).unwrap().header().clone();
        let mut dice = Dice(7);
        for (len, lost_chunks) in [(1, 0), (72, 0), (600, 0), (2 << 20, 1)] {
            stage.destroy(0..len, || dice.roll(256) as u8);
            let image = Image::open(&stage.path("x.lbi")).unwrap();
            assert!(image.damage().iter().any(|damage| damage.contains("beginning is destroyed")), "{len}");
            assert_eq!(image.header(), &header);
            assert_eq!(job::verify(&stage.path("x.lbi"), &Arc::default()).outcome, Outcome::Failed);
            if len < 2 << 20 {
                let (warnings, restored) = stage.restore();
                assert!(restored == volume, "{len} bytes lost, {warnings:?}");
            } else {
                // The bitmap is gone with it, and nothing says which clusters a chunk's bytes belong to. The chunks are.
                let page = image.page(0).unwrap();
                let good = page.iter().filter(|entry| {
                    let mut frame = Vec::new();
                    let read = image.read_frame(entry, &mut frame);
                    read.and_then(|()| lifeboat::image::unpack(entry, &frame, &mut Vec::new())).is_ok()
                });
                assert_eq!(good.count() as u64, image.chunks() - lost_chunks);
            }
        }
    }
}

#[test]
fn both_headers_gone_is_no_image_any_more_and_one_is_enough() {
    let stage = Stage::new(None);
    let bytes = std::fs::read(stage.path("x.lbi")).unwrap();
    let copy = anatomy(&bytes).into_iter().rfind(|(name, _)| name == "Header head").unwrap().1;
    // A copy that says something else, and says it with a right digest, is damage as well.
    let mut other = Image::open(&stage.path("x.lbi")).unwrap().header().clone();
    other.machine = other.machine.chars().map(|_| 'x').collect();
    let forged = record(RecordKind::Header, other.image_id, toml::to_string(&other).unwrap().as_bytes());
    let mut changed = bytes.clone();
    changed[copy.start..copy.start + forged.len()].copy_from_slice(&forged);
    assert_ne!(changed, bytes);
    let image = Image::from_device(Arc::new(MemoryDevice::new(changed)), 1).unwrap();
    assert!(image.damage().is_empty() && image.check_layout().unwrap_err().to_string().contains("once more"));
    stage.destroy(copy.clone(), || 0);
    let image = Image::open(&stage.path("x.lbi")).unwrap();
    assert!(image.damage().is_empty() && image.check_layout().is_err());
    assert_eq!(job::verify(&stage.path("x.lbi"), &Arc::default()).outcome, Outcome::Failed);
    stage.destroy(0..20, || 0);
    let said = Image::open(&stage.path("x.lbi")).unwrap_err().to_string();
    assert!(said.contains("header is damaged"), "{said}");
}

#[test]
fn an_image_from_before_the_copy_is_whole_without_it() {
    let stage = Stage::new(None);
    let bytes = std::fs::read(stage.path("x.lbi")).unwrap();
    let id = Image::open(&stage.path("x.lbi")).unwrap().header().image_id;
    let parts = anatomy(&bytes);
    let find = |wanted: &str| parts.iter().rfind(|(name, _)| name == wanted).unwrap().1.clone();
    let (copy, footer) = (find("Header head").start, find("Footer body"));
    // As the first writer made them: the footer where the copy is now, and one frame less in the seek table.
    let body = FooterBody::read_from_bytes(&bytes[footer.clone()]).unwrap();
    let body = FooterBody { offset: (copy as u64).into(), ..body };
    let seek = find("seek table entries");
    let frames = seek.len() / 8 - 1;
    let mut old = bytes[..copy].to_vec();
    old.extend(record(RecordKind::Footer, id, body.as_bytes()));
    old.extend(&bytes[footer.end..footer.end + 4]);
    old.extend((frames as u32 * 8 + 9).to_le_bytes());
    // The last entry is the footer's, the one before it the copy's.
    old.extend(&bytes[seek.start..seek.end - 16]);
    old.extend(&bytes[seek.end - 8..seek.end]);
    old.extend((frames as u32).to_le_bytes());
    old.extend(&bytes[seek.end + 4..]);
    assert_eq!(old.len() + HEAD + find("Header body").len() + 8, bytes.len());
    std::fs::write(stage.path("old.lbi"), &old).unwrap();
    let report = job::verify(&stage.path("old.lbi"), &Arc::default());
    assert_eq!(report.outcome, Outcome::Done, "{report:?}");
    old[5] ^= 1;
    assert!(Image::from_device(Arc::new(MemoryDevice::new(old)), 1).is_err(), "nothing else says what it is");
}
