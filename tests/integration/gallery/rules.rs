//! What must hold on every drawing. A rule gives what it found; each is shown to find something before it is
//! trusted to find nothing.

use lifeboat::ui::model::{Screen, Task};
use lifeboat::ui::text;
use lifeboat::ui::theme::{CONSOLE, Theme};
use ratatui::buffer::Buffer;
use ratatui::style::Color;

use super::super::journeys::stage::{Stage, lines};
use super::draw::drawn;
use super::whole;

/// What is drawn of the characters that the Linux console's font has.
const DRAWN: &str = "─│┌┐└┘├┤┬┴┼█▓▒░▄▀▌▐■►◄▲▼↑↓←→·•√°";

/// Signs of print, which `Theme::settle` replaces where the font lacks them.
const PRINT: &str = "“”’…–×";

/// Letters that only names from outside have, in the gallery's scenes.
const OUTSIDE: &str = "漢字";

/// Which rules one drawing and its variants break.
pub(super) fn broken(name: &str, stage: &Stage, size: (u16, u16)) -> Option<String> {
    let theme = stage.model.theme;
    let coloured = drawn(stage, size, Theme { colour: true, ..theme });
    let plain = drawn(stage, size, Theme { colour: false, ..theme });
    let console = drawn(stage, size, Theme { console: true, ..theme });
    let ascii = drawn(stage, size, Theme { colour: false, unicode: false, console: false });
    let text = lines(&coloured);
    let mut findings = Vec::new();
    findings.extend(foreign(&text).map(|c| format!("{c:?} is none of the allowed characters")));
    findings.extend(commands(&coloured).then(|| "a control character reaches the terminal".to_owned()));
    findings.extend(holes(&text).map(|hole| format!("{hole} was not filled in")));
    findings.extend(too_wide(&text, size.0).map(|line| format!("wider than the screen: {line}")));
    findings.extend(whole::cut(stage, &text));
    findings.extend(strange_colours(&coloured).map(|colour| format!("{colour:?} vanishes on some background")));
    findings.extend((lines(&plain) != text).then(|| "without colour the words are others".to_owned()));
    findings.extend(has_colour(&plain).then(|| "a colour is left without colour".to_owned()));
    let odd = |c: &char| !c.is_ascii() && !CONSOLE.contains(*c);
    findings.extend(lines(&console).chars().find(odd).map(|c| format!("{c:?} is not in the console's font")));
    findings.extend((!lines(&ascii).is_ascii()).then(|| "--ascii leaves other characters".to_owned()));
    findings.extend((!has_title(&text, &titles(stage.screen()))).then(|| "the title is not the screen's".to_owned()));
    // A job that is being stopped is left when it has stopped.
    let stopping = stage.model.running.as_ref().is_some_and(|running| running.progress.cancelling);
    findings.extend((!stopping && !says_how_to_leave(&text)).then(|| "the footer names no way to leave".to_owned()));
    (!findings.is_empty()).then(|| format!("“{name}” at {size:?}:\n{}\n\n{text}", findings.join("\n")))
}

fn foreign(text: &str) -> Option<char> {
    text.chars().find(|c| {
        let known = |set: &str| set.contains(*c);
        // A file's bytes as text may be any of Latin-1's characters that are seen.
        let latin = matches!(c, '\u{a0}'..='ÿ') && *c != '\u{ad}';
        !(latin || matches!(c, ' '..='~' | '\n') || known(DRAWN) || known(PRINT) || known(OUTSIDE))
    })
}

/// True for characters that a terminal obeys, or that turn the direction of text.
fn commands(buffer: &Buffer) -> bool {
    let obeyed = |c: char| {
        c.is_control() || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    buffer.content.iter().any(|cell| cell.symbol().chars().any(obeyed))
}

/// A hole of a sentence that was not filled in: `{name}`.
fn holes(text: &str) -> Option<&str> {
    text.match_indices('{').find_map(|(at, _)| {
        let rest = &text[at..];
        let end = rest.find('}')?;
        let name = &rest[1..end];
        (!name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')).then(|| &rest[..=end])
    })
}

fn too_wide(text: &str, columns: u16) -> Option<&str> {
    text.lines().find(|line| ratatui::text::Span::raw(*line).width() > usize::from(columns))
}

fn strange_colours(buffer: &Buffer) -> Option<Color> {
    let allowed = [Color::Reset, Color::Cyan, Color::Green, Color::Magenta, Color::Red];
    let cell = buffer.content.iter().find(|cell| !allowed.contains(&cell.fg) || cell.bg != Color::Reset)?;
    Some(if allowed.contains(&cell.fg) { cell.bg } else { cell.fg })
}

fn has_colour(buffer: &Buffer) -> bool {
    buffer.content.iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
}

/// What a screen may be called: it depends on what the user came for.
fn titles(screen: Screen) -> Vec<&'static str> {
    use Task::*;
    let tasks = [
        Backup, Restore, Check, Browse, Resume, Reset, Keep, Export, Search, Renew, Diagnose, Examine, Extract, Free,
        Verify,
    ];
    tasks.map(|task| text::title(screen, task)).into()
}

/// The first line has the program's name and as much of the screen's title as fits.
fn has_title(text: &str, titles: &[&str]) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let shown = first.split_once('│').map_or("", |(_, shown)| shown.trim());
    let is_of = |title: &&str| *title == shown || shown.strip_suffix('…').is_some_and(|cut| title.starts_with(cut));
    first.starts_with(" Lifeboat") && !shown.is_empty() && titles.iter().any(is_of)
}

fn says_how_to_leave(text: &str) -> bool {
    let footer = text.lines().last().unwrap_or_default();
    ["Esc ", "q quit", "Enter to the start", "n no"].iter().any(|way| footer.contains(way))
}

#[test]
fn each_rule_finds_what_it_is_for() {
    use ratatui::layout::Rect;
    let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
    assert!(!commands(&buffer) && !has_colour(&buffer) && strange_colours(&buffer).is_none());
    buffer.content[1].set_symbol("\u{202e}");
    buffer.content[2].set_fg(Color::Yellow);
    assert!(commands(&buffer) && has_colour(&buffer));
    assert_eq!(strange_colours(&buffer), Some(Color::Yellow));
    buffer.content[2].set_fg(Color::Cyan).set_bg(Color::Blue);
    assert_eq!(strange_colours(&buffer), Some(Color::Blue));

    assert_eq!(foreign("fine ─ “so”\n"), None);
    assert_eq!(foreign("a tick ✓"), Some('✓'));
    assert_eq!(holes("{size_bytes} of it"), Some("{size_bytes}"));
    assert_eq!(holes("{8A7B} and {}"), None);
    assert_eq!(too_wide("ab\nabcd漢\n", 5), Some("abcd漢"));
    assert!(too_wide("ab\nabc漢\n", 5).is_none());
    assert!(has_title(" Lifeboat  │  Disks…\n", &["Images", "Disks > All of them"]));
    assert!(!has_title(" Lifeboat  │  \n", &["Disks"]) && !has_title("│  Disks\n", &["Disks"]));
    assert!(!has_title(" Lifeboat  │  Images\n", &["Disks"]));
    assert!(
        says_how_to_leave("x\n Enter go on   Esc back   ? help\n") && !says_how_to_leave("Esc back\n Enter go on\n")
    );
}
