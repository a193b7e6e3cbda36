//! The first and only program of the guest that `scripts/guest` boots: it loads the modules of `/modules`, mounts each
//! volume of each disk read-only with the kernel's own driver, reads every file, and says what it saw through a
//! port that the script listens at. `scripts/guest --help` says what a line is.

mod kernel;
mod sha256;
mod walk;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Devices come up on their own time; emulated and on a busy machine, that can be long.
const DEVICE_WAIT: Duration = Duration::from_secs(30);
/// `O_NONBLOCK`: the end of the kernel's log is an error, not a wait for its next line.
const NONBLOCKING: i32 = 0o4000;
/// The least serious level of the kernel's messages that counts as a complaint: `KERN_NOTICE`. What a sound volume
/// gives rise to is of level 6 ("mounted filesystem").
const NOTICE: u32 = 5;
/// From this level on a message counts whoever it is from: `KERN_ERR`.
const ERROR: u32 = 3;
/// Who a message of lesser weight must be from.
const SPEAKERS: [&str; 6] = ["FAT-fs", "EXT4-fs", "JBD2", "ntfs3", "I/O error", "attempt to access beyond end"];
/// No complaint, for it is the guest that makes the disk read-only: of every volume that has an orphan file the kernel says
/// this, also of a fresh one. Whether orphans wait is what e2fsck tells.
const READ_ONLY_DISK: &str = "write access unavailable, skipping orphan cleanup";
const MOUNT_POINT: &str = "/volume";

fn main() {
    if let Err(error) = run() {
        // To the console, which is a file of the script's.
        println!("lifeboat guest: {error}");
    }
    let _ = io::stdout().flush();
    kernel::restart();
}

fn run() -> Result<()> {
    for (kind, target) in [("devtmpfs", "/dev"), ("sysfs", "/sys")] {
        kernel::mount_kernel(kind, Path::new(target))?;
    }
    let mut modules: Vec<PathBuf> = fs::read_dir("/modules")?.flatten().map(|entry| entry.path()).collect();
    modules.sort();
    for module in &modules {
        kernel::load_module(module)
            .map_err(|error| Error::other(format!("{} is not taken: {error}", module.display())))?;
    }
    let disks: usize = std::env::var("DISKS").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut out = BufWriter::with_capacity(1 << 16, wait_for(port)?);
    for disk in 0..disks {
        for (partition, device) in volumes(disk)? {
            volume(&mut out, disk, partition, &device)?;
            out.flush()?;
        }
    }
    writeln!(out, "done")?;
    out.flush()
}

/// The way out: the only port there is.
fn port() -> Result<File> {
    let entry = fs::read_dir("/sys/class/virtio-ports")?.next().unwrap_or_else(|| Err(ErrorKind::NotFound.into()))?;
    OpenOptions::new().write(true).open(Path::new("/dev").join(entry.file_name()))
}

/// Tries until what is asked for is there.
fn wait_for<T>(mut what: impl FnMut() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    loop {
        match what() {
            Err(error) if error.kind() == ErrorKind::NotFound && began.elapsed() < DEVICE_WAIT => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

/// The volumes of a disk with the numbers of their partitions; 0 is the whole disk, where that is a volume or has no partition.
fn volumes(disk: usize) -> Result<Vec<(u32, PathBuf)>> {
    let block = PathBuf::from(format!("/sys/class/scsi_device/0:0:{disk}:0/device/block"));
    let found = || fs::read_dir(&block)?.next().unwrap_or_else(|| Err(ErrorKind::NotFound.into()));
    let name = wait_for(found)?.file_name();
    let whole = Path::new("/dev").join(&name);
    wait_for(|| File::open(&whole))?;
    let mut volumes = Vec::new();
    if driver(&whole)?.is_none() {
        for entry in fs::read_dir(block.join(&name))?.flatten() {
            let number = fs::read_to_string(entry.path().join("partition"));
            let sectors = fs::read_to_string(entry.path().join("size"));
            if let (Ok(number), Ok(sectors)) = (number, sectors) {
                // The kernel shows an extended partition, which holds only others, as one of two sectors.
                if sectors.trim().parse().is_ok_and(|sectors: u64| sectors > 2) {
                    volumes.push((number.trim().parse().unwrap_or(0), Path::new("/dev").join(entry.file_name())));
                }
            }
        }
        volumes.sort();
    }
    if volumes.is_empty() {
        volumes.push((0, whole));
    }
    Ok(volumes)
}

/// The driver for what the volume says it is, and its options: names in UTF-8, FAT's local times taken as UTC.
fn driver(device: &Path) -> Result<Option<(&'static str, &'static str)>> {
    let mut head = Vec::new();
    File::open(device)?.take(2048).read_to_end(&mut head)?;
    head.resize(2048, 0);
    if head[3..11] == *b"NTFS    " {
        return Ok(Some(("ntfs3", "iocharset=utf8")));
    }
    if head[1080..1082] == [0x53, 0xef] {
        return Ok(Some(("ext4", "")));
    }
    let sector = u16::from_le_bytes([head[11], head[12]]);
    let jumps = matches!(head[0], 0xeb | 0xe9);
    if jumps && matches!(sector, 512 | 1024 | 2048 | 4096) && head[13].is_power_of_two() && matches!(head[16], 1 | 2) {
        return Ok(Some(("vfat", "utf8=1,tz=UTC,umask=022")));
    }
    Ok(None)
}

fn volume(out: &mut impl Write, disk: usize, partition: u32, device: &Path) -> Result<()> {
    let target = Path::new(MOUNT_POINT);
    let mut log = OpenOptions::new().read(true).custom_flags(NONBLOCKING).open("/dev/kmsg")?;
    log.seek(SeekFrom::End(0))?;
    let known = driver(device)?;
    writeln!(out, "volume\t{disk}\t{partition}\t{}", known.map_or("unknown", |(kind, _)| kind))?;
    let errors = match known {
        None => {
            writeln!(out, "error\tno file system is known by the first bytes\t/")?;
            1
        }
        Some((kind, options)) => match kernel::mount_read_only(device, target, kind, options) {
            Err(error) => {
                writeln!(out, "error\tnot mounted: {error}\t/")?;
                1
            }
            Ok(()) => {
                let errors = walk::walk(out, target, kind)?;
                kernel::unmount(target)?;
                errors
            }
        },
    };
    complaints(out, &mut log)?;
    writeln!(out, "end\t{errors}")
}

/// What the kernel has said since: records of `level,number,time,flags;text`.
fn complaints(out: &mut impl Write, log: &mut File) -> Result<()> {
    let mut record = vec![0_u8; 8192];
    loop {
        let len = match log.read(&mut record) {
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            // EPIPE: the oldest records were overwritten before they were read.
            Err(error) if error.raw_os_error() == Some(32) => {
                writeln!(out, "kernel\tmessages were lost")?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(&record[..len]);
        let Some((head, message)) = text.split_once(';') else { continue };
        let level = head.split(',').next().and_then(|number| number.parse::<u32>().ok()).unwrap_or(0) & 7;
        let message = message.lines().next().unwrap_or_default();
        if message.contains(READ_ONLY_DISK) {
            continue;
        }
        if level <= ERROR || (level <= NOTICE && SPEAKERS.iter().any(|speaker| message.contains(speaker))) {
            writeln!(out, "kernel\t{message}")?;
        }
    }
}
