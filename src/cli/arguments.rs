//! The arguments, as clap reads them. The help texts are the reference a user has at hand.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

use super::{address, size};
use crate::image;
use crate::inventory::Address;

const EXIT_CODES: &str = "\
Addresses: PATH names a disk, a device or a file; PATH:N its partition N; PATH@BYTES a volume that no table names;
each with /NAME behind it names an image inside that volume (`lifeboat images` lists them).
Sizes: plain bytes, or 700K, 700M, 4G, 1T (also 4GiB), in steps of 1024.
Exit codes: 0 done, 1 failed, 2 usage, 3 refused and nothing written, 4 done with warnings, 130 cancelled.";

/// Images partitions and puts them back. Without a command: the full-screen wizard.
#[derive(Parser, Debug)]
#[command(name = "lifeboat", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    /// Look at this disk or file instead of the machine's disks (may be repeated)
    #[arg(long = "disk", value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(super) disks: Vec<PathBuf>,

    /// Draw the wizard with ASCII characters alone (the same as LIFEBOAT_ASCII=1); NO_COLOR=1 takes the colours away
    #[arg(long)]
    pub(super) ascii: bool,

    /// Write the log here (else lifeboat.log in the state directory)
    #[arg(long, value_name = "FILE", global = true, value_hint = ValueHint::FilePath)]
    pub(super) log: Option<PathBuf>,

    /// Read the settings here (else in lifeboat/lifeboat.toml of the user's configuration directory)
    #[arg(long, value_name = "FILE", global = true, value_hint = ValueHint::FilePath)]
    pub(super) config: Option<PathBuf>,

    /// Where images are looked for or named: use this recovery aid, made by `aid --to` (may be repeated)
    #[arg(long, value_name = "FILE", global = true, value_hint = ValueHint::FilePath)]
    pub(super) aid: Vec<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Show the disks, their partitions and what is on them
    Disks(Disks),
    /// Back up a volume, to an image file or into the volume itself
    Backup(Backup),
    /// Find the images inside volumes, however damaged those are
    Images(Images),
    /// Show what is in an image: header, volume, damage
    Info(Info),
    /// Read a whole image and check every digest
    Verify(Verify),
    /// Look whether a volume is sound; exit code 0: sound, 4: warnings only, 1: errors
    Check(Check),
    /// Write an image from inside a volume to a file, full and independent of others
    Export(Export),
    /// Put an image back, onto a partition, a device or a file
    Restore(Restore),
    /// Keep elsewhere what leads to the images inside: in a file, or in a small partition of its own
    Aid(Aid),
    /// Take an image out of the volume that it lies in
    Drop(Drop),
    /// Bring the images inside a volume to its end, in one piece
    Tidy(Tidy),
    /// Finish a change of a volume that was interrupted, or roll it back
    Resume(Resume),
    /// List a folder inside an image or a volume
    Ls(Ls),
    /// Copy files out of an image or a volume
    Extract(Extract),
    /// Make a practice disk, then open the wizard on it
    Demo(Demo),
    /// Print shell completions
    Completions(Completions),
    /// Print the manual page (roff)
    Man,
}

#[derive(Args, Debug, Default)]
pub(super) struct Disks {
    /// Look at this disk or file instead of the machine's disks (may be repeated)
    #[arg(long = "disk", value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(super) disks: Vec<PathBuf>,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Backup {
    /// The volume: PATH, PATH:N or PATH@BYTES
    #[arg(value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    pub(super) source: Address,

    /// The image file to write; - is standard output
    #[arg(long, value_name = "FILE|-", value_hint = ValueHint::FilePath, required_unless_present = "inside")]
    pub(super) to: Option<OsString>,

    /// Make the image inside the volume itself, at its end; it is then named PATH:N/NAME
    #[arg(long, conflicts_with = "to")]
    pub(super) inside: bool,

    /// With --inside: store all of a user image, not only what differs from the image before
    #[arg(long, requires = "inside")]
    pub(super) full: bool,

    /// With --inside: use free space in whatever pieces there are, and move nothing
    #[arg(long, requires = "inside")]
    pub(super) scattered: bool,

