//! The rules of the words of plans, jobs and the wizard: they stand in one place, in whole sentences, and each has its
//! values. Each rule is shown to find something before it is trusted to find nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::tidy::{Source, none, skip, sources, without_tests};

const WORDS: &str = "src/words/en";

/// Text in that code that is no word of a page: a piece of it (as it stands in the code), and why.
const NOT_WORDS: [(&str, &str, &str); 46] = [
    ("src/plan/restore.rs", "PipedImage", "a type's name"),
    ("src/ui/model.rs", "`lifeboat ", "what advice for the command line has in it"),
    ("src/ui/form.rs", "{disk}-at-{}", "an offered file name"),
    ("src/ui/form.rs", "{stem}-{date}.lbi", "an offered file name"),
    ("src/ui/terminal", "", "names of terminals and threads, and what terminals are sent"),
    ("src/ui/theme.rs", "TERM", "the environment"),
    ("src/ui/theme.rs", "dumb", "a terminal's name"),
    ("src/ui/theme.rs", "vt1", "a terminal's name"),
    ("src/ui/theme.rs", "vt2", "a terminal's name"),
    ("src/ui/theme.rs", "LC_", "the environment"),
    ("src/ui/theme.rs", "LANG", "the environment"),
    ("src/ui/theme.rs", "UTF", "a locale's name"),
    ("src/ui/theme.rs", "linux", "a terminal's name"),
    ("src/ui/theme.rs", "☺", "the characters of a console's font"),
    ("src/ui/theme.rs", "NO_COLOR", "the environment"),
    ("src/ui/theme.rs", "LIFEBOAT_ASCII", "the environment"),
    ("src/ui/worker.rs", "lifeboat-worker", "a thread's name"),
    ("src/ui/worker/watch.rs", "lifeboat-watch", "a thread's name"),
    ("src/ui/worker/watch.rs", "block", "a folder of the kernel's"),
    ("src/ui/worker/watch.rs", "diskseq", "a file of the kernel's"),
    ("src/ui/worker/images.rs", "lbi", "a file's ending"),
    ("src/ui/text.rs", "{}.lbi", "an offered file name"),
    ("src/ui/text/disks.rs", "B", "symbols of units"),
    ("src/ui/text/running.rs", "CARGO_PKG_VERSION", "the build's environment"),
    ("src/job/aid/collect.rs", "it cannot be read any more", "written into an aid"),
    ("src/job/aid/collect.rs", "it has {bytes} bytes", "written into an aid"),
    ("src/job/aid/collect.rs", "first sectors", "written into an aid"),
    ("src/job/aid/collect.rs", "boot record or superblock", "written into an aid"),
    ("src/job/change.rs", "Nothing of the volume was changed", "an error's advice, of several jobs"),
    ("src/job/extract/folder.rs", ".lifeboat-partial", "a file's name"),
    ("src/job/in_place/act.rs", "The volume may be unfinished", "an error's advice, chosen before"),
    ("src/job/in_place/act.rs", "The volume and the images inside are", "an error's advice, chosen before"),
    ("src/job/inside/adopt.rs", "boot sector", "written into a table of contents"),
    ("src/job/inside/adopt.rs", "boot block and superblock", "written into a table of contents"),
    ("src/job/inside/names.rs", "", "names of files, and those that Windows does not allow"),
    ("src/job/inside/only/settings.rs", "# Files and directories", "written into a container's settings"),
    ("src/job/inside/only/splice.rs", "files", "a thread's name"),
    ("src/job/inside/run.rs", "The volume is what it was", "an error's advice, chosen before"),
    ("src/job/inside/run.rs", "The volume is sound, and files have moved", "an error's advice, chosen before"),
    ("src/job/inside/run.rs", "what was in the way has moved", "an error's advice, chosen before"),
    ("src/job/journal/format.rs", "LIFEBOAT", "what a journal is known by"),
    ("src/job/journal/record.rs", "metadata", "the tag of bytes that have none"),
    ("src/job/seal.rs", "", "the mark on a volume: a format"),
    ("src/job/survey.rs", "pagefile.sys", "a file's name"),
    ("src/job/survey.rs", "hiberfil.sys", "a file's name"),
    ("src/job/survey.rs", "swapfile.sys", "a file's name"),
];

