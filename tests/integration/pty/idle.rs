//! What the wizard costs: processor time while nothing happens, bytes on the line while a job runs.

use std::thread;
use std::time::{Duration, Instant};

use super::signals::{begin_big_backup, big_disk};
use crate::pty::Terminal;

/// Fields of `/proc/PID/stat`: ticks of the processor in user mode and in the kernel. A tick is a hundredth of a second.
const USER_TICKS: usize = 14;
const KERNEL_TICKS: usize = 15;

#[test]
fn an_idle_wizard_takes_next_to_no_processor_time_and_sends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::wizard(&["--disk", "no.img"], dir.path());
    // What is looked for at the start must have been found.
    thread::sleep(Duration::from_secs(3));
    let ticks =
        || [USER_TICKS, KERNEL_TICKS].map(|field| terminal.stat(field).parse::<u64>().unwrap()).iter().sum::<u64>();
    let (ticks_before, bytes_before) = (ticks(), terminal.received());
    thread::sleep(Duration::from_secs(3));
    let (ticks, bytes) = (ticks() - ticks_before, terminal.received() - bytes_before);
    println!("idle for 3 s: {ticks} ticks ({:.1} % of a processor), {bytes} bytes sent", ticks as f64 / 3.0);
    assert!(ticks < 60, "{ticks} ticks in 3 s: more than a fifth of a processor for nothing");
    assert_eq!(bytes, 0, "nothing changed, so there is nothing to send");
    assert_eq!(terminal.quit(), 0);
}

/// Bytes a second while a job runs, on a line of this speed; and for how long that was measured.
fn measure(baud: Option<u32>) -> (u64, Duration) {
    let dir = tempfile::tempdir().unwrap();
    big_disk(dir.path());
    let mut terminal = Terminal::spawn_on(("vt220", false), baud, &["--disk", "big.img"], dir.path(), 24, 80);
    begin_big_backup(&mut terminal);
    terminal.wait_for_text("Overall");
    thread::sleep(Duration::from_secs(2));
    let (began, before) = (Instant::now(), terminal.received());
    thread::sleep(Duration::from_secs(6));
    let (bytes, time) = (terminal.received() - before, began.elapsed());
    assert!(terminal.text().contains("Overall"), "it still runs:\n{}", terminal.text());
    terminal.signal("TERM");
    assert_eq!(terminal.wait(), 130);
    terminal.wait_restored();
    (bytes, time)
}

#[test]
fn a_running_job_sends_little_and_a_slow_line_gets_no_more_than_it_carries() {
    let (bytes, time) = measure(None);
    let ticks = time.as_millis() / 100;
    println!("running, fast line: {bytes} bytes in {ticks} ticks: {} a tick", u128::from(bytes) / ticks);
    assert!(bytes > 0, "something moves");
    assert!(u128::from(bytes) < ticks * 500, "a quarter of the screen a tick is no difference, but a new picture");

    let (slow, time) = measure(Some(9600));
    println!("running, 9600 baud: {slow} bytes in {:.1} s; the line carries 960 a second", time.as_secs_f64());
    assert!(slow > 0, "something moves");
    assert!(slow <= 960 * (time.as_secs() + 1));
    assert!(slow < bytes / 2, "what moves is drawn less often: {slow} of {bytes} bytes");
}

#[test]
fn a_slow_line_brings_the_bytes_of_a_key_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::spawn_on(("vt220", false), Some(1200), &["--disk", "no.img"], dir.path(), 24, 80);
    terminal.wait_for_start();
    terminal.send_keys("d");
    terminal.wait_for_text("no.img");
    for byte in ["\x1b", "[", "B", "\x1b", "[", "5", "~"] {
        terminal.send_keys(byte);
        thread::sleep(Duration::from_millis(8));
    }
    // None of them was Esc, and none was a letter.
    terminal.send_keys("?");
    terminal.wait_for_text("Help");
    terminal.send_keys("\x1b");
    terminal.wait_for_text("Esc back");
    assert!(terminal.text().contains("no.img"), "{}", terminal.text());
    terminal.send_keys("\x1b");
    assert_eq!(terminal.quit(), 0);
}
