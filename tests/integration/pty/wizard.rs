//! Whole jobs by keys, and what else a person does at a console.

use crate::oracle::sh;
use crate::pty::Terminal;

#[test]
fn a_harness_that_sees_nothing_would_be_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::spawn(&["--version"], dir.path(), 24, 80);
    terminal.wait_for_text("lifeboat 0.");
    assert_eq!(terminal.wait(), 0);
    terminal.wait_restored();
}

#[test]
fn a_restore_asks_on_a_terminal_and_an_error_is_said_without_a_wizard() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::spawn(&["restore", "no.lbi", "--to", "no.img"], dir.path(), 24, 80);
    terminal.wait_for_text("lifeboat: ");
    assert_ne!(terminal.wait(), 0);
    terminal.wait_restored();
}

#[test]
fn the_wizard_draws_quits_and_leaves_the_terminal_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::wizard(&["--disk", "no.img"], dir.path());
    assert!(!terminal.is_restored(), "the wizard has the terminal now");
    assert_eq!(terminal.quit(), 0);
}

#[test]
fn the_wizard_backs_a_volume_up_and_restores_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::wizard(&["demo", "--whole", "--dir", "practice"], dir.path());
    terminal.send_keys("b");
    terminal.wait_for_text("practice-linux");
    terminal.send_keys("\r");
    terminal.wait_for_text("Where to?");
    terminal.send_keys("\r");
    terminal.wait_for_text("What will be done");
    terminal.wait_for_text("Steps");
    terminal.send_keys("s");
    terminal.wait_for_text("Report");
    terminal.wait_for_text("Done");
    terminal.send_keys("\r");
    terminal.wait_for_start();

    sh(
        dir.path(),
        "ls practice/*.lbi
         dd if=practice/practice.img of=before.img bs=1M skip=1 count=48 status=none
         dd if=/dev/zero of=practice/practice.img bs=1M seek=1 count=1 conv=notrunc status=none",
    );
    terminal.send_keys("e");
    terminal.wait_for_text("PRACTICE");
    terminal.send_keys("\r");
    terminal.wait_for_text("practice-linux");
    terminal.send_keys("\r");
    terminal.wait_for_text("Steps");
    terminal.send_keys("\r");
    let asks = "type its name:";
    terminal.wait_for_text(asks);
    let text = terminal.text();
    let word = text.split(asks).nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
    terminal.send_keys(&format!("{word}\r"));
    terminal.wait_for_text("Report");
    terminal.wait_for_text("Done");
    terminal.send_keys("\r");
    assert_eq!(terminal.quit(), 0);
    sh(
        dir.path(),
        "dd if=practice/practice.img of=after.img bs=1M skip=1 count=48 status=none; cmp before.img after.img; fsck.fat -n after.img",
    );
}

#[test]
fn the_command_line_restores_only_with_the_typed_word() {
    let dir = tempfile::tempdir().unwrap();
    let lifeboat = |args: &[&str], answer: Option<&str>| {
        let mut terminal = Terminal::spawn(args, dir.path(), 24, 80);
        if let Some(answer) = answer {
            terminal.wait_for_text("to go on, anything else to leave:");
            terminal.send_keys(answer);
        }
        (terminal.wait(), terminal.text())
    };
    assert_eq!(lifeboat(&["demo", "--whole", "--no-wizard", "--dir", "d"], None).0, 0);
    assert_eq!(lifeboat(&["backup", "d/practice.img:1", "--to", "d/practice-1.lbi"], None).0, 0);
    sh(
        dir.path(),
        "dd if=/dev/zero of=d/practice.img bs=1M seek=1 count=1 conv=notrunc status=none; cp d/practice.img wrecked",
    );
    let restore = ["restore", "d/practice-1.lbi", "--to", "d/practice.img:1"];
    assert_eq!(lifeboat(&restore, Some("\r")).0, 3, "Enter alone");
    assert_eq!(lifeboat(&restore, Some("yes\r")).0, 3, "the wrong word");
    assert_eq!(lifeboat(&restore, Some("\x03")).0, 1, "ctrl-C, which ends the program as a signal does");
    sh(dir.path(), "cmp d/practice.img wrecked");
    let (code, screen) = lifeboat(&restore, Some("practice.img:1\r"));
    assert_eq!(code, 0, "{screen}");
}

#[test]
fn a_terminal_that_answers_nothing_is_asked_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for (term, rows, cols) in [("dumb", 24, 80), ("vt100", 24, 80), ("linux", 12, 40), ("xterm-256color", 0, 0)] {
        let mut terminal = Terminal::spawn_as((term, false), &["--disk", "no.img"], dir.path(), rows, cols);
        terminal.wait_for_start();
        terminal.send_keys("\x0c");
        terminal.send_keys("d");
        terminal.wait_for_text("no.img");
        terminal.resize(30, 100);
        let rule = if matches!(term, "dumb" | "vt100") { "-" } else { "─" };
        terminal.wait_for_text(&rule.repeat(100));
        terminal.send_keys("\x0c\x1b");
        assert_eq!(terminal.quit(), 0, "{term} {rows}×{cols}");
    }
}

#[test]
fn the_ascii_flag_draws_with_ascii_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::spawn(&["--ascii", "--disk", "no.img"], dir.path(), 24, 80);
    terminal.wait_for_text("q quit");
    assert!(terminal.text().is_ascii(), "{}", terminal.text());
    assert_eq!(terminal.quit(), 0);
}

