//! What follows from the list of ops in `lib.rs`: a device that runs them all, and the table of ops on files.

/// Takes the ops by their paths in this crate. Stands in `lib.rs` under the modules, so that a new op is named in that file alone.
macro_rules! ops {
    ($($op:ty),* $(,)?) => {
        /// A device that runs every op of this crate and the optimiser's update.
        pub trait Backend: Device + adamw::Update $(+ Run<$op>)* {}

        impl<D: Device + adamw::Update $(+ Run<$op>)*> Backend for D {}

        /// Every op, to be called by name.
        #[cfg(feature = "on-files")]
        pub const OPS: &[on_files::Entry] = &[$(on_files::Entry::of::<$op>()),*];
    };
}

pub(crate) use ops;
