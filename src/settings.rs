//! What a user sets once, in `lifeboat.toml`. No setting is needed, and no mistake in the file keeps the program from
//! starting: what cannot be understood is said, with file and line, and left out.
//!
//! | key | values | meaning |
//! |---|---|---|
//! | `theme` | `"colour"`, `"plain"` | colours, or none; without it `NO_COLOR` and the terminal decide |
//! | `ascii` | `true`, `false` | draw with ASCII alone |
//! | `mouse` | `true`, `false` | clicks and the wheel; `false` leaves selecting text to the terminal |
//! | `level` | 1 to 19 | how hard backups are compressed, unless it is said for the one |
//! | `target` | `"/a/folder"` | where the wizard looks for images, and offers to write them |
//!
//! The file is `$XDG_CONFIG_HOME/lifeboat/lifeboat.toml`, else `~/.config/lifeboat/lifeboat.toml`, and where there is none
//! `/etc/lifeboat.toml` for root; or the one that is named with `--config`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::{Spanned, Value};

use crate::error::{Error, Result};
use crate::plan::BackupRequest;

/// The file's name in a user's own folder, and in `/etc`.
const NAME: &str = "lifeboat.toml";

/// The levels that are accepted: zstd's, without those that need gigabytes of memory.
pub const LEVELS: std::ops::RangeInclusive<i32> = 1..=19;

/// The level of those who set none.
pub const LEVEL: i32 = BackupRequest::LEVEL;

/// A longer file (64 KiB) is none that a user has written.
const LONGEST: u64 = 64 << 10;

/// So many mistakes are listed; who has more sees them after these are gone.
const MOST_PROBLEMS: usize = 10;

/// What is set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Colours, or none; `None`: as the environment says.
    pub colour: Option<bool>,
    /// ASCII alone.
    pub ascii: bool,
    /// Clicks and the wheel.
    pub mouse: bool,
    /// How hard to compress.
    pub level: i32,
    /// The folder for images.
    pub target: Option<PathBuf>,
    /// What could not be understood, in sentences with file and line.
    pub problems: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { colour: None, ascii: false, mouse: true, level: LEVEL, target: None, problems: Vec::new() }
    }
}

impl Settings {
    /// Reads the named file, or else the user's own when there is one.
    ///
    /// # Errors
    /// When the named file cannot be read.
    pub fn load(named: Option<&Path>) -> Result<Self> {
        if let Some(path) = named {
            let text = read(path).map_err(|error| {
                Error::io(format!("reading the settings in {}", path.display()), error)
                    .advise("Name another file with --config, or leave it out")
            })?;
            return Ok(Self::parse(&text, path));
        }
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        for path in places(variable, rustix::process::geteuid().is_root()) {
            match read(&path) {
                Ok(text) => return Ok(Self::parse(&text, &path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let problem = format!("{}: the settings cannot be read: {error}", path.display());
                    return Ok(Self { problems: vec![problem], ..Self::default() });
                }
            }
        }
        Ok(Self::default())
    }

    /// The settings in a text; `path` is named where something is wrong.
    #[must_use]
    pub fn parse(text: &str, path: &Path) -> Self {
        let mut settings = Self::default();
        let at = |offset: usize| {
            let line = text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
            format!("{}, line {line}", path.display())
        };
        let table: BTreeMap<String, Spanned<Value>> = match toml::from_str(text) {
            Ok(table) => table,
            Err(error) => {
                let place = at(error.span().map_or(0, |span| span.start));
                settings.problems.push(format!("{place}: {}. None of the file's settings is used", error.message()));
                return settings;
            }
        };
        let mut entries: Vec<_> = table.into_iter().collect();
        entries.sort_by_key(|(_, value)| value.span().start);
        for (key, value) in entries {
            let place = at(value.span().start);
            if let Err(problem) = settings.set(&key, value.into_inner()) {
                settings.problems.push(format!("{place}: {problem}"));
            }
        }
        settings.problems.truncate(MOST_PROBLEMS);
        settings
    }

    fn set(&mut self, key: &str, value: Value) -> std::result::Result<(), String> {
        match (key, value) {
            ("theme", Value::String(theme)) if theme == "colour" => self.colour = Some(true),
            ("theme", Value::String(theme)) if theme == "plain" => self.colour = Some(false),
            ("theme", _) => return Err("theme is \"colour\" or \"plain\"".to_owned()),
            ("ascii", Value::Boolean(on)) => self.ascii = on,
            ("mouse", Value::Boolean(on)) => self.mouse = on,
            ("ascii" | "mouse", _) => return Err(format!("{key} is true or false")),
            ("level", Value::Integer(level)) if i32::try_from(level).is_ok_and(|level| LEVELS.contains(&level)) => {
                self.level = i32::try_from(level).unwrap_or(LEVEL);
            }
            ("level", _) => {
                return Err(format!("level is a number from {} to {}", LEVELS.start(), LEVELS.end()));
            }
            ("target", Value::String(folder)) if Path::new(&folder).is_absolute() => self.target = Some(folder.into()),
            ("target", _) => return Err("target is a folder's whole path, as \"/mnt/backup\"".to_owned()),
            (other, _) => {
                let known = "theme, ascii, mouse, level, target";
                return Err(format!("there is no setting {other:?}; there are {known}"));
            }
        }
        Ok(())
    }
}

/// Where a user's own file may be, the first that is there counts.
fn places(variable: impl Fn(&str) -> Option<PathBuf>, is_root: bool) -> Vec<PathBuf> {
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    let own = folder.map(|folder| folder.join("lifeboat").join(NAME));
    let shared = is_root.then(|| Path::new("/etc").join(NAME));
    own.into_iter().chain(shared).collect()
}

fn read(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no plain file"));
    }
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "this is too long to be a file of settings"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Settings {
        Settings::parse(text, Path::new("x.toml"))
    }