/// Home, then down to the line of that number.
fn line(number: usize) -> String {
    format!("\x1b[H{}", "\x1b[B".repeat(number))
}

/// From the start screen: the practice disk's partition to an image file, and back to the start.
fn back_up(terminal: &mut Terminal, partition: usize, image: &str) {
    terminal.send_keys("b");
    terminal.wait_for_text("practice-linux");
    terminal.send_keys(&format!("{}\r", line(partition)));
    terminal.wait_for_text("Where to?");
    terminal.send_keys(&format!("\x15{image}\r"));
    terminal.wait_for_text("s start");
    terminal.send_keys("s");
    terminal.wait_for_text("√ Done");
    terminal.send_keys("\r");
    terminal.wait_for_start();
}

/// From the start screen: an image file to the practice disk's partition, and back to the start.
fn restore(terminal: &mut Terminal, image: &str, partition: usize) {
    terminal.send_keys("e");
    terminal.wait_for_text("Which image?");
    terminal.send_keys(&format!("g\x15{image}\r"));
    terminal.wait_for_text("Onto which partition?");
    terminal.wait_for_text("practice.img");
    terminal.send_keys(&format!("{}\r", line(partition)));
    terminal.wait_for_text("What will be done");
    terminal.send_keys("\r");
    terminal.wait_for_text("type its name:");
    terminal.send_keys(&format!("practice.img:{partition}\r"));
    terminal.wait_for_text("√ Done");
    terminal.send_keys("\r");
    terminal.wait_for_start();
}

#[test]
fn each_kind_of_volume_goes_out_and_back_by_the_wizards_keys() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::spawn(&["demo", "--whole", "--dir", "practice"], dir.path(), 40, 120);
    terminal.wait_for_start();
    let volumes = [(1, "fat.lbi"), (2, "ntfs.lbi"), (3, "ext4.lbi")];
    for (partition, image) in volumes {
        back_up(&mut terminal, partition, image);
    }
    // Boot record and superblock stay, so that the list keeps its lines; what follows them is lost.
    sh(
        dir.path(),
        "cp --sparse=always practice/practice.img before.img
         for start in 1 49 81; do
             dd if=/dev/zero of=practice/practice.img bs=4k seek=$((start * 256 + 1)) count=16 conv=notrunc status=none
         done
         ! cmp -s practice/practice.img before.img",
    );
    for (partition, image) in volumes {
        restore(&mut terminal, image, partition);
    }
    assert_eq!(terminal.quit(), 0);
    sh(
        dir.path(),
        "dd if=/dev/zero of=before.img bs=1M seek=67 count=1 conv=notrunc status=none # pagefile.sys: left out, as said
         cmp practice/practice.img before.img
         part() { dd if=practice/practice.img of=$1 bs=1M skip=$2 count=$3 conv=sparse status=none; }
         part fat 1 48; part ntfs 49 32; part ext4 81 48
         fsck.fat -n fat; ntfsfix -n ntfs; e2fsck -fn ext4",
    );
}

/// Chooses a factory image of the short list on the start screen, and leads it to its end in three screens. The first
/// restore brings the table back: from then on, as soon as the disks were looked at again, places have numbers.
fn reset(terminal: &mut Terminal, places: [&str; 2], downs: usize) {
    terminal.wait_for_text("of it ");
    terminal.send_keys("f");
    terminal.wait_for_text("Which one?");
    terminal.send_keys(&format!("{}\r", "\x1b[B".repeat(downs)));
    terminal.wait_for_text("Factory reset > What will be done");
    terminal.send_keys("\r");
    let asks = "To overwrite it, type its name:";
    terminal.wait_for_text(asks);
    terminal.send_keys("practice.img\r");
    terminal.wait_for_text("That is not the word.");
    let text = terminal.text();
    let word = text.lines().find_map(|line| line.split_once(asks)).unwrap().1.trim();
    assert!(places.contains(&word), "{text}");
    terminal.send_keys(&format!("\x15{word}\r"));
    terminal.wait_for_text("√ Done");
    terminal.send_keys("\r");
    terminal.wait_for_start();
}

#[test]
fn the_broken_practice_disk_is_brought_back_by_keys() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::wizard(&["demo", "--dir", "practice"], dir.path());
    sh(dir.path(), "! sfdisk -d practice/practice.img 2>/dev/null | grep start=");
    for (number, start) in [1u64, 49, 81].into_iter().enumerate() {
        let places = [format!("practice.img@{}", start << 20), format!("practice.img:{}", number + 1)];
        reset(&mut terminal, [&places[0], &places[1]], number);
    }
    terminal.send_keys("d");
    terminal.wait_for_text("practice-linux");
    for word in ["PRACTICE", "Practice Windo", "└─ factory"] {
        terminal.wait_for_text(word);
    }
    terminal.send_keys("\x1b");
    assert_eq!(terminal.quit(), 0);
    sh(
        dir.path(),
        "sgdisk -v practice/practice.img | grep 'No problems found'
         test $(sfdisk -d practice/practice.img | grep -c start=) = 4
         part() { dd if=practice/practice.img of=$1 bs=1M skip=$2 count=$3 conv=sparse status=none; }
         part fat 1 48; part ntfs 49 32; part ext4 81 48
         fsck.fat -n fat; ntfsfix -n ntfs; e2fsck -fn ext4
         mdir -i fat ::/Papers; mdir -a -i fat ::/LIFEBOAT | grep -i factory",
    );
}
