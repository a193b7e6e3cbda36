//! What a frame costs: how long it takes to draw each state at 240 × 80, the largest terminal that is promised.
//!
//! `scripts/bench --only frames` runs this in release with 200 draws of each and shows the table. Times are never
//! asserted; as an ordinary test it draws each once, to see that the table has them all.

use std::time::{Duration, Instant};

use lifeboat::ui::view::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::everything;

/// How often each state is drawn, when it is measured.
const DRAWS: &str = "LIFEBOAT_FRAME_DRAWS";
const SIZE: (u16, u16) = (240, 80);

#[test]
fn each_state_has_its_cost() {
    let draws = std::env::var(DRAWS).ok().and_then(|draws| draws.parse().ok()).unwrap_or(1);
    println!("{:>10} {:>10}  state, at {} × {}, {draws} draws", "median ms", "worst ms", SIZE.0, SIZE.1);
    let mut rows: Vec<_> = everything()
        .map(|(screen, state)| {
            let mut stage = (state.stage)();
            stage.buffer(SIZE.0, SIZE.1);
            let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a test terminal opens");
            let mut times: Vec<Duration> = Vec::with_capacity(draws);
            for _ in 0..draws {
                let began = Instant::now();
                terminal.draw(|frame| view(&stage.model, frame)).expect("a test terminal draws");
                times.push(began.elapsed());
            }
            times.sort();
            (times[draws / 2], times[draws - 1], format!("{screen:?}: {}", state.name))
        })
        .collect();
    rows.sort_by(|a, b| b.cmp(a));
    let milliseconds = |time: &Duration| time.as_secs_f64() * 1000.0;
    for (median, worst, name) in &rows {
        println!("{:>10.3} {:>10.3}  {name}", milliseconds(median), milliseconds(worst));
    }
    let slow = rows.iter().filter(|(median, ..)| *median >= Duration::from_millis(5)).count();
    assert_eq!(rows.len(), everything().count());
    println!("{} states, {slow} of them with a median of 5 ms or more", rows.len());
}
