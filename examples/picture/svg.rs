//! Writes frames of a terminal as SVG: one frame as a still picture, more as an animation in CSS that needs no script.

use std::collections::BTreeMap;
use std::fmt::Write;

use vt100::{Color, Screen};

use crate::cell::{self, CELL_H, CELL_W, Colours};

/// Margin around the screen in tenths of a pixel.
const MARGIN: u32 = 140;

/// Colours of the terminal's own: background, foreground and the sixteen.
pub struct Look {
    /// Value of `--theme`.
    pub theme: &'static str,
    pub background: &'static str,
    pub foreground: &'static str,
    sixteen: [&'static str; 16],
}

pub const LOOKS: [Look; 2] = [
    Look {
        theme: "dark",
        background: "#11151c",
        foreground: "#d5dbe5",
        sixteen: [
            "#1d232d", "#e06c75", "#8cc265", "#d9b25f", "#61a5ea", "#c678dd", "#4fc1c9", "#c8d0dc", "#6b7686",
            "#f0868e", "#a5d87f", "#ecca7d", "#83bdf5", "#d897ec", "#74dbe2", "#ffffff",
        ],
    },
    Look {
        theme: "light",
        background: "#fbfcfd",
        foreground: "#1f2933",
        sixteen: [
            "#1f2933", "#c0392b", "#2e7d32", "#8a6100", "#1f5fbf", "#8e35a8", "#007b83", "#5f6b7a", "#4a5563",
            "#a93226", "#1b5e20", "#6d4c00", "#174ea6", "#6a1b9a", "#006064", "#000000",
        ],
    },
];

impl Look {
    pub fn colour(&self, colour: Color, default: &str) -> String {
        match colour {
            Color::Default => default.to_owned(),
            Color::Idx(i) => (*self.sixteen.get(usize::from(i)).unwrap_or(&self.foreground)).to_owned(),
            Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        }
    }
}

/// Frames of one terminal size, drawn as they come.
pub struct Film<'a> {
    look: &'a Look,
    cols: u32,
    rows: u32,
    colours: Colours,
    /// Distinct parts of rows; their index is their identifier.
    parts: BTreeMap<String, usize>,
    /// Row and identifier of each part of a frame, and milliseconds for which the frame is shown.
    frames: Vec<(Vec<(u16, usize)>, u32)>,
}

impl<'a> Film<'a> {
    pub fn new(look: &'a Look, cols: u16, rows: u16) -> Self {
        let (colours, parts, frames) = (Colours::default(), BTreeMap::new(), Vec::new());
        Self { look, cols: cols.into(), rows: rows.into(), colours, parts, frames }
    }

    /// Adds the screen as a frame that is shown for `ms` milliseconds.
    pub fn push(&mut self, screen: &Screen, ms: u32) {
        let mut frame = Vec::new();
        for row in 0..screen.size().0.get() {
            for cols in cell::parts(screen, row) {
                let part = cell::draw(screen, row, cols, self.look, &mut self.colours);
                let next = self.parts.len();
                frame.push((row, *self.parts.entry(part).or_insert(next)));
            }
        }
        match self.frames.last_mut() {
            Some((last, shown)) if *last == frame => *shown += ms,
            _ => self.frames.push((frame, ms)),
        }
    }

    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Keeps `n` of the frames from `first` on, at equal distances and including the last one, each for `ms` milliseconds.
    pub fn thin(&mut self, first: usize, n: usize, ms: u32) {
        let taken = self.frames.split_off(first);
        let step = taken.len().div_ceil(n).max(1);
        let offset = taken.len().saturating_sub(1) % step;
        self.frames.extend(taken.into_iter().skip(offset).step_by(step).map(|(frame, _)| (frame, ms)));
    }