/// Calls of jobs whose text is no word of a page (`src/words.rs` says which are not, and why): a string between the
/// brackets of a call whose name ends so, or of anything in it. A name that ends with `::` stands for all of its own.
const NO_WORDS_OF_JOBS: [(&str, &str); 19] = [
    ("Error::", "an error"),
    (".context", "an error"),
    (".advise", "an error"),
    ("left", "an error: what the volume is after it"),
    ("broken", "an error of a journal"),
    ("wrong", "an error of a journal"),
    ("changed", "an error: the volume is not what it was"),
    ("other", "an error: another volume"),
    ("unproven", "an error: the image is not what was written"),
    ("differs", "an error: the target is not what was written"),
    ("refuse", "an error: an image that cannot be begun with"),
    ("failed", "an error: what a folder was asked for"),
    ("Finding::", "a finding of a check"),
    ("tracing::", "a trace line"),
    ("edit.take", "the title of a change: a journal keeps it"),
    ("Tag::new", "what bytes are: a journal keeps it"),
    ("phase", "the name of a change: a journal keeps it"),
    ("phase_if", "the name of a change: a journal keeps it"),
    ("concat!", "who wrote an image: a format"),
];

/// How long the title of a step may be.
const STEP_COLUMNS: usize = 70;

/// Words of the trade that a technician under stress need not know: a sentence with one has its plain form in
/// brackets, or does without.
const JARGON: [&str; 18] = [
    "bitmap",
    "block",
    "blocks",
    "bootloader",
    "checksum",
    "checksums",
    "dirty",
    "flush",
    "hash",
    "inode",
    "inodes",
    "journal",
    "lba",
    "metadata",
    "mft",
    "offset",
    "superblock",
    "trim",
];

#[test]
fn every_word_of_plans_jobs_and_the_wizard_stands_in_one_place() {
    let mut findings = Vec::new();
    for source in speakers() {
        let path = source.path.to_string_lossy().into_owned();
        if !path.ends_with("/tests.rs") {
            findings.extend(loose_words(&path, &source.text));
        }
    }
    none(&findings);
}

#[test]
fn every_exception_of_the_words_is_still_needed() {
    let code: Vec<Source> = speakers();
    let needed = |file: &str, piece: &str| {
        code.iter().any(|source| {
            source.path.to_string_lossy().starts_with(file)
                && literals(without_tests(&source.text)).iter().any(|literal| literal.text.contains(piece))
        })
    };
    let gone = NOT_WORDS.iter().filter(|(file, piece, _)| !needed(file, piece));
    none(&gone.map(|(file, piece, _)| format!("“{piece}” is not in {file} any more")).collect::<Vec<_>>());
    let jobs = code.iter().filter(|source| is_of(&source.path.to_string_lossy(), "job"));
    let said: Vec<Literal> = jobs.flat_map(|source| literals(without_tests(&source.text))).collect();
    let gone = NO_WORDS_OF_JOBS.iter().filter(|(end, _)| !said.iter().any(|literal| literal.is_in(end)));
    none(&gone.map(|(end, _)| format!("“{end}” is called with no text any more")).collect::<Vec<_>>());
}

#[test]
fn every_hole_of_a_sentence_is_filled() {
    let words = words_of_the_file();
    let texts: Vec<Source> =
        sources("src").into_iter().filter(|source| source.text.contains("crate::words::")).collect();
    let codes: Vec<&str> = texts.iter().map(|source| without_tests(&source.text)).collect();
    none(&wrong_fills(&codes, &words));
}

