//! A sentence that is shown is there whole: wrapped where it is too long, or it ends in `…`. What is cut at the right
//! edge without a sign reads as if it ended there.

use std::sync::LazyLock;

use super::super::journeys::stage::Stage;
use super::super::tidy::sources;

/// So many characters in a row are a piece of one sentence, and not of any.
const TELLING: usize = 20;

/// The rule and the keys, and the line above them.
const FOOTER: usize = 3;

/// The fixed pieces of all sentences: between their ends and their holes.
static PIECES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let pages = sources("src/words/en");
    let texts = pages.iter().flat_map(|page| page.text.lines()).flat_map(|line| line.split('"').skip(1).step_by(2));
    let sentences = texts.flat_map(|text| text.split_inclusive(". "));
    let fixed = sentences.flat_map(|sentence| sentence.split('{').enumerate()).map(|(index, part)| {
        let part = if index == 0 { part } else { part.split_once('}').map_or("", |(_, rest)| rest) };
        part.trim().to_owned()
    });
    fixed.filter(|piece| piece.chars().count() >= TELLING).collect()
});

/// The first sentence that a screen shows without its end.
pub(super) fn cut(stage: &Stage, text: &str) -> Option<String> {
    let model = &stage.model;
    let is_covered = model.help.is_some()
        || model.trouble.is_some()
        || model.wait.is_some()
        || model.held.asking.is_some()
        || model.running.as_ref().is_some_and(|running| running.asking);
    cut_in(text, is_covered, &PIECES)
}

/// The same, in lines of which only what stands between two borders counts when they are covered by a panel.
fn cut_in(text: &str, is_covered: bool, pieces: &[String]) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().enumerate().find_map(|(row, line)| {
        let below = lines.get(row + 1).copied().unwrap_or_default();
        // Behind the last line comes the footer: what goes on there is scrolled, or told to be more.
        if row + FOOTER >= lines.len() {
            return None;
        }
        let mut parts: Vec<&str> = line.split('│').map(str::trim).collect();
        if is_covered {
            parts = if parts.len() > 2 { parts[1..parts.len() - 1].to_vec() } else { Vec::new() };
        }
        parts.into_iter().find_map(|part| cut_part(part, below, pieces))
    })
}

/// A piece of a line that is a piece of a sentence, without what comes next in it: neither is its end here, nor does it
/// go on in the line below.
fn cut_part(part: &str, below: &str, pieces: &[String]) -> Option<String> {
    let length = part.chars().count();
    if length < TELLING || part.ends_with('…') || is_edge(below) {
        return None;
    }
    let tail: String = part.chars().skip(length - TELLING).collect();
    let mut known = pieces.iter().filter(|piece| piece.contains(&tail)).peekable();
    known.peek()?;
    let goes_on = |piece: &String| {
        piece.match_indices(&tail).any(|(at, _)| {
            let rest = &piece[at + tail.len()..];
            // A word of its own, and the next one stands below; or nothing is left.
            let next = rest.strip_prefix(' ').and_then(|rest| rest.split(' ').next());
            rest.is_empty() || next.is_some_and(|next| below.contains(start_of(next)))
        })
    };
    (!known.any(goes_on)).then(|| format!("cut without a sign: {part}"))
}

/// A very long word may be broken itself.
fn start_of(word: &str) -> &str {
    word.get(..6).unwrap_or(word)
}

/// The end of what is scrolled, or of a panel: there is more below, which is told elsewhere.
fn is_edge(line: &str) -> bool {
    line.contains("──────") || line.contains('└')
}

#[test]
fn a_sentence_without_its_end_is_noticed() {
    let pieces = ["This overwrites what is there on the disk.".to_owned(), "What can be read of it".to_owned()];
    let find = |text: &str, is_covered| cut_in(&format!("{text}\n\n──\n keys"), is_covered, &pieces).is_some();
    let cut = |text: &str| find(text, false);
    assert!(cut(" This overwrites what is the\n\n"), "in a word");
    assert!(cut(" This overwrites what is there\n\n  other words\n"), "between words");
    assert!(!cut(" This overwrites what is there\n on the disk.\n"), "wrapped");
    assert!(!cut(" This overwrites what is the…\n\n"), "it says so");
    assert!(!cut(" This overwrites what is there on the disk.\n\n"));
    assert!(!cut(" ! What can be read of it\n\n"), "all of it, perhaps with a hole behind it");
    assert!(!cut(" This overwrites what is there\n──────────────\n"), "it is scrolled");
    assert!(find(" │ This overwrites what is │ ..\n │ other words      │\n", true), "in a panel");
    assert!(!find(" This overwrites what is ┌ Help ─┐\n other words\n", true), "under a panel");
    assert!(PIECES.len() > 300, "the sentences were not found");
}
