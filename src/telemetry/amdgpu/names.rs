//! Product name and PCI slot of a card.

use std::fs;
use std::path::Path;

use super::text;
use crate::domain::text::sanitise_line;

/// Returns the PCI slot of the card, like `0000:03:00.0`.
pub(super) fn slot(device: &Path) -> Option<String> {
    let uevent = fs::read_to_string(device.join("uevent")).ok()?;
    uevent.lines().find_map(|line| line.strip_prefix("PCI_SLOT_NAME=")).map(sanitise_line)
}

/// Returns the product name from the card, otherwise from libdrm's list, otherwise made from the PCI IDs.
pub(super) fn product_name(device: &Path, ids: &Path) -> String {
    if let Some(name) = text(&device.join("product_name")) {
        return name;
    }
    let hex = |file: &str| Some(text(&device.join(file))?.trim_start_matches("0x").to_ascii_lowercase());
    let Some(id) = hex("device") else { return "AMD GPU".to_owned() };
    let known = hex("revision").and_then(|revision| name_in_list(&fs::read_to_string(ids).ok()?, &id, &revision));
    known.unwrap_or_else(|| format!("AMD 1002:{id}"))
}

/// Looks up a name in a list of lines `device, revision, name`, with numbers in hexadecimal.
fn name_in_list(list: &str, id: &str, revision: &str) -> Option<String> {
    list.lines().find_map(|line| {
        let mut fields = line.splitn(3, ',').map(str::trim);
        let matches = fields.next()?.eq_ignore_ascii_case(id) && fields.next()?.eq_ignore_ascii_case(revision);
        matches.then(|| fields.next().map(sanitise_line)).flatten()
    })
}
