//! A volume in which some clusters have the bytes of files of another volume.

use std::io::Read;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use super::collect::reading;
use crate::device::{ReadDevice, SharedDevice, check_range};
use crate::error::{Error, Result};
use crate::fs::FileSystem;
use crate::unit::{ByteLen, ByteOffset};

/// Files that stay open.
const MAX_OPEN: usize = 8;

/// Clusters that have a file's bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// Where they begin in the volume.
    pub(super) start: u64,
    /// How long they are.
    pub(super) len: u64,
    /// Which file.
    pub(super) file: usize,
    /// Where in the file they begin; what is behind its end is zeros.
    pub(super) at: u64,
}

/// The volume.
pub(super) struct Spliced {
    volume: SharedDevice,
    /// By their places.
    pieces: Vec<Piece>,
    files: Files,
}

impl Spliced {
    /// Puts `files` of another volume into these pieces of `volume`. A piece names a file by its place in the list.
    pub(super) fn new(
        volume: SharedDevice,
        mut pieces: Vec<Piece>,
        system: Box<dyn FileSystem>,
        files: Vec<(PathBuf, u64)>,
    ) -> Result<Self> {
        pieces.sort_unstable_by_key(|piece| piece.start);
        if pieces.windows(2).any(|pair| pair[0].start + pair[0].len > pair[1].start) {
            return Err(Error::damaged("two files were given the same clusters"));
        }
        Ok(Self { volume, pieces, files: Files::open(system, files)? })
    }
}

impl ReadDevice for Spliced {
    fn len(&self) -> ByteLen {
        self.volume.len()
    }

    fn sector_bytes(&self) -> u32 {
        self.volume.sector_bytes()
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.len())?;
        let (mut at, end) = (offset.0, offset.0 + buf.len() as u64);
        let mut next = self.pieces.partition_point(|piece| piece.start + piece.len <= at);
        while at < end {
            let piece = self.pieces.get(next).filter(|piece| piece.start < end);
            let until = piece.map_or(end, |piece| if at < piece.start { piece.start } else { piece.start + piece.len });
            let until = until.min(end);
            let part = &mut buf[(at - offset.0) as usize..(until - offset.0) as usize];
            match piece {
                Some(piece) if at >= piece.start => {
                    self.files.read(piece.file, piece.at + (at - piece.start), part)?;
                    next += 1;
                }
                _ => self.volume.read_at(ByteOffset(at), part)?,
            }
            at = until;
        }
        Ok(())
    }
}

/// Bytes of a file that are wanted.
struct Request {
    file: usize,
    at: u64,
    len: usize,
}

type Answers = (Sender<Request>, Receiver<Result<Vec<u8>>>);

/// Files of a volume, read by a thread that has the volume: a file that is open borrows from it, and the last
/// [`MAX_OPEN`] stay open. So whoever reads a file from its beginning to its end reads it once, however it is stored
/// and whatever lies between its pieces.
struct Files {
    lens: Vec<u64>,
    answers: Mutex<Answers>,
}

