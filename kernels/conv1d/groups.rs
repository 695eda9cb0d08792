//! Channels in groups: from frames of all channels to one dense panel per utterance and group, and back.

use std::borrow::Cow;

use rayon::prelude::*;

use super::cpu::Finish;
use crate::threads::block_rows;

/// `x` [B, time, G·width] as panels [B, G, left + time + right, width], zero outside; `x` itself where that is the same.
pub(super) fn split(
    x: &[f32],
    time: usize,
    groups: usize,
    width: usize,
    [left, right]: [usize; 2],
) -> Cow<'_, [f32]> {
    let channels = groups * width;
    if time == 0 || (groups == 1 && left + right == 0) {
        return Cow::Borrowed(x);
    }
    let frames = left + time + right;
    let mut panels = vec![0.0; x.len() / time * frames];
    panels.par_chunks_mut(frames * width).enumerate().for_each(|(unit, panel)| {
        let (b, g) = (unit / groups, unit % groups);
        let rows = x[b * time * channels..].chunks_exact(channels);
        for (to, row) in panel[left * width..(left + time) * width].chunks_exact_mut(width).zip(rows) {
            to.copy_from_slice(&row[g * width..(g + 1) * width]);
        }
    });
    Cow::Owned(panels)
}

/// Adds `panels` [B, G, time, width] to `y` [B, time, G·width], and finishes its rows.
pub(super) fn add_merged(
    panels: &[f32],
    y: &mut [f32],
    time: usize,
    [groups, width]: [usize; 2],
    finish: Finish<'_>,
) {
    const BLOCK: usize = 1 << 15;
    let channels = groups * width;
    let rows = block_rows(channels, BLOCK);
    let panels = panels.par_chunks(time * channels);
    y.par_chunks_mut(time * channels).zip(panels).for_each(|(y, panels)| {
        y.par_chunks_mut(rows * channels).enumerate().for_each(|(block, y)| {
            for (t, row) in y.chunks_exact_mut(channels).enumerate() {
                let from = (block * rows + t) * width;
                for (g, to) in row.chunks_exact_mut(width).enumerate() {
                    let from = &panels[g * time * width + from..][..width];
                    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
                }
                finish.piece(0, row);
            }
        });
    });
}