    /// Writes the picture. `still` is the frame shown where motion is unwanted or not supported.
    pub fn write(&self, screens: &str, still: usize) -> String {
        let (w, h) = (self.cols * CELL_W + 2 * MARGIN, self.rows * CELL_H + 2 * MARGIN);
        let (groups, animation) = self.groups(still);
        let used: std::collections::BTreeSet<usize> =
            self.frames.iter().flat_map(|(frame, _)| frame.iter().map(|(_, id)| *id)).collect();
        let mut defs = String::new();
        for (part, id) in self.parts.iter().filter(|(_, id)| used.contains(id)) {
            writeln!(defs, "<g id=\"p{id}\">{part}</g>").unwrap();
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{}\" height=\"{}\" data-screens=\"{screens}\">\n\
             <style>text{{font:140px ui-monospace,'SF Mono','JetBrains Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}}\
             path,text{{fill:currentColor}}.l{{fill:none;stroke:currentColor;stroke-width:10}}.t{{stroke-width:24}}.o{{stroke-width:27;stroke-linecap:round}}\
             text.b{{font-weight:bold}}text.i{{font-style:italic}}.u{{text-decoration:underline}}.d{{opacity:.6}}{}{animation}</style>\n\
             <defs>\n{defs}</defs>\n\
             <rect width=\"{w}\" height=\"{h}\" rx=\"100\" fill=\"{}\"/>\n\
             <g transform=\"translate({MARGIN} {MARGIN})\">\n{groups}</g>\n</svg>\n",
            w / 10,
            h / 10,
            self.colours.css(),
            self.look.background,
        )
    }

    /// Groups of parts that appear and disappear together, and the style sheet that shows each at its time.
    fn groups(&self, still: usize) -> (String, String) {
        let mut intervals: BTreeMap<(usize, usize), String> = BTreeMap::new();
        let mut shown: BTreeMap<(u16, usize), usize> = BTreeMap::new();
        for now in 0..=self.frames.len() {
            let frame = self.frames.get(now).map_or(&[][..], |(frame, _)| frame);
            let (gone, kept): (BTreeMap<_, _>, _) = shown.into_iter().partition(|(part, _)| !frame.contains(part));
            shown = kept;
            for ((row, id), since) in gone {
                let group = intervals.entry((since, now)).or_default();
                write!(group, "<use href=\"#p{id}\" y=\"{}\"/>", u32::from(row) * CELL_H).unwrap();
            }
            for part in frame {
                shown.entry(*part).or_insert(now);
            }
        }
        let ms = |frames: &[(Vec<_>, u32)]| frames.iter().map(|(_, ms)| ms).sum::<u32>();
        let total = ms(&self.frames);
        let (mut groups, mut keyframes) = (String::new(), BTreeMap::new());
        for ((since, end), parts) in intervals {
            if (since, end) == (0, self.frames.len()) {
                writeln!(groups, "<g>{parts}</g>").unwrap();
                continue;
            }
            let (start, length) = (ms(&self.frames[..since]), ms(&self.frames[since..end]));
            keyframes.entry(length).or_insert_with(|| {
                let percent = f64::from(length) * 100.0 / f64::from(total);
                format!(
                    ".k{length}{{animation-name:k{length}}}@keyframes k{length}{{0%{{visibility:visible}}{percent:.3}%,100%{{visibility:hidden}}}}"
                )
            });
            let is_still = if (since..end).contains(&still) { " s" } else { "" };
            // A negative delay starts each animation at once, at the place that it has when its parts appear.
            let delay = i64::from(start) - i64::from(total);
            writeln!(groups, "<g class=\"f k{length}{is_still}\" style=\"animation-delay:{delay}ms\">{parts}</g>")
                .unwrap();
        }
        if keyframes.is_empty() {
            return (groups, String::new());
        }
        let keyframes: String = keyframes.into_values().collect();
        let css = format!(
            ".f{{visibility:hidden;animation-duration:{total}ms;animation-timing-function:step-end;animation-iteration-count:infinite}}\
             .s{{visibility:visible}}{keyframes}@media(prefers-reduced-motion:reduce){{.f{{animation:none}}}}"
        );
        (groups, css)
    }
}
