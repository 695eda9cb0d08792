//! What follows from the list of ops in `lib.rs`: a device that runs them all, and the table of ops on files.

/// Takes the ops by their paths in this crate. Stands in `lib.rs` under the modules, so that a new op is named in that file alone.
macro_rules! ops {
    ($($op:ty),* $(,)?) => {
        /// A device that runs every op of this crate and the optimiser's update.
        pub trait Backend: Device + adamw::Update $(+ Run<$op>)* {}

        impl<D: Device + adamw::Update $(+ Run<$op>)*> Backend for D {}

        /// The ops whose CUDA half is pending: a GPU runs no model before there are none.
        #[cfg(feature = "cuda")]
        pub fn pending() -> Vec<&'static str> {
            use backend::Half;
            #[allow(unused_imports, reason = "an op that is pending needs it, and there may be none")]
            use backend::Pending as _;
            let halves = [$((<$op as op::Op>::NAME, Half::<$op>::IS_THERE)),*];
            halves.into_iter().filter(|(_, there)| !there).map(|(name, _)| name).collect()
        }

        /// Every op, to be called by name.
        #[cfg(feature = "on-files")]
        pub const OPS: &[on_files::Entry] = &[$(on_files::Entry::of::<$op>()),*];
    };
}

pub(crate) use ops;

/// Whether an op has a CUDA half: the constant of its own where it has, else that of [`Pending`].
#[cfg(feature = "cuda")]
pub(crate) struct Half<O>(std::marker::PhantomData<O>);

#[cfg(feature = "cuda")]
impl<O: crate::cuda::CudaOp> Half<O> {
    /// It is there.
    pub const IS_THERE: bool = true;
}

/// What is so where nothing else is said.
#[cfg(feature = "cuda")]
#[allow(dead_code, reason = "there may be no op that is pending")]
pub(crate) trait Pending {
    /// It is not there.
    const IS_THERE: bool = false;
}

#[cfg(feature = "cuda")]
impl<O> Pending for Half<O> {}
