//! The house rules, as a test: which floor may import which, how long a file or a function may be, how much of the
//! format code is explained, and that documents name only what is there. A rule is a function from text to
//! findings; each is shown to find something before it is trusted to find nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors, from the ground up. What stands behind another may import it; what shares a floor may not.
/// `unit` lies under the rest of the ground, since every error and every extent has a unit.
const FLOORS: [&[&str]; 13] = [
    &["unit", "words"],
    &["error", "extent", "bytes", "checksum"],
    &["volume"],
    &["device"],
    &["table", "fs", "image", "hive"],
    &["inventory"],
    &["state"],
    &["plan"],
    &["job"],
    &["settings"],
    &["ui", "cli"],
    &["main"],
    &["lib"],
];

/// Edges that break the rule, with the reason. None may be added without one, and one that is gone must go here.
const EXCEPTIONS: [(&str, &str, &str); 0] = [];

const MAX_FILE_LINES: usize = 800;
const MAX_FUNCTION_LINES: usize = 70;
/// Ratchets over `src`: lower them when the house has grown tidier, never raise them without a reason.
const MEDIAN_FILE_LINES: usize = 200;
const P90_FILE_LINES: usize = 450;

/// Percent of the lines of the format code that are documentation.
const DOC_PERCENT: usize = 12;
const EXPLAINED: [&str; 3] = ["fs", "table", "image"];

/// All that may stand at the top, and what tools leave there.
const TOP: [&str; 16] = [
    ".ci",
    ".git",
    ".gitignore",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "assets",
    "clippy.toml",
    "fuzz",
    "rustfmt.toml",
    "scripts",
    "src",
    "target",
    "tests",
];

pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Source {
    /// The parts of its path below the tree's root, without `.rs`: `["fs", "fat", "names"]`.
    fn module(&self) -> Vec<String> {
        let path = self.path.with_extension("");
        path.iter().skip(1).map(|part| part.to_string_lossy().into_owned()).filter(|part| part != "mod").collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn sources(tree: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(tree)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push(Source { path: path.strip_prefix(root()).unwrap().to_owned(), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty());
    found
}

pub(super) fn none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// The text without its unit tests, which may reach for anything.
pub(super) fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod ").map_or(text, |at| &text[..at])
}

/// The text with comments, strings and characters blanked: same lines, only code. Positions are kept.
fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = skip(bytes, at);
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// Where the comment, string or character that begins at `at` ends; `at` itself when none begins there.
pub(super) fn skip(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let inside_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    let find = |needle: &[u8], from: usize| {
        rest[from..].windows(needle.len()).position(|window| window == needle).map_or(bytes.len(), |p| at + from + p)
    };
    if rest.starts_with(b"//") {
        return find(b"\n", 0);
    }
    if rest.starts_with(b"/*") {
        return (find(b"*/", 2) + 2).min(bytes.len());
    }
    if !inside_word && rest[0] == b'r' {
        let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
        if rest.get(1 + hashes) == Some(&b'"') {
            let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            return (find(&close, 2 + hashes) + close.len()).min(bytes.len());
        }
    }
    if rest[0] == b'"' {
        let mut end = 1;
        while end < rest.len() && rest[end] != b'"' {
            end += if rest[end] == b'\\' { 2 } else { 1 };
        }
        return (at + end + 1).min(bytes.len());
    }
    if rest[0] == b'\'' {
        // A lifetime has no closing quote behind its first character.
        if rest.get(1) == Some(&b'\\') {
            return (find(b"'", 3) + 1).min(bytes.len());
        }
        let length = std::str::from_utf8(&rest[1..rest.len().min(5)])
            .map_or_else(|error| error.valid_up_to(), str::len)
            .min(rest.len() - 1);
        let first = String::from_utf8_lossy(&rest[1..=length]).chars().next().map_or(1, char::len_utf8);
        if rest.get(1 + first) == Some(&b'\'') {
            return at + first + 2;
        }
    }
    at
}

/// The modules at the crate's root that a source names.
fn imports(source: &Source) -> BTreeSet<String> {
    let module = source.module();
    let text = code(without_tests(&source.text));
    let mut found = BTreeSet::new();
    let mut add = |tree: &str| found.extend(roots(tree));
    for start in ["crate::", "lifeboat::"] {
        for (at, _) in text.match_indices(start) {
            add(&text[at + start.len()..]);
        }
    }
    // `super::super::x` from `a/b.rs` names the crate's root as well.
    let climb = "super::".repeat(module.len());
    for (at, _) in text.match_indices(&climb) {
        if !climb.is_empty() && !text[at + climb.len()..].starts_with("super::") {
            add(&text[at + climb.len()..]);
        }
    }
    found
}

/// The first names of a use tree: `fs::{A, b::C}` gives `fs`; `{a, b::C}` gives `a` and `b`.
fn roots(tree: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let branches = if tree.starts_with('{') { group(tree) } else { vec![tree.to_owned()] };
    branches.iter().map(|branch| word(branch)).filter(|name| !name.is_empty()).collect()
}

/// The parts of `{a, b::{c, d}}` between the outer commas.
fn group(text: &str) -> Vec<String> {
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in text.chars() {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        match c {
            _ if depth == 0 => break,
            '{' if depth == 1 => {}
            ',' if depth == 1 => parts.push(String::new()),
            _ => parts.last_mut().unwrap().push(c),
        }
    }
    parts
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn floor_findings(sources: &[Source], exceptions: &[(&str, &str, &str)]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut used = Vec::new();
    for source in sources {
        let Some(own) = source.module().first().cloned() else { continue };
        if own == "lib" {
            continue;
        }
        let Some(own_floor) = floor(&own) else {
            findings.push(format!("{}: no floor is named for it", source.path.display()));
            continue;
        };
        for other in imports(source) {
            // What is no module at the root is an item of lib.rs or a macro: harmless.
            let Some(other_floor) = floor(&other).filter(|_| other != own) else { continue };
            if other_floor < own_floor {
                continue;
            }
            if exceptions.iter().any(|(from, to, _)| *from == own && *to == other) {
                used.push((own.clone(), other.clone()));
                continue;
            }
            findings.push(format!("{}: `{own}` must not import `{other}`", source.path.display()));
        }
    }
    for (from, to, _) in exceptions {
        if !used.iter().any(|(own, other)| own == from && other == to) {
            findings.push(format!("`{from}` no longer imports `{to}`: take the exception out"));
        }
    }
    findings
}

#[test]
fn no_floor_imports_one_above_it_or_beside_it() {
    none(&floor_findings(&sources("src"), &EXCEPTIONS));
}

#[test]
fn the_floor_rule_sees_every_way_to_import() {
    let bad = [
        ("src/device/x.rs", "use crate::job::run;"),
        ("src/fs/x.rs", "use crate::table;"),
        ("src/fs/x.rs", "use crate::{error::Result, image::{self, Header}};"),
        ("src/cli/x.rs", "fn f() { crate::ui::run(); }"),
        ("src/ui/screen/x.rs", "use super::super::super::cli::Next;"),
        ("src/cloud.rs", "fn f() {}"),
    ];
    for (path, text) in bad {
        let source = Source { path: path.into(), text: text.into() };
        assert_eq!(floor_findings(&[source], &[]).len(), 1, "{path}: {text}");
    }
    let good = [
        ("src/device/x.rs", "// use crate::job;\nconst A: &str = \"crate::job\";\nuse crate::unit::Lba;"),
        ("src/job/x.rs", "use crate::{plan::{self, Plan}, error::Result};\nuse super::super::inventory;"),
        ("src/fs/x.rs", "use super::Kind;\n#[cfg(test)]\nmod tests { use crate::job; }"),
    ];
    for (path, text) in good {
        let source = Source { path: path.into(), text: text.into() };
        assert_eq!(floor_findings(&[source], &[]), Vec::<String>::new(), "{path}: {text}");
    }
    let excepted = [("image", "fs", "plain data")];
    let driver = Source { path: "src/image/x.rs".into(), text: "use crate::fs::Summary;".into() };
    assert_eq!(floor_findings(&[driver], &excepted), Vec::<String>::new());
    assert_eq!(floor_findings(&[], &excepted).len(), 1, "an exception that nothing needs is found");
}

fn size_findings(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        let lines = source.text.lines().count();
        if lines > MAX_FILE_LINES {
            findings.push(format!("{}: {lines} lines, {MAX_FILE_LINES} at most", source.path.display()));
        }
        for (line, lines) in functions(&source.text).into_iter().filter(|(_, lines)| *lines > MAX_FUNCTION_LINES) {
            let path = source.path.display();
            findings.push(format!("{path}:{line}: a function of {lines} lines, {MAX_FUNCTION_LINES} at most"));
        }
    }
    findings
}

/// The functions of a source: first line (from 1) and how many lines, signature and braces included.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let code = code(text);
    let bytes = code.as_bytes();
    let line_of = |at: usize| bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let inside_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        if !inside_word && let Some(end) = body_end(bytes, at) {
            found.push((line_of(at), line_of(end) - line_of(at) + 1));
        }
    }
    found
}

