//! Markdown as styled, wrapped lines.
