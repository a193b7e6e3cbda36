//! The rules of the wizard's words: they stand in one file, in whole sentences, and each has its values. Each rule
//! is shown to find something before it is trusted to find nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::tidy::{Source, none, skip, sources, without_tests};

const WORDS: &str = "src/ui/text/en.rs";

/// Text in the wizard's code that is no sentence to a user: a piece of it (as it stands in the code), and why.
const NOT_WORDS: [(&str, &str, &str); 17] = [
    ("src/ui/form.rs", "{disk}-at-{}", "an offered file name"),
    ("src/ui/form.rs", "{stem}-{date}.lbi", "an offered file name"),
    ("src/ui/terminal.rs", "lifeboat-signals", "a thread's name"),
    ("src/ui/terminal.rs", "lifeboat-keys", "a thread's name"),
    ("src/ui/theme.rs", "TERM", "the environment"),
    ("src/ui/theme.rs", "dumb", "a terminal's name"),
    ("src/ui/theme.rs", "vt1", "a terminal's name"),
    ("src/ui/theme.rs", "vt2", "a terminal's name"),
    ("src/ui/theme.rs", "LC_", "the environment"),
    ("src/ui/theme.rs", "LANG", "the environment"),
    ("src/ui/theme.rs", "POSIX", "a locale's name"),
    ("src/ui/theme.rs", "NO_COLOR", "the environment"),
    ("src/ui/theme.rs", "LIFEBOAT_ASCII", "the environment"),
    ("src/ui/worker.rs", "lifeboat-worker", "a thread's name"),
    ("src/ui/worker/images.rs", "lbi", "a file's ending"),
    ("src/ui/update/", "lifeboat ", "a command line, the same in every language"),
    ("src/ui/update/", "--", "a part of a command line"),
];

#[test]
fn every_word_of_the_wizard_stands_in_one_file() {
    let mut findings = Vec::new();
    for source in wizard() {
        let path = source.path.to_string_lossy().into_owned();
        let inside = path.starts_with("src/ui/text") || path.ends_with("/tests.rs");
        findings.extend(loose_words(&path, &source.text).into_iter().filter(|_| !inside));
    }
    none(&findings);
}

#[test]
fn every_exception_of_the_words_is_still_needed() {
    let code: Vec<Source> = wizard();
    let needed = |file: &str, piece: &str| {
        code.iter().any(|source| {
            source.path.to_string_lossy().starts_with(file)
                && literals(without_tests(&source.text)).iter().any(|(_, text)| text.contains(piece))
        })
    };
    let gone = NOT_WORDS.iter().filter(|(file, piece, _)| !needed(file, piece));
    none(&gone.map(|(file, piece, _)| format!("“{piece}” is not in {file} any more")).collect::<Vec<_>>());
}

#[test]
fn every_hole_of_a_sentence_is_filled() {
    let words = words_of_the_file();
    let mut findings = Vec::new();
    let mut filled = BTreeSet::new();
    for source in
        wizard().iter().filter(|source| source.path.starts_with("src/ui/text") || source.path.ends_with("text.rs"))
    {
        for call in fills(without_tests(&source.text)) {
            findings.extend(wrong_values(&call, &words));
            filled.extend(call.templates);
        }
    }
    for (name, text) in &words {
        if !holes(text).is_empty() && !filled.contains(name) {
            findings.push(format!("{name} has holes, and nothing fills them: “{text}”"));
        }
    }
    none(&findings);
}

#[test]
fn no_word_stands_there_in_vain() {
    let code: String = wizard().iter().map(|source| names_only(&source.text)).collect();
    let named: BTreeMap<&str, usize> =
        code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').fold(BTreeMap::new(), |mut counts, name| {
            *counts.entry(name).or_default() += 1;
            counts
        });
    let words = words_of_the_file();
    assert!(words.len() > 100);
    let idle = words.keys().filter(|name| named.get(name.as_str()).is_none_or(|count| *count < 2));
    none(&idle.map(|name| format!("{name} is said nowhere")).collect::<Vec<_>>());
}

#[test]
fn the_rules_of_the_words_find_what_they_are_for() {
    let findings = |text: &str| loose_words("src/ui/screen/start.rs", text);
    assert_eq!(
        findings("line(\"No disks\");"),
        ["src/ui/screen/start.rs:1: “No disks” belongs into src/ui/text/en.rs"]
    );
    assert_eq!(findings("\n\nformat!(\"{} volume\", kind)").len(), 1);
    assert_eq!(findings("pad(\"free\", 4)").len(), 1);
    assert!(findings("format!(\"{name} {size:>3} │ {}\\n\", a) // not this \"text here\"").is_empty());
    assert!(findings("#[allow(dead_code, reason = \"no word\")]\nfn a() {}").is_empty());
    assert!(findings("open(\"/\")").is_empty());

    let words = BTreeMap::from([("SMALL".to_owned(), "{a} of {b}".to_owned())]);
    let wrong = |code: &str| fills(code).iter().flat_map(|call| wrong_values(call, &words)).collect::<Vec<_>>();
    assert!(wrong("fill(SMALL, &[(\"a\", &x), (\"b\", &y(\"c\", 1))])").is_empty());
    assert_eq!(wrong("fill(SMALL, &[(\"a\", &x)])").len(), 1);
    assert_eq!(wrong("fill(plural(n, SMALL, SMALL), &[(\"a\", &x), (\"b\", &y), (\"c\", &z)])").len(), 2);
    assert_eq!(wrong("fill(template, &[])").len(), 1);
}