/// Where the body of the function at `at` ends; `None` for one without a body.
fn body_end(bytes: &[u8], at: usize) -> Option<usize> {
    let (mut round, mut curly) = (0i32, 0i32);
    for (index, byte) in bytes.iter().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => round += 1,
            b')' | b']' => round -= 1,
            b'{' => curly += 1,
            b'}' => {
                curly -= 1;
                if curly <= 0 {
                    return (curly == 0).then_some(index);
                }
            }
            b';' if round == 0 && curly == 0 => return None,
            _ => {}
        }
        if round < 0 {
            // A function's type, such as `fn (u8)`, inside something else's brackets.
            return None;
        }
    }
    None
}

#[test]
fn no_file_and_no_function_is_too_long() {
    let (mut all, tests) = (sources("src"), sources("tests"));
    let mut lengths: Vec<usize> = all.iter().map(|source| source.text.lines().count()).collect();
    lengths.sort_unstable();
    let (median, p90) = (lengths[lengths.len() / 2], lengths[lengths.len() * 9 / 10]);
    all.extend(tests);
    let mut findings = size_findings(&all);
    if median > MEDIAN_FILE_LINES {
        findings.push(format!("the median file has {median} lines, {MEDIAN_FILE_LINES} at most"));
    }
    if p90 > P90_FILE_LINES {
        findings.push(format!("nine of ten files have up to {p90} lines, {P90_FILE_LINES} at most"));
    }
    none(&findings);
}

#[test]
fn the_size_rule_measures_files_and_functions() {
    let long = format!("fn f(a: [u8; 2]) -> char {{\n{}    '}}'\n}}\n", "    // {\n".repeat(MAX_FUNCTION_LINES - 2));
    let source = |text: String| [Source { path: "src/x.rs".into(), text }];
    assert_eq!(functions(&long), [(1, MAX_FUNCTION_LINES + 1)]);
    assert_eq!(size_findings(&source(long)).len(), 1);
    assert_eq!(size_findings(&source("\n".repeat(MAX_FILE_LINES + 1))).len(), 1);
    assert_eq!(size_findings(&source("\n".repeat(MAX_FILE_LINES))).len(), 0);
    let short =
        "trait T {\n    fn a();\n    fn b<'a>(x: &'a str) {\n        let _ = (\"{\", r#\"{\"}\"#, '{');\n    }\n}\n";
    assert_eq!(functions(short), [(3, 3)]);
}

/// Percent of the lines that hold documentation, blank lines and unit tests not counted.
fn doc_percent(sources: &[&Source]) -> usize {
    let lines: Vec<&str> = sources
        .iter()
        .flat_map(|source| without_tests(&source.text).lines())
        .map(str::trim_start)
        .filter(|line| !line.is_empty())
        .collect();
    let docs = lines.iter().filter(|line| line.starts_with("///") || line.starts_with("//!")).count();
    docs * 100 / lines.len().max(1)
}