    /// With --inside: do not check the volume before and after
    #[arg(long, requires = "inside")]
    pub(super) no_check: bool,

    /// With --inside: take only these files and directories as they are today, and all else as it is in the image of
    /// --name (which is replaced), or else in the newest user image. Without paths: those that --remember has kept
    #[arg(long, requires = "inside", value_name = "PATH", num_args = 0..)]
    pub(super) only: Option<Vec<PathBuf>>,

    /// Keep the paths of --only as the list that it takes when none are named (/LIFEBOAT/lifeboat.toml)
    #[arg(long, requires = "only")]
    pub(super) remember: bool,

    /// The image's name (else the volume's label; inside: factory, user, user-2, ...)
    #[arg(long)]
    pub(super) name: Option<String>,

    /// What the image is for
    #[arg(long, default_value = "user", value_parser = parse_kind, value_name = "user|factory")]
    pub(super) kind: image::Kind,

    /// How hard to compress: 1 is fastest, 19 smallest [default: 3, or the settings' level]
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=19), value_name = "1..19")]
    pub(super) level: Option<i32>,

    /// Compressing threads (0: as many as there are processors)
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(super) threads: usize,

    /// Leave out files that match (may be repeated)
    #[arg(long, value_name = "GLOB")]
    pub(super) exclude: Vec<String>,

    /// Keep pagefile.sys, hiberfil.sys and swapfile.sys, which are left out otherwise
    #[arg(long)]
    pub(super) no_default_excludes: bool,

    /// Back up although the volume is dirty, hibernated or has a journal to replay; the image records it
    #[arg(long)]
    pub(super) even_if_dirty: bool,

    /// Take all sectors, even of a file system that Lifeboat can read: for one too damaged to be read
    #[arg(long)]
    pub(super) raw: bool,

    /// Write the image in parts of this size: x.lbi, x.001, ...
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(super) split: Option<u64>,

    /// Do not read the image back
    #[arg(long)]
    pub(super) no_verify: bool,

    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Aid {
    /// The disk with all its volumes that hold images, or one volume: PATH, PATH:N or PATH@BYTES
    #[arg(value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    pub(super) source: Address,

    /// The file to be made, on other media
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "to_partition")]
    pub(super) to: Option<PathBuf>,

    /// The partition to be overwritten: it becomes the recovery partition, or is renewed. It asks before it writes
    #[arg(long, value_name = "PATH:N", value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    #[arg(conflicts_with = "to")]
    pub(super) to_partition: Option<Address>,

    /// With --to-partition: do not ask; without a terminal nothing is written unless this is given
    #[arg(long, requires = "to_partition")]
    pub(super) yes: bool,

    /// With --to-partition: show what would be done, and do nothing
    #[arg(long, requires = "to_partition")]
    pub(super) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Drop {
    /// The image: PATH:N/NAME
    #[arg(value_name = "PATH:N/NAME", value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    pub(super) image: Address,

    /// Do not ask; without a terminal nothing is written unless this is given
    #[arg(long)]
    pub(super) yes: bool,

    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Tidy {
    /// The volume: PATH, PATH:N or PATH@BYTES
    #[arg(value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    pub(super) source: Address,

    /// Do not ask; without a terminal nothing is written unless this is given
    #[arg(long)]
    pub(super) yes: bool,

    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Images {
    /// Disks, devices, files; or PATH:N, PATH@BYTES
    #[arg(required = true, value_name = "SOURCE", value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    pub(super) sources: Vec<Address>,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Info {
    /// The image: a file, or PATH:N/NAME for one inside a volume
    #[arg(value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    pub(super) image: Address,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Check {
    /// The volume: PATH, PATH:N or PATH@BYTES; or an image (also PATH:N/NAME), for the volume in it
    #[arg(value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    pub(super) source: Address,

    /// Read every image inside the volume against its digests, too
    #[arg(long)]
    pub(super) deep: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Export {
    /// The image: PATH:N/NAME for one inside a volume, or a file
    #[arg(value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    pub(super) image: Address,

    /// The image file to write
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) to: PathBuf,

    /// Write the image in parts of this size: x.lbi, x.001, ...
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(super) split: Option<u64>,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Verify {
    /// The image: a file, or PATH:N/NAME for one inside a volume
    #[arg(value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    pub(super) image: Address,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Restore {
    /// The image: a file, PATH:N/NAME for one inside a volume, or - for standard input
    #[arg(value_name = "IMAGE|-", value_hint = ValueHint::FilePath)]
    pub(super) image: OsString,

    /// Where it goes: PATH, PATH:N or PATH@BYTES (else, of an image inside a volume, to where it came from)
    #[arg(long, value_name = "TARGET", value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    pub(super) to: Option<Address>,

    /// Images that the target holds stay, and are moved when they are in the way (the default)
    #[arg(long, conflicts_with = "drop_images")]
    pub(super) keep_images: bool,

    /// Images that the target holds are lost, the one that is restored as well
    #[arg(long)]
    pub(super) drop_images: bool,

    /// In place: write all used clusters, without looking which of them differ
    #[arg(long)]
    pub(super) no_compare: bool,

    /// In place: do not look whether the restored volume is sound
    #[arg(long)]
    pub(super) no_check: bool,

    /// Do not ask; without a terminal nothing is restored unless this is given
    #[arg(long)]
    pub(super) yes: bool,

    /// Do not verify the image before the target is touched
    #[arg(long)]
    pub(super) trust: bool,

    /// Restore what is whole of a damaged image, and list what is not
    #[arg(long)]
    pub(super) keep_going: bool,

    /// Do not read the target back
    #[arg(long)]
    pub(super) no_verify: bool,

    /// Write zeros to the target's unused clusters
    #[arg(long, conflicts_with = "discard")]
    pub(super) zero_free: bool,

    /// Discard (TRIM) the target's unused clusters
    #[arg(long)]
    pub(super) discard: bool,

    /// Decompressing threads (0: as many as there are processors)
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(super) threads: usize,

    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Resume {
    /// The volume: PATH, PATH:N or PATH@BYTES
    #[arg(value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    pub(super) source: Address,

    /// The job's journal, when it is a file; else it is looked for on the volume
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) journal: Option<PathBuf>,

    /// Take back what was done, instead of finishing it
    #[arg(long)]
    pub(super) roll_back: bool,

    /// Do not ask; without a terminal nothing is written unless this is given
    #[arg(long)]
    pub(super) yes: bool,

    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Ls {
    /// An image (a file, or PATH:N/NAME), or a volume: PATH, PATH:N or PATH@BYTES
    #[arg(value_name = "IMAGE|SOURCE", value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    pub(super) subject: Address,

    /// The folder or file in it
    #[arg(default_value = "/")]
    pub(super) path: PathBuf,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Extract {
    /// An image (a file, or PATH:N/NAME), or a volume: PATH, PATH:N or PATH@BYTES
    #[arg(value_name = "IMAGE|SOURCE", value_parser = address::parser(), value_hint = ValueHint::FilePath)]
    pub(super) subject: Address,

    /// Files and folders in it; folders with all that is in them
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,

    /// The folder to put them in; it is made when it is not there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) to: PathBuf,

    /// Replace files that are there
    #[arg(long)]
    pub(super) overwrite: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Demo {
    /// Where the practice disk is made (else a fresh folder under the system's folder for temporary files)
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) dir: Option<PathBuf>,

    /// Do the main job without the wizard: find the images, restore, compare
    #[arg(long)]
    pub(super) no_wizard: bool,

    /// Leave the practice disk whole and without images: for trying a first backup
    #[arg(long)]
    pub(super) whole: bool,
}

#[derive(Args, Debug)]
pub(super) struct Completions {
    /// For which shell
    pub(super) shell: clap_complete::Shell,
}

fn parse_kind(text: &str) -> Result<image::Kind, String> {
    match text {
        "user" => Ok(image::Kind::User),
        "factory" => Ok(image::Kind::Factory),
        _ => Err("user or factory".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