fn wizard() -> Vec<Source> {
    sources("src")
        .into_iter()
        .filter(|source| source.path.starts_with("src/ui") || source.path.ends_with("ui.rs"))
        .collect()
}

/// Literals that a user could read: two letters in a row outside holes.
fn loose_words(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    literals(without_tests(text))
        .into_iter()
        .filter(|(line, _)| !lines.get(line - 1).is_some_and(|line| line.contains("#[") || line.contains("reason = ")))
        .filter(|(_, literal)| is_read(literal))
        .filter(|(_, literal)| {
            !NOT_WORDS.iter().any(|(file, piece, _)| path.starts_with(file) && literal.contains(piece))
        })
        .map(|(line, literal)| format!("{path}:{line}: “{literal}” belongs into {WORDS}"))
        .collect()
}

fn is_read(literal: &str) -> bool {
    let mut inside = false;
    let mut letters = 0;
    let mut characters = literal.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                letters = 0;
                characters.next();
            }
            '{' => inside = true,
            '}' => (inside, letters) = (false, 0),
            _ if inside => {}
            _ if character.is_alphabetic() => letters += 1,
            _ => letters = 0,
        }
        if letters == 2 {
            return true;
        }
    }
    false
}

/// Every string of a source, as it stands there, with its line.
fn literals(text: &str) -> Vec<(usize, String)> {
    let bytes = text.as_bytes();
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    while at < bytes.len() {
        let end = skip(bytes, at).max(at + 1);
        let piece = String::from_utf8_lossy(&bytes[at..end]);
        if end > at + 1 && (piece.starts_with('"') || piece.starts_with('r')) {
            found.push((line, piece.trim_start_matches('r').trim_matches('#').trim_matches('"').to_owned()));
        }
        line += piece.matches('\n').count();
        at = end;
    }
    found
}

/// The code without comments and strings.
fn names_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut code, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let end = skip(bytes, at);
        if end == at {
            code.push(bytes[at]);
        }
        at = end.max(at + 1);
    }
    String::from_utf8_lossy(&code).into_owned() + "\n"
}

/// The named sentences of the file: `NAME = "text";`.
fn words_of_the_file() -> BTreeMap<String, String> {
    let file = wizard().into_iter().find(|source| source.path.ends_with("en.rs")).unwrap();
    let named = |line: &str| {
        let (name, rest) = line.trim().split_once(" = \"")?;
        let name = name.rsplit(' ').next()?;
        Some((name.to_owned(), rest.strip_suffix("\";")?.to_owned()))
    };
    file.text.lines().filter_map(named).collect()
}

fn holes(template: &str) -> BTreeSet<String> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned()).collect()
}

/// One call of `fill`: the templates it may take, and the names of its values.
struct Fill {
    templates: Vec<String>,
    values: BTreeSet<String>,
    text: String,
}

fn fills(text: &str) -> Vec<Fill> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("fill(") {
        let before = &text[..at];
        if before.ends_with("fn ") || before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.') {
            continue;
        }
        let rest = &text[at..];
        let call = &rest[..balanced(rest)];
        let (first, values) = call.split_once("&[").unwrap_or((call, ""));
        let upper = |name: &&str| {
            name.len() > 1 && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        };
        found.push(Fill {
            templates: first
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .filter(upper)
                .map(str::to_owned)
                .collect(),
            values: names_of_values(values),
            text: call.split_whitespace().collect::<Vec<_>>().join(" "),
        });
    }
    found
}

/// The names in `("name", value), …`; a call within a value is none.
fn names_of_values(values: &str) -> BTreeSet<String> {
    let begins = |(at, _): &(usize, &str)| !values[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let name = |(at, _): (usize, &str)| values[at + 2..].split_once("\", ").map(|(name, _)| name.to_owned());
    let is_name = |name: &String| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    values.match_indices("(\"").filter(begins).filter_map(name).filter(is_name).collect()
}

/// The length of a call up to its closing bracket.
fn balanced(text: &str) -> usize {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth == 1 => return at + 1,
            ')' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

fn wrong_values(call: &Fill, words: &BTreeMap<String, String>) -> Vec<String> {
    if call.templates.is_empty() {
        return vec![format!("{} does not name its template", call.text)];
    }
    let wrong = |name: &&String| words.get(*name).is_none_or(|text| holes(text) != call.values);
    call.templates.iter().filter(wrong).map(|name| format!("{name} is not what {} fills", call.text)).collect()
}