#[test]
fn the_format_code_is_explained() {
    let all = sources("src");
    for part in EXPLAINED {
        let own: Vec<&Source> =
            all.iter().filter(|source| source.module().first().is_some_and(|m| m == part)).collect();
        let percent = doc_percent(&own);
        assert!(percent >= DOC_PERCENT, "{part}: {percent} % documentation, {DOC_PERCENT} % at least");
    }
    let bare = Source { path: "src/fs/x.rs".into(), text: "//! One.\n\nfn f() {}\n// no\n///yes\nfn g() {}".into() };
    assert_eq!(doc_percent(&[&bare]), 40);
}

/// The names in backticks that look like paths of ours and lead nowhere.
fn dead_names(document: &str) -> Vec<String> {
    let quoted = document.split('`').skip(1).step_by(2).filter_map(|name| name.split_whitespace().next());
    let ours =
        quoted.filter(|name| ["src/", "scripts/", "tests/", "assets/", ".ci/"].iter().any(|p| name.starts_with(p)));
    // A picture: `![what is to be seen](assets/start.svg)`.
    let pictures = document.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(name, _)| name);
    ours.chain(pictures.filter(|name| name.starts_with("assets/")))
        .filter(|name| !root().join(name).exists())
        .map(|name| format!("`{name}` is not there"))
        .collect()
}

#[test]
fn documents_name_only_what_is_there() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let map: String = map.lines().filter(|line| line.starts_with("//!")).map(|line| line.to_owned() + "\n").collect();
    none(&[dead_names(&readme), dead_names(&map)].concat());
    assert_eq!(dead_names("`src/lib.rs` and `src/lost.rs` and `scripts/test --long`").len(), 1);
    assert_eq!(dead_names("[a link](https://example.org) and ![a picture](assets/lost.svg)").len(), 1);
}

/// Dependencies without a comment above them or above the group they stand in.
fn unexplained(manifest: &str) -> Vec<String> {
    let (mut dependencies, mut explained, mut findings) = (false, false, Vec::new());
    for line in manifest.lines() {
        if line.starts_with('[') {
            dependencies = line.ends_with("dependencies]");
            explained = false;
        } else if line.starts_with('#') {
            explained = true;
        } else if line.is_empty() {
            explained = false;
        } else if dependencies && !explained {
            findings.push(format!("Cargo.toml does not say why: {line}"));
        }
    }
    findings
}

#[test]
fn every_dependency_has_its_reason() {
    none(&unexplained(&fs::read_to_string(root().join("Cargo.toml")).unwrap()));
    assert_eq!(unexplained("[dependencies]\na = 1\n# Why.\nb = 2\n\n[dev-dependencies]\nc = 3\n").len(), 2);
}

#[test]
fn the_top_level_holds_nothing_else() {
    let strangers = |names: Vec<String>| -> Vec<String> {
        names
            .into_iter()
            .filter(|name| !TOP.contains(&name.as_str()))
            .map(|name| format!("at the top: {name}"))
            .collect()
    };
    let names = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    none(&strangers(names.collect()));
    assert_eq!(strangers(vec!["notes.txt".into(), "src".into()]).len(), 1);
}

/// Marks of work put off. They are put together here, so that this file does not hold them.
fn postponed(source: &Source) -> Vec<String> {
    let marks = [concat!("to", "do!"), concat!("unimpl", "emented!"), concat!("FIX", "ME"), concat!("#[ign", "ore")];
    let numbered = source.text.lines().enumerate();
    numbered
        .filter(|(_, line)| marks.iter().any(|mark| line.contains(mark)))
        .map(|(index, line)| format!("{}:{}: {}", source.path.display(), index + 1, line.trim()))
        .collect()
}

#[test]
fn nothing_is_put_off() {
    let all = sources("src").into_iter().chain(sources("tests"));
    none(&all.flat_map(|source| postponed(&source)).collect::<Vec<_>>());
    let text = format!("fn f() {{ {}() }}\n// {} later\n", concat!("to", "do!"), concat!("FIX", "ME"));
    assert_eq!(postponed(&Source { path: "x".into(), text }).len(), 2);
}
