//! The pieces screens are made of. All text from outside passes through [`clip`] or [`wrap`], which clean it.

mod bar;
mod cluster_map;
mod layout_bar;
mod list;
mod popup;
mod sparkline;
mod typed;
mod words;

pub(super) use bar::bar;
pub(super) use cluster_map::{Overlay, cluster_map};
pub(super) use layout_bar::layout_bar;
pub(super) use list::{first_visible, paint};
pub(super) use popup::{asked, popup, popup_rows};
pub(super) use sparkline::sparkline;
pub(super) use typed::typed;
pub(super) use words::{clip, cut, pad, pairs, width, wrap};