#[test]
fn no_word_stands_there_in_vain() {
    let code: String = sources("src").iter().map(|source| names_only(&source.text)).collect();
    let named: BTreeMap<&str, usize> =
        code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').fold(BTreeMap::new(), |mut counts, name| {
            *counts.entry(name).or_default() += 1;
            counts
        });
    let words = words_of_the_file();
    assert!(words.len() > 100);
    let idle = words.keys().filter(|name| named.get(name.as_str()).is_none_or(|count| *count < 2));
    let mut findings: Vec<String> = idle.map(|name| format!("{name} is said nowhere")).collect();
    let file = pages().into_iter().find(|source| source.path.ends_with("key.rs")).unwrap();
    let keys = file.text.lines().filter_map(|line| line.trim().strip_prefix("pub const ")?.split_once(": KeyWord"));
    let idle = keys.filter(|(name, _)| !code.contains(&format!("key::{name}")));
    findings.extend(idle.map(|(name, _)| format!("key::{name} is named nowhere")));
    none(&findings);
}

#[test]
fn no_jargon_stands_without_its_plain_form() {
    let words = words_of_the_file();
    none(&words.iter().filter_map(|(name, text)| bare_jargon(name, text)).collect::<Vec<_>>());
}

#[test]
fn what_is_refused_as_in_use_is_known_by_its_sign() {
    let words = words_of_the_file();
    for name in ["REFUSAL_MOUNTED", "REFUSAL_IN_USE", "REFUSAL_UNCLEAN_MOUNTED"] {
        assert!(words[name].contains(&words["REFUSAL_SIGN_IN_USE"]), "{name}: {}", words[name]);
    }
}

#[test]
fn every_step_fits_on_its_line() {
    let words = words_of_the_file();
    none(&words.iter().filter_map(|(name, text)| long_step(name, text)).collect::<Vec<_>>());
}