impl Files {
    fn open(system: Box<dyn FileSystem>, files: Vec<(PathBuf, u64)>) -> Result<Self> {
        let (ask, asked) = channel::<Request>();
        let (answer, answers) = channel();
        let lens = files.iter().map(|(_, len)| *len).collect();
        let serve = move || {
            let mut open = Vec::new();
            // Ends when nobody can ask any more.
            while let Ok(request) = asked.recv() {
                let read = serve(&*system, &files, &mut open, &request);
                if answer.send(read).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name("files".into()).spawn(serve);
        thread.map_err(|error| Error::io("starting a thread that reads files", error))?;
        Ok(Self { lens, answers: Mutex::new((ask, answers)) })
    }

    /// Fills `buf` from the file's byte `at` on, with zeros behind its end.
    fn read(&self, file: usize, at: u64, buf: &mut [u8]) -> Result<()> {
        let len = self.lens.get(file).map_or(0, |len| len.saturating_sub(at)).min(buf.len() as u64) as usize;
        let (content, rest) = buf.split_at_mut(len);
        rest.fill(0);
        if len == 0 {
            return Ok(());
        }
        let stopped = || Error::damaged("reading a file failed inside Lifeboat: this is a bug");
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.0.send(Request { file, at, len }).map_err(|_| stopped())?;
        let bytes = answers.1.recv().map_err(|_| stopped())??;
        content.copy_from_slice(bytes.get(..len).ok_or_else(stopped)?);
        Ok(())
    }
}

/// A file that is open.
struct Open<'a> {
    file: usize,
    /// How far it is read.
    at: u64,
    reader: Box<dyn Read + Send + 'a>,
}

fn serve<'a>(
    system: &'a dyn FileSystem,
    files: &[(PathBuf, u64)],
    open: &mut Vec<Open<'a>>,
    request: &Request,
) -> Result<Vec<u8>> {
    let Some((path, _)) = files.get(request.file) else { return Err(Error::damaged("a file that nobody has named")) };
    // One that fails, or that is past what is wanted, is not put back.
    let mut now = match open.iter().position(|open| open.file == request.file).map(|at| open.remove(at)) {
        Some(open) if open.at <= request.at => open,
        _ => Open { file: request.file, at: 0, reader: system.tree().open(path)? },
    };
    let ends = || {
        Error::damaged(format!("{} ends before the byte {} that it should have", path.display(), request.at))
            .advise("See that nothing else uses the volume, and plan anew")
    };
    let skip = request.at - now.at;
    let skipped = std::io::copy(&mut now.reader.by_ref().take(skip), &mut std::io::sink());
    if skipped.map_err(|error| reading(path, error))? != skip {
        return Err(ends());
    }
    let mut bytes = vec![0; request.len];
    now.reader.read_exact(&mut bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => ends(),
        _ => reading(path, error),
    })?;
    now.at = request.at + request.len as u64;
    if open.len() >= MAX_OPEN {
        open.remove(0);
    }
    open.push(now);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::device::{FileDevice, MemoryDevice, read_vec};
    use crate::fs::{self, Kind};

    /// Two files in pieces between each other, read in pieces that begin and end anywhere, forward and backward.
    #[test]
    fn pieces_have_the_files_bytes_and_all_else_the_volumes() {
        let dir = tempfile::tempdir().unwrap();
        let script = "truncate -s 2M v; mkfs.fat v >/dev/null; seq 300 > a; seq 9000 > b; mcopy -i v a b ::/";
        let made = std::process::Command::new("bash").args(["-ec", script]).current_dir(dir.path()).status().unwrap();
        assert!(made.success());
        let bytes = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
        let (a, b) = (bytes("a"), bytes("b"));
        let today = fs::open(Arc::new(FileDevice::open(&dir.path().join("v")).unwrap()), Kind::Fat12).unwrap();
        let below: Vec<u8> = (0..65536u32).map(|at| (at % 251) as u8).collect();
        let piece = |start, len, file, at| Piece { start, len, file, at };
        let pieces = vec![
            piece(4096, 512, 1, 0),
            piece(1024, 1536, 0, 0),
            piece(2560, 1024, 1, 1000),
            piece(8192, 50000, 1, 512),
        ];
        let mut expected = below.clone();
        for piece in &pieces {
            let file = if piece.file == 0 { &a } else { &b };
            for within in 0..piece.len {
                expected[(piece.start + within) as usize] =
                    file.get((piece.at + within) as usize).copied().unwrap_or(0);
            }
        }
        let files = vec![(Path::new("/a").into(), a.len() as u64), (Path::new("/b").into(), b.len() as u64)];
        let volume = Spliced::new(Arc::new(MemoryDevice::new(below)), pieces, today, files).unwrap();
        let mut seed = 7u64;
        for round in 0..600 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = if round < 2 { 0 } else { (seed >> 33) as usize % 65536 };
            let len = if round < 2 { 65536 } else { (seed >> 20) as usize % 9000 }.min(65536 - at);
            assert_eq!(read_vec(&volume, ByteOffset(at as u64), len).unwrap(), expected[at..at + len], "{at} {len}");
        }
    }

    #[test]
    fn two_files_in_one_cluster_are_refused() {
        let system = || {
            let dir = tempfile::tempdir().unwrap();
            let script = "truncate -s 2M v; mkfs.fat v >/dev/null";
            std::process::Command::new("bash").args(["-ec", script]).current_dir(dir.path()).status().unwrap();
            fs::open(Arc::new(FileDevice::open(&dir.path().join("v")).unwrap()), Kind::Fat12).unwrap()
        };
        let piece = |start, file| Piece { start, len: 1024, file, at: 0 };
        let below = Arc::new(MemoryDevice::new(vec![0; 4096]));
        assert!(Spliced::new(below.clone(), vec![piece(512, 0), piece(0, 1)], system(), Vec::new()).is_err());
        let volume = Spliced::new(below, vec![piece(512, 0)], system(), vec![("/none".into(), 900)]).unwrap();
        assert!(read_vec(&volume, ByteOffset(0), 600).is_err(), "a file that is not there");
    }
}
