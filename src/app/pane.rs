//! The panes by name. Keys, help, titles, and names in the config file derive from this table.

/// Defines [`PaneId`] and the texts of each pane, one row for each.
macro_rules! panes {
    ($($(#[$attribute:meta])* $id:ident { title: $title:literal, name: $name:literal, help: $help:literal })*) => {
        /// A pane of the dashboard, in the order of `tab`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
        pub enum PaneId {
            $($(#[$attribute])* $id,)*
        }

        impl PaneId {
            /// All panes, in the order of `tab` and of the digits that focus them.
            pub const ALL: [Self; [$($title),*].len()] = [$(Self::$id),*];

            /// Title in the pane's rule, in the help and in the palette.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$id => $title,)* }
            }

            /// Name of the pane in a listing of keys.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$id => $name,)* }
            }

            /// Name of the action that focuses the pane, in the config file. Never change a name: the config files of
            /// users
    /// contain it.
            pub const fn focus_action(self) -> &'static str {
                match self { $(Self::$id => concat!("go-to-", $name),)* }
            }

            /// Help for the key that focuses the pane.
            pub const fn focus_help(self) -> &'static str {
                match self { $(Self::$id => $help,)* }
            }
        }
    };
}

panes! {
    /// The table of cases.
    #[default]
    Cases { title: "Cases", name: "cases", help: "Go to the cases" }
    /// The answer of the selected case.
    Preview { title: "Answer", name: "answer", help: "Go to the answer" }
    /// Gaps between tokens, throughput and GPU load over time.
    Scope { title: "Scope", name: "scope", help: "Go to the scope" }
    /// TTFT and inter-token latency.
    Latency { title: "Latency", name: "latency", help: "Go to the latency" }
    /// The GPUs.
    Gpu { title: "GPU", name: "gpu", help: "Go to the GPUs" }
}