    #[test]
    fn all_that_can_be_set_is_set() {
        let text = "theme = \"plain\"\nascii = true\nmouse = false\nlevel = 9\ntarget = \"/mnt/backup\" # a disk\n";
        let wanted = Settings {
            colour: Some(false),
            ascii: true,
            mouse: false,
            level: 9,
            target: Some("/mnt/backup".into()),
            problems: Vec::new(),
        };
        assert_eq!(parse(text), wanted);
        assert_eq!(parse("theme = \"colour\"").colour, Some(true));
        assert_eq!(parse(""), Settings::default());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_the_rest_counts() {
        let settings =
            parse("\ntheme = \"pink\"\nlevel = 99\ncolor = true\nmouse = 1\nascii = true\ntarget = \"here\"\n");
        assert!(settings.ascii && settings.mouse && settings.level == LEVEL);
        let wanted = [
            "x.toml, line 2: theme is \"colour\" or \"plain\"",
            "x.toml, line 3: level is a number from 1 to 19",
            "x.toml, line 4: there is no setting \"color\"; there are theme, ascii, mouse, level, target",
            "x.toml, line 5: mouse is true or false",
            "x.toml, line 7: target is a folder's whole path, as \"/mnt/backup\"",
        ];
        assert_eq!(settings.problems, wanted);
    }

    #[test]
    fn a_file_that_is_no_toml_is_said_and_nothing_of_it_counts() {
        let settings = parse("ascii = true\nlevel = = 3\n");
        assert_eq!(settings.problems.len(), 1);
        assert!(settings.problems[0].starts_with("x.toml, line 2: "), "{:?}", settings.problems);
        assert!(!settings.ascii);
        assert_eq!(parse(&"x = [".repeat(9000)).problems.len(), 1);
        assert_eq!(parse(&(0..99).map(|n| format!("k{n} = 1\n")).collect::<String>()).problems.len(), MOST_PROBLEMS);
    }

    #[test]
    fn the_users_own_file_comes_before_the_machines() {
        let places = |pairs: &[(&str, &str)], root| {
            let found = places(|name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.into()), root);
            found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        let home = ("HOME", "/home/me");
        assert_eq!(places(&[home], false), ["/home/me/.config/lifeboat/lifeboat.toml"]);
        assert_eq!(
            places(&[home, ("XDG_CONFIG_HOME", "/c")], true),
            ["/c/lifeboat/lifeboat.toml", "/etc/lifeboat.toml"]
        );
        assert_eq!(places(&[("XDG_CONFIG_HOME", "relative")], false), [""; 0]);
    }

    #[test]
    fn a_named_file_must_be_there_and_be_one() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Settings::load(Some(&folder.path().join("none.toml"))).is_err());
        assert!(Settings::load(Some(folder.path())).is_err());
        let file = folder.path().join("a.toml");
        std::fs::write(&file, "level = 1").unwrap();
        assert_eq!(Settings::load(Some(&file)).unwrap().level, 1);
        std::fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(Settings::load(Some(&file)).is_err());
    }
}
