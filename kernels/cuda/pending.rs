//! The list of ops whose device half is still to be written: on a GPU they refuse.
//!
//! Without it a program with the feature `cuda` would not compile before the last of them: its GPU has to be a [`Backend`](crate::Backend), which
//! runs all ops. `kernels::pending` names them, and who chooses the device asks it first, so that nobody meets a refusal. An op that has got its
//! `CudaOp` goes from the list, or the compiler finds it there twice.

macro_rules! pending {
    ($($op:ty),* $(,)?) => {$(
        impl crate::Run<$op> for dfdx::prelude::Cuda {
            type Saved = ();

            fn keeps_input(_: &$op, _: usize) -> bool {
                false
            }

            fn forward(
                _: &$op,
                _: &[&crate::Array<Self>],
                _: &mut [crate::Array<Self>],
                _: bool,
            ) -> Result<(), crate::OpError> {
                Err(crate::OpError::device(<$op as crate::op::Op>::NAME, "it has no CUDA kernel yet"))
            }

            fn backward(_: &$op, _: (), _: crate::op::Pullback<'_, Self>) -> Result<(), crate::OpError> {
                Ok(())
            }
        }
    )*};
}

pending!();
