//! Luminance, contrast and conversion of colours.

use ratatui::style::Color;

/// Red, green and blue.
pub type Rgb = [u8; 3];

/// Contrast that WCAG 2 requires of text.
pub(super) const TEXT_CONTRAST: f64 = 4.5;

/// Levels of a channel in the colour cube of 256-colour terminals.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The sixteen colours with the values of xterm.
const SIXTEEN: [u32; 16] = [
    0x00_00_00, 0xcd_00_00, 0x00_cd_00, 0xcd_cd_00, 0x00_00_ee, 0xcd_00_cd, 0x00_cd_cd, 0xe5_e5_e5, 0x7f_7f_7f,
    0xff_00_00, 0x00_ff_00, 0xff_ff_00, 0x5c_5c_ff, 0xff_00_ff, 0x00_ff_ff, 0xff_ff_ff,
];

/// Colours that the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// The terminal's own sixteen, whose values depend on its settings.
    Sixteen,
    /// A fixed cube of colours, and greys.
    Indexed,
    /// Any RGB colour.
    TrueColour,
}

/// Splits `0xrrggbb`.
pub(super) const fn split(hex: u32) -> Rgb {
    [(hex >> 16) as u8, (hex >> 8) as u8, hex as u8]
}

/// Relative luminance from 0 (black) to 1 (white), as WCAG 2 defines it.
pub(super) fn luminance(colour: Rgb) -> f64 {
    let [r, g, b] = colour.map(|channel| {
        let c = f64::from(channel) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Contrast ratio from 1 to 21, as WCAG 2 defines it.
pub(super) fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Whether white is easier to read on this background than black.
pub(super) fn is_dark(background: Rgb) -> bool {
    contrast(background, [255; 3]) > contrast(background, [0; 3])
}

/// Moves a colour towards white or black until its contrast to the background is at least `needs`, or the maximum. The
/// result is a colour that the terminal can show.
pub(super) fn readable(colour: Color, background: Rgb, needs: f64, depth: Depth) -> Color {
    const STEPS: u16 = 32;
    let Color::Rgb(r, g, b) = colour else { return colour };
    let target = if is_dark(background) { 255 } else { 0 };
    let mixed = |step: u16| {
        [r, g, b].map(|c| ((u16::from(c) * (STEPS - step) + u16::from(target) * step) / STEPS).to_le_bytes()[0])
    };
    let fitted = (0..=STEPS).map(mixed).find(|c| contrast(*c, background) >= needs).unwrap_or([target; 3]);
    match depth {
        Depth::Indexed => {
            let legible = (16..=255).filter(|i| contrast(indexed(*i), background) >= needs);
            nearest(fitted, legible).unwrap_or_else(|| to_depth(rgb(fitted), depth))
        }
        Depth::Sixteen | Depth::TrueColour => to_depth(rgb(fitted), depth),
    }
}

/// The nearest colour that the terminal can show.
pub(super) fn to_depth(colour: Color, depth: Depth) -> Color {
    let Color::Rgb(r, g, b) = colour else { return colour };
    match depth {
        Depth::TrueColour => colour,
        Depth::Indexed => nearest([r, g, b], 16..=255).unwrap_or(colour),
        Depth::Sixteen => nearest([r, g, b], 0..=15).unwrap_or(colour),
    }
}

fn nearest(to: Rgb, among: impl Iterator<Item = u8>) -> Option<Color> {
    let distance = |index: &u8| -> u32 {
        let squared = |(a, b): (u8, u8)| u32::from(a.abs_diff(b)).pow(2);
        to.into_iter().zip(indexed(*index)).map(squared).sum()
    };
    among.min_by_key(distance).map(Color::Indexed)
}

/// Value of a colour of 256-colour terminals. Users rarely change the colours from 16 on.
pub(super) fn indexed(index: u8) -> Rgb {
    match index {
        0..=15 => split(SIXTEEN[usize::from(index)]),
        16..=231 => {
            let at = usize::from(index - 16);
            [CUBE[at / 36], CUBE[at / 6 % 6], CUBE[at % 6]]
        }
        232..=255 => [8 + 10 * (index - 232); 3],
    }
}

/// A colour of the screen.
pub(super) const fn rgb([r, g, b]: Rgb) -> Color {
    Color::Rgb(r, g, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_computed_as_in_wcag() {
        assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
        // The lightest grey that passes on white.
        assert!((contrast([0x76; 3], [255; 3]) - 4.54).abs() < 0.01);
    }

    #[test]
    fn the_cube_and_the_greys_have_the_values_of_xterm() {
        assert_eq!([16, 196, 231].map(indexed), [[0, 0, 0], [255, 0, 0], [255, 255, 255]]);
        assert_eq!([67, 232, 255].map(indexed), [[95, 135, 175], [8; 3], [238; 3]]);
        assert_eq!(to_depth(Color::Rgb(94, 136, 174), Depth::Indexed), Color::Indexed(67));
        assert_eq!(to_depth(Color::Rgb(250, 2, 3), Depth::Sixteen), Color::Indexed(9));
        assert_eq!(to_depth(Color::Cyan, Depth::Sixteen), Color::Cyan);
    }

    #[test]
    fn a_colour_becomes_readable_on_any_background() {
        let shown = |colour| match colour {
            Color::Rgb(r, g, b) => [r, g, b],
            Color::Indexed(index) => indexed(index),
            other => panic!("{other}"),
        };
        for background in (0..=255).map(|grey| [grey; 3]) {
            for depth in [Depth::TrueColour, Depth::Indexed] {
                let colour = readable(Color::Rgb(0x7d, 0x87, 0x94), background, TEXT_CONTRAST, depth);
                assert!(contrast(shown(colour), background) >= TEXT_CONTRAST, "{colour} on {background:?}");
            }
        }
        // A readable colour stays as it is.
        let red = Color::Rgb(255, 128, 128);
        assert_eq!(readable(red, [0; 3], TEXT_CONTRAST, Depth::TrueColour), red);
    }
}
