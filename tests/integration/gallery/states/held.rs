//! Who uses a disk.

use std::path::PathBuf;

use lifeboat::device::{Holder, HolderKind};
use lifeboat::ui::model::Trouble;
use lifeboat::ui::msg::{Effect, HolderView, HoldersView, Msg};

use super::super::super::journeys::stage::{Stage, inventory};
use super::super::General::*;
use super::super::scenes::{HOSTILE, LONG, WIDE, machine, pressed, unanswered};
use super::super::{Declared, shelf, state};

/// At who uses the mounted partition.
fn of(others: fn(&Effect) -> Option<Msg>, keys: &str) -> Stage {
    let mut stage = machine(inventory(), "m");
    stage.script.others = others;
    pressed(stage, &format!("<enter>{keys}"))
}

fn told(effect: &Effect, list: Vec<HolderView>, is_cut: bool) -> Option<Msg> {
    let Effect::Hold(ticket, _) = effect else { return None };
    Some(Msg::Holders(*ticket, Ok(HoldersView { list, hidden: 0, is_cut })))
}

fn mount(place: &str) -> HolderView {
    let kind =
        HolderKind::Mount { place: place.into(), file_system: "ext4".into(), inside: Vec::new(), covered: false };
    HolderView { holder: Holder { node: "/dev/sda3".into(), kind }, user: None }
}

fn program(pid: u32, name: &str) -> HolderView {
    let kind = HolderKind::Process {
        pid,
        name: name.into(),
        uid: Some(1000),
        files: vec![PathBuf::from(format!("/mnt/{name}/file"))],
        place: Some("/mnt".into()),
        is_self: false,
    };
    HolderView { holder: Holder { node: "/dev/sda3".into(), kind }, user: Some(name.to_owned()) }
}

fn failing(effect: &Effect) -> Option<Msg> {
    let trouble = |what: &str| Trouble { refused: false, what: what.into(), next: None };
    Some(match effect {
        Effect::Hold(ticket, _) => Msg::Holders(*ticket, Ok(shelf::holders())),
        Effect::Unmount(ticket, ..) => Msg::Unmounted(*ticket, Err(trouble("/mnt/free: device or resource busy"))),
        _ => return None,
    })
}

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("users of a disk, none", &[Empty], || of(|effect| told(effect, Vec::new(), false), "")),
        state("users of a disk, the system's root", &[One], || of(|effect| told(effect, vec![mount("/")], false), "")),
        state("users of a disk, the root to be unmounted", &[Refused], || {
            of(|effect| told(effect, vec![mount("/")], false), "<enter>")
        }),
        state("users of a disk, several", &[Many], || of(shelf::answer, "")),
        state("users of a disk, a program chosen", &[], || of(shelf::answer, "<down>")),
        state("users of a disk, swap that was chosen", &[], || of(shelf::answer, "<down><down><down><enter>")),
        state("users of a disk, more than fit", &[TooMany], || {
            of(|effect| told(effect, (1..=100).map(|n| program(n, "program")).collect(), true), "<end>")
        }),
        state("users of a disk with strange names", &[LongNames, WideNames, Hostile], || {
            of(|effect| told(effect, [WIDE, HOSTILE, LONG].map(|name| program(1, name)).into(), false), "<down>")
        }),
        state("users of a disk with the question whether to unmount", &[], || of(shelf::answer, "<down><down><enter>")),
        state("users of a disk with one unmounted", &[], || of(shelf::answer, "<down><down><enter>y")),
        state("users of a disk that cannot be told", &[], || {
            of(
                |effect| {
                    let Effect::Hold(ticket, _) = effect else { return None };
                    let what = "/proc cannot be read: permission denied".to_owned();
                    Some(Msg::Holders(*ticket, Err(Trouble { refused: false, what, next: None })))
                },
                "",
            )
        }),
        state("users of a disk that could not be unmounted", &[Failed], || {
            let mut stage = of(shelf::answer, "<down><down><enter>");
            stage.script.others = failing;
            pressed(stage, "y")
        }),
        state("users of a disk while they are looked for", &[Running], || {
            unanswered(machine(inventory(), "m"), "<enter>")
        }),
        state("users of a disk with help", &[Help], || of(shelf::answer, "?")),
    ],
    never: &[(Damaged, "what uses a disk is told, not what is on it"), (Paused, "nothing runs here that could wait")],
};
