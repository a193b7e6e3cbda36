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

/// Files of a volume, read by a thread that has the volume: a file that is open belongs to it, and stays open until
/// another is wanted. So whoever reads a file from its beginning to its end reads it once, however it is stored.
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
            let mut open: Option<(usize, u64, Box<dyn Read + Send + '_>)> = None;
            // Ends when nobody can ask any more.
            while let Ok(request) = asked.recv() {
                let read = serve(&*system, &files, &mut open, &request);
                if read.is_err() {
                    open = None;
                }
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

/// The file that is open: which, how far it is read, and how it goes on.
type Open<'a> = Option<(usize, u64, Box<dyn Read + Send + 'a>)>;

fn serve<'a>(
    system: &'a dyn FileSystem,
    files: &[(PathBuf, u64)],
    open: &mut Open<'a>,
    request: &Request,
) -> Result<Vec<u8>> {
    let Some((path, _)) = files.get(request.file) else { return Err(Error::damaged("a file that nobody has named")) };
    if !open.as_ref().is_some_and(|(file, at, _)| *file == request.file && *at <= request.at) {
        *open = Some((request.file, 0, system.tree().open(path)?));
    }
    let Some((_, at, reader)) = open else { return Ok(Vec::new()) };
    let ends = || {
        Error::damaged(format!("{} ends before the byte {} that it should have", path.display(), request.at))
            .advise("See that nothing else uses the volume, and plan anew")
    };
    let skip = request.at - *at;
    let skipped = std::io::copy(&mut reader.by_ref().take(skip), &mut std::io::sink());
    if skipped.map_err(|error| reading(path, error))? != skip {
        return Err(ends());
    }
    let mut bytes = vec![0; request.len];
    reader.read_exact(&mut bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => ends(),
        _ => reading(path, error),
    })?;
    *at = request.at + request.len as u64;
    Ok(bytes)
}
