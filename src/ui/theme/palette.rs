//! The colours of each theme, by role.

use ratatui::style::Color;

use super::colour::{Depth, Rgb, TEXT_CONTRAST, indexed, readable, split, to_depth};

/// A colour for each role.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    /// Background.
    pub(super) background: Color,
    /// Plain text.
    pub(super) text: Color,
    /// Low priority: labels, lines, unavailable actions.
    pub(super) muted: Color,
    /// High priority.
    pub(super) accent: Color,
    /// Success.
    pub(super) good: Color,
    /// Needs attention.
    pub(super) warning: Color,
    /// Failure.
    pub(super) bad: Color,
    /// Reasoning: less prominent than the answer, but legible.
    pub(super) reasoning: Color,
    /// Code in an answer.
    pub(super) code: Color,
    /// A link's text.
    pub(super) link: Color,
    /// The lines of a chart.
    pub(super) series: [Color; 4],
}

pub(super) const HIGH_CONTRAST_16: Palette = Palette {
    background: Color::Black,
    text: Color::White,
    muted: Color::Gray,
    accent: Color::LightCyan,
    good: Color::LightGreen,
    warning: Color::LightYellow,
    bad: Color::LightRed,
    reasoning: Color::Gray,
    code: Color::LightYellow,
    link: Color::LightCyan,
    series: [Color::LightCyan, Color::LightMagenta, Color::LightGreen, Color::LightYellow],
};

const fn rgb(hex: u32) -> Color {
    super::colour::rgb(split(hex))
}

impl Palette {
    /// Adapts the palette to this background and to colours that the terminal can show, so that each is legible.
    pub(super) fn fitted(&self, background: Rgb, depth: Depth) -> Self {
        let fit = |colour| readable(colour, background, TEXT_CONTRAST, depth);
        Self {
            background: self.background,
            text: fit(self.text),
            muted: fit(self.muted),
            accent: fit(self.accent),
            good: fit(self.good),
            warning: fit(self.warning),
            bad: fit(self.bad),
            reasoning: fit(self.reasoning),
            code: fit(self.code),
            link: fit(self.link),
            series: self.series.map(fit),
        }
    }

    /// Adapts the palette to its own background.
    pub(super) fn on_own_background(&self, depth: Depth) -> Self {
        let background = to_depth(self.background, depth);
        let value = match background {
            Color::Rgb(r, g, b) => [r, g, b],
            Color::Indexed(index) => indexed(index),
            _ => return *self,
        };
        Self { background, ..self.fitted(value, depth) }
    }
}

pub(super) const DARK: Palette = Palette {
    background: rgb(0x11_15_1a),
    text: rgb(0xd8_de_e9),
    muted: rgb(0x7d_87_94),
    accent: rgb(0x56_c8_d8),
    good: rgb(0x7f_c9_7f),
    warning: rgb(0xe5_c0_7b),
    bad: rgb(0xf0_71_78),
    reasoning: rgb(0x9a_a5_b1),
    code: rgb(0xe5_c0_7b),
    link: rgb(0x7f_b4_ff),
    series: [rgb(0x56_c8_d8), rgb(0xd0_8c_e0), rgb(0x7f_c9_7f), rgb(0x7f_b4_ff)],
};

pub(super) const LIGHT: Palette = Palette {
    background: rgb(0xff_ff_ff),
    text: rgb(0x1f_23_28),
    muted: rgb(0x6e_77_81),
    accent: rgb(0x09_69_c4),
    good: rgb(0x1a_7f_37),
    warning: rgb(0x8f_5f_00),
    bad: rgb(0xcf_22_2e),
    reasoning: rgb(0x57_60_6a),
    code: rgb(0x95_38_00),
    link: rgb(0x09_69_c4),
    series: [rgb(0x09_69_c4), rgb(0x82_50_df), rgb(0x1a_7f_37), rgb(0x95_38_00)],
};

pub(super) const HIGH_CONTRAST: Palette = Palette {
    background: rgb(0x00_00_00),
    text: rgb(0xff_ff_ff),
    muted: rgb(0xc0_c0_c0),
    accent: rgb(0x00_ff_ff),
    good: rgb(0x00_ff_66),
    warning: rgb(0xff_d5_00),
    bad: rgb(0xff_80_80),
    reasoning: rgb(0xdc_dc_dc),
    code: rgb(0xff_d5_00),
    link: rgb(0x8c_c8_ff),
    series: [rgb(0x00_ff_ff), rgb(0xff_8c_ff), rgb(0x00_ff_66), rgb(0xff_d5_00)],
};