#[test]
fn the_rules_of_the_words_find_what_they_are_for() {
    let findings = |text: &str| loose_words("src/ui/screen/start.rs", text);
    assert_eq!(findings("line(\"No disks\");"), ["src/ui/screen/start.rs:1: “No disks” belongs into src/words/en"]);
    assert_eq!(findings("\n\nformat!(\"{} volume\", kind)").len(), 1);
    assert_eq!(findings("pad(\"free\", 4)").len(), 1);
    assert!(findings("format!(\"{name} {size:>3} │ {}\\n\", a) // not this \"text here\"").is_empty());
    assert!(findings("#[allow(dead_code, reason = \"no word\")]\nfn a() {}").is_empty());
    assert!(findings("[\"0xef\", \"de94bba4-06d1-4d40-a16a-bfd50179d6ac\", \"/dev/tty\"]").is_empty());
    assert_eq!(findings("[\"face\", \"add-on\"]").len(), 2);
    assert!(findings("[\"lifeboat drop {} --yes\", \" --journal {}\", \"--kind factory\"]").is_empty());
    assert_eq!(findings("[\"lifeboat is a program\", \"--raw takes all sectors\"]").len(), 2);

    let findings = |text: &str| loose_words("src/job/x.rs", text).len();
    assert_eq!(findings("warnings.push(format!(\"{} clusters\", 3));"), 1);
    assert_eq!(findings("Err(Error::refused(format!(\"{} is full\", name)).advise(\"Free some\"))"), 0);
    assert_eq!(findings("a.map_err(|error| left(error, \"Nothing was written\")); say(\"Nothing was written\");"), 1);
    assert_eq!(findings("edit.take(\"Free it\")?; list.iter().take(say(\"Free it\"))"), 1);
    assert_eq!(findings("Err(nobody_left(\"Nobody\"))"), 1);
    assert_eq!(findings("let advice = \"Plan anew\";\nError::refused(why).advise(advice)"), 0);
    assert_eq!(findings("let advice = \"Plan anew\";\nsay(advice);\nError::refused(why).advise(advice)"), 1);
    assert_eq!(findings("let advice = \"Plan anew\";"), 1);
    assert_eq!(loose_words("src/ui/x.rs", "Error::refused(\"It is full\")").len(), 1);

    assert!(bare_jargon("X", "Its journal is whole.").is_some_and(|finding| finding.contains("“journal”")));
    assert_eq!(bare_jargon("X", "Its journal (the list of changes) is whole."), None);
    assert_eq!(bare_jargon("X", "The journalist is whole."), None);
    assert_eq!(bare_jargon("X", "Take it as it is with --even-if-dirty"), None);
    assert!(bare_jargon("X", "With --even-if-dirty it is dirty").is_some());

    assert!(long_step("STEP_LONG", &"x".repeat(STEP_COLUMNS + 1)).is_some());
    assert_eq!(long_step("STEP_SHORT", &"x".repeat(STEP_COLUMNS)), None);
    assert_eq!(long_step("WARN_LONG", &"x".repeat(STEP_COLUMNS + 1)), None);

    let words = BTreeMap::from([("SMALL".to_owned(), "{a} of {b}".to_owned())]);
    let wrong = |code: &str| wrong_fills(&[code], &words).len();
    assert_eq!(wrong("fill(SMALL, &[(\"a\", &x), (\"b\", &y(\"c\", 1))])"), 0);
    assert_eq!(wrong("fill(SMALL, &[(\"a\", &x)])"), 1);
    assert_eq!(wrong("fill(plural(n, SMALL, SMALL), &[(\"a\", &x), (\"b\", &y), (\"c\", &z)])"), 2);
    assert_eq!(wrong("let all = [(\"a\", &x), (\"b\", &y)];\n fill(SMALL, &all)"), 0);
    let named = "let words = if x { SMALL } else { SMALL };\n";
    assert_eq!(wrong(&format!("{named} fill(words, &[(\"a\", &x), (\"b\", &y)])")), 0);
    assert_eq!(wrong(&format!("{named} fill(words, &[(\"b\", &y)])")), 2);
    assert_eq!(wrong("call(SMALL); fn call(words) { fill(words, &[(\"a\", &x), (\"b\", &y)]) }"), 0);
    assert_eq!(wrong("call(SMALL); fn call(words) { fill(words, &[(\"a\", &x)]) }"), 2);
    assert_eq!(wrong("fn nothing() {}"), 1);
}

/// A title that does not stand on a line of 80 columns with its number and its sign. What a hole takes is not counted.
fn long_step(name: &str, text: &str) -> Option<String> {
    let columns = text.chars().count();
    (name.starts_with("STEP_") && columns > STEP_COLUMNS)
        .then(|| format!("{name} has {columns} columns, {STEP_COLUMNS} at most: “{text}”"))
}

/// A word of the trade in a sentence without brackets, which would hold its plain form. The name of an option is none.
fn bare_jargon(name: &str, text: &str) -> Option<String> {
    let bare = |sentence: &&str| !sentence.contains('(');
    let sentences = text.split(". ").filter(bare);
    let words = sentences.flat_map(str::split_whitespace).filter(|word| !word.starts_with("--"));
    let mut parts = words.flat_map(|word| word.split(|c: char| !c.is_alphanumeric()));
    let word = parts.find(|part| JARGON.contains(&part.to_lowercase().as_str()))?;
    Some(format!("{name} says “{word}” without its plain form: “{text}”"))
}

/// The code that says words: a new part of the program whose words are in their place goes here.
fn speakers() -> Vec<Source> {
    let speaks = |source: &Source| ["ui", "plan", "job"].iter().any(|part| is_of(&source.path.to_string_lossy(), part));
    sources("src").into_iter().filter(speaks).collect()
}

/// True for a file of a module at the root: `src/job.rs`, and all in its folder.
fn is_of(path: &str, module: &str) -> bool {
    path.strip_prefix("src/")
        .and_then(|path| path.strip_prefix(module))
        .is_some_and(|rest| rest.starts_with(['/', '.']))
}

