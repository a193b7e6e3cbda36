//! `lifeboat demo`
use super::Next;
use super::arguments::Demo;
pub(super) fn run(_command: &Demo) -> Next {
    Next::Exit(1)
}
