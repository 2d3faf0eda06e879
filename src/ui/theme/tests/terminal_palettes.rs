//! Palettes of terminals, from their public definitions.

use crate::ui::theme::colour::{Rgb, split};

/// Colours of a terminal.
pub(super) struct TerminalPalette {
    pub(super) name: &'static str,
    pub(super) text: Rgb,
    pub(super) background: Rgb,
    /// The sixteen colours in the order of their codes.
    pub(super) colours: [Rgb; 16],
}

const fn palette(name: &'static str, text: u32, background: u32, colours: [u32; 16]) -> TerminalPalette {
    let mut split_colours = [[0; 3]; 16];
    let mut at = 0;
    while at < 16 {
        split_colours[at] = split(colours[at]);
        at += 1;
    }
    TerminalPalette { name, text: split(text), background: split(background), colours: split_colours }
}

pub(super) const PALETTES: &[TerminalPalette] = &[
    // https://github.com/altercation/solarized#the-values
    palette(
        "Solarized Dark",
        0x83_94_96,
        0x00_2b_36,
        [
            0x07_36_42, 0xdc_32_2f, 0x85_99_00, 0xb5_89_00, 0x26_8b_d2, 0xd3_36_82, 0x2a_a1_98, 0xee_e8_d5, 0x00_2b_36,
            0xcb_4b_16, 0x58_6e_75, 0x65_7b_83, 0x83_94_96, 0x6c_71_c4, 0x93_a1_a1, 0xfd_f6_e3,
        ],
    ),
    // https://github.com/altercation/solarized#the-values
    palette(
        "Solarized Light",
        0x65_7b_83,
        0xfd_f6_e3,
        [
            0x07_36_42, 0xdc_32_2f, 0x85_99_00, 0xb5_89_00, 0x26_8b_d2, 0xd3_36_82, 0x2a_a1_98, 0xee_e8_d5, 0x00_2b_36,
            0xcb_4b_16, 0x58_6e_75, 0x65_7b_83, 0x83_94_96, 0x6c_71_c4, 0x93_a1_a1, 0xfd_f6_e3,
        ],
    ),
    // https://github.com/morhetz/gruvbox-contrib (xresources)
    palette(
        "Gruvbox Dark",
        0xeb_db_b2,
        0x28_28_28,
        [
            0x28_28_28, 0xcc_24_1d, 0x98_97_1a, 0xd7_99_21, 0x45_85_88, 0xb1_62_86, 0x68_9d_6a, 0xa8_99_84, 0x92_83_74,
            0xfb_49_34, 0xb8_bb_26, 0xfa_bd_2f, 0x83_a5_98, 0xd3_86_9b, 0x8e_c0_7c, 0xeb_db_b2,
        ],
    ),
    // https://github.com/morhetz/gruvbox-contrib (xresources)
    palette(
        "Gruvbox Light",
        0x3c_38_36,
        0xfb_f1_c7,
        [
            0xfb_f1_c7, 0xcc_24_1d, 0x98_97_1a, 0xd7_99_21, 0x45_85_88, 0xb1_62_86, 0x68_9d_6a, 0x7c_6f_64, 0x92_83_74,
            0x9d_00_06, 0x79_74_0e, 0xb5_76_14, 0x07_66_78, 0x8f_3f_71, 0x42_7b_58, 0x3c_38_36,
        ],
    ),
    // https://github.com/nordtheme/xresources
    palette(
        "Nord",
        0xd8_de_e9,
        0x2e_34_40,
        [
            0x3b_42_52, 0xbf_61_6a, 0xa3_be_8c, 0xeb_cb_8b, 0x81_a1_c1, 0xb4_8e_ad, 0x88_c0_d0, 0xe5_e9_f0, 0x4c_56_6a,
            0xbf_61_6a, 0xa3_be_8c, 0xeb_cb_8b, 0x81_a1_c1, 0xb4_8e_ad, 0x8f_bc_bb, 0xec_ef_f4,
        ],
    ),
    // https://spec.draculatheme.com
    palette(
        "Dracula",
        0xf8_f8_f2,
        0x28_2a_36,
        [
            0x21_22_2c, 0xff_55_55, 0x50_fa_7b, 0xf1_fa_8c, 0xbd_93_f9, 0xff_79_c6, 0x8b_e9_fd, 0xf8_f8_f2, 0x62_72_a4,
            0xff_6e_6e, 0x69_ff_94, 0xff_ff_a5, 0xd6_ac_ff, 0xff_92_df, 0xa4_ff_ff, 0xff_ff_ff,
        ],
    ),
    // https://github.com/primer/github-vscode-theme (terminal.ansi*)
    palette(
        "GitHub Light",
        0x1f_23_28,
        0xff_ff_ff,
        [
            0x24_29_2f, 0xcf_22_2e, 0x11_63_29, 0x4d_2d_00, 0x09_69_da, 0x82_50_df, 0x1b_7c_83, 0x6e_77_81, 0x57_60_6a,
            0xa4_0e_26, 0x1a_7f_37, 0x63_3c_01, 0x21_8b_ff, 0xa4_75_f9, 0x31_92_aa, 0x8c_95_9f,
        ],
    ),
    // https://invisible-island.net/xterm (XTerm-col.ad)
    palette(
        "xterm, reverse video off",
        0x00_00_00,
        0xff_ff_ff,
        [
            0x00_00_00, 0xcd_00_00, 0x00_cd_00, 0xcd_cd_00, 0x00_00_ee, 0xcd_00_cd, 0x00_cd_cd, 0xe5_e5_e5, 0x7f_7f_7f,
            0xff_00_00, 0x00_ff_00, 0xff_ff_00, 0x5c_5c_ff, 0xff_00_ff, 0x00_ff_ff, 0xff_ff_ff,
        ],
    ),
    // https://invisible-island.net/xterm (XTerm-col.ad), reversed
    palette(
        "xterm",
        0xff_ff_ff,
        0x00_00_00,
        [
            0x00_00_00, 0xcd_00_00, 0x00_cd_00, 0xcd_cd_00, 0x00_00_ee, 0xcd_00_cd, 0x00_cd_cd, 0xe5_e5_e5, 0x7f_7f_7f,
            0xff_00_00, 0x00_ff_00, 0xff_ff_00, 0x5c_5c_ff, 0xff_00_ff, 0x00_ff_ff, 0xff_ff_ff,
        ],
    ),
    // https://learn.microsoft.com/windows/terminal/customize-settings/color-schemes
    palette(
        "Windows Terminal (Campbell)",
        0xcc_cc_cc,
        0x0c_0c_0c,
        [
            0x0c_0c_0c, 0xc5_0f_1f, 0x13_a1_0e, 0xc1_9c_00, 0x00_37_da, 0x88_17_98, 0x3a_96_dd, 0xcc_cc_cc, 0x76_76_76,
            0xe7_48_56, 0x16_c6_0c, 0xf9_f1_a5, 0x3b_78_ff, 0xb4_00_9e, 0x61_d6_d6, 0xf2_f2_f2,
        ],
    ),
];