fn pages() -> Vec<Source> {
    sources(WORDS)
}

/// Literals that a user could read: two letters in a row outside holes.
fn loose_words(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let holes = names_of_values(without_tests(text));
    let is_elsewhere = |literal: &Literal| {
        is_of(path, "job") && NO_WORDS_OF_JOBS.iter().any(|(end, _)| literal.is_in(end))
            || NOT_WORDS.iter().any(|(file, piece, _)| path.starts_with(file) && literal.text.contains(piece))
    };
    literals(without_tests(text))
        .into_iter()
        .filter(|literal| !holes.contains(&literal.text))
        .filter(|Literal { line, .. }| {
            !lines.get(line - 1).is_some_and(|line| line.contains("#[") || line.contains("reason = "))
        })
        .filter(|literal| is_read(&literal.text) && !is_elsewhere(literal))
        .map(|Literal { line, text, .. }| format!("{path}:{line}: “{text}” belongs into {WORDS}"))
        .collect()
}

/// Numbers (also those of partition types) and paths are the same in every language.
fn is_read(literal: &str) -> bool {
    let is_number = literal.chars().all(|c| c.is_ascii_hexdigit() || c == 'x' || c == '-')
        && literal.chars().any(|c| c.is_ascii_digit());
    let is_path = literal.starts_with('/') && !literal.contains(' ');
    if is_number || is_path || is_command(literal) {
        return false;
    }
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

/// A command line, or a part of one: the same in every language. Beside options and values it has the program's name
/// and one of its commands, or one word for an option; a sentence has more.
fn is_command(literal: &str) -> bool {
    let mut words = literal.split_whitespace();
    let begins = words.next().is_some_and(|word| word == "lifeboat" || word.starts_with("--"));
    begins && words.filter(|word| !word.starts_with("--") && !word.starts_with(['{', '\''])).count() <= 1
}

/// A string of a source, as it stands there.
struct Literal {
    line: usize,
    text: String,
    /// The calls that it stands between the brackets of.
    calls: Vec<String>,
    /// Of a string that a statement gives a name, the same of each place where the name stands.
    handed: Vec<Vec<String>>,
}

impl Literal {
    /// True when it is handed to a call whose name ends so; by its name, when that is handed to nothing else.
    fn is_in(&self, end: &str) -> bool {
        let ends = |call: &String| {
            let rest =
                if end.ends_with("::") { call.rsplit_once(end).map(|(rest, _)| rest) } else { call.strip_suffix(end) };
            rest.is_some_and(|rest| {
                !rest.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') || end.starts_with('.')
            })
        };
        let is_handed = !self.handed.is_empty() && self.handed.iter().all(|calls| calls.iter().any(ends));
        is_handed || self.calls.iter().any(ends)
    }
}

/// Every string of a source.
fn literals(text: &str) -> Vec<Literal> {
    let bytes = text.as_bytes();
    let (mut found, mut at, mut line, mut calls) = (Vec::new(), 0, 1, Vec::new());
    // Where each name stands, and the name that the statement gives.
    let mut named: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    let mut given = String::new();
    while at < bytes.len() {
        let end = skip(bytes, at).max(at + 1);
        let piece = String::from_utf8_lossy(&bytes[at..end]);
        let word: String = text.get(at..).map(leading_word).unwrap_or_default();
        let mut next = end;
        if end > at + 1 && (piece.starts_with('"') || piece.starts_with('r')) {
            let text = piece.trim_start_matches('r').trim_matches('#').trim_matches('"').to_owned();
            found.push((Literal { line, text, calls: calls.clone(), handed: Vec::new() }, given.clone()));
        } else if end == at + 1 && !word.is_empty() {
            next = at + word.len();
            match text[..at].trim_end().rsplit(|c: char| !c.is_ascii_alphanumeric()).next() {
                Some("let" | "const") => given = word,
                _ if text[..at].ends_with('.') => {}
                _ => named.entry(word).or_default().push(calls.clone()),
            }
        } else {
            match bytes[at] {
                b'(' | b'[' | b'{' => calls.push(trailing_name(&text[..at]).to_owned()),
                b')' | b']' | b'}' => drop(calls.pop()),
                b';' => given.clear(),
                _ => {}
            }
        }
        line += text.get(at..next).map_or(0, |piece| piece.matches('\n').count());
        at = next;
    }
    let with_places = |(literal, given): (Literal, String)| {
        let handed = named.get(&given).cloned().unwrap_or_default();
        Literal { handed, ..literal }
    };
    found.into_iter().map(with_places).collect()
}

fn leading_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

/// The name of the call whose bracket follows: `Error::refused`, `edit.take`, `format!`.
fn trailing_name(text: &str) -> &str {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '!');
    &text[text.trim_end_matches(is_part).len()..]
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
    let named = |line: &str| {
        let (name, rest) = line.trim().split_once(" = \"")?;
        let name = name.rsplit(' ').next()?;
        Some((name.to_owned(), rest.strip_suffix("\";")?.to_owned()))
    };
    let mut words = BTreeMap::new();
    for (name, text) in pages().iter().flat_map(|page| page.text.lines().filter_map(named).collect::<Vec<_>>()) {
        assert!(words.insert(name.clone(), text).is_none(), "two pages have a word of the name {name}");
    }
    words
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

fn fills(text: &str, words: &BTreeMap<String, String>) -> Vec<Fill> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("fill(") {
        let before = &text[..at];
        if before.ends_with("fn ") || before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.') {
            continue;
        }
        let rest = &text[at..];
        let call = &rest[..balanced(rest)];
        let inner = call.trim_start_matches("fill(").trim_end_matches(')');
        let (first, values) = inner.split_once('&').unwrap_or((inner, ""));
        let values = if values.starts_with('[') { values } else { named_before(before, values) };
        let first = first.trim().trim_end_matches(',');
        found.push(Fill {
            templates: [templates(first, words), templates(named_before(before, first), words)].concat(),
            values: names_of_values(values),
            text: call.split_whitespace().collect::<Vec<_>>().join(" "),
        });
    }
    found
}

/// What a name was given just before: `let name = …;`.
fn named_before<'a>(before: &'a str, name: &str) -> &'a str {
    let given = before.rfind(&format!("let {}", name.trim())).map(|at| &before[at..]);
    given.and_then(|given| given.split_once(";\n")).map_or("", |(given, _)| given)
}

/// The sentences that a piece of code names.
fn templates(text: &str, words: &BTreeMap<String, String>) -> Vec<String> {
    let names = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    names.filter(|name| words.contains_key(*name)).map(str::to_owned).collect()
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

/// Sentences whose values are not their holes. A call that is handed its sentence must suit one that its file names.
fn wrong_fills(codes: &[&str], words: &BTreeMap<String, String>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut filled = BTreeSet::new();
    for code in codes {
        let named = templates(&names_only(code), words);
        for call in fills(code, words) {
            let (right, wrong): (Vec<&String>, Vec<&String>) = match call.templates.as_slice() {
                [] => (named.iter().filter(|name| holes(&words[*name]) == call.values).collect(), Vec::new()),
                templates => templates.iter().partition(|name| holes(&words[*name]) == call.values),
            };
            findings.extend(wrong.iter().map(|name| format!("{name} is not what {} fills", call.text)));
            if right.is_empty() && wrong.is_empty() {
                findings.push(format!("nothing has the holes that {} fills", call.text));
            }
            filled.extend([right, wrong].concat().into_iter().cloned());
        }
    }
    let unfilled = words.iter().filter(|(name, text)| !holes(text).is_empty() && !filled.contains(*name));
    findings.extend(unfilled.map(|(name, text)| format!("{name} has holes, and nothing fills them: “{text}”")));
    findings
}
